/**
 * The plug-in that runs: made when the first call needs it, and made anew when what it was made from has changed.
 *
 * Must not know: the page. Invariants: it runs in a Worker, so that it can always be stopped; one plug-in is alive at a
 * time; what a user changes is never half in effect.
 */

import {
  createPlugin,
  errorOf,
  ExtismError,
  Status,
  type CallInput,
  type Logger,
  type ManifestLike,
  type Plugin,
} from "@extism/extism";

import type { HostNeed, PluginFile } from "./describe.js";
import type { Level, Settings } from "./settings.js";
import { standInFunctions } from "./stand-in.js";

/** The longest a call, or the start of a plug-in, takes here; a manifest may ask for less. */
const CALL_TIME_MS_MAX = 60_000;

/** Receives what a plug-in logs, and what it asked of its host. */
export type LogSink = (level: Level | "host", message: string) => void;

export interface Called {
  /** `null` if the function put out nothing. */
  readonly output: Uint8Array<ArrayBuffer> | null;
  /** How long the call took, to the Worker and back. */
  readonly ms: number;
}

export class Session {
  readonly #log: LogSink;
  #plugin: Plugin | undefined;
  #madeFrom: readonly unknown[] = [];
  /** Grows when a plug-in is made or ended: one whose making was given up is not taken when it is ready after all. */
  #turn = 0;

  constructor(log: LogSink) {
    this.#log = log;
  }

  /** The plug-in, if one is alive. */
  get plugin(): Plugin | undefined {
    return this.#plugin;
  }

  /** The plug-in for these settings. Rejects with what is wrong with them. */
  async open(file: PluginFile, needs: readonly HostNeed[], settings: Settings): Promise<Plugin> {
    const { manifest, wasi, headers, logLevel } = settings;
    const madeFrom = [file, manifest, wasi, headers, logLevel, JSON.stringify(settings.standIns)];
    if (this.#plugin !== undefined && madeFrom.every((each, at) => each === this.#madeFrom[at])) {
      return this.#plugin;
    }
    await this.close();
    const turn = this.#turn;
    const plugin = await createPlugin(manifestOf(manifest, file), {
      runInWorker: true,
      useWasi: wasi,
      enableWasiOutput: wasi,
      allowHttpResponseHeaders: headers,
      logLevel,
      logger: this.#logger(),
      limits: { callTimeMsMax: CALL_TIME_MS_MAX },
      functions: standInFunctions(needs, settings.standIns, (message) => {
        this.#log("host", message);
      }),
    });
    if (turn !== this.#turn) {
      await plugin.close();
      throw errorOf(Status.Cancelled, "another plug-in took its place");
    }
    this.#plugin = plugin;
    this.#madeFrom = madeFrom;
    return plugin;
  }

  /** Calls a function of the open plug-in. */
  async call(name: string, input: CallInput, signal: AbortSignal): Promise<Called> {
    const plugin = this.#plugin;
    if (plugin === undefined) {
      throw new Error("no plug-in is open");
    }
    const start = performance.now();
    const output = await plugin.call(name, input, undefined, { signal });
    const ms = performance.now() - start;
    return { output: output === null ? null : new Uint8Array(output.arrayBuffer()), ms };
  }

  /** Ends the plug-in, with its memory and variables. */
  async close(): Promise<void> {
    const plugin = this.#plugin;
    this.#plugin = undefined;
    this.#turn += 1;
    await plugin?.close();
  }

  #logger(): Logger {
    const to =
      (level: Level) =>
      (message: unknown): void => {
        this.#log(level, String(message));
      };
    return { trace: to("trace"), debug: to("debug"), info: to("info"), warn: to("warn"), error: to("error") };
  }
}

/**
 * The manifest with the plug-in as its last module, which is the main one. A text that is no JSON object goes to the SDK
 * as it is: what is wrong with it, the Rust side says best.
 */
function manifestOf(text: string, file: PluginFile): ManifestLike {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text.trim() === "" ? "{}" : text);
  } catch {
    return new TextEncoder().encode(text);
  }
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) {
    return new TextEncoder().encode(text);
  }
  const { wasm = [], ...rest } = manifest as { wasm?: unknown };
  if (!Array.isArray(wasm)) {
    return new TextEncoder().encode(text);
  }
  return { ...rest, wasm: [...(wasm as never[]), { name: "main", data: file.bytes }] };
}

/** Anything that was thrown, as an error of the library. */
export function asExtismError(thrown: unknown): ExtismError {
  if (thrown instanceof ExtismError) {
    return thrown;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return errorOf(Status.Internal, message, { cause: thrown });
}
