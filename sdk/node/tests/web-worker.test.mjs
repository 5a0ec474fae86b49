/** Plug-ins of the web engine in Workers: page and plug-in are of one mind, and nothing waits for ever. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { failure, fails, inside, nothingIsLeft, program, SDK, until, user } from "./support.mjs";

nothingIsLeft();

const TEXTS = `
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
  (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (func $text (param $byte i32) (result i64) (local $block i64)
    (local.set $block (call $alloc (i64.const 1)))
    (call $store (local.get $block) (local.get $byte))
    (local.get $block))`;

/** Its start function asks the host, and runs for ever if it is told a number. */
const GATE = `(module
  (import "extism:host/user" "gate" (func $gate (result i64)))
  ${TEXTS}
  (func $spin (if (i64.ne (call $gate) (i64.const 0)) (then (loop $again (br $again)))))
  (start $spin)
  (func (export "spin") (loop $again (br $again)))
  (func (export "keep") (call $var_set (call $text (i32.const 107)) (call $text (i32.const 49)))))`;

/** `set` asks the host and sets it, \`get\` puts it out. */
const KEEPS = `(module
  (import "extism:host/user" "ask" (func $ask (result i64)))
  ${TEXTS}
  (func (export "set")
    (drop (call $ask))
    (call $var_set (call $text (i32.const 107)) (call $text (i32.const 112))))
  (func (export "get") (local $value i64)
    (local.set $value (call $var_get (call $text (i32.const 107))))
    (call $output_set (local.get $value) (call $length (local.get $value))))
  (func (export "spin") (loop $again (br $again))))`;

/** Sets \`k\` very often, to large values of which the first byte counts; removes \`gone\`; asks the host in between. */
const CHURNS = `(module
  (import "extism:host/user" "ask" (func $ask (result i64)))
  ${TEXTS}
  (func $churn (param $times i32) (param $from i32) (local $block i64)
    (loop $again
      (local.set $block (call $alloc (i64.const 65536)))
      (call $store (local.get $block) (local.get $from))
      (call $var_set (call $text (i32.const 107)) (local.get $block))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times))))
  (func (export "churn")
    (call $churn (i32.const 256) (i32.const 1))
    (call $var_set (call $text (i32.const 103)) (i64.const 0))
    (drop (call $ask))
    (call $churn (i32.const 200) (i32.const 5)))
  (func $name (param $at i32) (result i64) (local $block i64)
    (local.set $block (call $alloc (i64.const 3)))
    (call $store (local.get $block) (i32.and (local.get $at) (i32.const 63)))
    (call $store (i64.add (local.get $block) (i64.const 1)) (i32.and (i32.shr_u (local.get $at) (i32.const 6)) (i32.const 63)))
    (call $store (i64.add (local.get $block) (i64.const 2)) (i32.shr_u (local.get $at) (i32.const 12)))
    (local.get $block))
  (func (export "come_and_go") (local $at i32)
    (loop $again
      (call $var_set (call $name (local.get $at)) (call $text (i32.const 49)))
      (call $var_set (call $name (local.get $at)) (i64.const 0))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 100000))))
    (call $var_set (call $text (i32.const 115)) (call $text (i32.const 49))))
  (func (export "churn_and_trap")
    (call $churn (i32.const 200) (i32.const 6))
    unreachable))`;

const worker = { engine: "web", runInWorker: true };

test("a plug-in in a Worker is renewed though its start function asks the host", async () => {
  const answers = [];
  const gate = async () => answers.push("asked") && 0n;
  const plugin = await extism.createPlugin(GATE, { ...worker, functions: user({ gate }) });
  await plugin.call("keep");
  await plugin.renew();
  assert.deepEqual([answers.length, await plugin.varGet("k")], [2, null]);
  await plugin.call("keep");
  assert.equal((await plugin.varGet("k")).text(), "1");
  await plugin.close();
});

test("a renewal that does not end is ended by its limit or a cancel, and is one all the same", async () => {
  const answers = [];
  const gate = () => answers.shift() ?? 0n;
  const functions = user({ gate });
  for (const options of [{ timeoutMs: 500 }, {}]) {
    const plugin = await extism.createPlugin(GATE, { ...worker, ...options, functions });
    await plugin.call("keep");
    answers.push(1n);
    const renewed = failure(() => plugin.renew());
    assert.equal(plugin.isActive(), true);
    await fails(() => plugin.call("keep"), extism.BusyError, Status.Busy);
    if (options.timeoutMs === undefined) {
      await until(() => answers.length === 0, "the start function did not run");
      plugin.cancel();
    }
    const expected = options.timeoutMs === undefined ? Status.Cancelled : Status.Timeout;
    assert.equal((await renewed).status, expected);
    assert.equal(await plugin.varGet("k"), null);
    await plugin.call("keep");
    await plugin.renew();
    assert.equal(await plugin.varGet("k"), null);
    await plugin.close();
  }
});

