/**
 * What plug-ins try that do not mean well, against the page that looks into them and calls them.
 *
 * Must not know: how the page does it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { assembled, call, drop, open } from "./browser.mjs";

test("a plug-in that chooses the names of its imports changes nothing of the page", async () => {
  const { page, close } = await open();
  const bytes = await assembled(`(module
    (import "__proto__" "spoilt" (func $first (param i64) (result i64)))
    (import "constructor" "keys" (func $second (param i64) (result i64)))
    (func (export "run") (result i32)
      (i32.wrap_i64 (i64.add (call $first (i64.const 0)) (call $second (i64.const 0))))))`);
  await drop(page, "names.wasm", bytes);
  await page.locator("#module-name", { hasText: "names.wasm" }).waitFor();
  assert.match(await call(page), /OK\s+run/);
  const found = await page.evaluate(() => [typeof {}.spoilt, Object.keys({ a: 1 })]);
  assert.deepEqual(found, ["undefined", ["a"]]);
  await close();
});

test("a plug-in with very many imports and exports is shown", async () => {
  const { page, close } = await open();
  await drop(page, "many.wasm", withNames(90_000));
  await page.locator("#module-name", { hasText: "many.wasm" }).waitFor();
  // As many as the SDK lists.
  assert.ok((await page.locator("#function option").count()) > 10_000);
  assert.match(await page.locator("#needs").textContent(), /… and [\d,]+ more/);
  await close();
});

test("of a long message in the log, a part is shown", async () => {
  const { page, close } = await open();
  const bytes = await assembled(`(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "log_error" (func $log (param i64)))
    (func (export "run") (result i32) (local $message i64)
      (local.set $message (call $alloc (i64.const 1000000)))
      (call $store (local.get $message) (i32.const 65))
      (call $log (local.get $message))
      (i32.const 0)))`);
  await drop(page, "long.wasm", bytes);
  await page.locator("#module-name", { hasText: "long.wasm" }).waitFor();
  assert.match(await call(page), /OK/);
  const text = page.locator("#logs .text");
  await text.waitFor();
  const shown = await text.textContent();
  assert.deepEqual([shown[0], shown.length, shown.at(-1)], ["A", 10_001, "…"]);
  await close();
});

/** A module with so many imports and as many exports. */
function withNames(count) {
  const each = (make) => Buffer.concat([number(count), ...Array.from({ length: count }, (_, at) => make(at))]);
  const imports = each((at) => Buffer.concat([text("m"), text(`f${String(at)}`), Buffer.from([0, 0])]));
  const exports = each((at) => Buffer.concat([text(`e${String(at)}`), Buffer.from([0]), number(count)]));
  return Buffer.concat([
    Buffer.from("0061736d01000000", "hex"),
    section(1, Buffer.from([1, 0x60, 0, 1, 0x7f])),
    section(2, imports),
    section(3, Buffer.from([1, 0])),
    section(7, exports),
    section(10, Buffer.from([1, 4, 0, 0x41, 0, 0x0b])),
  ]);
}

function section(id, bytes) {
  return Buffer.concat([Buffer.from([id]), number(bytes.length), bytes]);
}

function text(characters) {
  return Buffer.concat([number(characters.length), Buffer.from(characters)]);
}

/** A number as Wasm writes it: seven bits in a byte, the lowest first. */
function number(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) {
    bytes.push((value & 127) | 128);
  }
  return Buffer.from([...bytes, value]);
}
