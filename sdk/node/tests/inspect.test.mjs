/** Plug-ins described without running them: both engines tell the same. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import * as extism from "@extism/extism";
import { LoadError, ModuleError, Status, UsageError } from "@extism/extism";

import { CALLBACK, ECHO, fails, nothingIsLeft, ROOT, user } from "./support.mjs";

nothingIsLeft();

const PLUGIN = (name) => readFileSync(join(ROOT, "fixtures", "plugins", `${name}.wasm`));
const CALLS =
  '(module (import "env" "twice" (func)) (import "kv" "get" (func (param i64))) (func (export "run") (call 0)))';
const LIBRARY = '(module (func (export "twice")))';
/** Valid, though neither engine runs it. */
const WIDE = '(module (memory i64 1) (func (export "run")))';

/** Up to Node 20 no module takes a second memory, so that the web engine rewrites none. */
const REWRITES = WebAssembly.validate(Buffer.from("0061736d0100000005050200010001", "hex"));

function comparable(found) {
  return REWRITES ? found : { ...found, modules: found.modules.map((module) => ({ ...module, rewriting: "" })) };
}

const SOURCES = {
  "a module as text": [ECHO],
  "an empty module": [Buffer.from("0061736d01000000", "hex")],
  "a module with a start function": ['(module (func $start unreachable) (start $start) (func (export "run")))'],
  "64-bit memory": [WIDE],
  "the Rust kit": [PLUGIN("ours")],
  "the published Rust kit, with WASI": [PLUGIN("published_wasi"), { useWasi: true }],
  "the 0.1 era": [readFileSync(join(ROOT, "fixtures", "wat", "legacy.wat"), "utf8")],
  "a host function that is given": [CALLBACK, { functions: user({ callback: () => 0n }) }],
  "a host function in place of a kernel function": [ECHO, { functions: { "extism:host/env": { alloc: () => 0n } } }],
  "several modules": [
    {
      wasm: [
        { name: "lib", data: Buffer.from(LIBRARY) },
        { name: "main", data: Buffer.from(CALLS) },
      ],
    },
  ],
  "rewriting off": [ECHO, { rewrite: false }],
};
for (const [what, [source, options]] of Object.entries(SOURCES)) {
  test(`both engines say the same of ${what}`, async () => {
    const [native, web] = await Promise.all(
      ["native", "web"].map(async (engine) => await extism.inspect(source, { ...options, engine })),
    );
    assert.ok(native.modules.length > 0);
    assert.deepEqual(comparable(web), comparable(native));
    assert.ok(REWRITES || web.modules.every(({ rewriting }) => rewriting === "off"));
  });
}

for (const engine of ["native", "web"]) {
  test(`what is no plug-in is refused: ${engine}`, async () => {
    for (const [source, kind, status] of [
      ["(module", ModuleError, Status.ModuleInvalid],
      [Buffer.from("0061736d0d000100", "hex"), ModuleError, Status.ModuleUnsupported],
      [{ wasm: [] }, LoadError, Status.NoModules],
      [{ wasm: [{ data: Buffer.from(ECHO), hash: "00" }] }, LoadError, Status.HashMismatch],
    ]) {
      await fails(() => extism.inspect(source, { engine }), kind, status);
    }
  });
}

test("a module that the platform has compiled has no bytes to look into", async () => {
  const module = new WebAssembly.Module(Buffer.from("0061736d01000000", "hex"));
  const error = await fails(() => extism.inspect(module, { engine: "web" }), UsageError, Status.InvalidArgument);
  assert.match(error.message, /give its bytes/);
});
