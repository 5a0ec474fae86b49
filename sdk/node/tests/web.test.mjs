/** The web engine in Node: Workers that are stopped, what is given back, where requests go. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { callback, ECHO, fails, failure, nothingIsLeft, program, ROOT, settled, until, usesOf } from "./support.mjs";

nothingIsLeft();

const HTTP = readFileSync(join(ROOT, "fixtures", "wat", "http.wat"), "utf8");
const KEEPS = `(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
  (global $calls (mut i32) (i32.const 48))
  (func $text (param $byte i32) (result i64) (local $block i64)
    (local.set $block (call $alloc (i64.const 1)))
    (call $store (local.get $block) (local.get $byte))
    (local.get $block))
  (func $keep (export "keep")
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (call $var_set (call $text (i32.const 107)) (call $text (global.get $calls))))
  (func (export "keep_and_spin") (call $keep) (loop (br 0))))`;

test("a call that never ends is ended by its limit or a cancel; variables stay, and the plug-in begins anew", async () => {
  const plugin = await extism.createPlugin(KEEPS, { engine: "web", timeoutMs: 1_000, config: { a: "b" } });
  const kept = async () => (await plugin.varGet("k")).text();
  await plugin.call("keep");
  await plugin.varSet("other", "still here");
  await fails(() => plugin.call("keep_and_spin"), extism.CallTimeoutError, Status.Timeout);
  // The second call of the Worker that was ended had told this thread what it set.
  assert.equal(await kept(), "2");
  await plugin.call("keep");
  assert.equal(await kept(), "1");
  const { id } = plugin;
  const called = failure(() => plugin.call("keep_and_spin"));
  await until(() => plugin.isActive(), "no call began");
  plugin.cancel();
  assert.equal((await called).status, Status.Cancelled);
  await plugin.call("keep");
  assert.deepEqual([plugin.id, (await plugin.varGet("other")).text()], [id, "still here"]);
  await plugin.close();
});

test("closing ends a call in a Worker that never ends", async () => {
  for (const close of [(plugin) => plugin.close(), (plugin) => plugin[Symbol.dispose]()]) {
    const plugin = await extism.createPlugin(KEEPS, { engine: "web", runInWorker: true });
    const called = failure(() => plugin.call("keep_and_spin"));
    await close(plugin);
    assert.equal((await called).status, Status.Cancelled);
    await fails(() => plugin.call("keep"), extism.ClosedError, Status.Closed);
  }
});

test("a plug-in in a Worker is not called synchronously, nor one with a limit made so", async () => {
  const plugin = await extism.createPlugin(ECHO, { engine: "web", runInWorker: true });
  await fails(() => plugin.callSync("echo", "x"), extism.UsageError, Status.InvalidArgument);
  await plugin.close();
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  for (const options of [{ timeoutMs: 100 }, { runInWorker: true }]) {
    const make = () => extism.createPluginSync(empty, { engine: "web", ...options });
    await fails(make, extism.UsageError, Status.InvalidArgument);
  }
});

for (const runInWorker of [false, true]) {
  const where = runInWorker ? "in a Worker" : "here";
  test(`what was closed says so, and closing twice is harmless: ${where}`, async () => {
    const compiled = await extism.compilePlugin(ECHO, { engine: "web", runInWorker });
    const plugin = await compiled.instantiate();
    const pool = compiled.pool({ instancesMax: 1 });
    await Promise.all([plugin.close(), plugin.close()]);
    plugin[Symbol.dispose]();
    pool.close();
    pool.close();
    compiled.close();
    compiled.close();
    for (const use of [
      ...usesOf(plugin),
      () => plugin.getInstance(),
      () => pool.get(0),
      () => pool.stats(),
      () => compiled.instantiate(),
      () => compiled.pool(),
    ]) {
      await fails(use, extism.ClosedError, Status.Closed);
    }
    assert.equal(plugin.isActive(), false);
    plugin.cancel();
  });

  test(`a second call is refused and disturbs nothing: ${where}`, async () => {
    let answer;
    const waits = async () => await new Promise((resolve) => (answer = resolve));
    const again = (current) => current.hostContext().callSync("again");
    const plugin = await callback(runInWorker ? waits : again, { engine: "web", runInWorker });
    if (runInWorker) {
      const called = plugin.call("run", "x");
      await fails(() => plugin.call("run", "y"), extism.BusyError, Status.Busy);
      await until(() => answer !== undefined, "the host function was not called");
      await fails(() => plugin.reset().then((done) => done || plugin.renew()), extism.BusyError, Status.Busy);
      answer(0n);
      assert.equal(await called, null);
    } else {
      const refused = () => plugin.callSync("run", "x", plugin);
      const { cause } = await fails(refused, extism.HostFunctionError, Status.HostFunction);
      assert.equal(cause.status, Status.Busy);
      assert.equal(plugin.callSync("again"), null);
    }
    await plugin.close();
  });

  test(`what is forgotten is freed: ${where}`, async () => {
    const before = extism.stats();
    const compiled = await extism.compilePlugin(ECHO, { engine: "web", runInWorker });
    const forget = async () => {
      const plugin = await compiled.instantiate();
      plugin.itself = plugin;
      assert.equal((await plugin.call("echo", "x")).text(), "x");
    };
    for (let round = 0; round < (runInWorker ? 10 : 500); round += 1) {
      await forget();
    }
    compiled.close();
    await settled(before);
  });

  test(`what was borrowed is there again when it was closed: ${where}`, async () => {
    const compiled = await extism.compilePlugin(ECHO, { engine: "web", runInWorker });
    const pool = compiled.pool({ instancesMax: 1 });
    for (let round = 0; round < 3; round += 1) {
      const plugin = await pool.get(round === 0 ? Infinity : 0);
      await plugin.call("echo", "x");
      await plugin.close();
      assert.deepEqual([pool.stats().idle, pool.stats().made, pool.stats().replaced], [1, 1, 0]);
    }
    pool.close();
    compiled.close();
  });
}

test("what a logger does to the plug-in it hears of is done, and disturbs nothing", async () => {
  const module = `(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "log_info" (func $log (param i64)))
    (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
    (func $text (param $byte i32) (result i64) (local $block i64)
      (local.set $block (call $alloc (i64.const 1)))
      (call $store (local.get $block) (local.get $byte))
      (local.get $block))
    (func $run (export "run")
      (call $log (call $text (i32.const 97)))
      (call $var_set (call $text (i32.const 107)) (call $text (i32.const 49)))
      (call $output_set (call $text (i32.const 98)) (i64.const 1)))
    (start $run))`;
  const done = [];
  let plugin;
  const info = () => plugin && done.push(plugin.varSet("h", "of the host"), plugin.config({ a: "b" }));
  const logger = { trace() {}, debug() {}, info, warn() {}, error() {} };
  plugin = await extism.createPlugin(module, { engine: "web", logger, logLevel: "info" });
  const variables = async () => [(await plugin.varGet("k"))?.text(), (await plugin.varGet("h"))?.text()];
  for (const [again, count] of [
    [() => plugin.call("run"), 2],
    [() => plugin.renew(), 4],
    [() => plugin.call("run"), 6],
  ]) {
    const output = await again();
    assert.equal(output?.text(), count === 4 ? undefined : "b");
    assert.deepEqual([(await Promise.all(done)).length, ...(await variables())], [count, "1", "of the host"]);
  }
  await plugin.close();
});

test("while a plug-in is renewed nothing else of it is called", async () => {
  const GATE = `(module
    (import "extism:host/user" "gate" (func $gate))
    (start $gate)
    (func (export "again")))`;
  let plugin;
  const seen = [];
  const gate = () => {
    try {
      seen.push(plugin?.callSync("again"));
    } catch (error) {
      seen.push(error.status);
    }
  };
  plugin = await extism.createPlugin(GATE, { engine: "web", functions: { "extism:host/user": { gate } } });
  const renewed = plugin.renew();
  assert.equal(plugin.isActive(), true);
  const uses = [() => plugin.callSync("again"), () => plugin.call("again"), () => plugin.renew()];
  const refused = uses.map((use) => fails(use, extism.BusyError, Status.Busy));
  assert.equal(await plugin.reset(), false);
  await Promise.all([renewed, ...refused]);
  assert.deepEqual(seen, [undefined, Status.Busy]);
  assert.deepEqual([plugin.isActive(), plugin.callSync("again")], [false, null]);
  await plugin.close();
});

test("a redirect takes no user along that a server made up", async () => {
  const seen = [];
  const server = createServer((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization ?? "none"}`);
    const { port } = server.address();
    const to = { "/else": `http://ann:secret@localhost:${port}/there`, "/here": "/there" }[request.url];
    response.writeHead(to === undefined ? 200 : 302, to === undefined ? {} : { location: to }).end("answer");
  });
  await new Promise((listening) => server.listen(0, listening));
  const { port } = server.address();
  const allowedHosts = ["127.0.0.1", "localhost"];
  const plugin = await extism.createPlugin(HTTP, { engine: "web", runInWorker: true, allowedHosts });
  for (const path of ["/else", "/here"]) {
    const url = `http://me:mine@127.0.0.1:${port}${path}`;
    assert.equal((await plugin.call("body", JSON.stringify({ url }))).text(), "answer");
  }
  await plugin.close();
  server.close();
  server.closeAllConnections();
  const mine = `Basic ${btoa("me:mine")}`;
  assert.deepEqual(seen, [`/else ${mine}`, "/there none", `/here ${mine}`, `/there ${mine}`]);
});

for (const engine of ["native", "web"]) {
  test(`using ends what it is given, and await using waits for it: ${engine}`, async () => {
    const { transform } = createRequire(import.meta.url)("esbuild");
    const source = `
      import { compilePlugin, Context, stats } from "@extism/extism";
      import { ECHO, until } from "./tests/support.mjs";
      const before = JSON.stringify(stats());
      let escaped;
      {
        using compiled = await compilePlugin(ECHO, { engine: "${engine}" });
        using pool = compiled.pool({ instancesMax: 1 });
        using context = new Context();
        {
          using plugin = compiled.instantiateSync();
          await using other = await compiled.instantiate();
          await using lent = await pool.get();
          escaped = [plugin, other, lent];
          console.log(plugin.callSync("echo", "a").text(), (await lent.call("echo", "b")).text());
        }
        await until(() => pool.stats().idle === 1, "it did not come back");
        escaped.push(pool);
      }
      for (const each of escaped) {
        try { each.id ?? each.stats(); } catch (error) { console.log(error.code); }
      }
      console.log(JSON.stringify(stats()) === before);`;
    const { code: lowered } = await transform(source, { target: "es2022", format: "esm" });
    const { code, output } = await program(lowered);
    assert.deepEqual([code, output], [0, "a b\nCLOSED\nCLOSED\nCLOSED\nCLOSED\ntrue\n"]);
  });
}

test("a host function in a Worker's call may be slow, and its limit counts", async () => {
  const never = () => new Promise(() => undefined);
  // Nothing else on this thread runs meanwhile, its timers neither.
  const asking = (current) => {
    while (!current.mustStop());
    return 0n;
  };
  for (const work of [never, asking]) {
    const slow = await callback(work, { engine: "web", timeoutMs: 300 });
    const begin = performance.now();
    await fails(() => slow.call("run", "x"), extism.CallTimeoutError, Status.Timeout);
    assert.ok(performance.now() - begin >= 300);
    await slow.close();
  }
});
