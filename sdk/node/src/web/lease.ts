/**
 * An instance on loan: closing it gives it back.
 *
 * Must not know: pools. Invariant: after it was given back it reaches nothing, and it is given back once.
 */

import type { Input, Instance } from "../backend.js";
import { errorOf, ExtismError, GuestError } from "../error.js";
import { Status } from "../status.js";

export class Lease implements Instance {
  readonly #giveBack: (isFit: boolean) => void;
  #instance: Instance | undefined;
  #isFit = true;

  constructor(instance: Instance, giveBack: (isFit: boolean) => void) {
    this.#instance = instance;
    this.#giveBack = giveBack;
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
    await this.#live().renew();
    this.#isFit = true;
  }

  fuelConsumed(): bigint | undefined {
    return this.#live().fuelConsumed();
  }

  allowHttpResponseHeaders(): void {
    this.#live().allowHttpResponseHeaders();
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

  close(): Promise<void> {
    this.closeSync();
    return Promise.resolve();
  }

  closeSync(): void {
    const instance = this.#instance;
    this.#instance = undefined;
    if (instance !== undefined) {
      this.#giveBack(this.#isFit && !instance.isActive());
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

  #live(): Instance {
    if (this.#instance === undefined) {
      throw errorOf(Status.Closed, "the plug-in was given back to its pool");
    }
    return this.#instance;
  }
}
