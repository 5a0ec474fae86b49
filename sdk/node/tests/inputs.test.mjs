/** Guarantee 12 on every way to run a plug-in: what is given to it, and what a host function gives. */

import assert from "node:assert/strict";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status, UsageError } from "@extism/extism";

import { callback, ECHO, fails, nothingIsLeft, SPIN, user } from "./support.mjs";

nothingIsLeft();

const ENGINES = {
  "the addon": { engine: "native" },
  "the web engine": { engine: "web" },
  "the web engine in a Worker": { engine: "web", runInWorker: true },
};

/** Buffers and views that no longer have the bytes they had. */
function gone() {
  const detached = new Uint8Array(8);
  const views = [detached, new DataView(detached.buffer), new Float64Array(detached.buffer)];
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const shrunk = new ArrayBuffer(16, { maxByteLength: 16 });
  const outside = [new Uint8Array(shrunk, 8, 8), new DataView(shrunk, 8, 8), new BigInt64Array(shrunk, 8)];
  shrunk.resize(4);
  return [...views, detached.buffer, ...outside];
}

for (const [where, options] of Object.entries(ENGINES)) {
  test(`everything that has bytes: ${where}`, async () => {
    const plugin = await extism.createPlugin(ECHO, options);
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const shared = new SharedArrayBuffer(12, { maxByteLength: 24 });
    new Uint8Array(shared).set(bytes, 2);
    const resizable = new ArrayBuffer(6, { maxByteLength: 64 });
    const tracking = new Uint8Array(resizable);
    resizable.resize(8);
    tracking.set(bytes);
    for (const data of [
      bytes,
      new Uint8Array(Uint8Array.of(0, ...bytes, 0).buffer, 1, 8),
      new DataView(bytes.buffer),
      new Float32Array(bytes.buffer),
      new Uint8Array(shared, 2, 8),
      new DataView(shared, 2, 8),
      resizable,
      tracking,
      new DataView(resizable),
    ]) {
      assert.deepEqual((await plugin.call("echo", data)).bytes(), bytes, data.constructor.name);
    }
    for (const text of ["x", "\x7f", "\x80", "ü", "x".repeat(256), "x".repeat(257), "x".repeat(256) + "ü", "a\0b"]) {
      assert.equal((await plugin.call("echo", text)).text(), text);
    }
    for (const nothing of [undefined, null, "", new Uint8Array(0), new DataView(new SharedArrayBuffer(0))]) {
      assert.equal(await plugin.call("echo", nothing), null);
    }
    await plugin.close();
  });

  test(`what has no bytes, or no longer has them: ${where}`, async () => {
    const plugin = await extism.createPlugin(ECHO, options);
    for (const wrong of [{}, [1, 2], true, Symbol("x"), () => 1, 7n, new Map(), ...gone()]) {
      await fails(() => plugin.call("echo", wrong), UsageError, Status.InvalidArgument);
      await fails(() => plugin.varSet("x", wrong), UsageError, Status.InvalidArgument);
    }
    assert.equal((await plugin.call("echo", "x")).text(), "x");
    await plugin.close();
  });

  test(`input that is too large: ${where}`, async () => {
    const limits = { memoryBytesMax: 1 << 20 };
    const plugin = await extism.createPlugin(ECHO, { ...options, limits });
    const large = new Uint8Array(2 << 20);
    await fails(() => plugin.call("echo", large), extism.LimitError, Status.Memory);
    assert.equal((await plugin.call("echo", large.subarray(0, 1_000))).byteLength, 1_000);
    await plugin.close();
  });

  test(`what a host function gives is bytes, or it fails: ${where}`, async () => {
    for (const wrong of [{}, 7n, ...gone()]) {
      const plugin = await callback((current) => current.store(wrong), options);
      const error = await fails(() => plugin.call("run", "x"), extism.HostFunctionError, Status.HostFunction);
      assert.equal(error.cause.status, Status.InvalidArgument);
      await plugin.close();
    }
    const shared = new SharedArrayBuffer(4);
    new Uint8Array(shared).set([1, 2, 3, 4]);
    const plugin = await callback((current) => current.store(new Uint8Array(shared, 1, 2)), options);
    assert.deepEqual([...(await plugin.call("run", "x")).bytes()], [2, 3]);
    await plugin.close();
  });

  test(`input is read before anything can change it: ${where}`, async () => {
    const plugin = await extism.createPlugin(ECHO, options);
    for (const data of [new Uint8Array(1 << 20), new Uint8Array(1 << 21).subarray(0, 1 << 20)]) {
      data.fill(1);
      const called = plugin.call("echo", data);
      data.fill(2);
      assert.ok((await called).bytes().every((byte) => byte === 1));
    }
    await plugin.close();
  });
}

