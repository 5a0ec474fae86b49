/** Guarantees 12 to 14 and 17: bytes, outputs, numbers, errors; and everything that can be given. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

import * as extism from "@extism/extism";
import { hostFunction, Status, UsageError } from "@extism/extism";

import { callback, ECHO, fails, failure, nothingIsLeft, SPIN, user } from "./support.mjs";

nothingIsLeft();

const BYTES = {
  empty: Buffer.alloc(0),
  NUL: Buffer.from([0]),
  "no UTF-8": Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  "every byte": Buffer.from(Array.from({ length: 256 }, (_, at) => at)),
  "as long as the shared memory": Buffer.alloc(16_384, 7),
  "longer by one": Buffer.alloc(16_385, 8),
  "64 MiB": Buffer.alloc(64 << 20, 9),
};
for (const [what, data] of Object.entries(BYTES)) {
  test(`g12 bytes are bytes: ${what}`, async () => {
    const plugin = await extism.createPlugin(ECHO);
    for (const call of ["call", "callSync"]) {
      const output = await plugin[call]("echo", data);
      assert.ok(data.equals(output?.bytes() ?? Buffer.alloc(0)));
      assert.equal(output === null, data.length === 0);
    }
    await plugin.close();
  });
}

test("g12 texts and everything that has bytes", async () => {
  const plugin = await extism.createPlugin(ECHO);
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  shared.set(bytes);
  const resizable = new ArrayBuffer(8, { maxByteLength: 16 });
  new Uint8Array(resizable).set(bytes);
  for (const data of [
    bytes,
    bytes.buffer,
    Buffer.from(bytes),
    new DataView(bytes.buffer),
    new Uint16Array(bytes.buffer),
    new Float64Array(bytes.buffer),
    new Uint8ClampedArray(bytes.buffer),
    new Uint8Array(Uint8Array.of(0, ...bytes, 0).buffer, 1, 8),
    shared,
    shared.buffer,
    new DataView(shared.buffer),
    resizable,
    new Uint8Array(resizable),
  ]) {
    for (const call of ["call", "callSync"]) {
      assert.deepEqual((await plugin[call]("echo", data)).bytes(), bytes, data.constructor.name);
    }
  }
  for (const [given, text] of [
    ["grüße 🌍", "grüße 🌍"],
    ["a\0b", "a\0b"],
    ["\ud800", "\ufffd"],
    ["ü".repeat(1_024), "ü".repeat(1_024)],
    ["€".repeat(100_000), "€".repeat(100_000)],
    [12.5, "12.5"],
  ]) {
    for (const call of ["call", "callSync"]) {
      assert.equal((await plugin[call]("echo", given)).text(), text);
    }
  }
  for (const nothing of [undefined, null, "", new Uint8Array(0), new ArrayBuffer(0)]) {
    assert.equal(plugin.callSync("echo", nothing), null);
  }
  await plugin.close();
});

test("g12 what is no bytes is refused, and so is what was transferred elsewhere", async () => {
  const plugin = await extism.createPlugin(ECHO);
  const detached = new Uint8Array(8);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  for (const wrong of [{}, [1, 2], true, Symbol("x"), () => 1, 7n, new Map(), detached, detached.buffer]) {
    await fails(() => plugin.call("echo", wrong), UsageError, Status.InvalidArgument);
    await fails(() => plugin.callSync("echo", wrong), UsageError, Status.InvalidArgument);
    await fails(() => plugin.varSet("x", wrong), UsageError, Status.InvalidArgument);
  }
  for (const wrong of [undefined, null, 1, {}, Symbol("x")]) {
    for (const use of ["call", "callSync", "functionExists", "varGet", "varRemove"]) {
      await fails(() => plugin[use](wrong), UsageError, Status.InvalidArgument);
    }
  }
  await plugin.close();
});

test("g12 input is read before anything can change it", async () => {
  const echo = await extism.createPlugin(ECHO);
  const other = new Uint8Array(1 << 20).fill(1);
  const called = echo.call("echo", other);
  other.fill(2);
  assert.ok((await called).bytes().every((byte) => byte === 1));
  await echo.close();
});

test("g12 names that name nothing", async () => {
  const plugin = await extism.createPlugin(ECHO);
  for (const name of ["", "a\0b", "\ud800", "x".repeat(1 << 20), "echo ", "__proto__"]) {
    assert.equal(await plugin.functionExists(name), false);
    for (const call of ["call", "callSync"]) {
      await fails(() => plugin[call](name), extism.FunctionNotFoundError, Status.FunctionNotFound);
    }
  }
  for (let at = 0; at < 5_000; at += 1) {
    assert.throws(() => plugin.callSync(`name ${at}`), extism.FunctionNotFoundError);
  }
  assert.equal(plugin.callSync("echo", "x").text(), "x");
  await plugin.close();
});

test("g13 output is a copy, and cannot be written", async () => {
  const plugin = await extism.createPlugin(ECHO);
  for (const size of [5, 20_000]) {
    const first = plugin.callSync("echo", "a".repeat(size));
    const second = await plugin.call("echo", "b".repeat(size));
    plugin.callSync("echo", "c".repeat(size));
    await plugin.call("echo", "d".repeat(size));
    await plugin.reset();
    assert.deepEqual([first.text(), second.text()], ["a".repeat(size), "b".repeat(size)]);
    assert.equal(first.byteLength, size);
    assert.equal(first.buffer.byteLength, size);
    assert.equal(first.getUint8(0), 97);
    assert.throws(() => first.setUint8(0, 1), TypeError);
    assert.throws(() => second.setFloat64(0, 1), TypeError);
  }
  const output = await plugin.call("echo", '{"a": [1, 2]}');
  await plugin.close();
  assert.deepEqual(output.json(), { a: [1, 2] });
  assert.equal(output.string(), output.text());
  assert.equal(new TextDecoder().decode(output.arrayBuffer()), output.text());
  assert.throws(() => output.bytes() && JSON.parse("{"), SyntaxError);
});

/** A plug-in that gives a constant to a host function and keeps what comes back as its output. */
async function constant(type, value, work) {
  const module = `(module
    (import "extism:host/user" "f" (func $f (param ${type}) (result ${type})))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (memory 1)
    (func (export "run") (local $block i64)
      (${type}.store (i32.const 0) (call $f (${value})))
      (local.set $block (call $alloc (i64.const 8)))
      (call $store (local.get $block) (i64.load (i32.const 0)))
      (call $output (local.get $block) (i64.const 8))))`;
  return await extism.createPlugin(module, { functions: user({ f: work }) });
}

