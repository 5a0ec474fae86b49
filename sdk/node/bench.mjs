/**
 * Times calls through a package, and prints a line of JSON.
 *
 * Usage: node bench.mjs ROW MILLISECONDS [FOLDER]    measures a row in loops of that length
 *
 * ROW is what is done, `, JavaScript`, and how: nothing, ` awaited`, or ` web` for the web engine.
 * `cargo xtask bench JavaScript` runs it with this package and with the published one, in turn, and has the targets.
 * FOLDER is one where another package of this name is installed.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const PLUGIN = new URL("../../bench/plugins/published.wasm", import.meta.url);
/** Function and input. */
const ROWS = {
  "no-op": ["noop", ""],
  count_vowels: ["count_vowels", "this is a test"],
  "echo 64 KiB": ["echo", new Uint8Array(64 << 10).fill(120)],
  "echo 1 MiB": ["echo", new Uint8Array(1 << 20).fill(120)],
};
/** How many loops are timed; the fastest counts. */
const SAMPLES = 20;

const [row, milliseconds, folder] = process.argv.slice(2);
/** What, and how: synchronously, `awaited`, or with the `web` engine. */
const [, what, how] = /^(.*), JavaScript ?(.*)$/.exec(row);
const [name, input] = ROWS[what];
const { createPlugin } =
  folder === undefined ? await import("@extism/extism") : createRequire(`${folder}/package.json`)("@extism/extism");
const options =
  folder === undefined ? { engine: how === "web" ? "web" : "native" } : { runInWorker: how === "awaited" };
const plugin = await createPlugin({ wasm: [{ data: readFileSync(PLUGIN) }] }, options);
const isSync = typeof plugin.callSync === "function" && how !== "awaited";

/** How many nanoseconds so many calls take. */
async function nanoseconds(count) {
  let output;
  const begin = process.hrtime.bigint();
  if (isSync) {
    for (let left = count; left > 0; left -= 1) {
      output = plugin.callSync(name, input);
    }
  } else {
    for (let left = count; left > 0; left -= 1) {
      output = await plugin.call(name, input);
    }
  }
  const took = Number(process.hrtime.bigint() - begin);
  assert.ok(name !== "echo" || output.byteLength === input.byteLength);
  return took;
}

let count = 1;
while ((await nanoseconds(count)) < Number(milliseconds) * 1e6) {
  count *= 2;
}
let best = Infinity;
for (let sample = 0; sample < SAMPLES; sample += 1) {
  best = Math.min(best, await nanoseconds(count));
}
console.log(JSON.stringify({ row, ns: best / count }));
await plugin.close();
