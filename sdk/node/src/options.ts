/**
 * What a host chooses for a plug-in.
 *
 * Must not know: any default that matters; what is left out is the Rust side's to decide. Invariant: options are read
 * once, when a plug-in is made, so that changing the object later changes nothing.
 */

import type { BackendOptions, LogSink } from "./backend.js";
import { kindOf } from "./bytes.js";
import { errorOf } from "./error.js";
import { namedFunctions, type HostFunctions } from "./host-function.js";
import type { Limits } from "./limits.js";
import type { ManifestOptions, PathOrder } from "./manifest.js";
import { Status } from "./status.js";

export type { Limits } from "./limits.js";

/** How important a log message is; `silent` stands for none. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** What receives log messages: `console` is one. */
export type Logger = Pick<Console, "trace" | "debug" | "info" | "warn" | "error">;

/** Arguments for the Worker of a plug-in that runs in one, on the web engine. */
export interface NodeWorkerArgs {
  name?: string;
  execArgv?: string[];
  argv?: string[];
  env?: Record<string, string>;
  resourceLimits?: Record<string, number>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in the published package
  [key: string]: any;
}

/** Everything a host can choose. */
export interface ExtismPluginOptions extends ManifestOptions {
  /** Whether the plug-in may import WASI, and with it use `allowedPaths`. */
  useWasi?: boolean | undefined;
  /** The functions the plug-in may import, by namespace and name. */
  functions?: HostFunctions | undefined;
  /** Which way `allowedPaths` lead. They are refused without it: the published package has them from guest to host. */
  allowedPathsOrder?: PathOrder | undefined;
  /** Bounds; a manifest may ask for less. */
  limits?: Limits | undefined;
  /** Fuel for each call. Not counted if not given. */
  fuel?: number | bigint | undefined;
  /** Fuel for making an instance; that of a call if not given. */
  fuelForStart?: number | bigint | undefined;
  /** Whether the plug-in sees the headers of HTTP responses. */
  allowHttpResponseHeaders?: boolean | undefined;
  /** Receives log messages from `logLevel` on; `console` if not given. */
  logger?: Logger | undefined;
  /** From which level on log messages are delivered; `silent` if not given. */
  logLevel?: LogLevel | undefined;
  /** Arguments a plug-in with WASI sees. */
  wasiArgs?: readonly string[] | undefined;
  /** Environment variables a plug-in with WASI sees. */
  wasiEnv?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether a plug-in with WASI writes to the standard output and error of the process: with the web engine line by line. In
   * a Worker it waits while nobody reads what it wrote; on this thread nothing can wait, and what is not read is kept.
   */
  enableWasiOutput?: boolean | undefined;
  /** `false`: compiled code is not kept. A path: it is kept on disk as this file of the engine says. */
  cache?: boolean | string | undefined;
  /** `false`: calls for kernel memory stay calls. The results are the same; the fuel a call uses is not. */
  rewrite?: boolean | undefined;
  /** Whether machine code in precompiled artefacts is used: only for files nobody else can write. */
  trustArtefacts?: boolean | undefined;
  /** Which engine runs the plug-in: the addon's, the platform's own, or the first of them that is there. */
  engine?: "auto" | "native" | "web" | undefined;

  /**
   * Ends the making of a plug-in when it aborts: what was awaited rejects with its reason. Downloads and Workers end with
   * it; the addon may end what a thread is compiling first. For calls there is `CallOptions.signal`.
   */
  signal?: AbortSignal | undefined;

  /** Web engine: whether the plug-in runs in a Worker. With the addon, `call` is on a thread of its own anyway. */
  runInWorker?: boolean | undefined;
  /** Web engine: what makes HTTP requests. */
  fetch?: typeof fetch | undefined;
  /** Web engine: the bytes of memory a Worker shares with this thread. */
  sharedArrayBufferSize?: number | undefined;
  /** Web engine in Node: arguments for the Worker. */
  nodeWorkerArgs?: NodeWorkerArgs | undefined;
}

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "silent"];

/** Reads options, each once. */
export function backendOptions(options: ExtismPluginOptions): BackendOptions {
  if (typeof options !== "object" || (options as unknown) === null) {
    throw errorOf(Status.InvalidArgument, `options are an object, not ${kindOf(options)}`);
  }
  const level = options.logLevel ?? "silent";
  if (!LEVELS.includes(level)) {
    throw errorOf(Status.InvalidArgument, `there is no log level ${String(level)}`);
  }
  const logger = options.logger;
  return {
    wasi: options.useWasi ?? false,
    functions: namedFunctions(options.functions),
    limits: { ...options.limits },
    fuel: fuelOf(options.fuel),
    fuelForStart: fuelOf(options.fuelForStart),
    httpResponseHeaders: options.allowHttpResponseHeaders ?? false,
    logLevel: level === "silent" ? undefined : level,
    log: level === "silent" ? undefined : sinkOf(logger ?? console),
    wasiArgs: [...(options.wasiArgs ?? [])],
    wasiEnv: { ...options.wasiEnv },
    wasiOutput: options.enableWasiOutput,
    cache: options.cache ?? true,
    rewrite: options.rewrite ?? true,
    trustArtefacts: options.trustArtefacts ?? false,
    web: {
      runInWorker: options.runInWorker ?? false,
      fetch: options.fetch,
      sharedArrayBufferSize: options.sharedArrayBufferSize,
      nodeWorkerArgs: options.nodeWorkerArgs,
    },
  };
}

function sinkOf(logger: Logger): LogSink {
  return (level, message) => {
    logger[level](message);
  };
}

function fuelOf(fuel: number | bigint | undefined): bigint | undefined {
  if (fuel === undefined) {
    return undefined;
  }
  if ((typeof fuel !== "bigint" && !Number.isSafeInteger(fuel)) || fuel < 0) {
    throw errorOf(Status.InvalidArgument, `fuel is a whole number, not ${String(fuel)}`);
  }
  return BigInt(fuel);
}
