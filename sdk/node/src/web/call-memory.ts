/**
 * What a host function may touch of the plug-in that calls it, where both are on one thread; and its variables.
 *
 * Must not know: host functions. Invariant: bytes are copied in and out of blocks that exist, and of nothing else.
 */

import type { CallMemory } from "../backend.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import type { Core } from "./core.js";

const encoder = new TextEncoder();

/** The running call, as far as host functions may know. */
export interface RunningCall {
  mustStop(): boolean;
  timeRemainingMs(): number | undefined;
}

export class LocalCallMemory implements CallMemory {
  readonly pluginId: string;
  readonly #plugin: { readonly core: Core; readonly variables: Variables };
  readonly #call: RunningCall;

  constructor(pluginId: string, plugin: { readonly core: Core; readonly variables: Variables }, call: RunningCall) {
    this.pluginId = pluginId;
    this.#plugin = plugin;
    this.#call = call;
  }

  get #core(): Core {
    return this.#plugin.core;
  }

  alloc(bytes: number): bigint {
    const handle = this.#core.exports.host_alloc(bytes);
    if (handle < 0) {
      throw this.#core.fault();
    }
    return BigInt(handle);
  }

  free(handle: bigint): void {
    (this.#core.exports["env.free"] as (handle: bigint) => void)(handle);
  }

  length(handle: bigint): number {
    return Math.max(0, this.#core.exports.host_length(handle));
  }

  read(handle: bigint): Uint8Array {
    const length = this.#block(handle);
    const offset = Number(handle);
    return this.#core.kernel.bytes().slice(offset, offset + length);
  }

  write(handle: bigint, bytes: Uint8Array): void {
    const length = this.#block(handle);
    if (bytes.length > length) {
      throw errorOf(Status.InvalidArgument, `${String(bytes.length)} bytes do not fit in a block of ${String(length)}`);
    }
    this.#core.kernel.bytes().set(bytes, Number(handle));
  }

  store(bytes: Uint8Array): bigint {
    if (bytes.length === 0) {
      return 0n;
    }
    const handle = this.alloc(bytes.length);
    this.#core.kernel.bytes().set(bytes, Number(handle));
    return handle;
  }

  variable(name: string): Uint8Array | undefined {
    return this.#plugin.variables.get(name);
  }

  setVariable(name: string, value: Uint8Array | undefined): void {
    this.#plugin.variables.set(name, value);
  }

  setError(message: string | undefined): void {
    if (message !== undefined) {
      this.#core.giveText(message);
    }
    this.#core.checked(this.#core.exports.host_error(message === undefined ? 0 : 1));
  }

  mustStop(): boolean {
    return this.#call.mustStop();
  }

  timeRemainingMs(): number | undefined {
    return this.#call.timeRemainingMs();
  }

  /** The length of a block that exists. 0 is the empty one. */
  #block(handle: bigint): number {
    const length = handle === 0n ? 0 : this.#core.exports.host_length(handle);
    if (length < 0) {
      throw errorOf(Status.BadKernelHandle, `no block of kernel memory at ${String(handle)}`);
    }
    return length;
  }
}

/** The variables of a plug-in: those its core has, and a copy of each for another core. */
export class Variables {
  readonly #plugin: { readonly core: Core };
  readonly #values = new Map<string, Uint8Array>();

  constructor(plugin: { readonly core: Core }) {
    this.#plugin = plugin;
  }

  get values(): ReadonlyMap<string, Uint8Array> {
    return this.#values;
  }

  /** A copy of the value of a variable. */
  get(name: string): Uint8Array | undefined {
    return this.#values.get(name)?.slice();
  }

  /** Sets a variable, or removes it. */
  set(name: string, value: Uint8Array | undefined): void {
    const core = this.#plugin.core;
    const key = encoder.encode(name);
    if (value === undefined) {
      core.give(key);
      core.exports.var_remove();
    } else {
      this.#write(key, value);
    }
    this.#keep(name, value?.slice());
  }

  /** The plug-in has changed a variable. */
  changed(name: string): void {
    const core = this.#plugin.core;
    core.giveText(name);
    this.#keep(name, core.exports.var_read() === 1 ? core.take() : undefined);
  }

  /** Gives them all to a core that has none. */
  restore(): void {
    for (const [name, value] of this.#values) {
      this.#write(encoder.encode(name), value);
    }
  }

  /** The core has forgotten them. */
  clear(): void {
    this.#values.clear();
  }

  #write(key: Uint8Array, value: Uint8Array): void {
    const core = this.#plugin.core;
    const both = new Uint8Array(key.length + value.length);
    both.set(key);
    both.set(value, key.length);
    core.give(both);
    core.exports.var_write(key.length);
  }

  #keep(name: string, value: Uint8Array | undefined): void {
    if (value === undefined) {
      this.#values.delete(name);
    } else {
      this.#values.set(name, value);
    }
  }
}
