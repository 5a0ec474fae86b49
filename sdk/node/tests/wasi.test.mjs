/** WASI of the web engine: streams, clocks, and numbers that lead nowhere. */

import assert from "node:assert/strict";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { fails, nothingIsLeft, program } from "./support.mjs";

nothingIsLeft();

const SUCCESS = 0;
const BADF = 8;
const INVAL = 28;
const NOTSUP = 58;
const SPIPE = 70;
const TRAP = "TRAP_MEMORY";
/** No address of a memory of one page. */
const BEYOND = 65_534;

/** A call by its name, its arguments (a big integer is an `i64`), and the error number it answers, or how the plug-in ends. */
const CALLS = [
  ["args_sizes_get", [0, 4], SUCCESS],
  ["args_sizes_get", [0, -1], TRAP],
  ["args_get", [0, BEYOND], TRAP],
  ["environ_sizes_get", [BEYOND + 4, 0], TRAP],
  ["environ_get", [0, 16], SUCCESS],
  ["clock_res_get", [0, 0], SUCCESS],
  ["clock_res_get", [7, 0], NOTSUP],
  ["clock_time_get", [1, 0n, 0], SUCCESS],
  ["clock_time_get", [2, 0n, 0], NOTSUP],
  ["clock_time_get", [0, 0n, BEYOND], TRAP],
  ["fd_advise", [0, 0n, 0n, 0], SUCCESS],
  ["fd_allocate", [1, 0n, 0n], NOTSUP],
  ["fd_datasync", [1], SUCCESS],
  ["fd_datasync", [3], BADF],
  ["fd_fdstat_get", [1, 0], SUCCESS],
  ["fd_fdstat_get", [1, BEYOND], TRAP],
  ["fd_fdstat_get", [3, 0], BADF],
  ["fd_fdstat_set_flags", [1, 0], SUCCESS],
  ["fd_filestat_get", [0, 0], SUCCESS],
  ["fd_filestat_get", [-1, 0], BADF],
  ["fd_filestat_set_size", [0, 0n], NOTSUP],
  ["fd_pread", [0, 0, 0, 0n, 0], SPIPE],
  ["fd_prestat_get", [3, 0], BADF],
  ["fd_prestat_dir_name", [3, 0, 0], BADF],
  ["fd_read", [0, 0, 0, 64], SUCCESS],
  ["fd_read", [1, 0, 0, 64], BADF],
  ["fd_readdir", [0, 0, 0, 0n, 0], NOTSUP],
  ["fd_renumber", [1, 9], BADF],
  ["fd_seek", [0, 0n, 0, 0], SPIPE],
  ["fd_tell", [7, 0], BADF],
  ["fd_write", [0, 0, 0, 0], BADF],
  ["fd_write", [1, 0, 1, BEYOND], TRAP],
  ["fd_write", [1, BEYOND, 1, 0], TRAP],
  ["fd_write", [1, 0, -1, 0], TRAP],
  ["path_open", [3, 0, 0, 0, 0, 0n, 0n, 0, 0], BADF],
  ["path_symlink", [0, 0, 0, 0, 0], BADF],
  ["poll_oneoff", [0, 0, 0, 0], INVAL],
  ["poll_oneoff", [0, 0, 1_025, 0], INVAL],
  ["poll_oneoff", [BEYOND, BEYOND, -1, BEYOND], INVAL],
  ["poll_oneoff", [BEYOND, 0, 1, 0], TRAP],
  ["proc_raise", [6], NOTSUP],
  ["random_get", [0, 65_536], SUCCESS],
  ["random_get", [1, 65_536], TRAP],
  ["random_get", [0, -1], TRAP],
  ["sched_yield", [], SUCCESS],
  ["sock_shutdown", [1, 0], BADF],
];

/** A module that makes one call of WASI, and answers its error number. */
function calling(name, args) {
  const kinds = args.map((arg) => (typeof arg === "bigint" ? "i64" : "i32"));
  const params = kinds.length === 0 ? "" : `(param ${kinds.join(" ")})`;
  const constants = args.map((arg, at) => `(${kinds[at]}.const ${arg})`).join(" ");
  return `(module
    (import "wasi_snapshot_preview1" "${name}" (func $f ${params} (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32) (call $f ${constants})))`;
}

for (const [name, args, errno] of CALLS) {
  test(`${name}(${args.join(", ")}) is ${errno}`, async () => {
    const options = { engine: "web", useWasi: true, wasiArgs: ["a", "größe"] };
    const plugin = await extism.createPlugin(calling(name, args), options);
    const answered = await plugin.call("run").then(
      () => SUCCESS,
      (error) => error.guestCode || error.code,
    );
    assert.equal(answered, errno);
    await plugin.close();
  });
}

