/** Guarantees 8 to 11 and 15: concurrent calls, cancelling, the event loop, workers. */

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import * as extism from "@extism/extism";
import { BusyError, CallCancelledError, CallTimeoutError, Status } from "@extism/extism";

import { callback, CALLBACK, ECHO, fails, failure, nothingIsLeft, program, SPIN, until, user } from "./support.mjs";

nothingIsLeft();

test("g08 a second call of a plug-in is refused and disturbs nothing", async () => {
  const plugin = await callback(async (_, handle) => {
    await sleep(1);
    return handle;
  });
  for (let round = 0; round < 50; round += 1) {
    const calls = Array.from({ length: 20 }, (_, at) => plugin.call("run", String(at)));
    const [first, ...others] = await Promise.allSettled(calls);
    assert.equal(first.value.text(), "0");
    for (const { reason } of others) {
      assert.deepEqual([reason.constructor, reason.status], [BusyError, Status.Busy]);
    }
  }
  await plugin.close();
});

test("g08 a host function cannot use the plug-in that calls it", async () => {
  for (const call of ["call", "callSync"]) {
    const errors = [];
    const plugin = await callback((_, handle) => {
      for (const use of [
        () => plugin.callSync("again"),
        () => plugin.configSync({}),
        () => plugin.fuelConsumed(),
        () => plugin.allowHttpResponseHeaders(),
      ]) {
        try {
          use();
        } catch (error) {
          errors.push(error.status);
        }
      }
      errors.push(...[() => plugin.renew(), () => plugin.varGet("a")].map((use) => failure(use)));
      assert.equal(plugin.isActive(), true);
      return handle;
    });
    assert.equal((await plugin[call]("run", "x")).text(), "x");
    const found = await Promise.all(errors);
    assert.deepEqual(
      found.map((error) => error.status ?? error),
      Array(6).fill(Status.Busy),
    );
    assert.equal(await plugin.call("again"), null);
    await plugin.close();
  }
});

test("g08 an uncaught busy error fails the outer call", async () => {
  const plugin = await callback(() => plugin.callSync("again"));
  for (const call of ["call", "callSync"]) {
    const error = await fails(() => plugin[call]("run"), extism.HostFunctionError, Status.HostFunction);
    assert.ok(error.cause instanceof BusyError);
  }
  await plugin.close();
});

test("g09 other JavaScript runs during a call, and more calls than there are processors", async () => {
  const compiled = await extism.compilePlugin(SPIN);
  const plugins = await Promise.all(Array.from({ length: 16 }, () => compiled.instantiate()));
  const calls = plugins.map((plugin) => failure(() => plugin.call("spin")));
  const echo = await extism.createPlugin(ECHO);
  assert.equal((await echo.call("echo", "meanwhile")).text(), "meanwhile");
  plugins.forEach((plugin) => plugin.cancel());
  for (const error of await Promise.all(calls)) {
    assert.equal(error.status, Status.Cancelled);
  }
  await Promise.all([echo, ...plugins].map((plugin) => plugin.close()));
  compiled.close();
});

test("g10 cancelling ends a call soon, and hits no other", async () => {
  const plugin = await extism.createPlugin(SPIN);
  const handle = plugin.cancelHandle();
  const called = failure(() => plugin.call("spin"));
  await sleep(20);
  const asked = performance.now();
  handle.cancel();
  const error = await called;
  assert.ok(performance.now() - asked < 250);
  assert.ok(error instanceof CallCancelledError);
  handle.cancel();
  assert.equal((await failure(() => plugin.call("nope"))).status, Status.FunctionNotFound);
  await plugin.close();
});

test("g10 a cancel before a thread has taken the call is not lost", async () => {
  const plugin = await extism.createPlugin(SPIN);
  for (let round = 0; round < 200; round += 1) {
    const called = failure(() => plugin.call("spin"));
    await Promise.resolve();
    plugin.cancel();
    assert.equal((await called).status, Status.Cancelled);
  }
  await plugin.close();
});

test("g10 a signal cancels, with its reason as the cause", async () => {
  const plugin = await extism.createPlugin(SPIN);
  const error = await fails(
    () => plugin.call("spin", "", undefined, { signal: AbortSignal.timeout(20) }),
    CallCancelledError,
    Status.Cancelled,
  );
  assert.equal(error.cause.name, "TimeoutError");
  const reason = new Error("enough");
  const early = await failure(() => plugin.call("spin", "", undefined, { signal: AbortSignal.abort(reason) }));
  assert.deepEqual([early.status, early.cause], [Status.Cancelled, reason]);
  assert.equal(plugin.isActive(), false);
  await plugin.close();
});

