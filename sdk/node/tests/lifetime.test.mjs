/** Guarantees 1 to 4: objects that are closed, closed twice, forgotten, or whose parents are gone. */

import assert from "node:assert/strict";
import test from "node:test";

import * as extism from "@extism/extism";
import { ClosedError, Status } from "@extism/extism";

import { callback, ECHO, fails, failure, nothingIsLeft, program, settled, SPIN, until, usesOf } from "./support.mjs";

nothingIsLeft();

test("g01 a closed object says that it is closed", async () => {
  const compiled = await extism.compilePlugin(ECHO);
  const plugin = await compiled.instantiate();
  const pool = compiled.pool({ instancesMax: 1 });
  const context = new extism.Context();
  const inner = context.plugin(ECHO);
  const handle = plugin.cancelHandle();
  await plugin.close();
  pool.close();
  context.free();
  compiled.close();
  const uses = [
    ...usesOf(plugin),
    () => plugin.configSync({}),
    () => pool.get(0),
    () => pool.stats(),
    () => context.plugin(ECHO),
    () => inner.call("echo", ""),
    () => inner.update(ECHO),
    () => inner.functionExists("echo"),
    () => inner.config({}),
    () => compiled.instantiate(),
    () => compiled.instantiateSync(),
    () => compiled.functionExists("echo"),
    () => compiled.pool(),
  ];
  for (const use of uses) {
    await fails(use, ClosedError, Status.Closed);
  }
  assert.equal(plugin.isActive(), false);
  handle.cancel();
  plugin.cancel();
});

test("g02 closing twice, and forgetting after closing, is harmless", async () => {
  const before = extism.stats();
  for (let round = 0; round < 100; round += 1) {
    const plugin = await extism.createPlugin(ECHO);
    await Promise.all([plugin.close(), plugin.close()]);
    plugin[Symbol.dispose]();
    const context = new extism.Context();
    const inner = context.plugin(ECHO);
    inner.free();
    context.free();
    context.free();
    inner.free();
  }
  await settled(before);
});

test("g03 what is forgotten is freed", async () => {
  const before = extism.stats();
  const compiled = await extism.compilePlugin(ECHO);
  const forget = () => {
    const plugin = compiled.instantiateSync();
    plugin.itself = plugin;
  };
  for (let round = 0; round < 10_000; round += 1) {
    forget();
    if (round % 1_000 === 0) {
      globalThis.gc();
      await new Promise(setImmediate);
    }
  }
  compiled.close();
  await settled(before);
});

const ENDS = [
  "",
  "process.exit(0)",
  "spinning.call('spin'); process.exit(0)",
  "spinning.call('spin'); await new Promise((resolve) => setTimeout(resolve, 20)); process.exit(0)",
  "waiting.call('run'); await entered; process.exit(0)",
  "process.on('exit', () => { console.log(plugin.callSync('echo', 'late').text()); })",
  "plugin.callSync('echo', 'x'); globalThis.kept = plugin",
  "new (await import('@extism/extism')).Context().plugin(ECHO)",
];
for (const end of ENDS) {
  test(`g03 the process ends with live plug-ins: ${end}`, async () => {
    const { code, output } = await program(`
      import { createPlugin } from "@extism/extism";
      import { CALLBACK, ECHO, SPIN, user } from "./tests/support.mjs";
      const plugin = await createPlugin(ECHO);
      const spinning = await createPlugin(SPIN);
      let enter;
      const entered = new Promise((resolve) => (enter = resolve));
      const callback = () => { enter(); return new Promise(() => undefined); };
      const waiting = await createPlugin(CALLBACK, { functions: user({ callback }) });
      ${end}
    `);
    assert.deepEqual([code, output], [0, end.includes("late") ? "late\n" : ""]);
  });
}

test("g04 children keep their parents", async () => {
  let compiled = await extism.compilePlugin(ECHO);
  const plugin = await compiled.instantiate();
  const pool = compiled.pool({ instancesMax: 1 });
  const lent = await pool.get();
  compiled.close();
  compiled = undefined;
  pool.close();
  globalThis.gc();
  assert.equal((await plugin.call("echo", "a")).text(), "a");
  assert.equal((await lent.call("echo", "b")).text(), "b");
  const handle = plugin.cancelHandle();
  assert.equal((await plugin.getExports()).find(({ name }) => name === "echo").kind, "function");
  await plugin.close();
  await lent.close();
  handle.cancel();
});

test("g04 a plug-in closed in its own host function ends its call first", async () => {
  const plugin = await callback((current, handle) => {
    plugin[Symbol.dispose]();
    assert.equal(current.read(handle).text(), "x");
    return handle;
  });
  // Closing cancels what runs here and now as well.
  await fails(() => plugin.callSync("run", "x"), extism.CallCancelledError, Status.Cancelled);
  await fails(() => plugin.callSync("run", "x"), ClosedError, Status.Closed);
});

test("g04 closing during a call cancels it and waits for it", async () => {
  const plugin = await extism.createPlugin(SPIN);
  const called = failure(() => plugin.call("spin"));
  await until(() => plugin.isActive(), "no call began");
  await plugin.close();
  assert.equal((await called).status, Status.Cancelled);
});

test("g04 a plug-in nobody holds lives until its call ends", async () => {
  let enter;
  const entered = new Promise((resolve) => (enter = resolve));
  let answer;
  const called = (
    await callback(() => {
      enter();
      return new Promise((resolve) => (answer = resolve));
    })
  ).call("run", "x");
  await entered;
  globalThis.gc();
  await new Promise(setImmediate);
  globalThis.gc();
  answer(0n);
  assert.equal(await called, null);
});
