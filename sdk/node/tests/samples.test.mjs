/** The samples print what their documentation shows. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";

import { ROOT, SDK } from "./support.mjs";

const SAMPLES = join(SDK, "samples");
const names = readdirSync(SAMPLES).filter((name) => name !== "expected");

test("the samples are those of every SDK", () => {
  assert.deepEqual(names.sort(), ["basic", "config_and_vars", "host_functions", "http", "pool_and_cancel"]);
});

for (const name of names) {
  test(`a sample prints what is expected: ${name}`, async () => {
    const program = join(SAMPLES, name, "main.mjs");
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { cwd: ROOT });
    assert.deepEqual([stderr, stdout], ["", readFileSync(join(SAMPLES, "expected", `${name}.txt`), "utf8")]);
  });
}
