/** The samples print in a page what their documentation shows. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";

import { HERE } from "../support/build.mjs";
import { start } from "./support.mjs";

const SAMPLES = join(HERE, "samples");
const names = readdirSync(SAMPLES).filter((name) => name !== "expected");
let started;

before(async () => (started = await start()));
after(async () => await started.stop());

test("the samples are those of every SDK", () => {
  assert.deepEqual(names.sort(), ["basic", "config_and_vars", "host_functions", "http", "pool_and_cancel"]);
});

for (const name of names) {
  test(`a sample prints what is expected: ${name}`, async () => {
    const page = await started.open();
    const lines = [];
    page.on("console", (message) => lines.push(message.text()));
    await page.evaluate(async (address) => await import(address), `/samples/${name}.js`);
    assert.deepEqual(page.problems, []);
    assert.equal(`${lines.join("\n")}\n`, readFileSync(join(SAMPLES, "expected", `${name}.txt`), "utf8"));
    await page.close();
  });
}
