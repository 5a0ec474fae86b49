/** Guarantees 8 to 11 and 15 for more jobs at a time than there are threads: who waits holds nobody up. */

import assert from "node:assert/strict";
import test from "node:test";
import { Worker } from "node:worker_threads";

import { ECHO, nothingIsLeft, program } from "./support.mjs";

nothingIsLeft();

/** Runs the body of a program that may hang, and asserts what it prints. */
async function prints(expected, body) {
  const { code, output } = await program(`
    import { compilePlugin, createPlugin, stats } from "@extism/extism";
    import { CALLBACK, ECHO, until, user } from "./tests/support.mjs";
    setTimeout(() => { console.log("it hangs"); process.exit(1); }, 60_000).unref();
    ${body}
    process.exit(0);`);
  assert.deepEqual([code, output], [0, `${expected}\n`]);
}

test("g09 more borrowers than threads get plug-ins, one after the other", async () => {
  await prints(
    "true { alive: 2, waiting: 0 }",
    `
    const pool = (await compilePlugin(ECHO)).pool({ instancesMax: 2 });
    const order = [];
    const use = (at) => pool.use(async (plugin) => order.push((await plugin.call("echo", String(at))).text()));
    await Promise.all(Array.from({ length: 1_500 }, (_, at) => use(at)));
    const { alive, waiting } = pool.stats();
    // Two have plug-ins at a time, and either may be the quicker one.
    const isFair = order.every((at, place) => Math.abs(Number(at) - place) < 64);
    console.log(isFair, { alive, waiting });`,
  );
});

test("g10 the time of a borrower is counted from when it asks, behind whomever it waits", async () => {
  await prints(
    "PoolTimeoutError 1100 late y",
    `
    const pool = (await compilePlugin(ECHO)).pool({ instancesMax: 1 });
    const plugin = await pool.get();
    const others = Array.from({ length: 1_100 }, () => pool.get());
    const error = await pool.get(20).catch((error) => error);
    const late = await plugin.call("echo", "late");
    const { waiting } = pool.stats();
    const last = pool.use(async (plugin) => (await plugin.call("echo", "y")).text());
    await plugin.close();
    for (const other of others) await (await other).close();
    console.log(error.constructor.name, waiting, late.text(), await last);`,
  );
});

test("g09 more host functions than threads wait while they call plug-ins", async () => {
  await prints(
    "1100 inner",
    `
    const inner = await compilePlugin(ECHO);
    const callback = async (current) => {
      const plugin = await inner.instantiate();
      const output = (await plugin.call("echo", "inner")).text();
      await plugin.close();
      return current.store(output);
    };
    const outer = await compilePlugin(CALLBACK, { functions: user({ callback }) });
    const plugins = Array.from({ length: 1_100 }, () => outer.instantiateSync());
    const outputs = await Promise.all(plugins.map(async (plugin) => (await plugin.call("run", "x")).text()));
    console.log(outputs.length, [...new Set(outputs)].join());`,
  );
});

test("g15 what a worker did not receive before it was terminated is let go", async () => {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const extism = require("@extism/extism");
    const compiled = extism.compilePlugin(${JSON.stringify(ECHO)}).then((compiled) => {
      for (let at = 0; at < 150; at += 1) compiled.instantiate();
      parentPort.postMessage("in");
      for (;;);
    });`;
  for (let round = 0; round < 25; round += 1) {
    const worker = new Worker(source, { eval: true });
    await new Promise((resolve) => worker.once("message", resolve));
    assert.equal(await worker.terminate(), 1);
  }
});
