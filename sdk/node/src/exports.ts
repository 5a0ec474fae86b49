/**
 * What every entry of the package exports beside the functions that need an engine.
 *
 * Must not know: engines. Invariant: nothing happens when this is loaded.
 */

export type { PoolStats } from "./backend.js";
export type { Bytes } from "./bytes.js";
export type { Capabilities } from "./capabilities.js";
export { CancelHandle } from "./cancel-handle.js";
export { CompiledPlugin } from "./compiled-plugin.js";
export type { ContextConfig, ContextOptions } from "./context.js";
export { ContextPlugin } from "./context.js";
export { CurrentPlugin as CallContext, CurrentPlugin } from "./current-plugin.js";
export * from "./error.js";
export { hostFunction } from "./host-function.js";
export type { HostFunctionCallback, HostFunctions, TypedFunction, ValueType } from "./host-function.js";
export type { HostImport, Inspection, ModuleInspection } from "./inspection.js";
export type { Limit, Limits } from "./limits.js";
export type {
  Manifest,
  ManifestLike,
  ManifestOptions,
  ManifestWasm,
  ManifestWasmData,
  ManifestWasmModule,
  ManifestWasmPath,
  ManifestWasmResponse,
  ManifestWasmUrl,
  MemoryOptions,
  PathOrder,
  PluginConfig,
  PluginConfigLike,
} from "./manifest.js";
export type { ExtismPluginOptions, Logger, LogLevel, NodeWorkerArgs } from "./options.js";
export { PluginOutput } from "./output.js";
export type { CallInput, CallOptions } from "./plugin.js";
export { Plugin } from "./plugin.js";
export type { PoolOptions } from "./pool.js";
export { Pool } from "./pool.js";
export { Status, statusName } from "./status.js";