/** Subscriptions of 48 bytes at 0, events of 32 at 256, their number at 1024: put out from 0 on. */
const POLLS = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))
  (memory (export "memory") 1)
  (func $subscribe (param $at i32) (param $data i64) (param $type i32) (param $what i32) (param $time i64)
    (i64.store (local.get $at) (local.get $data))
    (i32.store8 offset=8 (local.get $at) (local.get $type))
    (i32.store offset=16 (local.get $at) (local.get $what))
    (i64.store offset=24 (local.get $at) (local.get $time)))
  (func $put_out (param $count i32) (local $block i64) (local $at i32)
    (drop (call $poll (i32.const 0) (i32.const 256) (local.get $count) (i32.const 1024)))
    (i32.store8 (i32.const 255) (i32.load (i32.const 1024)))
    (local.set $block (call $alloc (i64.const 65)))
    (loop $next
      (call $store (i64.add (local.get $block) (i64.extend_i32_u (local.get $at)))
        (i32.load8_u offset=255 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 65))))
    (call $output (local.get $block) (i64.const 65)))
  (func (export "clocks")
    (call $subscribe (i32.const 0) (i64.const 11) (i32.const 0) (i32.const 1) (i64.const 60000000000))
    (call $subscribe (i32.const 48) (i64.const 12) (i32.const 0) (i32.const 1) (i64.const 20000000))
    (call $put_out (i32.const 2)))
  (func (export "streams")
    (drop (call $close (i32.const 2)))
    (call $subscribe (i32.const 0) (i64.const 21) (i32.const 0) (i32.const 0) (i64.const 60000000000))
    (call $subscribe (i32.const 48) (i64.const 22) (i32.const 1) (i32.const 0) (i64.const 0))
    (call $subscribe (i32.const 96) (i64.const 23) (i32.const 2) (i32.const 2) (i64.const 0))
    (call $put_out (i32.const 3))))`;

/** The events that were put out: userdata, error number and type. */
function events(output) {
  return Array.from({ length: output.getUint8(0) }, (_, at) => {
    const event = 1 + 32 * at;
    return [output.getUint8(event), output.getUint16(event + 8, true), output.getUint8(event + 10)];
  });
}

for (const runInWorker of [false, true]) {
  test(`waiting ends with the first event, and streams are always ready${runInWorker ? ", in a Worker" : ""}`, async () => {
    const plugin = await extism.createPlugin(POLLS, { engine: "web", useWasi: true, runInWorker });
    const begin = performance.now();
    assert.deepEqual(events(await plugin.call("clocks")), [[12, SUCCESS, 0]]);
    assert.ok(performance.now() - begin >= 20);
    assert.deepEqual(events(await plugin.call("streams")), [
      [22, SUCCESS, 1],
      [23, BADF, 2],
    ]);
    await plugin.close();
  });
}

test("as many events as the native engine waits for can be waited for at once", async () => {
  // Subscriptions of zeros to a clock of zero nanoseconds: all of them are due, and the events come after them.
  const module = `(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func (export "run") (result i32)
      (drop (call $poll (i32.const 0) (i32.const 65536) (i32.const 1024) (i32.const 131064)))
      (i32.ne (i32.load (i32.const 131064)) (i32.const 1024))))`;
  const plugin = await extism.createPlugin(module, { engine: "web", useWasi: true });
  await plugin.call("run");
  await plugin.close();
});

/** A module whose `mark` has WASI write a number to its memory at 0, and whose `marked` reads it there. */
const MARKS = `
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $mark (export "mark") (drop (call $sizes (i32.const 0) (i32.const 8))))
  (func $marked (export "marked") (result i32) (i32.load (i32.const 0)))`;
const OTHER = `(module ${MARKS})`;
const MAIN = `(module
  (import "other" "mark" (func $mark_other))
  (import "other" "marked" (func $marked_other (result i32)))
  ${MARKS}
  (func (export "of_other") (result i32) (call $mark_other)
    (i32.add (i32.mul (i32.const 10) (call $marked_other)) (call $marked)))
  (func (export "of_main") (result i32) (call $mark)
    (i32.add (i32.mul (i32.const 10) (call $marked_other)) (call $marked))))`;

for (const engine of ["native", "web"]) {
  test(`a module's call of WASI means its own memory, whichever was made last: ${engine}`, async () => {
    const wasm = [
      { name: "other", data: Buffer.from(OTHER) },
      { name: "main", data: Buffer.from(MAIN) },
    ];
    const options = { engine, useWasi: true, wasiArgs: ["a", "b", "c"] };
    for (const [name, code] of [
      ["of_other", 30],
      ["of_main", 3],
    ]) {
      const plugin = await extism.createPlugin({ wasm }, options);
      const error = await fails(() => plugin.call(name), extism.GuestError, Status.GuestError);
      assert.equal(error.guestCode, code, name);
      await plugin.close();
    }
  });

  test(`a start function may call WASI: ${engine}`, async () => {
    const starting = (rest) => Buffer.from(`(module ${MARKS} (start $mark) ${rest})`);
    const plugin = (wasm) => extism.createPlugin({ wasm }, { engine, useWasi: true, wasiArgs: ["a", "b"] });
    const alone = await plugin([{ data: starting('(func (export "run") (result i32) (call $marked))') }]);
    assert.equal((await fails(() => alone.call("run"), extism.GuestError, Status.GuestError)).guestCode, 2);
    await alone.close();
    const linked = await plugin([
      { name: "other", data: starting("") },
      {
        name: "main",
        data: Buffer.from(`(module
          (import "other" "marked" (func $marked (result i32)))
          (global $found (mut i32) (i32.const 0))
          (func $start (global.set $found (call $marked)))
          (start $start)
          (func (export "run") (result i32) (global.get $found)))`),
      },
    ]);
    assert.equal((await fails(() => linked.call("run"), extism.GuestError, Status.GuestError)).guestCode, 2);
    await linked.close();
  });
}