test("a renewal whose start function sends a request, which is answered", async () => {
  const server = createServer((request, response) => response.end(request.url));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  const request = JSON.stringify({ url: `http://127.0.0.1:${port}/` });
  const bytes = [...Buffer.from(request)];
  const source = `(module
    (import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
    (import "extism:host/env" "http_status_code" (func $status (result i32)))
    ${TEXTS}
    (func $start (local $block i64)
      (local.set $block (call $alloc (i64.const ${bytes.length})))
      ${bytes.map((byte, at) => `(call $store (i64.add (local.get $block) (i64.const ${at})) (i32.const ${byte}))`).join("\n")}
      (drop (call $http (local.get $block) (i64.const 0)))
      (if (i32.ne (call $status) (i32.const 200)) (then unreachable)))
    (start $start))`;
  const plugin = await extism.createPlugin(source, { ...worker, allowedHosts: ["127.0.0.1"] });
  await plugin.renew();
  await plugin.close();
  server.close();
  server.closeAllConnections();
});

test("what the host sets while a call runs is what plug-in and page have when it has ended", async () => {
  let answer;
  const ask = () => new Promise((resolve) => (answer = () => resolve(0n)));
  const plugin = await extism.createPlugin(KEEPS, { ...worker, functions: user({ ask }) });
  const both = async () => [(await plugin.call("get"))?.text(), (await plugin.varGet("k"))?.text()];
  const called = plugin.call("set");
  await until(() => answer !== undefined, "the host was not asked");
  const set = plugin.varSet("k", "h");
  answer();
  await Promise.all([called, set]);
  assert.deepEqual(await both(), ["h", "h"]);
  // What the Worker has not taken is not kept.
  const spun = failure(() => plugin.call("spin"));
  const refused = failure(() => plugin.varSet("k", "x"));
  plugin.cancel();
  assert.deepEqual([(await spun).status, (await refused).status], [Status.Cancelled, Status.Cancelled]);
  assert.deepEqual(await both(), ["h", "h"]);
  // What it is set to before it is renewed is not what it has then.
  await Promise.all([plugin.varSet("k", "y"), plugin.renew()]);
  assert.deepEqual(await both(), [undefined, undefined]);
  await plugin.close();
});

test("what is said to a plug-in whose Worker was ended is there in the next, and in nobody's way", async () => {
  const plugin = await extism.createPlugin(KEEPS, { ...worker, functions: user({ ask: () => 0n }) });
  const stop = async () => {
    const spun = failure(() => plugin.call("spin"));
    plugin.cancel();
    assert.equal((await spun).status, Status.Cancelled);
  };
  for (const say of [
    () => plugin.allowHttpResponseHeaders(),
    () => plugin.varSet("k", "v"),
    () => plugin.config({ a: "b" }),
    () => plugin.reset(),
  ]) {
    await stop();
    const said = say();
    assert.equal(plugin.isActive(), false);
    assert.equal(await plugin.call("set"), null);
    await said;
  }
  await stop();
  const said = plugin.varSet("k", "v");
  assert.equal((await plugin.call("get")).text(), "v");
  await said;
  await plugin.close();
});

test("a page sees what a plug-in has set, however often it was, whenever it may look", async () => {
  const seen = [];
  const look = (current) => {
    const value = current.getVariable("k").bytes();
    seen.push([value[0], value.length, current.getVariable("g")]);
    return 0n;
  };
  const plugin = await extism.createPlugin(CHURNS, { ...worker, functions: user({ ask: look }) });
  await plugin.varSet("g", "there");
  const kept = async () => (await plugin.varGet("k")).bytes()[0];
  await plugin.call("churn");
  assert.deepEqual([seen, await kept(), await plugin.varGet("g")], [[[0, 65536, null]], 204, null]);
  await fails(() => plugin.call("churn_and_trap"), extism.TrapError, Status.TrapUnreachable);
  assert.equal(await kept(), 205);
  await plugin.close();
});

