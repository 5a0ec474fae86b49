/**
 * The first API for browsers: `new ExtismContext().newPlugin(manifest)`.
 *
 * Must not know: the engine. Invariant: what was written for it runs as it is.
 */

import type { ManifestLike } from "../manifest.js";
import type { Plugin } from "../plugin.js";
import { createPlugin } from "./index.js";

/** Where plug-ins are made. */
export class ExtismContext {
  /** Makes a plug-in. */
  async newPlugin(manifest: ManifestLike): Promise<ExtismPlugin> {
    return new ExtismPlugin(await createPlugin(manifest));
  }
}

/** A plug-in. */
export class ExtismPlugin {
  readonly #plugin: Plugin;

  /** @hidden Use `ExtismContext.newPlugin`. */
  constructor(plugin: Plugin) {
    this.#plugin = plugin;
  }

  /** Calls a function with bytes or text; what it puts out are bytes. */
  async call(functionName: string, input: Uint8Array | string): Promise<Uint8Array> {
    const output = await this.#plugin.call(functionName, input);
    return output?.bytes() ?? new Uint8Array(0);
  }

  /** What it exports. */
  async getExports(): Promise<WebAssembly.ModuleExportDescriptor[]> {
    return await this.#plugin.getExports();
  }

  /** What it imports. */
  async getImports(): Promise<WebAssembly.ModuleImportDescriptor[]> {
    return await this.#plugin.getImports();
  }

  /** The instance of the platform's engine. */
  async getInstance(): Promise<WebAssembly.Instance> {
    return await this.#plugin.getInstance();
  }
}
