/**
 * Pools: a bounded number of plug-ins that borrowers share.
 *
 * Must not know: what borrowers do. Invariant: a plug-in that was borrowed goes back once, when it is closed.
 */

import type { BackendPool, PoolStats } from "./backend.js";
import { errorOf } from "./error.js";
import { Plugin } from "./plugin.js";
import { Status } from "./status.js";

export type { PoolStats } from "./backend.js";

/** How a pool behaves. */
export interface PoolOptions {
  /** How many plug-ins may exist; as many as the machine can run at a time if not given. */
  instancesMax?: number | undefined;
}

/**
 * A bounded number of instances of a compiled plug-in.
 *
 * ```ts
 * const pool = (await compilePlugin("plugin.wasm")).pool({ instancesMax: 4 });
 * const output = await pool.use((plugin) => plugin.call("run", data));
 * ```
 */
export class Pool {
  readonly #pool: BackendPool;

  /** @hidden Use `CompiledPlugin.pool`. */
  constructor(pool: BackendPool) {
    this.#pool = pool;
  }

  /**
   * Borrows a plug-in, which `close` gives back; waits for one to come back. Rejects with a `PoolTimeoutError` after so
   * many milliseconds; without them it waits as long as it takes.
   */
  async get(timeoutMs: number = Infinity): Promise<Plugin> {
    if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs) || timeoutMs < 0) {
      throw errorOf(Status.InvalidArgument, `a time is a number of milliseconds, not ${String(timeoutMs)}`);
    }
    return new Plugin(await this.#pool.get(timeoutMs));
  }

  /** Borrows a plug-in for as long as a function takes. */
  async use<T>(work: (plugin: Plugin) => T | PromiseLike<T>, timeoutMs?: number): Promise<T> {
    const plugin = await this.get(timeoutMs);
    try {
      return await work(plugin);
    } finally {
      await plugin.close();
    }
  }

  /** What the pool is doing now. */
  stats(): PoolStats {
    return this.#pool.stats();
  }

  /** Frees the pool; what is borrowed lives on. Twice is allowed. */
  close(): void {
    this.#pool.close();
  }

  /** {@link Pool.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
