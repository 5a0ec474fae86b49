/**
 * The Worker of a plug-in, as browsers and Deno have them.
 *
 * Must not know: what it serves. Invariant: it ends when the page ends it.
 */

import type { FromWorker, ToWorker } from "./messages.js";
import { serve } from "./worker.js";

/** What a Worker is to itself. */
interface Scope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = globalThis as unknown as Scope;

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
