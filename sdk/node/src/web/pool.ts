/**
 * A bounded number of instances that borrowers share.
 *
 * Must not know: instances. Invariants: never more exist than the pool may have; who waited longest is served first; an
 * instance whose call did not return is replaced.
 */

import type { BackendPool, Instance, PoolStats } from "../backend.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { Lease } from "./lease.js";

/** How many a pool has unless told otherwise: as many as threads help. */
const INSTANCES_MAX = 4;

interface Waiter {
  resolve(instance: Instance): void;
  reject(error: unknown): void;
}

export class InstancePool implements BackendPool {
  readonly #make: () => Promise<Instance>;
  readonly #max: number;
  readonly #idle: Instance[] = [];
  readonly #waiters: Waiter[] = [];
  #alive = 0;
  #made = 0;
  #replaced = 0;
  #isClosed = false;

  constructor(make: () => Promise<Instance>, instancesMax: number) {
    this.#make = make;
    this.#max = instancesMax > 0 ? instancesMax : INSTANCES_MAX;
  }

  async get(timeoutMs: number): Promise<Instance> {
    if (this.#isClosed) {
      throw errorOf(Status.Closed, "the pool was closed");
    }
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      return this.#lend(idle);
    }
    if (this.#alive < this.#max) {
      return this.#lend(await this.#fresh());
    }
    return this.#lend(await this.#wait(timeoutMs));
  }

  stats(): PoolStats {
    if (this.#isClosed) {
      throw errorOf(Status.Closed, "the pool was closed");
    }
    return {
      instancesMax: this.#max,
      alive: this.#alive,
      idle: this.#idle.length,
      waiting: this.#waiters.length,
      made: this.#made,
      replaced: this.#replaced,
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const instance of this.#idle.splice(0)) {
      this.#alive -= 1;
      instance.closeSync();
    }
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(errorOf(Status.Closed, "the pool was closed"));
    }
  }

  async #fresh(): Promise<Instance> {
    this.#alive += 1;
    try {
      const made = await this.#make();
      this.#made += 1;
      return made;
    } catch (error) {
      this.#alive -= 1;
      throw error;
    }
  }

  #wait(timeoutMs: number): Promise<Instance> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      this.#waiters.push(waiter);
      if (!Number.isFinite(timeoutMs)) {
        return;
      }
      const timer = setTimeout(() => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) {
          this.#waiters.splice(at, 1);
          reject(errorOf(Status.WaitTimeout, "no plug-in was free in time"));
        }
      }, timeoutMs);
      waiter.resolve = (instance) => {
        clearTimeout(timer);
        resolve(instance);
      };
    });
  }

  /** The instance, whose closing gives it back. */
  #lend(instance: Instance): Instance {
    return new Lease(instance, (isFit) => this.#takeBack(instance, isFit));
  }

  async #takeBack(instance: Instance, isFit: boolean): Promise<void> {
    if (isFit && !this.#isClosed) {
      try {
        // Nothing of the last borrower is left in what the host and the plug-in share.
        await instance.reset();
        this.#offer(instance);
      } catch {
        this.#replace(instance);
      }
    } else {
      this.#replace(instance);
    }
  }

  /** Ends an instance, and makes another if someone waits for one. */
  #replace(instance: Instance): void {
    if (this.#isClosed) {
      this.#alive -= 1;
      instance.closeSync();
      return;
    }
    this.#alive -= 1;
    this.#replaced += 1;
    instance.closeSync();
    if (this.#waiters.length > 0) {
      this.#fresh().then(
        (fresh) => {
          this.#offer(fresh);
        },
        (error: unknown) => {
          this.#waiters.shift()?.reject(error);
        },
      );
    }
  }

  #offer(instance: Instance): void {
    if (this.#isClosed) {
      this.#alive -= 1;
      instance.closeSync();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#idle.push(instance);
    } else {
      waiter.resolve(instance);
    }
  }
}