const NUMBERS = [
  ["i32", "i32.const -1", -1, (output) => output.getInt32(0, true)],
  ["i32", "i32.const 0x80000000", -(2 ** 31), (output) => output.getInt32(0, true)],
  ["i32", "i32.const 0x7fffffff", 2 ** 31 - 1, (output) => output.getInt32(0, true)],
  ["i64", "i64.const -1", -1n, (output) => output.getBigInt64(0, true)],
  ["i64", "i64.const 0x8000000000000000", -(2n ** 63n), (output) => output.getBigInt64(0, true)],
  ["i64", "i64.const 0x7fffffffffffffff", 2n ** 63n - 1n, (output) => output.getBigInt64(0, true)],
  ["f32", "f32.const 0.1", Math.fround(0.1), (output) => output.getFloat32(0, true)],
  ["f32", "f32.const -0", -0, (output) => output.getFloat32(0, true)],
  ["f64", "f64.const 0.1", 0.1, (output) => output.getFloat64(0, true)],
  ["f64", "f64.const -inf", -Infinity, (output) => output.getFloat64(0, true)],
  ["f64", "f64.const nan", Number.NaN, (output) => output.getFloat64(0, true)],
];
for (const [type, value, expected, read] of NUMBERS) {
  test(`g14 numbers travel exactly: ${value}`, async () => {
    const seen = [];
    const plugin = await constant(type, value, (_, number) => {
      seen.push(number);
      return number;
    });
    for (const call of ["call", "callSync"]) {
      assert.ok(Object.is(read(await plugin[call]("run")), expected));
    }
    assert.ok(seen.every((number) => Object.is(number, expected)));
    await plugin.close();
  });
}

