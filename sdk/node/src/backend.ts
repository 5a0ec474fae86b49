/**
 * What an engine is to the classes users see: the contract between `Plugin` and the two engines.
 *
 * Two modules implement {@link Backend}: `native/` (an addon over the Rust runtime, in Node) and `web/` (the pure
 * Rust crates as a small Wasm file beside the platform's own engine). Everything above is written once.
 *
 * Must not know: which engine it is, and what users see. Invariants: one call at a time is inside of an
 * instance, and a second one is refused with `BUSY` before anything of it happens; every failure is an
 * `ExtismError` with a status; what is given back is a copy that no later call changes; after `close` an
 * instance is `CLOSED`, and closing while a call runs cancels that call.
 */

import type { HostFunction } from "./host-function.js";
import type { Inspection } from "./inspection.js";
import type { Limits, LogLevel } from "./options.js";

/** Where a plug-in comes from, after every form users may write was brought into this one. */
export interface Source {
  /**
   * A module (binary or WAT), or a manifest (JSON or TOML): the Rust side finds out which and checks it. A manifest
   * names the modules below by their place: `{"data": {"ptr": 1, "len": 0}}` is the first of them.
   */
  readonly bytes: Uint8Array;
  /** Modules given in memory. Only the web engine takes a `WebAssembly.Module`, whose bytes nobody can read. */
  readonly modules: readonly (Uint8Array | WebAssembly.Module)[];
  /**
   * What the options say instead of the manifest, as the JSON of a manifest without modules: whichever of
   * `allowed_hosts`, `allowed_paths` (host to guest), `config`, `memory` and `timeout_ms` is there replaces the
   * manifest's. The Rust side merges (`Manifest::override_with`).
   */
  readonly overrides: string | undefined;
}

/** What the host chose beside the manifest. What is `undefined` is the Rust side's to decide. */
export interface BackendOptions {
  readonly wasi: boolean;
  /** In the order in which they were given; of two with one name the later counts. */
  readonly functions: readonly HostFunction[];
  readonly limits: Limits | undefined;
  readonly fuel: bigint | undefined;
  readonly fuelForStart: bigint | undefined;
  readonly httpResponseHeaders: boolean;
  /** From which level on {@link BackendOptions.log} is told; `undefined`: nobody listens. */
  readonly logLevel: Exclude<LogLevel, "silent"> | undefined;
  /** Receives log messages on the thread of the JavaScript that owns the plug-in. What it throws is dropped. */
  readonly log: LogSink | undefined;
  readonly wasiArgs: readonly string[];
  readonly wasiEnv: Readonly<Record<string, string>>;
  readonly wasiOutput: boolean | undefined;
  /** `false`: compiled code is not kept; a text: it is kept on disk as this file says. */
  readonly cache: boolean | string;
  readonly rewrite: boolean;
  readonly trustArtefacts: boolean;
  /** What only the web engine uses: how HTTP requests are made, and how a Worker is. */
  readonly web: WebOptions;
}

/** Options that have a meaning for the web engine only. */
export interface WebOptions {
  readonly runInWorker: boolean;
  readonly fetch: typeof fetch | undefined;
  readonly sharedArrayBufferSize: number | undefined;
  readonly nodeWorkerArgs: Readonly<Record<string, unknown>> | undefined;
}

/** Receives a log message. */
export type LogSink = (level: Exclude<LogLevel, "silent">, message: string, pluginId: string) => void;

/** An engine: `native/index.ts` exports one as `native`, and `web/index.ts` one as `web`. */
export interface Backend {
  readonly name: "native" | "web";
  /**
   * Compiles without blocking the calling thread for long, where the platform can. An engine may end early, in any way,
   * when the signal aborts: nobody waits any more.
   */
  compile(source: Source, options: BackendOptions, signal?: AbortSignal): Promise<BackendCompiled>;
  /** Compiles at once. Sources that have to be awaited (downloads in a browser) are `INVALID_ARGUMENT`. */
  compileSync(source: Source, options: BackendOptions): BackendCompiled;
  /** Describes a plug-in without running it. */
  inspect(source: Source, options: BackendOptions, signal?: AbortSignal): Promise<Inspection>;
  /** Compiles ahead of time, or rejects with `INVALID_ARGUMENT` where there is nothing to be gained. */
  precompile(source: Source, options: BackendOptions): Promise<Uint8Array>;
  /** Sends the process-wide log to a file; false where there are no files. */
  setLogFile(path: string, filter: string): boolean;
  /** The version of the Rust side. */
  version(): string;
  /** What is alive. */
  stats(): BackendStats;
}

/** What an engine counts. */
export interface BackendStats {
  readonly plugins: number;
  readonly compiledPlugins: number;
  readonly hostFunctions: number;
  readonly cancelHandles: number;
}

