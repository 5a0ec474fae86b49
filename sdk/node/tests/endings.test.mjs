/** The web engine: what ends a call ends it whatever the plug-in does, and leaves a plug-in that can be called again. */

import assert from "node:assert/strict";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { fails, nothingIsLeft, user } from "./support.mjs";

nothingIsLeft();

/** Functions that catch whatever is thrown: only this form of it is known to all engines there are. */
const CATCHES = `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
  (import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
  (import "extism:host/user" "throws" (func $throws))
  (import "extism:host/user" "counts" (func $counts))
  (memory (export "memory") 1)
  (tag $own)
  (func (export "host") try call $throws catch_all end (call $counts))
  (func (export "twice")
    try call $throws catch_all end
    try call $counts catch_all end
    try (call $exit (i32.const 3)) catch_all end)
  (func (export "then_trap") try call $throws catch_all end unreachable)
  (func (export "then_throw") try call $throws catch_all end (throw $own))
  (func (export "exit") try (call $exit (i32.const 7)) catch_all end (call $counts))
  (func (export "exit_well") (result i32)
    try (call $exit (i32.const 0)) catch_all end (i32.const 5))
  (func (export "wasi") try (drop (call $sizes (i32.const -1) (i32.const 0))) catch_all end)
  (func (export "builtin") try (drop (call $config (i64.const 123456))) catch_all end)
  (func (export "refused") try (drop (call $http (i64.const 0) (i64.const 0))) catch_all end)
  (func (export "own") try (throw $own) catch_all end (call $counts)))`;

const CAUSE = new Error("no");

/** An export, the class and status of its error, its guest code, and how often `counts` is called. */
const ENDINGS = [
  ["host", extism.HostFunctionError, Status.HostFunction, 0],
  ["twice", extism.HostFunctionError, Status.HostFunction, 0],
  ["then_trap", extism.HostFunctionError, Status.HostFunction, 0],
  ["then_throw", extism.HostFunctionError, Status.HostFunction, 0],
  ["exit", extism.GuestError, Status.GuestExit, 7],
  ["wasi", extism.TrapError, Status.TrapMemory, 0],
  ["builtin", extism.CallError, Status.BadKernelHandle, 0],
  ["refused", extism.CallError, Status.HttpRequestInvalid, 0],
];

for (const runInWorker of [false, true]) {
  test(`what ends a call cannot be caught${runInWorker ? ", in a Worker" : ""}`, async () => {
    let counted = 0;
    const functions = user({
      throws: () => {
        throw CAUSE;
      },
      counts: () => {
        counted += 1;
      },
    });
    const plugin = await extism.createPlugin(CATCHES, { engine: "web", useWasi: true, runInWorker, functions });
    for (const [name, kind, status, code] of ENDINGS) {
      const error = await fails(() => plugin.call(name), kind, status);
      assert.equal(error.guestCode, code, name);
      if (status === Status.HostFunction) {
        assert.equal(error.cause, CAUSE, name);
      }
    }
    await plugin.call("exit_well");
    assert.equal(counted, 0, "nothing of the host runs for a call that has ended");
    await plugin.call("own");
    assert.equal(counted, 1, "what a plug-in throws itself it may catch, and a call begins anew");
    await plugin.close();
  });
}

test("what ends the start of a plug-in cannot be caught either", async () => {
  const functions = user({
    throws: () => {
      throw CAUSE;
    },
  });
  const caught = '(import "extism:host/user" "throws" (func $throws)) (func $f try call $throws catch_all end)';
  const run = '(func (export "run"))';
  const options = { engine: "web", functions };
  const starting = () => extism.createPlugin(`(module ${caught} ${run} (start $f))`, options);
  assert.equal((await fails(starting, extism.HostFunctionError, Status.HostFunction)).cause, CAUSE);
  const plugin = await extism.createPlugin(`(module ${caught} ${run} (export "_initialize" (func $f)))`, options);
  for (let times = 0; times < 2; times += 1) {
    assert.equal((await fails(() => plugin.call("run"), extism.HostFunctionError, Status.HostFunction)).cause, CAUSE);
  }
  await plugin.close();
});

/** Calls itself until the stack ends, in a frame of its own size each: the end is in this function, or below it in the core. */
function endless(locals, work) {
  return `(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
    (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (func $key (result i64) (local $block i64)
      (local.set $block (call $alloc (i64.const 1)))
      (call $store (local.get $block) (i32.const 97))
      (local.get $block))
    (func $f (param $depth i64) (result i64)
      ${Array.from({ length: locals }, (_, at) => `(local $l${at} i64)`).join(" ")}
      ${Array.from({ length: locals }, (_, at) => `(local.set $l${at} (i64.add (local.get $depth) (i64.const ${at})))`).join("\n")}
      (drop ${work})
      (drop (call $f (i64.add (local.get $depth) (i64.const 1))))
      ${Array.from({ length: locals }, (_, at) => `(local.get $l${at})`).join(" ")}
      (local.get $depth)
      ${"(i64.add)".repeat(locals)})
    (func (export "endless") (drop (call $f (i64.const 0))))
    (func (export "kept") (result i32)
      (i32.wrap_i64 (i64.add
        (i64.mul (i64.const 10) (call $length (call $config_get (call $key))))
        (call $length (call $var_get (call $key)))))))`;
}

for (const [name, work, runInWorker = false] of [
  ["alloc", "(call $alloc (i64.const 1))"],
  ["alloc in a Worker", "(call $alloc (i64.const 1))", true],
  ["var_get", "(call $var_get (call $key))"],
  ["config_get", "(call $config_get (call $key))"],
]) {
  test(`the stack ends in ${name}, and the plug-in can be called again, with its variables and configuration`, async () => {
    for (let locals = 0; locals < 12; locals += 1) {
      const plugin = await extism.createPlugin(endless(locals, work), {
        engine: "web",
        runInWorker,
        config: { a: "one" },
      });
      const kept = async () =>
        await plugin.call("kept").then(
          () => 0,
          (error) => [error.status, error.guestCode],
        );
      await plugin.varSet("a", "four");
      assert.deepEqual(await kept(), [Status.GuestError, 34]);
      for (const restore of ["nothing", "reset"]) {
        await fails(() => plugin.call("endless"), extism.TrapError, Status.TrapStack);
        assert.equal((await plugin.varGet("a")).text(), "four");
        if (restore === "reset") {
          await plugin.reset();
        }
        assert.deepEqual(await kept(), [Status.GuestError, 34], `${locals} locals, ${restore}`);
      }
      await plugin.config({ a: "another" });
      await fails(() => plugin.call("endless"), extism.TrapError, Status.TrapStack);
      assert.deepEqual(await kept(), [Status.GuestError, 74]);
      await fails(() => plugin.call("endless"), extism.TrapError, Status.TrapStack);
      await plugin.renew();
      assert.deepEqual(await kept(), [Status.GuestError, 30]);
      await plugin.close();
    }
  });
}

test("a module can have any name, and prototypes stay as they are", async () => {
  const wasm = [
    { name: "__proto__", data: Buffer.from('(module (func (export "polluted") (result i32) (i32.const 9)))') },
    {
      name: "main",
      data: Buffer.from(`(module
        (import "__proto__" "polluted" (func $f (result i32))) (func (export "run") (result i32) (call $f)))`),
    },
  ];
  const plugin = await extism.createPlugin({ wasm }, { engine: "web" });
  assert.equal((await fails(() => plugin.call("run"), extism.GuestError, Status.GuestError)).guestCode, 9);
  assert.equal({}.polluted, undefined);
  await plugin.close();
});