test("g14 results are converted as WebAssembly does it", async () => {
  for (const [type, value, given, expected, read] of [
    ["i32", "i32.const 0", 2 ** 32 + 5, 5, (output) => output.getInt32(0, true)],
    ["i32", "i32.const 0", "7", 7, (output) => output.getInt32(0, true)],
    ["i64", "i64.const 0", 2n ** 64n + 5n, 5n, (output) => output.getBigInt64(0, true)],
    ["f32", "f32.const 0", 0.1, Math.fround(0.1), (output) => output.getFloat32(0, true)],
    ["f64", "f64.const 0", undefined, Number.NaN, (output) => output.getFloat64(0, true)],
  ]) {
    const plugin = await constant(type, value, () => given);
    assert.ok(Object.is(read(plugin.callSync("run")), expected));
    await plugin.close();
  }
});

test("g14 several results, and many parameters", async () => {
  const module = `(module
    (import "extism:host/user" "swap" (func $swap (param i32 i64 f32 f64) (result f64 i64 i32)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (func (export "run") (result i32)
      (call $swap (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4))
      (if (i32.ne (i32.const 1)) (then unreachable))
      (if (i64.ne (i64.const 2)) (then unreachable))
      (if (f64.ne (f64.const 4)) (then unreachable))
      (i32.const 0)))`;
  const good = await extism.createPlugin(module, { functions: user({ swap: (_, a, b, c, d) => [d, b, a] }) });
  assert.equal(await good.call("run"), null);
  assert.equal(good.callSync("run"), null);
  await good.close();
  for (const wrong of [[1, 2n], [1, 2n, 3, 4], 5, undefined, [1, 2, 3]]) {
    const plugin = await extism.createPlugin(module, { functions: user({ swap: () => wrong }) });
    for (const call of ["call", "callSync"]) {
      assert.equal((await failure(() => plugin[call]("run"))).status, Status.HostFunction);
    }
    await plugin.close();
  }
  await fails(
    () => extism.createPlugin(module, { functions: user({ swap: hostFunction(["v128"], [], () => 0) }) }),
    UsageError,
    Status.InvalidArgument,
  );
});

const ERRORS = [
  ["nope", extism.FunctionNotFoundError, Status.FunctionNotFound, 0],
  ["params", extism.CallError, Status.FunctionType, 0],
  ["code", extism.GuestError, Status.GuestError, 7],
  ["trap", extism.TrapError, Status.TrapUnreachable, 0],
  ["divide", extism.TrapError, Status.TrapArithmetic, 0],
];
for (const [name, kind, status, guestCode] of ERRORS) {
  test(`g17 errors say what went wrong: ${name}`, async () => {
    const plugin = await extism.createPlugin(`(module
      (func (export "params") (param i32))
      (func (export "code") (result i32) (i32.const 7))
      (func (export "trap") unreachable)
      (func (export "divide") (drop (i32.div_s (i32.const 1) (i32.const 0)))))`);
    for (const call of ["call", "callSync"]) {
      const error = await fails(() => plugin[call](name), kind, status);
      assert.equal(error.guestCode, guestCode);
      assert.equal(error.code, extism.statusName(status));
      assert.equal(error.name, kind.name);
      assert.ok(error.message.length > 0 && error.stack.includes("encoding.test"));
    }
    await plugin.close();
  });
}

