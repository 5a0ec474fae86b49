/** Shares plug-ins between tasks, and ends calls that take too long. */

import { compilePlugin, createPlugin } from "@extism/extism";

// snippet: pool
const compiled = await compilePlugin({
  wasm: [{ url: "/plugins/count_vowels.wasm" }],
});
const pool = compiled.pool({ instancesMax: 2 });

const counts = Array.from({ length: 100 }, () =>
  pool.use(async (plugin) => (await plugin.call("count_vowels", "Hello, World!")).json().count, 10_000),
);
console.log(
  (await Promise.all(counts)).reduce((sum, count) => sum + count),
  "vowels",
);
console.log("at most", pool.stats().instancesMax, "plug-ins at a time, all back:", pool.stats().waiting === 0);
pool.close();
// end snippet

const SPIN = '(module (func (export "spin") (result i32) (loop (br 0)) unreachable))';

// snippet: cancel
const plugin = await createPlugin(SPIN, { runInWorker: true });
try {
  await plugin.call("spin", "", undefined, {
    signal: AbortSignal.timeout(100),
  });
} catch (error) {
  console.log("cancelled by a signal:", error.code, error.cause.name);
}
await plugin.close();

// A plug-in with a time limit runs in a Worker by itself.
const limited = await createPlugin(SPIN, { limits: { callTimeMsMax: 500 } });
try {
  await limited.call("spin");
} catch (error) {
  console.log("ended by its limit:", error.code);
}
await limited.close();
// end snippet
