/**
 * WASI for plug-ins: what they may see of the host.
 *
 * Must not know: rules. Invariants: a plug-in sees the arguments and variables the host gave, an empty input, and no
 * files; what it writes goes nowhere unless the host said so.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { Interrupted } from "./failure.js";
import type { PathPlan } from "./plan.js";
import { preview1 } from "./preview1.js";

/** Other start functions are called when the module is made, as exports that the core has given it. */
const TOO_EARLY =
  "the start function of a module that the platform has compiled, or that exports extism:kernel/start, cannot call WASI";

/** The WASI of one instance of a plug-in. */
export interface Wasi {
  /** That of another of its modules. */
  module(): ModuleWasi;
  /** Shows what was written and has no end yet. */
  flush(): void;
}

/** The WASI of one module: the same streams as that of the others, and a memory of its own. */
export interface ModuleWasi {
  readonly imports: WebAssembly.ModuleImports;
  /** Says whose memory the calls mean. */
  bind(instance: WebAssembly.Instance): void;
}

/** Makes the WASI of a fresh instance. */
export type WasiMaker = (paths: readonly PathPlan[]) => Wasi;

export interface WasiOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly output: boolean;
}

/** Shows a line of a plug-in's output. */
export function show(line: string, isError: boolean): void {
  console[isError ? "error" : "log"](line);
}

/** Makes WASI with these options. */
export function wasiMaker(options: WasiOptions, shown: typeof show = show): WasiMaker {
  return (paths) => {
    const [path] = paths;
    if (path !== undefined) {
      const text = `the web engine has no files: allowed_paths cannot open ${path.host}`;
      throw errorOf(Status.NotFound, text);
    }
    return make(options, shown);
  };
}

function make(options: WasiOptions, shown: typeof show): Wasi {
  const output = options.output ? new Lines(shown, false) : undefined;
  const error = options.output ? new Lines(shown, true) : undefined;
  const functions = preview1({
    args: options.args,
    env: Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
    output: (bytes) => output?.write(bytes),
    error: (bytes) => error?.write(bytes),
  });
  return {
    module: () => {
      let memory: unknown;
      let isBound = false;
      return {
        imports: functions(() => {
          if (!isBound) {
            throw new Interrupted({ status: Status.InvalidArgument, message: TOO_EARLY });
          }
          return memory instanceof WebAssembly.Memory ? memory : undefined;
        }),
        bind: (instance) => {
          memory = instance.exports["memory"];
          isBound = true;
        },
      };
    },
    flush: () => {
      output?.flush();
      error?.flush();
    },
  };
}

const LINE_FEED = 10;
/** A longer line is shown in pieces: what is kept of one must not grow with what a plug-in writes. */
const LINE_BYTES_MAX = 4_096;

/** Writes whole lines. */
class Lines {
  readonly #show: typeof show;
  readonly #isError: boolean;
  readonly #decoder = new TextDecoder();
  #begun = "";
  #bytes = 0;

  constructor(shown: typeof show, isError: boolean) {
    this.#show = shown;
    this.#isError = isError;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + LINE_BYTES_MAX - this.#bytes);
      const feed = piece.indexOf(LINE_FEED);
      const line = feed < 0 ? piece : piece.subarray(0, feed);
      // A copy: decoders take no memory that threads share.
      this.#begun += this.#decoder.decode(line.slice(), { stream: true });
      this.#bytes += line.length;
      at += line.length;
      if (feed >= 0) {
        at += 1;
        this.#end();
      } else if (this.#bytes === LINE_BYTES_MAX && at < bytes.length) {
        // A character that is cut is part of the next piece.
        this.#cut();
      }
    }
  }

  /** Shows a line that has no end yet. */
  flush(): void {
    if (this.#bytes > 0) {
      this.#end();
    }
  }

  #end(): void {
    this.#begun += this.#decoder.decode();
    this.#cut();
  }

  #cut(): void {
    const line = this.#begun;
    this.#begun = "";
    this.#bytes = 0;
    this.#show(line, this.#isError);
  }
}
