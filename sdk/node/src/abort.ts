/**
 * Signals that end the making of a plug-in, or what a call waits for.
 *
 * Must not know: what is made. Invariants: who waits hears of the abort at once, and hears the signal's own reason; what is
 * made all the same is given up.
 */

import { errorOf } from "./error.js";
import { Status } from "./status.js";

/** Refuses what is no signal, and throws the reason of one that has aborted. */
export function checked(signal: AbortSignal | undefined): void {
  if (signal === undefined) {
    return;
  }
  if (typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== "function") {
    throw errorOf(Status.InvalidArgument, "the signal is no AbortSignal");
  }
  if (signal.aborted) {
    throw signal.reason;
  }
}

/** What work comes to, unless the signal aborts first. */
export async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  giveUp: (late: T) => void = () => undefined,
): Promise<T> {
  checked(signal);
  if (signal === undefined) {
    return await work();
  }
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is the user's
      reject(signal.reason);
    };
  });
  signal.addEventListener("abort", abort);
  const working = work();
  try {
    return await Promise.race([working, aborted]);
  } catch (error) {
    working.then(giveUp, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