const SOURCES = [
  ["", extism.LoadError, Status.NotFound],
  ["no/such/file.wasm", extism.LoadError, Status.NotFound],
  ["{}", extism.LoadError, Status.NoModules],
  ["{", extism.LoadError, Status.ManifestSyntax],
  ["(module (func", extism.ModuleError, Status.ModuleInvalid],
  [Buffer.from("\0asm\u0001"), extism.ModuleError, Status.ModuleInvalid],
  [Buffer.from("nonsense"), extism.LoadError, Status.ManifestSyntax],
  [{ wasm: [] }, extism.LoadError, Status.NoModules],
  [{ wasm: [{ path: "x", extra: 1 }] }, extism.LoadError, Status.ManifestField],
  [{ wasm: [{ data: Buffer.from("\0asm\u0001\0\0\0"), hash: "00" }] }, extism.LoadError, Status.HashMismatch],
  [{ wasm: "x" }, UsageError, Status.InvalidArgument],
  [{}, UsageError, Status.InvalidArgument],
  [undefined, UsageError, Status.InvalidArgument],
  [null, UsageError, Status.InvalidArgument],
  [7, UsageError, Status.InvalidArgument],
  [[], UsageError, Status.InvalidArgument],
];
for (const [source, kind, status] of SOURCES) {
  test(`g17 a source that cannot be loaded: ${JSON.stringify(source)}`, async () => {
    await fails(() => extism.createPlugin(source), kind, status);
    await fails(() => extism.createPluginSync(source), kind, status);
    await fails(() => extism.compilePlugin(source), kind, status);
    await fails(() => extism.inspect(source), kind, status);
  });
}

test("sources in every form", async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  const path = join(folder, "ä b.wasm");
  const wasm = Buffer.from(MODULE);
  writeFileSync(path, wasm);
  for (const source of [
    wasm,
    new Uint8Array(wasm),
    wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length),
    path,
    pathToFileURL(path),
    pathToFileURL(path).href,
    { wasm: [{ path }] },
    { wasm: [{ data: wasm }] },
    { wasm: [{ data: wasm.toString("base64") }] },
    { wasm: [{ url: `data:application/wasm;base64,${wasm.toString("base64")}` }] },
    JSON.stringify({ wasm: [{ path }] }),
    Buffer.from(`[[wasm]]\npath = ${JSON.stringify(path)}\n`),
    new Response(wasm, { headers: { "content-type": "application/wasm" } }),
    Promise.resolve(wasm),
    { wasm: [{ response: new Response(wasm) }] },
    Promise.resolve(new Response(JSON.stringify({ wasm: [{ path }] }))),
  ]) {
    if (source?.wasm?.[0]?.url !== undefined) {
      await fails(() => extism.createPlugin(source), extism.LoadError, Status.DownloadFailed);
      continue;
    }
    const plugin = await extism.createPlugin(source);
    assert.equal(plugin.callSync("run"), null);
    await plugin.close();
  }
  await fails(() => extism.createPlugin(new Response("", { status: 404 })), extism.LoadError, Status.DownloadFailed);
  assert.throws(() => extism.createPluginSync(new Response(wasm)), { status: Status.InvalidArgument });
  rmSync(folder, { recursive: true });
});

/** A module with one function that does nothing. */
const MODULE = Buffer.from("0061736d01000000010401600000030201000707010372756e00000a040102000b", "hex");

test("options: those of a manifest, in the places of both, and who wins", async () => {
  const module = readFileSync(new URL("../../../examples/plugins/count_vowels.wasm", import.meta.url));
  const vowels = async (manifest, options) => {
    const plugin = await extism.createPlugin(manifest, options);
    const found = plugin.callSync("count_vowels", "x").json().vowels;
    await plugin.close();
    return found;
  };
  const inManifest = { wasm: [{ data: module }], config: { vowels: "xyz" } };
  assert.equal(await vowels(module), "aAeEiIoOuU");
  assert.equal(await vowels(module, { config: { vowels: "abc" } }), "abc");
  assert.equal(await vowels(inManifest), "xyz");
  assert.equal(await vowels(inManifest, { config: { vowels: "abc" } }), "abc");
  for (const timeout of [{ timeoutMs: 20 }, { timeout_ms: 20 }]) {
    const spinning = await extism.createPlugin({ wasm: [{ data: Buffer.from(SPIN) }], ...timeout });
    await fails(() => spinning.callSync("spin"), extism.CallTimeoutError, Status.Timeout);
    await spinning.close();
  }
  const spinning = await extism.createPlugin(SPIN, { timeoutMs: 20 });
  await fails(() => spinning.callSync("spin"), extism.CallTimeoutError, Status.Timeout);
  await spinning.close();
  await fails(() => extism.createPlugin(SPIN, { memory: { maxPages: "x" } }), extism.LoadError, Status.ManifestField);
});

