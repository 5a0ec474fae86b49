/**
 * The package in Node: the addon where there is one for the machine, and the web engine elsewhere.
 *
 * Must not know: how either works. Invariant: nothing is loaded before it is needed.
 */

import { Buffer } from "node:buffer";

import type { Backend, BackendStats, Source } from "./backend.js";
import { supportsJSPromiseInterface, type Capabilities } from "./capabilities.js";
import { ArenaContext } from "./context.js";
import { factory, sum } from "./create.js";
import { errorOf } from "./error.js";
import { addon } from "./native/addon.js";
import { native } from "./native/index.js";
import { Status } from "./status.js";
import { web } from "./web/node.js";

export * from "./exports.js";

const made = /* @__PURE__ */ factory(choose);

/** Makes a plug-in that can be called. */
export const createPlugin = /* @__PURE__ */ (() => made.createPlugin)();
/** {@link createPlugin}; its other name. */
export const newPlugin = createPlugin;
/** As {@link createPlugin}, here and now. */
export const createPluginSync = /* @__PURE__ */ (() => made.createPluginSync)();
/** Compiles a plug-in once for any number of instances. */
export const compilePlugin = /* @__PURE__ */ (() => made.compilePlugin)();
/** Describes a plug-in without running it. */
export const inspect = /* @__PURE__ */ (() => made.inspect)();
/** Compiles a plug-in ahead of time, for `trustArtefacts`. */
export const precompile = /* @__PURE__ */ (() => made.precompile)();
export default createPlugin;

/** An arena of plug-ins, which frees them together. What they put out are Buffers. */
export class Context extends ArenaContext<Buffer> {
  constructor() {
    super({
      createPluginSync,
      outputOf: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    });
  }
}

/** Runs a function with a context that is freed when it, or what it promised, has ended. */
export async function withContext<T>(work: (context: Context) => T | PromiseLike<T>): Promise<T> {
  const context = new Context();
  try {
    return await work(context);
  } finally {
    context.free();
  }
}

/** What this platform can do. */
export const CAPABILITIES: Capabilities = {
  get supportsJSPromiseInterface() {
    return supportsJSPromiseInterface();
  },
  allowSharedBufferCodec: true,
  manifestSupportsPaths: true,
  crossOriginChecksEnforced: false,
  fsAccess: true,
  hasWorkerCapability: true,
  supportsWasiPreview1: true,
  supportsTimeouts: true,
  get extismStdoutEnvVarSet() {
    return process.env.EXTISM_ENABLE_WASI_OUTPUT !== undefined;
  },
};

/**
 * Sends the process-wide log of the library to a file, or to `stderr` or `stdout`, from a level on, or as a filter of the
 * library says; false if that is not possible, or was done before.
 */
export function setLogFile(path: string, level: string = "error"): boolean {
  return engine().setLogFile(path, level);
}

/** The version of the library. */
export function extismVersion(): string {
  return engine().version();
}

/** How many objects of the library are alive, in all engines that were used. */
export function stats(): BackendStats {
  return sum([native, web()].filter((each) => each !== native || addon() !== undefined).map((each) => each.stats()));
}

/** The engine that plug-ins get who do not choose. */
function engine(): Backend {
  return addon() === undefined ? web() : native;
}

function choose(name: "auto" | "native" | "web", source: Source): Backend {
  switch (name) {
    case "native":
      return native;
    case "web":
      return web();
    case "auto":
      // Nobody but the platform can read a module it has compiled.
      return source.modules.some((module) => !(module instanceof Uint8Array)) ? web() : engine();
    default:
      throw errorOf(Status.InvalidArgument, `there is no engine ${String(name)}`);
  }
}