for (const engine of ["native", "web"]) {
  test(`g12 input that a host function takes away while the plug-in is initialised: ${engine}`, async () => {
    const data = new Uint8Array(8).fill(1);
    const steal = () => void structuredClone(data.buffer, { transfer: [data.buffer] });
    const module = `(module
      (import "extism:host/user" "steal" (func $steal))
      (import "extism:host/env" "input_offset" (func $offset (result i64)))
      (import "extism:host/env" "input_length" (func $length (result i64)))
      (import "extism:host/env" "output_set" (func $output (param i64 i64)))
      (func (export "_initialize") (call $steal))
      (func (export "echo") (call $output (call $offset) (call $length))))`;
    const plugin = await extism.createPlugin(module, { functions: user({ steal }), engine });
    assert.deepEqual(plugin.callSync("echo", data).bytes(), new Uint8Array(8).fill(1));
    assert.equal(data.byteLength, 0);
    await plugin.close();
  });
}

for (const engine of ["native", "web"]) {
  test(`short inputs and long ones, here and now: ${engine}`, async () => {
    const plugin = await extism.createPlugin(ECHO, { engine });
    for (const unit of ["x", "ü", "€", "\u{1f600}"]) {
      for (const units of [1, 255, 256, 257, 511, 512, 513, 1_023, 1_024, 1_025]) {
        const text = unit.repeat(units);
        assert.equal(plugin.callSync("echo", text).text(), text, `${units} times ${unit}`);
        const bytes = new TextEncoder().encode(text);
        assert.deepEqual(plugin.callSync("echo", bytes).bytes(), bytes, `bytes of ${units} times ${unit}`);
      }
    }
    assert.equal(plugin.callSync("echo", "\ud800").text(), "\ufffd");
    await plugin.close();
  });

  test(`calls within a call have inputs of their own: ${engine}`, async () => {
    const echo = await extism.createPlugin(ECHO, { engine });
    const module = `(module
      (import "extism:host/user" "callback" (func $callback (param i64) (result i64)))
      (import "extism:host/env" "input_offset" (func $offset (result i64)))
      (import "extism:host/env" "input_length" (func $length (result i64)))
      (import "extism:host/env" "output_set" (func $output (param i64 i64)))
      (func $call (drop (call $callback (i64.const 0))))
      (func (export "_initialize") (call $call))
      (func (export "run") (call $call) (call $output (call $offset) (call $length))))`;
    const within = () => {
      assert.equal(echo.callSync("echo", "and now for something else").text(), "and now for something else");
      return 0n;
    };
    const plugin = await extism.createPlugin(module, { functions: user({ callback: within }), engine });
    for (const given of ["first", "second"]) {
      assert.equal(plugin.callSync("run", given).text(), given);
    }
    await plugin.close();
    await echo.close();
  });
}

test("plug-ins that are there do not get the calls of those that are gone", async () => {
  const compiled = await extism.compilePlugin(
    `(module (import "extism:host/env" "input_offset" (func $offset (result i64)))
      (import "extism:host/env" "output_set" (func $output (param i64 i64)))
      (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
      (global $calls (mut i32) (i32.const 0))
      (func (export "count") (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (call $store (call $offset) (global.get $calls)) (call $output (call $offset) (i64.const 1))))`,
    { engine: "native" },
  );
  const count = (plugin) => plugin.callSync("count", "x").getUint8(0);
  const kept = [];
  for (let round = 1; round <= 20; round += 1) {
    kept.push(compiled.instantiateSync());
    const passing = Array.from({ length: 20 }, () => compiled.instantiateSync());
    passing.forEach((plugin) => assert.equal(count(plugin), 1));
    kept.forEach((plugin, at) => assert.equal(count(plugin), round - at));
    passing.forEach((plugin) => plugin[Symbol.dispose]());
    await fails(() => count(passing[0]), extism.ClosedError, Status.Closed);
    globalThis.gc();
  }
  kept.forEach((plugin) => plugin[Symbol.dispose]());
  compiled.close();
});

test("input that a Worker waits for which has to be started anew", async () => {
  const module = SPIN.replace(
    "(func",
    `(import "extism:host/env" "input_offset" (func $offset (result i64)))
     (import "extism:host/env" "input_length" (func $length (result i64)))
     (import "extism:host/env" "output_set" (func $output (param i64 i64)))
     (func (export "echo") (call $output (call $offset) (call $length))) (func`,
  );
  const plugin = await extism.createPlugin(module, { engine: "web", timeoutMs: 500 });
  await fails(() => plugin.call("spin"), extism.CallTimeoutError, Status.Timeout);
  const data = new Uint8Array(8).fill(1);
  const called = plugin.call("echo", data);
  data.fill(2);
  assert.deepEqual((await called).bytes(), new Uint8Array(8).fill(1));
  await plugin.close();
});

test("input that the addresses of kernel memory cannot reach", async () => {
  const plugin = await extism.createPlugin(ECHO, { engine: "web" });
  // Its length in 32 bits is 0.
  class Huge extends Uint8Array {
    get length() {
      return 2 ** 32;
    }
  }
  assert.throws(() => plugin.callSync("echo", new Huge()), { status: Status.Memory });
  await plugin.close();
});
