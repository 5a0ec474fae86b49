/** What plug-ins and host functions may try in a page, and what becomes of it. */

import assert from "node:assert/strict";
import test, { after, before } from "node:test";

import { start, wat } from "./support.mjs";

let started;
let page;

before(async () => {
  started = await start();
  page = await started.open();
});
after(async () => await started.stop());

/** Runs a function in the page; what it throws comes back as its code and message. */
const run = async (work, ...args) => await page.evaluate(work, args.length > 1 ? args : args[0]);

const SPIN = `(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
  (func (export "keep") (result i32) (local $k i64) (local $v i64)
    (local.set $k (call $alloc (i64.const 1))) (call $store (local.get $k) (i32.const 107))
    (local.set $v (call $alloc (i64.const 1))) (call $store (local.get $v) (i32.const 118))
    (call $var_set (local.get $k) (local.get $v)) (i32.const 0))
  (func (export "keep_and_spin") (result i32) (local $k i64) (local $v i64)
    (local.set $k (call $alloc (i64.const 1))) (call $store (local.get $k) (i32.const 107))
    (local.set $v (call $alloc (i64.const 1))) (call $store (local.get $v) (i32.const 119))
    (call $var_set (local.get $k) (local.get $v)) (loop (br 0)) unreachable))`;

test("a call that never ends is ended by its limit, variables and configuration stay, and the next call works", async () => {
  const seen = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, { timeoutMs: 1500 });
    await plugin.call("keep");
    const before = (await plugin.varGet("k")).text();
    const error = await plugin.call("keep_and_spin").catch((thrown) => thrown);
    const after = (await plugin.varGet("k")).text();
    await plugin.call("keep");
    const last = (await plugin.varGet("k")).text();
    await plugin.close();
    return [before, error.code, error instanceof sdk.CallTimeoutError, after, last];
  }, SPIN);
  assert.deepEqual(seen, ["v", "TIMEOUT", true, "w", "v"]);
});

test("a call is cancelled, and closing cancels", async () => {
  const seen = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, { runInWorker: true });
    const first = plugin.call("keep_and_spin").catch((error) => error.code);
    const busy = await plugin.call("keep").catch((error) => error.code);
    plugin.cancel();
    const second = [await first, busy];
    const third = plugin.call("keep_and_spin").catch((error) => error.code);
    await plugin.close();
    return [...second, await third, await plugin.call("keep").catch((error) => error.code)];
  }, SPIN);
  assert.deepEqual(seen, ["CANCELLED", "BUSY", "CANCELLED", "CLOSED"]);
});

test("a plug-in with a time limit is not made where it could not be kept", async () => {
  const code = await run(async () => {
    await sdk.loadCore();
    // A module without a text, which would have to be awaited.
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    sdk.createPluginSync(empty)[Symbol.dispose]();
    try {
      return sdk.createPluginSync(empty, { timeoutMs: 100 }).id;
    } catch (error) {
      return error.code;
    }
  });
  assert.equal(code, "INVALID_ARGUMENT");
});

const GROW = `(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (memory (export "memory") 1)
  (func (export "grow") (result i32) (memory.grow (i32.const 8)))
  (func (export "must_grow") (result i32)
    (if (i32.lt_s (memory.grow (i32.const 4096)) (i32.const 0)) (then unreachable)) (i32.const 0))
  (func (export "alloc_huge") (result i32)
    (i32.wrap_i64 (i64.or
      (call $alloc (i64.const 0x8000000000000000))
      (i64.or (call $alloc (i64.const -1)) (call $alloc (i64.const 0x100000000))))))
  (func (export "forge") (result i32)
    (i32.wrap_i64 (i64.or (call $length (i64.const 0xffffffffffffffff)) (call $length (i64.const 65))))))`;

const LIBRARY = `(module
  (memory (export "memory") 1) (memory (export "second") 1)
  (data (i32.const 8) "own")
  (func (export "grow") (param i32) (result i32) (memory.grow 1 (local.get 0)))
  (func (export "byte") (result i32) (i32.load8_u (i32.const 8))))`;

const OF_TWO = `(module
  (import "library" "grow" (func $grow (param i32) (result i32)))
  (import "library" "byte" (func $byte (result i32)))
  (import "extism:host/env" "input_load_u8" (func $input (param i64) (result i32)))
  (memory (export "memory") 1)
  (func (export "bytes") (result i32) (i32.add (call $byte) (call $input (i64.const 0))))
  (func (export "grow_mine") (result i32) (memory.grow (i32.const 4)))
  (func (export "grow_other") (result i32) (call $grow (i32.const 4))))`;

test("the memories of all modules together grow as far as the limits allow", async () => {
  const seen = await run(
    async ([library, main]) => {
      const wasm = [
        { name: "library", data: new TextEncoder().encode(library) },
        { name: "main", data: new TextEncoder().encode(main) },
      ];
      const plugin = await sdk.createPlugin({ wasm }, { memory: { maxPages: 9 } });
      const codes = [];
      for (const name of ["bytes", "grow_mine", "grow_other", "grow_mine", "grow_other"]) {
        codes.push(
          await plugin.call(name, "A").then(
            () => 0,
            (error) => error.guestCode,
          ),
        );
      }
      await plugin.close();
      return codes;
    },
    LIBRARY,
    OF_TWO,
  );
  assert.deepEqual(seen, [111 + 65, 1, 1, -1, -1]);
});

const TABLE = `(module
  (table $t 2 funcref)
  (func (export "grow") (result i32) (table.grow $t (ref.null func) (i32.const 5)))
  (func (export "size") (result i32) (table.size $t)))`;

