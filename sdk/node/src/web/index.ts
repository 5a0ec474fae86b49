/**
 * The package in browsers, Deno and the like: the platform's own engine.
 *
 * Must not know: Node. Invariants: nothing is downloaded before it is needed; the core is a file beside this one, and Workers
 * run this one again, so that a page needs no more than `script-src 'self' 'wasm-unsafe-eval'`.
 */

import { factory } from "../create.js";
import { ArenaContext } from "../context.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import type { BackendStats } from "../backend.js";
import { webBackend } from "./backend.js";
import { serveInWorker, workerName } from "./browser-worker.js";
import { coreModule, useCoreFile, useCoreModule } from "./core.js";
import { download, downloadPath } from "./download.js";
import { TOOLS_FILE, tools } from "./tools.js";
import { show } from "./wasi.js";

export * from "../exports.js";
export { ExtismContext, ExtismPlugin } from "./extism-context.js";

const CORE = new URL("./extism_web.wasm", import.meta.url);
const WORKER = new URL("./extism.js", import.meta.url);

useCoreFile({ load: () => compiled(CORE) });
serveInWorker();

const web = /* @__PURE__ */ webBackend({
  fetcher: {
    // A path is relative to the page.
    path: downloadPath,
    request: download,
  },
  tools: tools(() => compiled(new URL(TOOLS_FILE, CORE))),
  worker: typeof Worker === "function" ? makeWorker : undefined,
});

const made = /* @__PURE__ */ factory((engine) => {
  if (engine === "native") {
    throw errorOf(Status.InvalidArgument, "there is no engine native on this platform");
  }
  return web;
});

/** Makes a plug-in that can be called. */
export const createPlugin = /* @__PURE__ */ (() => made.createPlugin)();
/** {@link createPlugin}; its other name. */
export const newPlugin = createPlugin;
/** As {@link createPlugin}, here and now: {@link loadCore} comes first. */
export const createPluginSync = /* @__PURE__ */ (() => made.createPluginSync)();
/** Compiles a plug-in once for any number of instances. */
export const compilePlugin = /* @__PURE__ */ (() => made.compilePlugin)();
/** Describes a plug-in without running it. */
export const inspect = /* @__PURE__ */ (() => made.inspect)();
export default createPlugin;

/** Downloads what everything else needs, if that has not happened; or takes it as a module, where nothing can be. */
export async function loadCore(core?: WebAssembly.Module): Promise<void> {
  if (core !== undefined) {
    useCoreModule(core);
  }
  await coreModule();
}

/** An arena of plug-ins, which frees them together: {@link loadCore} comes first. */
export class Context extends ArenaContext<Uint8Array> {
  constructor() {
    super({ createPluginSync, outputOf: (bytes) => bytes });
  }
}

/** Runs a function with a context that is freed when it, or what it promised, has ended. */
export async function withContext<T>(work: (context: Context) => T | PromiseLike<T>): Promise<T> {
  await loadCore();
  const context = new Context();
  try {
    return await work(context);
  } finally {
    context.free();
  }
}

/** The version of the library. */
export function extismVersion(): string {
  return web.version();
}

/** How many objects of the library are alive. */
export function stats(): BackendStats {
  return web.stats();
}

async function compiled(address: URL): Promise<WebAssembly.Module> {
  const response = await fetch(address, { credentials: "same-origin" });
  if (!response.ok) {
    throw errorOf(Status.DownloadFailed, `cannot download ${address.href}: HTTP ${String(response.status)}`);
  }
  const isWasm = response.headers.get("content-type")?.startsWith("application/wasm") ?? false;
  return isWasm
    ? await WebAssembly.compileStreaming(response)
    : await WebAssembly.compile(await response.arrayBuffer());
}

function makeWorker(
  args: Readonly<Record<string, unknown>> | undefined,
): ReturnType<import("./worker-instance.js").WorkerMaker> {
  const worker = new Worker(WORKER, { type: "module", name: workerName(args?.["name"]) });
  return {
    post: (message, transfer) => {
      worker.postMessage(message, transfer ?? []);
    },
    listen: (receive) => {
      worker.onmessage = (event: MessageEvent) => {
        receive(event.data as never);
      };
    },
    onFailure: (failed) => {
      worker.onerror = (event) => {
        event.preventDefault();
        failed(new Error(event.message || "its script cannot be loaded"));
      };
    },
    terminate: () => {
      worker.terminate();
    },
    show,
    keepAlive: () => undefined,
  };
}
