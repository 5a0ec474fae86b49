/**
 * The Worker of a plug-in, as browsers and Deno have them: the file of the page once more, which knows by its name what it is
 * for. One file is downloaded once, and a bundler that copies it needs to know of no other.
 *
 * Must not know: what it serves. Invariants: it ends when the page ends it; in any other place nothing happens.
 */

import type { FromWorker, ToWorker } from "./messages.js";
import { serve } from "./worker.js";

/** How the names of such Workers begin. */
const NAME = "Extism plug-in";

/** The name of a Worker; what its user calls it comes last. */
export function workerName(given: unknown): string {
  return typeof given === "string" ? `${NAME}: ${given}` : NAME;
}

/** What a Worker is to itself. */
interface Scope {
  readonly DedicatedWorkerGlobalScope?: unknown;
  readonly name?: unknown;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

/** Serves, where this is the Worker of a plug-in. */
export function serveInWorker(): void {
  const scope = globalThis as unknown as Scope;
  const isWorker = typeof scope.DedicatedWorkerGlobalScope === "function";
  if (!isWorker || typeof scope.name !== "string" || !scope.name.startsWith(NAME)) {
    return;
  }
  serve({
    post: (message, transfer) => {
      scope.postMessage(message, transfer ?? []);
    },
    listen: (receive) => {
      scope.onmessage = (event) => {
        receive(event.data);
      };
    },
  });
}