test("tables grow as far as the limits allow", async () => {
  const seen = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, { limits: { tableElementsMax: 12 } });
    const codes = [];
    for (const name of ["grow", "grow", "grow", "size"]) {
      codes.push(await plugin.call(name).catch((error) => error.guestCode));
    }
    await plugin.close();
    return codes;
  }, TABLE);
  assert.deepEqual(seen, [2, 7, -1, 12]);
});

test("memory grows as far as the limits allow, and what does not fit says oom", async () => {
  const seen = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, { memory: { maxPages: 20 } });
    const code = (name) =>
      plugin.call(name).then(
        () => 0,
        (error) => [error.code, error.guestCode, error.message],
      );
    const results = [];
    for (const name of ["grow", "grow", "grow", "must_grow", "alloc_huge", "forge"]) {
      results.push(await code(name));
    }
    await plugin.close();
    return results;
  }, GROW);
  // The first growth answers the page it was at.
  assert.deepEqual(seen[0].slice(0, 2), ["GUEST_ERROR", 1]);
  assert.deepEqual(seen[1].slice(0, 2), ["GUEST_ERROR", 9]);
  assert.deepEqual(seen[2].slice(0, 2), ["GUEST_ERROR", -1]);
  assert.deepEqual(seen[3], ["MEMORY", 0, "oom"]);
  assert.deepEqual(seen.slice(4), [0, 0]);
});

test("the same without a rewritten module", async () => {
  const seen = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, {
      memory: { maxPages: 20 },
      rewrite: false,
    });
    const code = (name) =>
      plugin.call(name).then(
        () => 0,
        (error) => error.guestCode,
      );
    const results = [await code("grow"), await code("grow"), await code("grow"), await code("alloc_huge")];
    await plugin.close();
    return results;
  }, GROW);
  assert.deepEqual(seen, [1, 9, -1, 0]);
});

test("an output beyond its limit is refused", async () => {
  const code = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, {
      limits: { outputBytesMax: 10 },
    });
    const error = await plugin.call("echo", "more than ten bytes").catch((thrown) => thrown);
    const fits = (await plugin.call("echo", "ten bytes.")).text();
    await plugin.close();
    return [error.code, fits];
  }, wat("echo"));
  assert.deepEqual(code, ["OUTPUT", "ten bytes."]);
});

const CALLS = `(module (import "extism:host/user" "f" (func $f (param i64) (result i64)))
  (import "extism:host/env" "input_offset" (func $in (result i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $out (param i64 i64)))
  (func (export "run") (result i32) (local $h i64)
    (local.set $h (call $f (call $in))) (call $out (local.get $h) (call $length (local.get $h))) (i32.const 0)))`;

for (const runInWorker of [false, true]) {
  test(`host functions throw, wait and answer nonsense${runInWorker ? ", in a Worker" : ""}`, async () => {
    const seen = await run(
      async ([source, inWorker]) => {
        const call = async (f) => {
          const plugin = await sdk.createPlugin(source, {
            functions: { "extism:host/user": { f } },
            runInWorker: inWorker,
          });
          try {
            return (await plugin.call("run", "input"))?.text() ?? null;
          } catch (error) {
            return [error.code, error.cause?.message ?? ""];
          } finally {
            await plugin.close();
          }
        };
        return [
          await call((current, handle) => current.store(current.read(handle).text().toUpperCase())),
          await call(async (current, handle) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            return current.store(`${current.read(handle).text()} waited`);
          }),
          await call((current) => current.store("x".repeat(200_000))).then((text) => text?.length),
          await call(() => {
            throw new RangeError("no");
          }),
          await call(() => 1n << 40n),
          await call(() => "not a handle"),
          await call((current) => {
            current.setError("said so");
            return 0n;
          }),
        ];
      },
      CALLS,
      runInWorker,
    );
    assert.deepEqual(seen.slice(0, 3), ["INPUT", "input waited", 200_000]);
    assert.deepEqual(seen[3], ["HOST_FUNCTION", "no"]);
    assert.equal(seen[4], null);
    assert.equal(seen[5][0], "HOST_FUNCTION");
    assert.equal(seen[6][0], "GUEST_ERROR");
  });
}

test("a thousand calls in a Worker, some of which trap, leave it as it was", async () => {
  const seen = await run(async (source) => {
    const plugin = await sdk.createPlugin(source, { runInWorker: true });
    let sum = 0;
    for (let count = 0; count < 1000; count += 1) {
      sum += (await plugin.call("echo", "x".repeat(count))) ? 1 : 0;
    }
    await plugin.close();
    return [sum, sdk.stats().plugins];
  }, wat("echo"));
  assert.deepEqual(seen, [999, 0]);
});

test("the first API", async () => {
  const seen = await run(async () => {
    const context = new sdk.ExtismContext();
    const plugin = await context.newPlugin({
      wasm: [{ path: "/plugins/count_vowels.wasm" }],
    });
    const output = new TextDecoder().decode(await plugin.call("count_vowels", "Hello"));
    const names = (await plugin.getExports()).map((each) => each.name);
    return [
      output,
      names.includes("count_vowels"),
      (await plugin.getImports()).some((each) => each.module === "extism:host/env"),
      (await plugin.getInstance()) instanceof WebAssembly.Instance,
    ];
  });
  assert.deepEqual(seen, ['{"count":2,"total":2,"vowels":"aAeEiIoOuU"}', true, true, true]);
});