test("g10 a time limit ends a call, and host functions are told", async () => {
  const told = [];
  const limits = { callTimeMsMax: 50 };
  const plugin = await callback(
    async (current) => {
      assert.ok(current.timeRemainingMs() <= 50);
      while (!current.mustStop()) {
        await sleep(1);
      }
      told.push(true);
    },
    { limits },
  );
  await fails(() => plugin.call("run"), CallTimeoutError, Status.Timeout);
  await until(() => told.length === 1, "the host function was not told");
  await plugin.close();
  const spinning = await extism.createPlugin(SPIN, { limits });
  const error = await fails(() => spinning.call("spin"), CallTimeoutError, Status.Timeout);
  assert.equal(error.message, "timeout");
  await fails(() => spinning.callSync("spin"), CallTimeoutError, Status.Timeout);
  await spinning.close();
});

test("g10 a cancel reaches a call whose host function never answers", async () => {
  let enter;
  const entered = new Promise((resolve) => (enter = resolve));
  const plugin = await callback(() => {
    enter();
    return new Promise(() => undefined);
  });
  const called = failure(() => plugin.call("run"));
  await entered;
  plugin.cancel();
  assert.equal((await called).status, Status.Cancelled);
  assert.equal(await plugin.call("again"), null);
  await plugin.close();
});

/** How often a timer of 10 ms comes in half a second. */
async function beats() {
  let count = 0;
  const heart = setInterval(() => (count += 1), 10);
  await sleep(500);
  clearInterval(heart);
  return count;
}

test("g11 the event loop goes on during calls", async () => {
  const before = await beats();
  const plugins = await Promise.all(Array.from({ length: 4 }, () => extism.createPlugin(SPIN)));
  const calls = plugins.map((plugin) => failure(() => plugin.call("spin")));
  const during = await beats();
  plugins.forEach((plugin) => plugin.cancel());
  await Promise.all(calls);
  // Four endless plug-ins share the processors with it, and so may other programs.
  assert.ok(during >= before / 4, `${during} beats instead of ${before}`);
  await Promise.all(plugins.map((plugin) => plugin.close()));
});

test("g11 a synchronous call with a host function that promises is refused, and does not wait for ever", async () => {
  const plugin = await callback(async () => 0n);
  const error = await fails(() => plugin.callSync("run"), extism.HostFunctionError, Status.HostFunction);
  assert.match(error.message, /promise/);
  assert.equal(await plugin.call("run"), null);
  await plugin.close();
});

test("g11 synchronous and asynchronous calls of several plug-ins nest", async () => {
  const inner = await extism.createPlugin(ECHO);
  const outer = await callback(async (current, handle) => {
    const here = inner.callSync("echo", current.read(handle).bytes()).text();
    const there = (await inner.call("echo", `${here}!`)).text();
    return current.store(there);
  });
  assert.equal((await outer.call("run", "deep")).text(), "deep!");
  await Promise.all([inner.close(), outer.close()]);
});