test("a Worker is not begun for whoever has aborted meanwhile", async () => {
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    setTimeout(() => { console.log("it hangs"); process.exit(1); }, 20_000).unref();
    const { compile } = WebAssembly;
    const controller = new AbortController();
    WebAssembly.compile = async (bytes) => {
      const module = await compile(bytes);
      if (bytes.length < 1_000) {
        // It is the plug-in's, after which nothing more is waited for.
        controller.abort(new Error("mine"));
      }
      return module;
    };
    const source = "(module (func $spin (loop $again (br $again))) (start $spin))";
    const options = { engine: "web", runInWorker: true, signal: controller.signal };
    console.log((await createPlugin(source, options).catch((error) => error)).message);`);
  assert.deepEqual([code, output], [0, "mine\n"]);
});

test("a process does not end before its Worker has heard what it was told", async () => {
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    const plugin = await createPlugin('(module (func (export "run")))', { engine: "web", runInWorker: true });
    const called = plugin.call("run");
    const set = plugin.varSet("k", new Uint8Array(100_000_000));
    await called;
    await set;
    console.log("set");`);
  assert.deepEqual([code, output], [0, "set\n"]);
});

test("a block that a host function is given more than once is copied once", async () => {
  const times = 200;
  const source = `(module
    (import "extism:host/user" "ask" (func $ask (param ${"i64 ".repeat(times)}) (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (func (export "run") (local $block i64)
      (local.set $block (call $alloc (i64.const 8000000)))
      (drop (call $ask ${"(local.get $block)".repeat(times)}))))`;
  const before = process.memoryUsage.rss();
  let growth;
  const ask = (current, ...args) => {
    assert.deepEqual([args.length, current.read(args.at(-1)).bytes().length], [times, 8_000_000]);
    growth = process.memoryUsage.rss() - before;
    return 0n;
  };
  const plugin = await extism.createPlugin(source, { ...worker, functions: user({ ask }) });
  await plugin.call("run");
  assert.ok(growth < 400_000_000, `${growth} bytes`);
  await plugin.close();
});

for (const [where, room] of [
  ["that says what it has read", 64 * 1024],
  ["that cannot say", undefined],
]) {
  test(`what a Worker sends to a page that is busy is bounded: a page ${where}`, async () => {
    const { serve, Loading, tools, sharedMemory } = await inside(`
      export { sharedMemory } from "./src/web/channel.ts";
      export { serve } from "./src/web/worker.ts";
      export { Loading } from "./src/web/loaded.ts";
      export { tools } from "./src/web/tools.ts";`);
    const file = (name) => new WebAssembly.Module(readFileSync(join(SDK, "dist", "web", name)));
    const source = CHURNS.replace('(import "extism:host/user" "ask" (func $ask (result i64)))', "")
      .replace("(func $churn", "(func $ask (result i64) (i64.const 0))\n(func $churn")
      .replaceAll("i32.const 200", "i32.const 2000");
    const core = file("extism_web.wasm");
    const options = { functions: [], wasi: false, rewrite: true, httpResponseHeaders: false };
    const given = { bytes: new TextEncoder().encode('{"wasm":[{"data":{"ptr":1,"len":0}}]}') };
    const loading = new Loading(core, { ...given, modules: [new TextEncoder().encode(source)] }, options);
    const loaded = await loading.load(
      {},
      tools(async () => file("extism_web_tools.wasm")),
    );
    const shared = room === undefined ? undefined : sharedMemory(room);
    const messages = [];
    let send;
    serve({ post: (message) => messages.push(structuredClone(message)), listen: (receive) => (send = receive) });
    const make = { functions: [], config: {}, headers: false, variables: [["g", new Uint8Array(1)]] };
    send({ kind: "make", id: "test", core, loaded, shared, ...make });
    await until(() => messages.some(({ kind }) => kind === "made"), "it was not made");
    messages.length = 0;
    send({ kind: "call", n: 1, name: "churn", input: "", timeMs: null });
    const changes = messages.filter(({ kind }) => kind === "changed");
    const bytes = changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    assert.ok(bytes < 2 ** 21 && changes.length >= 2, `${bytes} bytes in ${changes.length} messages`);
    const last = new Map(changes.map(({ name, value }) => [name, value?.[0]]));
    assert.deepEqual([...last].sort(), [
      ["g", undefined],
      ["k", (2000 + 4) % 256],
    ]);
    assert.deepEqual(messages.at(-1), { kind: "done", n: 1, value: null });
    messages.length = 0;
    send({ kind: "call", n: 2, name: "come_and_go", input: "", timeMs: null });
    assert.ok(messages.length < 10_000, `${messages.length} messages`);
    assert.deepEqual(messages.at(-2), { kind: "changed", name: "s", value: Uint8Array.of(49) });
    assert.deepEqual(messages.at(-1), { kind: "done", n: 2, value: null });
  });
}
