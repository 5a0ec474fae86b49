/**
 * Calls, one or many, and their end by a click or a key.
 *
 * Must not know: elements beside its own buttons. Invariants: one run at a time; the page answers while it runs; when it
 * has ended, however it did, everything is as before it.
 */

import { errorOf, Status, type ExtismError } from "@extism/extism";

import { byId } from "./dom.js";
import { asExtismError, type Called } from "./session.js";

/** What a run is made of. */
export interface Run {
  readonly name: string;
  readonly times: number;
  readonly open: () => Promise<void>;
  readonly call: (signal: AbortSignal) => Promise<Called>;
}

/** Who is told how a run goes. */
export interface RunListener {
  began(run: Run): void;
  progressed(run: Run, done: number): void;
  /** A single call ended. */
  timed(ms: number, isGood: boolean): void;
  succeeded(run: Run, last: Called): void;
  /** `ms` is there if a call had begun. */
  failed(run: Run, error: ExtismError, ms: number | undefined): void;
  ended(): void;
}

/** How often progress is shown, in milliseconds. */
const PROGRESS_MS = 100;

export class Runner {
  readonly #callButton = byId("call", HTMLButtonElement);
  readonly #cancelButton = byId("cancel", HTMLButtonElement);
  readonly #listener: RunListener;
  #running: AbortController | undefined;

  constructor(listener: RunListener) {
    this.#listener = listener;
    this.#cancelButton.addEventListener("click", () => {
      this.cancel();
    });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Stops what runs, if anything does. */
  cancel(): void {
    this.#running?.abort(errorOf(Status.Cancelled, "cancelled on the page"));
  }

  /** Runs, unless something does already. */
  async run(run: Run): Promise<void> {
    if (this.#running !== undefined) {
      return;
    }
    const running = new AbortController();
    this.#running = running;
    this.#show(true);
    this.#listener.began(run);
    let start: number | undefined;
    try {
      await abortable(run.open(), running.signal);
      let last: Called | undefined;
      let shown = performance.now();
      for (let done = 0; done < run.times; done += 1) {
        start = performance.now();
        last = await run.call(running.signal);
        this.#listener.timed(last.ms, true);
        if (performance.now() - shown > PROGRESS_MS) {
          shown = performance.now();
          this.#listener.progressed(run, done + 1);
          await nextPicture();
        }
      }
      if (last !== undefined) {
        this.#listener.succeeded(run, last);
      }
    } catch (error) {
      const ms = start === undefined ? undefined : performance.now() - start;
      if (ms !== undefined) {
        this.#listener.timed(ms, false);
      }
      this.#listener.failed(run, asExtismError(error), ms);
    } finally {
      this.#running = undefined;
      this.#show(false);
      this.#listener.ended();
    }
  }

  #show(isRunning: boolean): void {
    // The button that has the focus must not vanish under it.
    if (!isRunning && document.activeElement === this.#cancelButton) {
      this.#callButton.focus();
    }
    this.#cancelButton.hidden = !isRunning;
    this.#callButton.setAttribute("aria-disabled", String(isRunning));
  }
}

/** A promise that is not waited for any longer when the signal aborts. */
async function abortable(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop);
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) {
      signal.removeEventListener("abort", stop);
    }
  }
}

function nextPicture(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}
