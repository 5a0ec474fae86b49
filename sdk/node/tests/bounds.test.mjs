/** The web engine: limits hold for modules that the rewriting pass leaves alone, too. */

import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { fails, nothingIsLeft } from "./support.mjs";

nothingIsLeft();

/** The pass leaves modules with exceptions of the first kind alone. */
const LEGACY = "try nop catch_all end";
const growing = (rest) => `(module
  (table $t 2 funcref)
  (func $grow (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))
  (func (export "too_far") (result i32) ${rest} (i32.ne (call $grow (i32.const 4)) (i32.const -1)))
  (func (export "far") (result i32) (i32.ne (call $grow (i32.const 3)) (i32.const 2)))
  (func (export "further") (result i32) (i32.ne (call $grow (i32.const 1)) (i32.const -1))))`;

for (const [what, rest] of [
  ["that is metered", ""],
  ["that cannot be metered", LEGACY],
]) {
  test(`a table ${what} grows to its limit`, async () => {
    const plugin = await extism.createPlugin(growing(rest), { engine: "web", limits: { tableElementsMax: 5 } });
    for (const name of ["too_far", "far", "further"]) {
      await plugin.call(name);
    }
    await plugin.close();
  });
}

test("a limit for tables and a module that the platform has compiled are too much", async () => {
  const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const making = () => extism.createPlugin(module, { engine: "web", limits: { tableElementsMax: 5 } });
  await fails(making, extism.UsageError, Status.InvalidArgument);
  const plugin = await extism.createPlugin(module, { engine: "web" });
  await plugin.close();
});
