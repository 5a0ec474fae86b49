/** What a page loads is small. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { gzipSync } from "node:zlib";

import { OUT } from "../support/build.mjs";

/** What a page loads that runs plug-ins on its own thread and in Workers. */
const LOADED = ["extism_web.wasm", "extism.js"];
const BYTES_MAX = 122_000;
/** Of these, what is written in JavaScript: Workers run the same file. */
const SCRIPT_BYTES_MAX = 25 * 1024;

test("what a page loads fits into its budget, compressed", () => {
  const sizes = LOADED.map((name) => gzipSync(readFileSync(join(OUT, "web", name)), { level: 9 }).length);
  const sum = sizes.reduce((a, b) => a + b);
  assert.ok(sizes[1] <= SCRIPT_BYTES_MAX, `${sizes[1]} bytes of JavaScript`);
  assert.ok(sum <= BYTES_MAX, `${LOADED.map((name, at) => `${name} ${sizes[at]}`).join(", ")}: ${sum}`);
});
