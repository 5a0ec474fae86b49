/** What a page loads is small. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { gzipSync } from "node:zlib";

import { OUT } from "../support/build.mjs";

/** What a page loads that runs plug-ins on its own thread and in Workers, but for what these import. */
const LOADED = ["extism_web.wasm", "index.js", "worker.js"];
const BYTES_MAX = 120_000;

/** The scripts that a script imports before it runs. What it imports later, it loads when it needs it. */
function imported(name) {
  const text = readFileSync(join(OUT, "web", name), "utf8");
  return [...text.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g)].map(([, found]) => found);
}

test("what a page loads fits into its budget, compressed", () => {
  const names = new Set(LOADED);
  for (const name of names) {
    if (name.endsWith(".js")) {
      imported(name).forEach((found) => names.add(found));
    }
  }
  const sizes = [...names].map((name) => {
    const bytes = gzipSync(readFileSync(join(OUT, "web", name)), { level: 9 }).length;
    return { name, bytes };
  });
  const sum = sizes.reduce((all, { bytes }) => all + bytes, 0);
  assert.ok(names.size > LOADED.length, "page and Worker share a file");
  assert.ok(sum <= BYTES_MAX, `${sizes.map(({ name, bytes }) => `${name} ${bytes}`).join(", ")}: ${sum}`);
});
