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
