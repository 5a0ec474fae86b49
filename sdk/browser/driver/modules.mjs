/**
 * The modules of Node that the driver of sdk/node imports, as a page has them.
 *
 * Must not know: the protocol. Invariant: lines come from `driveLine`, and it promises their replies.
 */

const queue = globalThis.driverLines;

/** Answers a line. */
globalThis.driveLine = (line) =>
  new Promise((resolve) => {
    queue.lines.push(line);
    queue.replies.push(resolve);
    queue.wake();
  });

export function createInterface() {
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (queue.lines.length > 0) {
          yield queue.lines.shift();
        }
        await new Promise((resolve) => (queue.wake = resolve));
      }
    },
  };
}

const sleep = (ms) => new Promise((resolve) => globalThis.setTimeout(resolve, ms));
export { sleep as setTimeout };
