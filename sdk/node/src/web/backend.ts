/**
 * The web engine: the Rust crates as a small Wasm file, beside the platform's own engine.
 *
 * Must not know: users, entries of the package. Invariants: a time limit is never silently without effect: a plug-in that
 * has one runs in a Worker, where it can be stopped, or is not made; of several ways to run, the results are the same; a
 * call on this thread that waits ends when it is cancelled, and nothing of it goes on.
 */

import type {
  Backend,
  BackendCompiled,
  BackendOptions,
  BackendPool,
  BackendStats,
  Input,
  Instance,
  Source,
} from "../backend.js";
import { unlessAborted } from "../abort.js";
import { errorOf } from "../error.js";
import type { HostFunction } from "../host-function.js";
import type { Inspection } from "../inspection.js";
import { Status } from "../status.js";
import { VERSION } from "../version-number.js";
import { coreModule, coreModuleNow } from "./core.js";
import { Interrupted } from "./failure.js";
import { oneHop } from "./http.js";
import { identity } from "./identity.js";
import { Lease } from "./lease.js";
import { Loading, type Fetcher, type Loaded } from "./loaded.js";
import { functionExists, Machine } from "./machine.js";
import { InstancePool } from "./pool.js";
import { canSuspend, isAsync, type Suspension } from "./suspension.js";
import type { Tools } from "./tools.js";
import { wasiMaker } from "./wasi.js";
import { makeInWorker, type WorkerMaker } from "./worker-instance.js";

const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

/** What each entry of the package gives: how this platform reads files and makes Workers. */
export interface Platform {
  readonly fetcher: Fetcher;
  readonly tools: Tools;
  readonly worker: WorkerMaker | undefined;
}

/** What is alive. */
const alive = { plugins: 0, compiledPlugins: 0, hostFunctions: 0, cancelHandles: 0 };

/** Counts a compiled plug-in and its functions for as long as it, or a plug-in made from it, is there. */
class Uses {
  readonly #functions: number;
  #count = 0;

  constructor(functions: number) {
    this.#functions = functions;
    this.begin();
  }

  /** A plug-in is made: perhaps by a pool, after everything else was closed. */
  add(): void {
    alive.plugins += 1;
    this.begin();
  }

  /** A plug-in is gone. */
  remove(): void {
    alive.plugins -= 1;
    this.end();
  }

  begin(): void {
    if (this.#count === 0) {
      alive.compiledPlugins += 1;
      alive.hostFunctions += this.#functions;
    }
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) {
      alive.compiledPlugins -= 1;
      alive.hostFunctions -= this.#functions;
    }
  }
}

/** Compiled plug-ins that nobody holds any more. */
const lost = new FinalizationRegistry<Uses>((uses) => {
  uses.end();
});

/** The web engine on a platform. */
export function webBackend(platform: Platform): Backend {
  return {
    name: "web",
    compile: async (source, options, signal) => {
      const core = await coreModule();
      const loaded = await new Loading(core, source, options).load(platform.fetcher, platform.tools, signal);
      return new Compiled(core, loaded, options, platform);
    },
    compileSync: (source, options) => {
      const core = coreModuleNow();
      return new Compiled(core, new Loading(core, source, options).loadSync(platform.fetcher), options, platform);
    },
    inspect: async (source: Source, options: BackendOptions, signal?: AbortSignal): Promise<Inspection> =>
      await new Loading(await coreModule(), source, options).inspect(platform.fetcher, platform.tools, signal),
    precompile: () =>
      Promise.reject(errorOf(Status.InvalidArgument, "the web engine has nothing to compile ahead of time")),
    setLogFile: () => false,
    version: () => VERSION,
    stats: (): BackendStats => ({ ...alive }),
  };
}

class Compiled implements BackendCompiled {
  readonly #core: WebAssembly.Module;
  readonly #loaded: Loaded;
  readonly #options: BackendOptions;
  readonly #platform: Platform;
  readonly #uses: Uses;
  #isClosed = false;

