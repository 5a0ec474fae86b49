/**
 * Contexts: arenas that own the plug-ins loaded into them, as in the first versions of Extism.
 *
 * Must not know: engines. Invariant: freeing a context frees its plug-ins; a plug-in belongs to the context it was made
 * in for as long as it lives.
 */

import type { CancelHandle } from "./cancel-handle.js";
import type { Factory } from "./create.js";
import { errorOf } from "./error.js";
import type { ManifestLike } from "./manifest.js";
import type { ExtismPluginOptions } from "./options.js";
import type { CallInput, Plugin } from "./plugin.js";
import { Status } from "./status.js";

/** Values a plug-in reads by key; `null` removes a value of the manifest. */
export type ContextConfig = Readonly<Record<string, string | null>>;

/** Options of a plug-in; `true` grants WASI. */
export type ContextOptions = boolean | ExtismPluginOptions;

/** What contexts of a platform do in its way. */
export interface Platform<Output> {
  createPluginSync: Factory["createPluginSync"];
  outputOf(bytes: Uint8Array): Output;
}

/** A context. */
export class ArenaContext<Output> {
  readonly #platform: Platform<Output>;
  readonly #plugins = new Set<ContextPlugin<Output>>();
  #next = 0;
  #isFreed = false;

  /** @hidden */
  constructor(platform: Platform<Output>) {
    this.#platform = platform;
  }

  /** Makes a plug-in in this context, here and now. */
  plugin(source: ManifestLike, options: ContextOptions = false, config?: ContextConfig): ContextPlugin<Output> {
    const plugin = new ContextPlugin(this, this.#next, this.make(source, options, config), this.#platform);
    this.#next += 1;
    this.#plugins.add(plugin);
    return plugin;
  }

  /** Frees all plug-ins; the context can be used on. */
  reset(): void {
    for (const plugin of [...this.#plugins]) {
      plugin.free();
    }
  }

  /** Frees the context and all plug-ins. Twice is allowed. */
  free(): void {
    this.#isFreed = true;
    this.reset();
  }

  /** {@link ArenaContext.free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }

  /** @hidden */
  make(source: ManifestLike, options: ContextOptions, config: ContextConfig | undefined): Plugin {
    if (this.#isFreed) {
      throw errorOf(Status.Closed, "the context is closed");
    }
    const chosen = typeof options === "object" ? options : { useWasi: options };
    const plugin = this.#platform.createPluginSync(source, chosen);
    try {
      if (config !== undefined) {
        plugin.configSync(config);
      }
    } catch (error) {
      // Nobody else knows it.
      plugin[Symbol.dispose]();
      throw error;
    }
    return plugin;
  }

  /** @hidden */
  owns(plugin: ContextPlugin<Output>): boolean {
    return this.#plugins.has(plugin);
  }

  /** @hidden */
  forget(plugin: ContextPlugin<Output>): void {
    this.#plugins.delete(plugin);
  }
}

/** A plug-in of a context. */
export class ContextPlugin<Output> {
  /** Its number in the context. */
  readonly id: number;
  /** The context it belongs to. */
  readonly ctx: ArenaContext<Output>;
  readonly #platform: Platform<Output>;
  #plugin: Plugin;

  /** @hidden Use `Context.plugin`. */
  constructor(ctx: ArenaContext<Output>, id: number, plugin: Plugin, platform: Platform<Output>) {
    this.ctx = ctx;
    this.id = id;
    this.#plugin = plugin;
    this.#platform = platform;
  }

  /** Calls a function. */
  async call(functionName: string, input?: CallInput, hostContext?: unknown): Promise<Output> {
    const output = await this.#plugin.call(functionName, input, hostContext);
    return this.#platform.outputOf(output?.bytes() ?? new Uint8Array(0));
  }

  /** Whether the plug-in exports a function of this name that can be called. */
  async functionExists(functionName: string): Promise<boolean> {
    return await this.#plugin.functionExists(functionName);
  }

  /** Merges values into the configuration; `null` removes one. */
  config(values: ContextConfig): void {
    this.#plugin.configSync(values);
  }

  /** Puts another plug-in in the place of this one, if that can be made. */
  update(source: ManifestLike, options: ContextOptions = false, config?: ContextConfig): void {
    if (!this.ctx.owns(this)) {
      throw errorOf(Status.Closed, "the plug-in is closed");
    }
    const old = this.#plugin;
    this.#plugin = this.ctx.make(source, options, config);
    old[Symbol.dispose]();
  }

  /** What cancels the calls of the plug-in. */
  cancelHandle(): CancelHandle {
    return this.#plugin.cancelHandle();
  }

  /** Frees the plug-in. Twice is allowed. */
  free(): void {
    this.ctx.forget(this);
    this.#plugin[Symbol.dispose]();
  }

  /** {@link ContextPlugin.free}, for `using`. */
  [Symbol.dispose](): void {
    this.free();
  }
}