/** A Worker that makes plug-ins and does something. */
function worker(body) {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const extism = require("@extism/extism");
    const SPIN = ${JSON.stringify(SPIN)}, ECHO = ${JSON.stringify(ECHO)}, CALLBACK = ${JSON.stringify(CALLBACK)};
    (async () => { ${body} })();`;
  return new Worker(source, { eval: true });
}

test("g15 every worker has plug-ins of its own", async () => {
  const body = `
    const plugin = await extism.createPlugin(ECHO);
    for (let round = 0; round < 200; round += 1) {
      plugin.callSync("echo", "x");
      await plugin.call("echo", "y");
    }
    parentPort.postMessage("done");`;
  const workers = Array.from({ length: 4 }, () => worker(body));
  const done = workers.map((each) => new Promise((resolve) => each.once("message", resolve)));
  assert.deepEqual(await Promise.all(done), Array(4).fill("done"));
  await Promise.all(workers.map((each) => each.terminate()));
});

const DURING = {
  "an asynchronous call": `(await extism.createPlugin(SPIN)).call("spin"); parentPort.postMessage("in");`,
  "a call that is about to begin": `
    const plugin = await extism.createPlugin(SPIN); parentPort.postMessage("in"); plugin.call("spin");`,
  "a synchronous call with a limit": `
    const plugin = await extism.createPlugin(SPIN, { limits: { callTimeMsMax: 300 } });
    parentPort.postMessage("in");
    plugin.callSync("spin");`,
  "a host function that never answers": `
    const callback = () => { parentPort.postMessage("in"); return new Promise(() => undefined); };
    (await extism.createPlugin(CALLBACK, { functions: { "extism:host/user": { callback } } })).call("run");`,
  "a synchronous host function": `
    const callback = () => { parentPort.postMessage("in"); for (;;); };
    (await extism.createPlugin(CALLBACK, { functions: { "extism:host/user": { callback } } })).callSync("run");`,
  "an endless host function of an asynchronous call": `
    const callback = () => { parentPort.postMessage("in"); for (;;); };
    (await extism.createPlugin(CALLBACK, { functions: { "extism:host/user": { callback } } })).call("run");`,
  "waiting for a pool": `
    const pool = (await extism.compilePlugin(ECHO)).pool({ instancesMax: 1 });
    await pool.get(); pool.get(); parentPort.postMessage("in");`,
  "many calls": `
    const compiled = await extism.compilePlugin(ECHO);
    const plugins = await Promise.all(Array.from({ length: 8 }, () => compiled.instantiate()));
    parentPort.postMessage("in");
    for (;;) await Promise.all(plugins.map((plugin) => plugin.call("echo", "x".repeat(10_000))));`,
};
for (const [what, body] of Object.entries(DURING)) {
  test(`g15 a worker may be terminated during ${what}`, async () => {
    for (let round = 0; round < 5; round += 1) {
      const ending = worker(body);
      await new Promise((resolve) => ending.once("message", resolve));
      await sleep(round * 5);
      assert.equal(await ending.terminate(), 1);
    }
  });
}

test("g15 parent and child process are both usable", async () => {
  const plugin = await extism.createPlugin(ECHO);
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    console.log((await (await createPlugin(${JSON.stringify(ECHO)})).call("echo", "child")).text());`);
  assert.deepEqual([code, output], [0, "child\n"]);
  assert.equal((await plugin.call("echo", "parent")).text(), "parent");
  await plugin.close();
});

test("pools lend as many plug-ins as there are, and take them back", async () => {
  const compiled = await extism.compilePlugin(ECHO);
  const pool = compiled.pool({ instancesMax: 2 });
  const [first, second] = await Promise.all([pool.get(), pool.get()]);
  const started = performance.now();
  await fails(() => pool.get(30), extism.PoolTimeoutError, Status.WaitTimeout);
  assert.ok(performance.now() - started >= 25);
  const waiting = pool.get(10_000);
  await until(() => pool.stats().waiting === 1, "nobody waits");
  await first.close();
  const third = await waiting;
  await second.close();
  await third.close();
  await until(() => pool.stats().idle === 2, "not all are back");
  assert.deepEqual(pool.stats(), { instancesMax: 2, alive: 2, idle: 2, waiting: 0, made: 2, replaced: 0 });
  const outputs = await Promise.all(
    Array.from({ length: 100 }, (_, at) => pool.use(async (plugin) => (await plugin.call("echo", String(at))).text())),
  );
  assert.deepEqual(
    outputs,
    Array.from({ length: 100 }, (_, at) => String(at)),
  );
  for (const wrong of [-1, Number.NaN, "x", null]) {
    await fails(() => pool.get(wrong), extism.UsageError, Status.InvalidArgument);
  }
  pool.close();
  compiled.close();
});

test("a pool whose plug-ins call host functions while they are made", async () => {
  const module = `(module
    (import "extism:host/user" "made" (func $made))
    (start $made)
    (func (export "run") (result i32) (i32.const 0)))`;
  let made = 0;
  const compiled = await extism.compilePlugin(module, { functions: user({ made: () => void (made += 1) }) });
  const pool = compiled.pool({ instancesMax: 1 });
  await pool.use((plugin) => plugin.call("run"));
  assert.equal(made, 1);
  const plugin = compiled.instantiateSync();
  assert.equal(made, 2);
  await plugin.renew();
  assert.equal(made, 3);
  await plugin.close();
  pool.close();
  compiled.close();
});
