/**
 * WASI for plug-ins: what they may see of the host.
 *
 * Must not know: rules. Invariants: a plug-in sees the arguments and variables the host gave, an empty input, and no
 * files; what it writes goes nowhere unless the host said so.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import type { PathPlan } from "./plan.js";
import { preview1 } from "./preview1.js";

/** The WASI of one instance. */
export interface Wasi {
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

/** Makes WASI with these options. */
export function wasiMaker(options: WasiOptions): WasiMaker {
  return (paths) => {
    const [path] = paths;
    if (path !== undefined) {
      const text = `the web engine has no files: allowed_paths cannot open ${path.host}`;
      throw errorOf(Status.NotFound, text);
    }
    return make(options);
  };
}

function make(options: WasiOptions): Wasi {
  let memory: unknown;
  const program = {
    args: options.args,
    env: Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
    output: options.output ? lines(console.log) : nowhere,
    error: options.output ? lines(console.error) : nowhere,
  };
  return {
    imports: preview1(program, () => (memory instanceof WebAssembly.Memory ? memory : undefined)),
    bind: (instance) => {
      // The memory of the module that was made last: each has its own, and calls WASI while it runs.
      memory = instance.exports["memory"];
    },
  };
}

function nowhere(): void {
  // What a plug-in writes is for nobody.
}

/** Writes whole lines. */
function lines(write: (line: string) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let begun = "";
  return (bytes) => {
    // A copy: decoders take no memory that threads share.
    const [...whole] = (begun + decoder.decode(bytes.slice(), { stream: true })).split("\n");
    begun = whole.pop() ?? "";
    whole.forEach((line) => {
      write(line);
    });
  };
}
