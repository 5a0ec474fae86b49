/**
 * Plug-ins compiled once for any number of instances.
 *
 * Must not know: instances. Invariant: closing one leaves the plug-ins made from it as they are.
 */

import type { BackendCompiled } from "./backend.js";
import { Plugin } from "./plugin.js";
import { Pool, type PoolOptions } from "./pool.js";

/**
 * A plug-in compiled once, from which any number of instances are made.
 *
 * ```ts
 * const compiled = await compilePlugin("plugin.wasm");
 * const plugins = await Promise.all([compiled.instantiate(), compiled.instantiate()]);
 * ```
 */
export class CompiledPlugin {
  readonly #compiled: BackendCompiled;

  /** @hidden Use `compilePlugin`. */
  constructor(compiled: BackendCompiled) {
    this.#compiled = compiled;
  }

  /** An instance. */
  async instantiate(): Promise<Plugin> {
    return new Plugin(await this.#compiled.instantiate());
  }

  /** An instance, here and now. */
  instantiateSync(): Plugin {
    return new Plugin(this.#compiled.instantiateSync());
  }

  /** Whether instances export a function of this name that can be called. */
  functionExists(functionName: string): boolean {
    return this.#compiled.functionExists(functionName);
  }

  /** A bounded number of instances to share. */
  pool(options: PoolOptions = {}): Pool {
    return new Pool(this.#compiled.pool(options.instancesMax ?? 0));
  }

  /** Frees it; instances live on. Twice is allowed. */
  close(): void {
    this.#compiled.close();
  }

  /** {@link CompiledPlugin.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
