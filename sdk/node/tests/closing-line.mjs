/**
 * Ends the output of `node --test` with the line that `cargo xtask` counts. The browser's tests and those of the
 * examples end with it, too.
 *
 * Must not know: the tests. Invariant: tests are counted, and files and groups of them are not.
 */

export default async function* closingLine(events) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      const isTest = data.details.type !== "suite" && data.nesting === 0;
      const name = data.skip !== undefined ? "skipped" : type === "test:pass" ? "passed" : "failed";
      count[name] += isTest ? 1 : 0;
    }
  }
  yield `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`;
}

/** What `node --test` is told: what went wrong in full, and at the end the line that is counted. */
export const REPORTERS = ["spec", import.meta.url].flatMap((reporter) => [
  `--test-reporter=${reporter}`,
  "--test-reporter-destination=stdout",
]);
