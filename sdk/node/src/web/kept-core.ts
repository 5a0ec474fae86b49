/**
 * The core of one plug-in, and what another is given that takes its place.
 *
 * Must not know: instances of the plug-in. Invariant: a core that the engine has left in the middle of its work, where the
 * stack had no more room, say, is asked nothing any more; variables and configuration outlive it.
 */

import { ExtismError } from "../error.js";
import { Variables } from "./call-memory.js";
import { Core, type Listener } from "./core.js";
import { Ending, failureError, failureOf, isTrap, type Failure } from "./failure.js";
import { HttpExchange } from "./http.js";
import type { Loaded } from "./loaded.js";
import type { Suspension } from "./suspension.js";

/** What a core is connected with. */
export interface CoreWiring {
  readonly suspension: Suspension;
  readonly listener: Listener;
  /** Makes a request on another thread, or on this one as something that can be cancelled. */
  readonly httpElsewhere?: HttpExchange["elsewhere"];
}

export class KeptCore {
  readonly ending = new Ending();
  readonly variables = new Variables(this);
  readonly #module: WebAssembly.Module;
  readonly #loaded: Loaded;
  readonly #wiring: CoreWiring;
  /** What the host has configured since the plug-in was new; `null` is what it has removed. */
  readonly #configured = new Map<string, string | null>();
  #takesHeaders = false;
  #core: Core;
  #http: HttpExchange;
  #isTorn = false;

  constructor(module: WebAssembly.Module, loaded: Loaded, wiring: CoreWiring) {
    this.#module = module;
    this.#loaded = loaded;
    this.#wiring = wiring;
    [this.#core, this.#http] = this.#made();
    this.#begin();
  }

  /** The core of now. */
  get core(): Core {
    return this.#core;
  }

  get http(): HttpExchange {
    return this.#http;
  }

  configure(values: Readonly<Record<string, string | null>>): void {
    const pairs = Object.entries(values);
    pairs.forEach(([key, value]) => this.#configured.set(key, value));
    this.#configure(pairs);
  }

  allowHttpResponseHeaders(): void {
    this.#takesHeaders = true;
    this.core.exports.allow_http_response_headers();
  }

  /** As new: no variables, the configuration of the manifest. */
  renew(): void {
    this.variables.clear();
    this.#configured.clear();
    this.#takesHeaders = false;
    if (!this.mend()) {
      this.#begin();
    }
  }

  /** Whether another core had to take the place of one that nothing can be asked of. */
  mend(): boolean {
    if (!this.#isTorn && !this.core.isTorn()) {
      return false;
    }
    [this.#core, this.#http] = this.#made();
    this.#isTorn = false;
    this.#begin();
    this.variables.restore();
    this.#configure([...this.#configured]);
    if (this.#takesHeaders) {
      this.core.exports.allow_http_response_headers();
    }
    return true;
  }

  /** A failure with what the core knows beside it, if it can still be asked. */
  completed(failure: Failure): Failure {
    if (this.core.isTorn()) {
      return failure;
    }
    const causes = failure.causes ?? [];
    try {
      this.core.giveFields([failure.status, failure.guest_code ?? 0, failure.message, causes.length, ...causes]);
      this.core.exports.fail();
      return this.core.takeFailure();
    } catch (error) {
      if (!isTrap(error)) {
        throw error;
      }
      this.#isTorn = true;
      return failure;
    }
  }

  /** What the caller is told of what was thrown, perhaps out of the core itself. */
  told(thrown: unknown): unknown {
    if (thrown instanceof ExtismError || !isTrap(thrown)) {
      return thrown;
    }
    this.#isTorn = true;
    const { failure, cause } = failureOf(thrown);
    return failureError(failure, cause);
  }

  #made(): [Core, HttpExchange] {
    const { httpElsewhere, listener, suspension } = this.#wiring;
    const core = new Core(this.#module, this.ending);
    core.listener = {
      log: (level, message) => {
        listener.log(level, message);
      },
      variable: (name) => {
        this.variables.changed(name);
        listener.variable(name);
      },
    };
    return [core, new HttpExchange(core, suspension, httpElsewhere)];
  }

  /** The core has the plug-in, without an instance. */
  #begin(): void {
    const core = this.core;
    core.giveFields(this.#loaded.options);
    core.exports.options();
    core.giveText(this.#loaded.manifest);
    core.checked(core.exports.plugin());
  }

  #configure(pairs: readonly (readonly [string, string | null])[]): void {
    this.core.giveFields(pairs.flatMap(([key, value]) => [key, value === null ? 0 : 1, value]));
    this.core.exports.configure();
  }
}