  constructor(core: WebAssembly.Module, loaded: Loaded, options: BackendOptions, platform: Platform) {
    this.#core = core;
    this.#loaded = loaded;
    this.#options = options;
    this.#platform = platform;
    this.#uses = new Uses(options.functions.length);
    lost.register(this, this.#uses, this);
  }

  async instantiate(signal?: AbortSignal): Promise<Instance> {
    this.#live();
    return held(await this.#instance(signal));
  }

  async #instance(signal?: AbortSignal): Promise<Instance> {
    // Nobody waits any more, so that nobody would end what is begun here.
    signal?.throwIfAborted();
    if (this.#runsInWorker()) {
      const maker = this.#platform.worker;
      if (maker === undefined) {
        throw errorOf(Status.InvalidArgument, `${this.#whyWorker()}, and this platform has no Workers`);
      }
      const instance = await makeInWorker(maker, this.#core, this.#loaded, this.#options, this.#closed(), signal);
      this.#uses.add();
      return instance;
    }
    const suspension = suspensionOf(this.#loaded, this.#options);
    const instance = new LocalInstance(this.#core, this.#loaded, this.#options, suspension, this.#closed());
    await instance.start(signal);
    this.#uses.add();
    return instance;
  }

  instantiateSync(): Instance {
    this.#live();
    if (this.#runsInWorker()) {
      throw errorOf(Status.InvalidArgument, `${this.#whyWorker()}, which has to be awaited: use createPlugin`);
    }
    const instance = new LocalInstance(this.#core, this.#loaded, this.#options, "none", this.#closed());
    instance.machine.makeNow();
    this.#uses.add();
    return held(instance);
  }

  /** What an instance does when it is closed. */
  #closed(): () => void {
    const uses = this.#uses;
    return () => {
      uses.remove();
    };
  }

  functionExists(name: string): boolean {
    return functionExists(this.#loaded.plan, name);
  }

  pool(instancesMax: number): BackendPool {
    this.#live();
    // The pool may outlive what it was made from.
    return new InstancePool(() => this.#instance(), instancesMax);
  }

  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      lost.unregister(this);
      this.#uses.end();
    }
  }

  #runsInWorker(): boolean {
    return this.#options.web.runInWorker || this.#loaded.plan.call_time_ms_max !== null;
  }

  #whyWorker(): string {
    return this.#options.web.runInWorker
      ? "the plug-in runs in a Worker"
      : "a plug-in with a time limit runs in a Worker, where it can be stopped";
  }

  #live(): void {
    if (this.#isClosed) {
      throw errorOf(Status.Closed, "the compiled plug-in was closed");
    }
  }
}

/** An instance that is closed when its user has lost it. */
function held(instance: Instance): Instance {
  return new Lease(instance, () => {
    instance.closeSync();
  });
}

/** How a plug-in on this thread waits: by the engine, if it has anything to wait for. */
export function suspensionOf(loaded: Loaded, options: BackendOptions): Suspension {
  if (!canSuspend()) {
    return "none";
  }
  const imports = loaded.plan.modules.flatMap((module) => module.imports);
  const http = loaded.plan.http && imports.some((each) => /^(extism_)?http_request$/.test(each.name));
  return http || options.functions.some((each: HostFunction) => isAsync(each.callback)) ? "engine" : "none";
}

let depth = 0;

const CANCELLED = "timeout: the call was cancelled";

/** A plug-in on this thread. */
class LocalInstance implements Instance {
  readonly #id = identity();
  readonly machine: Machine;
  readonly #closed: () => void;
  readonly #options: BackendOptions;
  #isRunning = false;
  #isClosed = false;
  #isCancelled = false;
  #running: Promise<unknown> | undefined;
  /** Ends what the running call waits for. */
  #abort: AbortController | undefined;
  /** Whether that has to end, or what start functions wait for. */
  #signal: AbortSignal | undefined;

  constructor(
    core: WebAssembly.Module,
    loaded: Loaded,
    options: BackendOptions,
    suspension: Suspension,
    closed: () => void,
  ) {
    this.#options = options;
    this.#closed = closed;
    const fetch = options.web.fetch ?? globalThis.fetch.bind(globalThis);
    const isAwaited = suspension === "engine";
    this.machine = new Machine(core, loaded, {
      id: this.#id,
      functions: isAwaited ? options.functions.map((each) => this.#cancellable(each)) : options.functions,
      suspension,
      listener: {
        log: (level, message) => {
          this.#log(level, message);
        },
        variable: () => undefined,
      },
      ...(isAwaited
        ? { httpElsewhere: (sent, body) => this.#wait((signal) => oneHop(fetch, sent, body, signal)) }
        : {}),
      wasi: options.wasi
        ? wasiMaker({ args: options.wasiArgs, env: options.wasiEnv, output: options.wasiOutput ?? false })
        : undefined,
      mustStop: () => this.#isCancelled,
    });
  }

  get id(): string {
    this.#live();
    return this.#id;
  }

  callSync(name: string, input: Input, hostContext: unknown): ArrayBuffer | null {
    this.#begin();
    try {
      if (this.machine.suspends) {
        throw errorOf(Status.InvalidArgument, "the plug-in may have to wait for promises: await call");
      }
      const answer = this.machine.callNow(name, input, hostContext, null);
      this.#stopped();
      return answer;
    } catch (error) {
      this.#stopped();
      throw error;
    } finally {
      this.#end();
    }
  }

  async call(name: string, input: Input, hostContext: unknown): Promise<ArrayBuffer | null> {
    if (!this.machine.suspends) {
      return this.callSync(name, input, hostContext);
    }
    return await this.#during(() => this.machine.call(name, input, hostContext, null));
  }

  cancel(): void {
    if (this.#isRunning) {
      this.#isCancelled = true;
      this.#abort?.abort(new Interrupted({ status: Status.Cancelled, message: CANCELLED }));
    }
  }

  isActive(): boolean {
    return this.#isRunning;
  }

  functionExists(name: string): Promise<boolean> {
    return this.#quietly(() => functionExists(this.machine.loaded.plan, name));
  }

  configure(values: Readonly<Record<string, string | null>>): Promise<void> {
    return this.#quietly(() => {
      this.machine.configure(values);
    });
  }