test("options that cannot be meant are refused; Proxies and getters are read once", async () => {
  for (const wrong of [
    { fuel: -1 },
    { fuel: 1.5 },
    { fuel: "x" },
    { limits: { noSuchLimit: 1 } },
    { limits: { blocksMax: -1 } },
    { limits: { blocksMax: Number.NaN } },
    { limits: { base: "loose" } },
    { limits: { stackBytesMax: 1 << 30 } },
    { functions: user({ f: 7 }) },
    { engine: "steam" },
    null,
    7,
  ]) {
    await fails(() => extism.createPlugin(ECHO, wrong), UsageError, Status.InvalidArgument);
  }
  const reads = new Map();
  const options = new Proxy(
    { config: { a: "b" }, limits: { blocksMax: 10, outputBytesMax: Infinity }, fuel: 1_000_000 },
    {
      get(target, key, receiver) {
        reads.set(key, (reads.get(key) ?? 0) + 1);
        return Reflect.get(target, key, receiver);
      },
    },
  );
  const plugin = await extism.createPlugin(ECHO, options);
  assert.equal(plugin.callSync("echo", "x").text(), "x");
  assert.ok(plugin.fuelConsumed() > 0n);
  await plugin.close();
  assert.ok(
    [...reads].every(([, times]) => times === 1),
    JSON.stringify([...reads]),
  );
  const throwing = {
    get logger() {
      throw new Error("a getter that throws");
    },
  };
  await assert.rejects(() => extism.createPlugin(ECHO, throwing), /a getter that throws/);
});

test("limits and fuel", async () => {
  const spinning = await extism.createPlugin(SPIN, { fuel: 10_000n });
  await fails(() => spinning.callSync("spin"), extism.LimitError, Status.Fuel);
  assert.equal(spinning.fuelConsumed(), 10_000n);
  await spinning.close();
  const echo = await extism.createPlugin(ECHO, { limits: { base: "untrusted", outputBytesMax: 4n } });
  assert.equal(echo.callSync("echo", "four").text(), "four");
  await fails(() => echo.callSync("echo", "fiver"), extism.LimitError, Status.Output);
  assert.equal(echo.fuelConsumed(), undefined);
  await echo.close();
});

test("configuration and variables", async () => {
  const plugin = await callback((current, handle) => handle, { config: { a: "1" } });
  await plugin.config({ a: "2", b: null });
  for (const wrong of [{ a: 1 }, { a: undefined }, { a: {} }]) {
    await fails(() => plugin.config(wrong), UsageError, Status.InvalidArgument);
  }
  await plugin.varSet("x", Uint8Array.of(0, 255));
  assert.deepEqual((await plugin.varGet("x")).bytes(), Uint8Array.of(0, 255));
  await plugin.varSet("x", "");
  assert.equal((await plugin.varGet("x")).byteLength, 0);
  await plugin.varRemove("x");
  assert.equal(await plugin.varGet("x"), null);
  await plugin.varSet("y", "z");
  await plugin.renew();
  assert.equal(await plugin.varGet("y"), null);
  assert.equal(await plugin.reset(), true);
  await plugin.close();
});

test("inspecting, compiling ahead of time, exports and imports", async () => {
  const found = await extism.inspect(ECHO);
  assert.deepEqual([found.functions, found.era, found.modules.length], [["echo", "nothing", "beyond"], "1.x", 1]);
  const artefact = await extism.precompile(ECHO);
  // Without trust the module in it is compiled again.
  await (await extism.createPlugin(artefact)).close();
  const plugin = await extism.createPlugin(artefact, { trustArtefacts: true });
  assert.equal(plugin.callSync("echo", "x").text(), "x");
  await plugin.close();
  const other = await callback(() => 0n);
  assert.ok((await other.getExports()).some(({ name, kind }) => name === "run" && kind === "function"));
  assert.ok(
    (await other.getImports()).some(({ module, name }) => module === "extism:host/user" && name === "callback"),
  );
  await fails(() => other.getInstance(), UsageError, Status.InvalidArgument);
  await other.close();
});