/** A plug-in compiled once, from which instances are made. */
export interface BackendCompiled {
  /** The signal is as in {@link Backend.compile}. */
  instantiate(signal?: AbortSignal): Promise<Instance>;
  instantiateSync(): Instance;
  functionExists(name: string): boolean;
  /** A bounded number of instances. Pools without a native one are made of this package's own. */
  pool(instancesMax: number): BackendPool;
  /** Instances live on. Twice is allowed. */
  close(): void;
}

/** A bounded number of instances that borrowers share. */
export interface BackendPool {
  /** Waits for an instance at most so many milliseconds (`Infinity`: as long as it takes), then `WAIT_TIMEOUT`. */
  get(timeoutMs: number): Promise<Instance>;
  stats(): PoolStats;
  /** What is borrowed lives on. Twice is allowed. */
  close(): void;
}

/** What a pool is doing. */
export interface PoolStats {
  /** How many plug-ins may exist. */
  readonly instancesMax: number;
  /** How many exist or are being made. */
  readonly alive: number;
  /** How many wait to be borrowed. */
  readonly idle: number;
  /** How many borrowers wait. */
  readonly waiting: number;
  /** How many were made since the pool was. */
  readonly made: number;
  /** How many were replaced because they were not fit for another borrower. */
  readonly replaced: number;
}

/** One plug-in. */
export interface Instance {
  /** The identity of the plug-in: a UUID, as in its log messages. */
  readonly id: string;
  /**
   * Calls a function on this thread and gives what it put out in a buffer of its own; `null` if it put out nothing.
   * A host function that answers with a promise fails the call. `INVALID_ARGUMENT` where the plug-in runs in a
   * Worker.
   */
  callSync(name: string, input: Input, hostContext: unknown): ArrayBuffer | null;
  /**
   * Calls a function without blocking this thread, where the platform can. Host functions run here and may answer with
   * promises. What is wrong with the arguments rejects, too.
   */
  call(name: string, input: Input, hostContext: unknown): Promise<ArrayBuffer | null>;
  /** Asks the call that runs to stop, if one does; it ends with `CANCELLED`. Never hits a later one. */
  cancel(): void;
  /** Whether a call runs. */
  isActive(): boolean;
  functionExists(name: string): Promise<boolean>;
  /** Merges values into the configuration; `null` removes one. At once, where the platform can. */
  configure(values: Readonly<Record<string, string | null>>): void | Promise<void>;
  variable(name: string): Promise<Uint8Array | undefined>;
  /** Sets a variable; `undefined` removes it. */
  setVariable(name: string, value: Uint8Array | undefined): Promise<void>;
  /** Overwrites what the last call left in plug-in memory with zeros. */
  reset(): Promise<void>;
  /** Makes the plug-in as new. */
  renew(): Promise<void>;
  /** The fuel the last call used; `undefined` if fuel is not counted. */
  fuelConsumed(): bigint | undefined;
  allowHttpResponseHeaders(): void;
  exports(): Promise<WebAssembly.ModuleExportDescriptor[]>;
  imports(): Promise<WebAssembly.ModuleImportDescriptor[]>;
  /** The instance of the platform's engine; rejects with `INVALID_ARGUMENT` where it is another engine's. */
  webInstance(): Promise<WebAssembly.Instance>;
  /** Frees the plug-in, or gives it back to its pool. Cancels the call that runs, and ends when it has. Twice is allowed. */
  close(): Promise<void>;
  /** As {@link Instance.close}, without waiting. */
  closeSync(): void;
}

/** What a call takes: text, which travels as UTF-8, or bytes, which are read before the call begins. */
export type Input = string | Uint8Array;

/**
 * Memory of the plug-in that calls a host function, while that function runs: what {@link CurrentPlugin} is made of.
 * Handles are as the plug-in sees them; 0 is the empty block. A handle that names no block is `BAD_KERNEL_HANDLE`
 * to `read` and `write`.
 */
export interface CallMemory {
  readonly pluginId: string;
  alloc(bytes: number): bigint;
  free(handle: bigint): void;
  /** 0 if the handle names none. */
  length(handle: bigint): number;
  /** A copy of the bytes of a block. */
  read(handle: bigint): Uint8Array;
  /** Writes at the beginning of a block; `INVALID_ARGUMENT` if it does not fit. */
  write(handle: bigint, bytes: Uint8Array): void;
  /** A new block with these bytes; 0 if there are none. */
  store(bytes: Uint8Array): bigint;
  variable(name: string): Uint8Array | undefined;
  setVariable(name: string, value: Uint8Array | undefined): void;
  /** Sets the plug-in's error message, or clears it. */
  setError(message: string | undefined): void;
  /** Whether the call was cancelled or its time is up. */
  mustStop(): boolean;
  /** Milliseconds until the call's time is up; `undefined` without a limit. */
  timeRemainingMs(): number | undefined;
}
