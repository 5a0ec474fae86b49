/**
 * From what users write to plug-ins: the functions every entry of the package exports, made for its engines.
 *
 * Must not know: engines; an entry hands them over. Invariant: what a user gave is read before the first `await` that
 * lets others change it, except for bodies of responses.
 */

import { checked, unlessAborted } from "./abort.js";
import type { Backend, BackendCompiled, BackendOptions, BackendStats, Source } from "./backend.js";
import { CompiledPlugin } from "./compiled-plugin.js";
import type { Inspection } from "./inspection.js";
import { sourceOf, sourceOfNow, type ManifestLike } from "./manifest.js";
import { backendOptions, type ExtismPluginOptions } from "./options.js";
import { Plugin } from "./plugin.js";

/** Chooses the engine for a source. */
export type Chooser = (engine: "auto" | "native" | "web", source: Source, options: BackendOptions) => Backend;

/** What can be made with engines. */
export interface Factory {
  createPlugin(manifest: ManifestLike | PromiseLike<ManifestLike>, options?: ExtismPluginOptions): Promise<Plugin>;
  createPluginSync(manifest: ManifestLike, options?: ExtismPluginOptions): Plugin;
  compilePlugin(
    manifest: ManifestLike | PromiseLike<ManifestLike>,
    options?: ExtismPluginOptions,
  ): Promise<CompiledPlugin>;
  inspect(manifest: ManifestLike | PromiseLike<ManifestLike>, options?: ExtismPluginOptions): Promise<Inspection>;
  precompile(manifest: ManifestLike | PromiseLike<ManifestLike>, options?: ExtismPluginOptions): Promise<Uint8Array>;
}

/** The functions for engines. */
export function factory(choose: Chooser): Factory {
  const read = async (
    manifest: ManifestLike | PromiseLike<ManifestLike>,
    options: ExtismPluginOptions = {},
  ): Promise<[Backend, Source, BackendOptions]> => {
    const chosen = backendOptions(options);
    const { engine = "auto", allowedPathsOrder } = options;
    const source = await sourceOf(await manifest, options, allowedPathsOrder);
    return [choose(engine, source, chosen), source, chosen];
  };
  const compile = async (
    manifest: ManifestLike | PromiseLike<ManifestLike>,
    options: ExtismPluginOptions | undefined,
    signal: AbortSignal | undefined,
  ): Promise<BackendCompiled> => {
    const [backend, source, chosen] = await read(manifest, options);
    return await backend.compile(source, chosen, signal);
  };
  const make = async (
    manifest: ManifestLike | PromiseLike<ManifestLike>,
    options: ExtismPluginOptions | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Plugin> => {
    const compiled = await compile(manifest, options, signal);
    try {
      return new Plugin(await compiled.instantiate(signal), compiled);
    } catch (error) {
      compiled.close();
      throw error;
    }
  };
  return {
    async createPlugin(manifest, options) {
      const signal = options?.signal;
      return await unlessAborted(
        signal,
        () => make(manifest, options, signal),
        (plugin) => {
          plugin[Symbol.dispose]();
        },
      );
    },
    createPluginSync(manifest, options = {}) {
      const chosen = backendOptions(options);
      checked(options.signal);
      const { engine = "auto", allowedPathsOrder } = options;
      const source = sourceOfNow(manifest, options, allowedPathsOrder);
      const compiled = choose(engine, source, chosen).compileSync(source, chosen);
      try {
        return new Plugin(compiled.instantiateSync(), compiled);
      } catch (error) {
        compiled.close();
        throw error;
      }
    },
    async compilePlugin(manifest, options) {
      const signal = options?.signal;
      const compiled = await unlessAborted(
        signal,
        () => compile(manifest, options, signal),
        (late) => {
          late.close();
        },
      );
      return new CompiledPlugin(compiled);
    },
    async inspect(manifest, options) {
      const signal = options?.signal;
      return await unlessAborted(signal, async () => {
        const [backend, source, chosen] = await read(manifest, options);
        return await backend.inspect(source, chosen, signal);
      });
    },
    async precompile(manifest, options) {
      return await unlessAborted(options?.signal, async () => {
        const [backend, source, chosen] = await read(manifest, options);
        return await backend.precompile(source, chosen);
      });
    },
  };
}

/** What is alive, of several engines together. */
export function sum(all: readonly BackendStats[]): BackendStats {
  const total = { plugins: 0, compiledPlugins: 0, hostFunctions: 0, cancelHandles: 0 };
  for (const stats of all) {
    for (const key of Object.keys(total) as (keyof BackendStats)[]) {
      total[key] += stats[key];
    }
  }
  return total;
}
