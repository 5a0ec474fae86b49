/**
 * A bounded number of instances that borrowers share.
 *
 * Must not know: instances. Invariants: never more exist than the pool may have; who waited longest is served first; while
 * someone waits, every place is taken or about to be; an instance whose call did not return is replaced.
 */

import type { BackendPool, Instance, PoolStats } from "../backend.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { Lease } from "./lease.js";
import { TIMER_MS_MAX } from "./platform.js";

/** How many a pool has unless told otherwise: as many as threads help. */
const INSTANCES_MAX = 4;

interface Waiter {
  resolve(instance: Instance): void;
  reject(error: unknown): void;
  /** An instance is being made because of it; whoever waited longest gets that. */
  isServed: boolean;
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
      this.#vacate();
      throw error;
    }
  }

  /** A place is free: it is for who waits. */
  #vacate(): void {
    this.#alive -= 1;
    const waiter = this.#waiters.find((each) => !each.isServed);
    if (waiter === undefined) {
      return;
    }
    waiter.isServed = true;
    this.#fresh().then(
      (fresh) => {
        waiter.isServed = false;
        this.#offer(fresh);
      },
      (error: unknown) => {
        waiter.reject(error);
      },
    );
  }

  #wait(timeoutMs: number): Promise<Instance> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const left = (): void => {
        clearTimeout(timer);
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) {
          this.#waiters.splice(at, 1);
        }
      };
      const waiter: Waiter = {
        resolve: (instance) => {
          left();
          resolve(instance);
        },
        reject: (error) => {
          left();
          reject(error as Error);
        },
        isServed: false,
      };
      this.#waiters.push(waiter);
      // Beyond that timers end at once, and nobody is there to see the end.
      if (timeoutMs < TIMER_MS_MAX) {
        timer = setTimeout(() => {
          waiter.reject(errorOf(Status.WaitTimeout, "no plug-in was free in time"));
          // A timer may be early by less than a millisecond.
        }, timeoutMs + 1);
      }
    });
  }

  /** The instance, whose closing gives it back. */
  #lend(instance: Instance): Instance {
    return new Lease(instance, (isFit) => this.#takeBack(instance, isFit));
  }

  async #takeBack(instance: Instance, isFit: boolean): Promise<void> {
    if (!isFit || this.#isClosed) {
      this.#replace(instance);
      return;
    }
    try {
      // Nothing of the last borrower is left in what the host and the plug-in share.
      await instance.reset();
    } catch {
      this.#replace(instance);
      return;
    }
    this.#offer(instance);
  }

  /** Ends an instance; another is made if someone waits for one. */
  #replace(instance: Instance): void {
    instance.closeSync();
    this.#replaced += 1;
    this.#vacate();
  }

  #offer(instance: Instance): void {
    if (this.#isClosed) {
      this.#alive -= 1;
      instance.closeSync();
      return;
    }
    const [waiter] = this.#waiters;
    if (waiter === undefined) {
      this.#idle.push(instance);
    } else {
      waiter.resolve(instance);
    }
  }
}
