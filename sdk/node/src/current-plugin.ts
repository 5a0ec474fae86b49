/**
 * The plug-in that is calling a host function.
 *
 * Must not know: which function was called. Invariant: nothing here reaches memory after the function has answered.
 */

import type { CallMemory } from "./backend.js";
import { bytesOf, type Bytes } from "./bytes.js";
import { errorOf, ExtismError } from "./error.js";
import { PluginOutput } from "./output.js";
import { Status } from "./status.js";

/**
 * What a host function may do with the plug-in that calls it, until it answers.
 *
 * ```ts
 * const functions = {
 *   "extism:host/user": {
 *     upper: (current: CurrentPlugin, text: bigint) => current.store(current.read(text)!.text().toUpperCase()),
 *   },
 * };
 * ```
 */
export class CurrentPlugin {
  #memory: CallMemory | undefined;
  readonly #hostContext: unknown;

  /** @hidden */
  constructor(memory: CallMemory, hostContext: unknown) {
    this.#memory = memory;
    this.#hostContext = hostContext;
  }

  /** The identity of the plug-in, as in its log messages. */
  get id(): string {
    return this.#live().pluginId;
  }

  /** What was given as the host context of the call. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-unnecessary-type-parameters -- as published
  hostContext<T = any>(): T {
    return this.#hostContext as T;
  }

  /** The bytes of the block at a handle, as a copy; `null` if there is no such block. */
  read(handle: bigint | number): PluginOutput | null {
    const memory = this.#live();
    try {
      return new PluginOutput(exactBuffer(memory.read(asHandle(handle))));
    } catch (error) {
      if (error instanceof ExtismError && error.status === Status.BadKernelHandle) {
        return null;
      }
      throw error;
    }
  }

  /** A new block with these bytes, or the UTF-8 of this text; 0 if it is empty. */
  store(data: Bytes): bigint {
    return this.#live().store(bytesOf(data, "data"));
  }

  /** A new block of so many bytes with unspecified contents. */
  alloc(size: bigint | number): bigint {
    return this.#live().alloc(asSize(size));
  }

  /** Overwrites the beginning of a block. */
  write(handle: bigint | number, data: Bytes): void {
    this.#live().write(asHandle(handle), bytesOf(data, "data"));
  }

  /** Frees a block. A handle that names none is ignored. */
  free(handle: bigint | number): void {
    this.#live().free(asHandle(handle));
  }

  /** The length of a block in bytes; 0 if the handle names none. */
  length(handle: bigint | number): bigint {
    return BigInt(this.#live().length(asHandle(handle)));
  }

  /** A copy of the value of a variable; `null` if there is none of this name. */
  getVariable(name: string): PluginOutput | null {
    const value = this.#live().variable(String(name));
    return value === undefined ? null : new PluginOutput(exactBuffer(value));
  }

  /** Sets a variable. */
  setVariable(name: string, value: Bytes): void {
    this.#live().setVariable(String(name), bytesOf(value, "a value"));
  }

  /** Removes a variable, if there is one of this name. */
  deleteVariable(name: string): void {
    this.#live().setVariable(String(name), undefined);
  }

  /** Sets the error message of the plug-in, as if it had done so itself; nothing clears it. */
  setError(error?: string | Error | null): void {
    const message = error instanceof Error ? error.message : error;
    this.#live().setError(message ?? undefined);
  }

  /** Whether the call was cancelled or its time is up: a host function that takes long should look, and return. */
  mustStop(): boolean {
    return this.#live().mustStop();
  }

  /** Milliseconds until the call's time is up; `undefined` without a limit. */
  timeRemainingMs(): number | undefined {
    return this.#live().timeRemainingMs();
  }

  /** @hidden */
  end(): void {
    this.#memory = undefined;
  }

  #live(): CallMemory {
    if (this.#memory === undefined) {
      throw errorOf(Status.Closed, "the host function this CurrentPlugin belongs to has returned");
    }
    return this.#memory;
  }
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return (whole ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer;
}

/** A handle: 64 bits without a sign, as plug-ins compute them. */
function asHandle(value: bigint | number): bigint {
  const isInteger = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!isInteger) {
    throw errorOf(Status.InvalidArgument, `a handle is a bigint, not ${String(value)}`);
  }
  return BigInt.asUintN(64, BigInt(value));
}

function asSize(value: bigint | number): number {
  const size = Number(value);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw errorOf(Status.InvalidArgument, `a size is a whole number, not ${String(value)}`);
  }
  return size;
}
