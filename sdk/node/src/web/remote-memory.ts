/**
 * What a host function may touch of a plug-in in a Worker: the blocks it was given, and new ones.
 *
 * Must not know: Workers. Invariant: what the function does here is collected, and happens in the Worker before the plug-in
 * goes on. A new block has a handle of its own making until then; as a result it becomes the real one.
 */

import type { CallMemory } from "../backend.js";
import { errorOf } from "../error.js";
import { Status } from "../status.js";
import type { RunningCall } from "./call-memory.js";
import type { HostAnswer } from "./messages.js";

/** Handles of new blocks; kernel memory ends far below. */
const NEW_HANDLES = 1n << 48n;

export class RemoteCallMemory implements CallMemory {
  readonly pluginId: string;
  readonly #call: RunningCall;
  readonly #blocks: Map<bigint, Uint8Array>;
  readonly #variables: ReadonlyMap<string, Uint8Array>;
  readonly #written = new Set<bigint>();
  readonly #freed: bigint[] = [];
  readonly #set = new Map<string, Uint8Array | null>();
  #next = NEW_HANDLES;
  #error: string | null | undefined;

  constructor(
    pluginId: string,
    blocks: readonly (readonly [bigint, Uint8Array])[],
    variables: ReadonlyMap<string, Uint8Array>,
    call: RunningCall,
  ) {
    this.pluginId = pluginId;
    this.#blocks = new Map(blocks);
    this.#variables = variables;
    this.#call = call;
  }

  /** What has to happen in the Worker. */
  done(): Pick<HostAnswer, "stored" | "written" | "freed" | "variables"> & { error?: string | null } {
    const all = [...this.#blocks];
    return {
      stored: all.filter(([handle]) => handle >= NEW_HANDLES),
      written: all.filter(([handle]) => handle < NEW_HANDLES && this.#written.has(handle)),
      freed: this.#freed,
      variables: [...this.#set],
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  alloc(bytes: number): bigint {
    if (bytes === 0) {
      return 0n;
    }
    if (bytes > 2 ** 32) {
      throw errorOf(Status.Memory, "oom");
    }
    const handle = this.#next;
    this.#next += 1n;
    this.#blocks.set(handle, allocated(bytes));
    return handle;
  }

  free(handle: bigint): void {
    if (this.#blocks.delete(handle) && handle >= NEW_HANDLES) {
      return;
    }
    this.#freed.push(handle);
  }

  length(handle: bigint): number {
    return this.#blocks.get(handle)?.length ?? 0;
  }

  read(handle: bigint): Uint8Array {
    return this.#block(handle).slice();
  }

  write(handle: bigint, bytes: Uint8Array): void {
    const block = this.#block(handle);
    if (bytes.length > block.length) {
      throw errorOf(
        Status.InvalidArgument,
        `${String(bytes.length)} bytes do not fit in a block of ${String(block.length)}`,
      );
    }
    block.set(bytes);
    this.#written.add(handle);
  }

  store(bytes: Uint8Array): bigint {
    const handle = this.alloc(bytes.length);
    this.#blocks.get(handle)?.set(bytes);
    return handle;
  }

  variable(name: string): Uint8Array | undefined {
    const changed = this.#set.get(name);
    return changed === undefined ? this.#variables.get(name)?.slice() : (changed?.slice() ?? undefined);
  }

  setVariable(name: string, value: Uint8Array | undefined): void {
    this.#set.set(name, value?.slice() ?? null);
  }

  setError(message: string | undefined): void {
    this.#error = message ?? null;
  }

  mustStop(): boolean {
    return this.#call.mustStop();
  }

  timeRemainingMs(): number | undefined {
    return this.#call.timeRemainingMs();
  }

  #block(handle: bigint): Uint8Array {
    const block = handle === 0n ? EMPTY : this.#blocks.get(handle);
    if (block === undefined) {
      throw errorOf(Status.BadKernelHandle, `no block of kernel memory at ${String(handle)} was given to the function`);
    }
    return block;
  }
}

const EMPTY = new Uint8Array(0);

function allocated(bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch {
    throw errorOf(Status.Memory, "oom");
  }
}
