/**
 * Answers to a thread that waits: shared memory, in as many pieces as it takes. Beside them it says how much of what that
 * thread has sent was read.
 *
 * Must not know: what is answered. Invariants: one side waits at a time; a piece is written after the last one was read.
 */

/** Bytes of the numbers before a piece: its state, its length with a mark if it is the last, and what was read. */
const HEAD = 12;
const STATE = 0;
const LENGTH = 1;
const READ = 2;
const EMPTY = 0;
const FULL = 1;
const LAST = 1 << 30;
const PIECE_MAX = LAST - 1;

/** How much memory is shared unless told otherwise. */
export const SHARED_BYTES = 64 * 1024;

/** The memory of a channel. */
export function sharedMemory(bytes: number | undefined): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD + Math.max(16, Math.min(bytes ?? SHARED_BYTES, PIECE_MAX)));
}

/** The page has read so many bytes that the thread had sent. */
export function addRead(shared: SharedArrayBuffer, bytes: number): void {
  const head = new Int32Array(shared, 0, 3);
  Atomics.add(head, READ, bytes);
  Atomics.notify(head, READ);
}

/** How many bytes the page has not read, of all that were sent: modulo 2^32, as the count is kept. */
export function unread(shared: SharedArrayBuffer, sent: number): number {
  return (sent - Atomics.load(new Int32Array(shared, 0, 3), READ)) >>> 0;
}

/** Waits until the page has read all but so many bytes, with the whole thread. */
export function waitForReader(shared: SharedArrayBuffer, sent: number, bytesMax: number): void {
  const head = new Int32Array(shared, 0, 3);
  for (let read: number; (sent - (read = Atomics.load(head, READ))) >>> 0 >= bytesMax;) {
    Atomics.wait(head, READ, read);
  }
}

/** Waits for an answer, with the whole thread. */
export function waitForAnswer(shared: SharedArrayBuffer): Uint8Array {
  const head = new Int32Array(shared, 0, 2);
  const pieces: Uint8Array[] = [];
  for (let isLast = false; !isLast;) {
    Atomics.wait(head, STATE, EMPTY);
    const length = Atomics.load(head, LENGTH);
    isLast = (length & LAST) !== 0;
    pieces.push(new Uint8Array(shared, HEAD, length & ~LAST).slice());
    Atomics.store(head, STATE, EMPTY);
    Atomics.notify(head, STATE);
  }
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Answers the thread that waits; ends early if `isOver` says that it is gone. */
export async function answer(shared: SharedArrayBuffer, bytes: Uint8Array, isOver: () => boolean): Promise<void> {
  const head = new Int32Array(shared, 0, 2);
  const room = shared.byteLength - HEAD;
  for (let at = 0; ; at += room) {
    const piece = bytes.subarray(at, at + room);
    const isLast = at + room >= bytes.length;
    new Uint8Array(shared, HEAD).set(piece);
    Atomics.store(head, LENGTH, piece.length | (isLast ? LAST : 0));
    Atomics.store(head, STATE, FULL);
    Atomics.notify(head, STATE);
    if (isLast || isOver()) {
      return;
    }
    while (Atomics.load(head, STATE) === FULL && !isOver()) {
      await read(head);
    }
  }
}

type WaitAsync = (typed: Int32Array, index: number, value: number, ms: number) => { value: Promise<string> | string };

/** Until the piece was read, or a moment has passed. */
async function read(head: Int32Array): Promise<void> {
  const waitAsync = (Atomics as unknown as { waitAsync?: WaitAsync }).waitAsync;
  if (waitAsync !== undefined) {
    await waitAsync(head, STATE, FULL, 50).value;
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
}