  variable(name: string): Promise<Uint8Array | undefined> {
    return this.#quietly(() => this.machine.variables.get(name)?.slice());
  }

  setVariable(name: string, value: Uint8Array | undefined): Promise<void> {
    return this.#quietly(() => {
      this.machine.setVariable(name, value);
    });
  }

  reset(): Promise<void> {
    return this.#quietly(() => {
      this.#idle();
      this.machine.reset();
    });
  }

  async renew(): Promise<void> {
    await this.#during(() => this.machine.renew());
  }

  fuelConsumed(): bigint | undefined {
    return undefined;
  }

  allowHttpResponseHeaders(): void {
    this.#live();
    this.machine.allowHttpResponseHeaders();
  }

  exports(): Promise<WebAssembly.ModuleExportDescriptor[]> {
    return this.#quietly(() => this.machine.exports());
  }

  imports(): Promise<WebAssembly.ModuleImportDescriptor[]> {
    return this.#quietly(() => this.machine.imports());
  }

  webInstance(): Promise<WebAssembly.Instance> {
    return this.#quietly(() => {
      const instance = this.machine.instance;
      if (instance === undefined) {
        throw errorOf(Status.Memory, "oom");
      }
      return instance;
    });
  }

  async close(): Promise<void> {
    this.closeSync();
    await this.settled();
  }

  /** Once the call that runs has ended. */
  async settled(): Promise<void> {
    await this.#running;
  }

  closeSync(): void {
    if (!this.#isClosed) {
      this.cancel();
      this.#isClosed = true;
      this.#closed();
    }
  }

  /** Makes the plug-in; an abort ends what its start functions wait for. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    this.#signal = signal;
    await this.machine.make();
    this.#signal = undefined;
  }

  /** Does what may wait, as a call that can be cancelled. */
  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.#begin();
    if (this.machine.suspends) {
      this.#abort = new AbortController();
      this.#signal = this.#abort.signal;
    }
    const running = work();
    // Other plug-ins that are called meanwhile are not called by this one.
    depth -= 1;
    this.#running = running.catch(() => undefined);
    try {
      const answer = await running;
      this.#stopped();
      return answer;
    } catch (error) {
      this.#stopped();
      throw error;
    } finally {
      depth += 1;
      this.#end();
    }
  }

  /** Waits for something, unless the call is or was cancelled. */
  async #wait<T>(work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const signal = this.#signal;
    const answer = await unlessAborted(signal, () => work(signal));
    // It may have been cancelled between the answer and this.
    signal?.throwIfAborted();
    return answer;
  }

  /** A host function that is waited for no longer than its call. What it was given is dead then. */
  #cancellable(given: HostFunction): HostFunction {
    const { callback } = given;
    if (!isAsync(callback)) {
      return given;
    }
    return {
      ...given,
      // Asynchronous as the function is: that is how it is known that it may be waited for.
      callback: async (...args) => await this.#wait(() => callback(...args) as Promise<unknown>),
    };
  }

  #begin(): void {
    this.#live();
    this.#idle();
    const max = this.machine.loaded.plan.call_depth_max;
    if (depth >= max) {
      throw errorOf(Status.CallDepth, `plug-ins call each other more than ${String(max)} levels deep`);
    }
    depth += 1;
    this.#isRunning = true;
    this.#isCancelled = false;
  }

  #end(): void {
    depth -= 1;
    this.#isRunning = false;
    this.#running = undefined;
    this.#abort = this.#signal = undefined;
  }

  /** A call that was cancelled while it waited, or by one of its host functions, has no result. */
  #stopped(): void {
    if (this.#isCancelled) {
      throw errorOf(Status.Cancelled, CANCELLED);
    }
  }

  #live(): void {
    if (this.#isClosed) {
      throw errorOf(Status.Closed, "the plug-in was closed");
    }
  }

  #idle(): void {
    if (this.#isRunning) {
      throw errorOf(Status.Busy, "cannot make reentrant calls into plugin");
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that what is thrown rejects
  async #quietly<T>(work: () => T): Promise<T> {
    this.#live();
    return work();
  }

  #log(level: number, message: string): void {
    const name = LEVELS[level];
    if (name !== undefined) {
      try {
        this.#options.log?.(name, message, this.#id);
      } catch {
        // What a sink throws is its own; the plug-in's call goes on.
      }
    }
  }
}
