/** What only an engine of now can do: wait for promises, and run modules that have a second memory. */

import assert from "node:assert/strict";
import test, { after, before } from "node:test";

import { start } from "./support.mjs";

let started;
let page;

before(async () => {
  started = await start();
  page = await started.open();
});
after(async () => await started.stop());

/** Catches whatever its host function does. */
const CATCHES = `(module
  (import "extism:host/user" "throws" (func $throws))
  (import "extism:host/user" "counts" (func $counts))
  (func (export "host") try call $throws catch_all end call $counts)
  (func (export "count") call $counts))`;

test("what ends a call cannot be caught, whether it is waited for or not", async () => {
  const seen = await page.evaluate(async (source) => {
    const seen = [];
    let counted = 0;
    const count = () => (counted += 1);
    const refuse = () => {
      throw new Error("no");
    };
    const ways = [
      [async () => refuse(), async () => void count()],
      [async () => refuse(), () => void count()],
      [refuse, () => void count()],
    ];
    for (const [throws, counts] of ways) {
      const plugin = await sdk.createPlugin(source, { functions: { "extism:host/user": { throws, counts } } });
      const error = await plugin.call("host").catch((thrown) => thrown);
      seen.push([error.code, error.cause?.message, counted]);
      await plugin.call("count");
      await plugin.close();
    }
    return [...seen, counted];
  }, CATCHES);
  const refused = (counted) => ["HOST_FUNCTION", "no", counted];
  assert.deepEqual(seen, [refused(0), refused(1), refused(2), 3]);
});

/** A module whose start function has WASI write a number to its memory, and that of a module which it is linked to. */
const STARTS = `
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $start (drop (call $sizes (i32.const 0) (i32.const 8))))
  (start $start)
  (func (export "marked") (result i32) (i32.load (i32.const 0)))`;

test("start functions may call WASI, each with the memory of its module", async () => {
  const seen = await page.evaluate(async (starts) => {
    const data = (text) => new TextEncoder().encode(text);
    const importing = '(import "other" "marked" (func $other (result i32)))';
    const reading = '(func (export "other") (result i32) (call $other))';
    const wasm = [
      { name: "other", data: data(`(module ${starts})`) },
      { name: "main", data: data(`(module ${importing} ${starts} ${reading})`) },
    ];
    const plugin = await sdk.createPlugin({ wasm }, { useWasi: true, wasiArgs: ["a", "b", "c"] });
    const codes = [];
    for (const name of ["marked", "other"]) {
      codes.push(await plugin.call(name).catch((error) => error.guestCode));
    }
    await plugin.close();
    return codes;
  }, STARTS);
  assert.deepEqual(seen, [3, 3]);
});

test("a plug-in whose stack ended in the core can be called again", async () => {
  const seen = await page.evaluate(async () => {
    const plugin = await sdk.createPlugin(`(module
      (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
      (func $f (param i64) (result i64)
        (i64.add (call $f (call $alloc (i64.const 1))) (local.get 0)))
      (func (export "endless") (drop (call $f (i64.const 0))))
      (func (export "run")))`);
    await plugin.varSet("a", "kept");
    const codes = [];
    for (let times = 0; times < 3; times += 1) {
      codes.push(await plugin.call("endless").catch((error) => error.code));
      await plugin.call("run");
      codes.push((await plugin.varGet("a")).text());
    }
    await plugin.close();
    return codes;
  });
  assert.deepEqual(seen, Array(3).fill(["TRAP_STACK", "kept"]).flat());
});