test("WASI has no memory for a start function of a module that the platform has compiled, and says so", async () => {
  // MARKS with `run` in place of `mark`, as its start function or not.
  const compiled = (start) =>
    new WebAssembly.Module(
      Buffer.from(
        "0061736d01000000010a0260027f7f017f60000002290116776173695f736e617073686f745f70726576696577310e617267735f73697a" +
          `65735f6765740000030201010503010001071002066d656d6f727902000372756e0001${start}0a0b0109004100410810001a0b`,
        "hex",
      ),
    );
  for (const runInWorker of [false, true]) {
    const options = { engine: "web", useWasi: true, runInWorker };
    const making = () => extism.createPlugin(compiled("080101"), options);
    const error = await fails(making, extism.UsageError, Status.InvalidArgument);
    assert.match(error.message, /^the start function of a module that the platform has compiled.* cannot call WASI$/);
    const plugin = await extism.createPlugin(compiled(""), options);
    await plugin.call("run");
    await plugin.close();
  }
});

for (const name of ["nothing_of_this_name", "toString", "constructor", "__proto__"]) {
  test(`WASI has no function ${name}`, async () => {
    const module = `(module
      (import "wasi_snapshot_preview1" "${name}" (func $f)) (func (export "run") (call $f)))`;
    const making = () => extism.createPlugin(module, { engine: "web", useWasi: true });
    await fails(making, extism.ModuleError, Status.ImportUnknown);
  });
}

test("what a plug-in writes is shown line by line if the host says so, and else is for nobody", async () => {
  const module = `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\14\\00\\00\\00\\03\\00\\00\\00\\17\\00\\00\\00\\07\\00\\00\\00")
    (data (i32.const 20) "gr\\c3\\bcn\\nred\\n")
    (func (export "out") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 64))))
    (func (export "err") (drop (call $write (i32.const 2) (i32.const 0) (i32.const 2) (i32.const 64)))))`;
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    for (const enableWasiOutput of [false, true]) {
      const plugin = await createPlugin(${JSON.stringify(module)}, { engine: "web", useWasi: true, enableWasiOutput });
      plugin.callSync("out");
      plugin.callSync("err");
      await plugin.close();
    }`);
  assert.deepEqual([code, output], [0, "grün\nred\ngrün\nred\n"]);
});

test("a line without an end is shown when the call ends, and one that is too long in pieces", async () => {
  // 10,000 bytes: 4,095 letters, and then umlauts of two bytes, the first of which is cut.
  const module = `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\10\\00\\00\\00\\05\\00\\00\\00\\20\\00\\00\\00\\0f\\27\\00\\00")
    (data (i32.const 16) "begun")
    (func $fill (local $at i32)
      (memory.fill (i32.const 32) (i32.const 97) (i32.const 4095))
      (local.set $at (i32.const 4127))
      (loop $next
        (i32.store16 (local.get $at) (i32.const 0xbcc3))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 10031)))))
    (start $fill)
    (func $out (export "out") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12000))))
    (func (export "trap") (call $out) unreachable)
    (func (export "long") (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 12000)))))`;
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    const options = { engine: "web", useWasi: true, enableWasiOutput: true };
    const plugin = await createPlugin(${JSON.stringify(module)}, options);
    console.log("1");
    plugin.callSync("out");
    console.log("2");
    try { plugin.callSync("trap"); } catch { console.log("3"); }
    plugin.callSync("long");
    await plugin.close();`);
  const lines = output.split("\n");
  assert.deepEqual([code, ...lines.slice(0, 5)], [0, "1", "begun", "2", "begun", "3"]);
  const pieces = ["a".repeat(4_095), "ü".repeat(2_048), "ü".repeat(904)];
  assert.deepEqual(lines.slice(5), [...pieces, ""]);
});
