/**
 * The web engine in Node: files from the disk, Workers as threads.
 *
 * Must not know: the addon. Invariant: nothing is read before it is needed.
 */

import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { Worker, type Transferable as NodeTransferable } from "node:worker_threads";

import type { Backend } from "../backend.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { webBackend } from "./backend.js";
import { useCoreFile } from "./core.js";
import { download } from "./download.js";
import { TOOLS_FILE, tools } from "./tools.js";

let made: Backend | undefined;

/** The web engine, made when it is first asked for. */
export function web(): Backend {
  return (made ??= make());
}

function make(): Backend {
  // Beside the folder of the module or CommonJS bundle this is in; there `import.meta.url` is a path.
  const here = import.meta.url.startsWith("file:") ? import.meta.url : pathToFileURL(import.meta.url);
  const core = new URL("../web/extism_web.wasm", here);
  useCoreFile({
    load: async () => await WebAssembly.compile(await readFile(core)),
    loadSync: () => new WebAssembly.Module(readFileSync(core)),
  });
  return webBackend({
    fetcher: {
      path: async (path, bytesMax) => {
        try {
          const { size } = await stat(path);
          if (size > bytesMax) {
            throw errorOf(Status.TooLarge, `${path} is larger than the limit of ${String(bytesMax)} bytes`);
          }
          return await readFile(path);
        } catch (error) {
          throw unreadable(path, error);
        }
      },
      pathSync: (path) => {
        try {
          return readFileSync(path);
        } catch (error) {
          throw unreadable(path, error);
        }
      },
      request: download,
    },
    tools: tools(async () => await WebAssembly.compile(await readFile(new URL(`../web/${TOOLS_FILE}`, here)))),
    worker: (args) => {
      const worker = new Worker(new URL("../web/node-worker.js", here), { ...args });
      return {
        post: (message, transfer) => {
          worker.postMessage(message, (transfer ?? []) as NodeTransferable[]);
        },
        listen: (receive) => {
          worker.on("message", receive);
        },
        onFailure: (failed) => {
          worker.on("error", failed);
          worker.on("exit", (code) => {
            failed(new Error(`exit code ${String(code)}`));
          });
        },
        terminate: () => {
          void worker.terminate();
        },
        keepAlive: (keep) => {
          if (keep) {
            worker.ref();
          } else {
            worker.unref();
          }
        },
      };
    },
  });
}

function unreadable(path: string, error: unknown): unknown {
  const code = (error as { code?: string } | null)?.code;
  if (code === undefined) {
    return error;
  }
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "entity not found",
    EISDIR: "is a directory",
    EACCES: "permission denied",
  };
  const status = code === "ENOENT" ? Status.NotFound : Status.Io;
  return errorOf(status, `Unable to load Wasm file "${path}": ${reasons[code] ?? code}`, { cause: error });
}
