/**
 * The web engine in Node: files from the disk, Workers as threads.
 *
 * Must not know: the addon. Invariant: nothing is read before it is needed.
 */

import { readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";

import type { Backend } from "../backend.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { webBackend } from "./backend.js";
import { useCoreFile } from "./core.js";
import { download } from "./download.js";
import { translator } from "./text.js";

const CORE = new URL("./extism_web.wasm", import.meta.url);

useCoreFile({
  load: async () => await WebAssembly.compile(await readFile(CORE)),
  loadSync: () => new WebAssembly.Module(readFileSync(CORE)),
});

/** The web engine. */
export const web: Backend = /* @__PURE__ */ webBackend({
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
  translate: translator(async (name) => await WebAssembly.compile(await readFile(new URL(`./${name}`, import.meta.url)))),
  worker: undefined,
});

function unreadable(path: string, error: unknown): unknown {
  const code = (error as { code?: string } | null)?.code;
  if (code === undefined) {
    return error;
  }
  const reasons: Readonly<Record<string, string>> = { ENOENT: "entity not found", EISDIR: "is a directory", EACCES: "permission denied" };
  const status = code === "ENOENT" ? Status.NotFound : Status.Io;
  return errorOf(status, `Unable to load Wasm file "${path}": ${reasons[code] ?? code}`, { cause: error });
}
