/**
 * What the platform's engine can do.
 *
 * Must not know: who asks. Invariant: each answer is found out once, by asking the engine.
 */

/** The longest time a timer counts, in milliseconds: one that is told more ends at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * A module with two memories, the second of which it loads from: the header, a type `() -> i32`, a function, the memories,
 * its code.
 */
const SECOND_MEMORY = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 5, 5, 2, 0, 1, 0, 1, 10, 10, 1, 8, 0, 0x41, 0,
  0x28, 0x42, 1, 0, 0x0b,
]);

let secondMemories: boolean | undefined;

/** Whether a module may have a second memory: then reads and writes of kernel memory are instructions. */
export function hasSecondMemories(): boolean {
  secondMemories ??= WebAssembly.validate(SECOND_MEMORY);
  return secondMemories;
}

/** Whether threads can share memory and wait for each other. */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer === "function" && typeof Atomics === "object";
}
