/**
 * The web engine in Node: files from the disk, Workers as threads.
 *
 * Must not know: the addon. Invariants: nothing is read before it is needed; of no file is more read than may be there,
 * whatever size it says it has.
 */

import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { Worker, type Transferable as NodeTransferable } from "node:worker_threads";

import type { Backend } from "../backend.js";
import { errorOf, ExtismError } from "../error.js";
import { Status } from "../status.js";
import { webBackend } from "./backend.js";
import { useCoreFile } from "./core.js";
import { download } from "./download.js";
import { TOOLS_FILE, tools } from "./tools.js";

/** How much is read first of what does not say how large it is. */
const FIRST_BYTES = 64 * 1024;

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
          return await contents(path, bytesMax);
        } catch (error) {
          throw unreadable(path, error);
        }
      },
      pathSync: (path, bytesMax) => {
        try {
          return contentsSync(path, bytesMax);
        } catch (error) {
          throw unreadable(path, error);
        }
      },
      request: download,
    },
    tools: tools(async () => await WebAssembly.compile(await readFile(new URL(`../web/${TOOLS_FILE}`, here)))),
    worker: (args) => {
      // What the process was told of its own program, as --input-type, is not for this one.
      const worker = new Worker(new URL("../web/node-worker.js", here), { execArgv: [], ...args });
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
        show: (line, isError) => written(isError ? process.stderr : process.stdout, `${line}\n`),
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

const ignore = (): void => undefined;

/** Writes a text; done when the stream has room for another, or takes no more. */
function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    const done = (error?: Error | null): void => {
      if (error != null) {
        // As with the console, it is no error of the program that nobody reads any more.
        stream.off("error", ignore).once("error", ignore);
      }
      resolve();
    };
    // A program may have put another function here, which knows nothing of `done`.
    if ((stream.write(text, done) as unknown) !== false) {
      resolve();
    }
  });
}

async function contents(path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const read = new Contents(path, (await file.stat()).size, bytesMax);
    while (read.took((await file.read(read.room())).bytesRead)) {
      // There may be more.
    }
    return read.whole();
  } finally {
    await file.close();
  }
}

function contentsSync(path: string, bytesMax: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const read = new Contents(path, fstatSync(file).size, bytesMax);
    while (read.took(readSync(file, read.room()))) {
      // There may be more.
    }
    return read.whole();
  } finally {
    closeSync(file);
  }
}

/** What is read of a file, one byte more than allowed at most: devices, and files that grow, have no size to trust. */
class Contents {
  readonly #path: string;
  readonly #bytesMax: number;
  #bytes: Uint8Array;
  #length = 0;

  constructor(path: string, size: number, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#check(size);
    this.#bytes = new Uint8Array(Math.min(size === 0 ? FIRST_BYTES : size, bytesMax) + 1);
  }

  /** Where the next bytes go. */
  room(): Uint8Array {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#length * 2, this.#bytesMax + 1));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return this.#bytes.subarray(this.#length);
  }

  /** So many bytes came; false if there are no more. */
  took(bytes: number): boolean {
    this.#length += bytes;
    this.#check(this.#length);
    return bytes > 0;
  }

  whole(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #check(bytes: number): void {
    if (bytes > this.#bytesMax) {
      throw errorOf(Status.TooLarge, `${this.#path} is larger than the limit of ${String(this.#bytesMax)} bytes`);
    }
  }
}

function unreadable(path: string, error: unknown): unknown {
  const code = (error as { code?: string } | null)?.code;
  if (code === undefined || error instanceof ExtismError) {
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
