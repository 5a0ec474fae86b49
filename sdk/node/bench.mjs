/**
 * Times calls through a package, and prints a line of JSON.
 *
 * Usage: node bench.mjs ROW MILLISECONDS [FOLDER]    measures a row in loops of that length
 *
 * ROW is what is done, `, JavaScript`, and how: nothing, ` awaited`, or ` web` for the web engine.
 * `cargo xtask bench JavaScript` runs it with this package and with the published one, in turn, and has the targets.
 * FOLDER is one where another package of this name is installed.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { nanosecondsOfCall } from "./bench-calls.mjs";

const PLUGIN = new URL("../../bench/plugins/published.wasm", import.meta.url);

const [row, milliseconds, folder] = process.argv.slice(2);
/** What, and how: synchronously, `awaited`, or with the `web` engine. */
const [, what, how] = /^(.*), JavaScript ?(.*)$/.exec(row);
const { createPlugin } =
  folder === undefined ? await import("@extism/extism") : createRequire(`${folder}/package.json`)("@extism/extism");
const options =
  folder === undefined ? { engine: how === "web" ? "web" : "native" } : { runInWorker: how === "awaited" };
const plugin = await createPlugin({ wasm: [{ data: readFileSync(PLUGIN) }] }, options);
const isSync = typeof plugin.callSync === "function" && how !== "awaited";
const ns = await nanosecondsOfCall(plugin, what, isSync, Number(milliseconds), () => performance.now());
console.log(JSON.stringify({ row, ns }));
await plugin.close();
