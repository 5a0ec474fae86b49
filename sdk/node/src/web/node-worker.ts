/**
 * The Worker of a plug-in, as a thread of Node.
 *
 * Must not know: what it serves. Invariant: it ends when the page ends it.
 */

import { parentPort, type Transferable as NodeTransferable } from "node:worker_threads";

import type { ToWorker } from "./messages.js";
import { serve } from "./worker.js";

serve({
  post: (message, transfer) => {
    parentPort?.postMessage(message, (transfer ?? []) as NodeTransferable[]);
  },
  listen: (receive) => {
    parentPort?.on("message", (message: ToWorker) => {
      receive(message);
    });
  },
});
