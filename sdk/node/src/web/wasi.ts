/**
 * WASI preview 1 for plug-ins, by `@bjorn3/browser_wasi_shim`.
 *
 * Must not know: rules. Invariants: a plug-in sees the arguments and variables the host gave, an empty input, and no
 * files; what it writes goes nowhere unless the host said so.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { Exited } from "./failure.js";
import type { PathPlan } from "./plan.js";
import { wasiLibrary } from "./wasi-library.js";

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
  const { ConsoleStdout, File, OpenFile, WASI, wasi: numbers } = wasiLibrary();
  const stream = (write: (line: string) => void): InstanceType<typeof ConsoleStdout> =>
    options.output ? ConsoleStdout.lineBuffered(write) : new ConsoleStdout(() => undefined);
  const streams = [
    new OpenFile(new File([])),
    stream((line) => {
      console.log(line);
    }),
    stream((line) => {
      console.error(line);
    }),
  ];
  const env = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const shim = new WASI([...options.args], env, streams, { debug: false });
  const imports = { ...(shim.wasiImport as Record<string, (...args: never[]) => unknown>) };
  imports["proc_exit"] = (code: number) => {
    throw new Exited(code);
  };
  imports["sched_yield"] ??= () => numbers.ERRNO_SUCCESS;
  return {
    imports: imports as WebAssembly.ModuleImports,
    bind: (instance) => {
      // The memory of the module that was made last: each has its own, and calls WASI while it runs.
      shim.inst = instance as unknown as { exports: { memory: WebAssembly.Memory } };
    },
  };
}
