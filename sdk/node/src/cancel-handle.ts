/**
 * What cancels the calls of a plug-in.
 *
 * Must not know: how. Invariant: it never hits a later call than the one that runs, and does no harm when none does or
 * the plug-in is gone.
 */

import type { Instance } from "./backend.js";

/** Cancels the calls of a plug-in; it may outlive the plug-in. */
export class CancelHandle {
  readonly #instance: Pick<Instance, "cancel">;

  /** @hidden Use `Plugin.cancelHandle`. */
  constructor(instance: Pick<Instance, "cancel">) {
    this.#instance = instance;
  }

  /** Asks the call that runs to stop, if one does. It then ends with a `CallCancelledError`. */
  cancel(): void {
    this.#instance.cancel();
  }
}
