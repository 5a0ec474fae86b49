/**
 * An instance as its user holds it: closing it, or losing it, gives it back.
 *
 * Must not know: what giving back means. Invariant: after it was given back it reaches nothing, and it is given back once.
 */

import type { Input, Instance } from "../backend.js";
import { errorOf, ExtismError, GuestError } from "../error.js";
import { Status } from "../status.js";

/** Gives back what nobody holds any more. */
const lost = new FinalizationRegistry<() => unknown>((giveBack) => {
  giveBack();
});

/** An instance that can say when its last call has ended. */
export type Leased = Instance & { settled?(): Promise<void> };

/** Takes an instance back, and has done so when what it answers is over. */
export type GiveBack = (isFit: boolean) => Promise<void> | void;

export class Lease implements Instance {
  readonly #giveBack: GiveBack;
  #instance: Leased | undefined;
  #isFit = true;

  constructor(instance: Leased, giveBack: GiveBack) {
    this.#instance = instance;
    this.#giveBack = giveBack;
    lost.register(this, giveBack.bind(undefined, false), this);
  }

  get id(): string {
    return this.#live().id;
  }

  callSync(name: string, input: Input, hostContext: unknown): ArrayBuffer | null {
    try {
      return this.#live().callSync(name, input, hostContext);
    } catch (error) {
      this.#judge(error);
      throw error;
    }
  }

  async call(name: string, input: Input, hostContext: unknown): Promise<ArrayBuffer | null> {
    try {
      return await this.#live().call(name, input, hostContext);
    } catch (error) {
      this.#judge(error);
      throw error;
    }
  }

  cancel(): void {
    this.#instance?.cancel();
  }

  isActive(): boolean {
    return this.#instance?.isActive() ?? false;
  }

  async functionExists(name: string): Promise<boolean> {
    return await this.#live().functionExists(name);
  }

  async configure(values: Readonly<Record<string, string | null>>): Promise<void> {
    const instance = this.#live();
    this.#isFit = false;
    await instance.configure(values);
  }

  async variable(name: string): Promise<Uint8Array | undefined> {
    return await this.#live().variable(name);
  }

  async setVariable(name: string, value: Uint8Array | undefined): Promise<void> {
    const instance = this.#live();
    this.#isFit = false;
    await instance.setVariable(name, value);
  }

  async reset(): Promise<void> {
    await this.#live().reset();
  }

  async renew(): Promise<void> {
    const instance = this.#live();
    // What is set from now on is set in the new one. Until it is as new it is active, which is not fit either.
    this.#isFit = true;
    try {
      await instance.renew();
    } catch (error) {
      this.#isFit = false;
      throw error;
    }
  }

  fuelConsumed(): bigint | undefined {
    return this.#live().fuelConsumed();
  }

  allowHttpResponseHeaders(): void {
    const instance = this.#live();
    this.#isFit = false;
    instance.allowHttpResponseHeaders();
  }

  async exports(): Promise<WebAssembly.ModuleExportDescriptor[]> {
    return await this.#live().exports();
  }

  async imports(): Promise<WebAssembly.ModuleImportDescriptor[]> {
    return await this.#live().imports();
  }

  async webInstance(): Promise<WebAssembly.Instance> {
    return await this.#live().webInstance();
  }

  async close(): Promise<void> {
    const instance = this.#instance;
    await this.#end();
    await instance?.settled?.();
  }

  closeSync(): void {
    void this.#end();
  }

  #end(): Promise<void> | void {
    const instance = this.#instance;
    this.#instance = undefined;
    if (instance !== undefined) {
      lost.unregister(this);
      return this.#giveBack(this.#isFit && !instance.isActive());
    }
  }

  /** A plug-in that did not return by itself may be in disorder. */
  #judge(error: unknown): void {
    const isOrderly = error instanceof GuestError && error.status === Status.GuestError;
    const changedNothing = error instanceof ExtismError && error.status < 400;
    const notFound = error instanceof ExtismError && error.status === Status.FunctionNotFound;
    if (!isOrderly && !changedNothing && !notFound) {
      this.#isFit = false;
    }
  }

  #live(): Leased {
    if (this.#instance === undefined) {
      throw errorOf(Status.Closed, "the plug-in was closed");
    }
    return this.#instance;
  }
}
