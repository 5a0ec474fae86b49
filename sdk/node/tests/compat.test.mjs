/** Programs for the published package 2.0 and for the first versions. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import createPlugin, * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { fails, nothingIsLeft, program, ROOT, SDK } from "./support.mjs";

nothingIsLeft();

const COUNT = readFileSync(join(ROOT, "examples", "plugins", "count_vowels.wasm"));

test("the program of the announcement runs as it was typed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  mkdirSync(join(folder, "wasm"));
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "wasm", "code.wasm"), COUNT);
  // The call lost its words when the post was saved, and the end what it freed.
  const post = `
    const { withContext, Context } = require('@extism/extism');
    const { readFileSync } = require('fs');

    withContext(async function (context) {
      // get plug-in code from anywhere (disk, network, cache, database etc.)
      let wasm = readFileSync('../wasm/code.wasm');
      // construct a plug-in, to use WASI, pass \`true\` to constructor (see docs for more options)
      let plugin = context.plugin(wasm);

      // simple call any function from the plug-in and pass it any complex data,
      // many SDKs provide options to pass strings, raw bytes, etc.
      let buf = await plugin.call('count_vowels', 'this could be any data!');

      // parse or decode the returned data from the plug-in however your app needs to
      console.log(JSON.parse(buf.toString())['count']);

      // plug-ins will be automatically freed where possible, but you can ensure cleanup is done;
      plugin.free();
    });`;
  // A program outside finds the package where npm puts it; here that is this folder.
  const words = { args: ["--input-type=commonjs"], cwd: join(folder, "src") };
  const required = createRequire(import.meta.url).resolve("@extism/extism");
  const { code, output } = await program(post.replace("'@extism/extism'", JSON.stringify(required)), words);
  assert.deepEqual([code, output], [0, "7\n"]);
});

test("a plug-in of a context that cannot be configured is not left behind", async () => {
  const context = new extism.Context();
  const plugin = context.plugin(COUNT, false, { vowels: "xyz" });
  const { plugins } = extism.stats();
  for (const make of [
    () => context.plugin(COUNT, false, { vowels: 1 }),
    () => plugin.update(COUNT, false, { vowels: 1 }),
  ]) {
    await fails(make, extism.UsageError, Status.InvalidArgument);
    // Before anything is collected.
    assert.equal(extism.stats().plugins, plugins);
  }
  assert.equal(JSON.parse(await plugin.call("count_vowels", "xyzzy")).count, 5);
  plugin.free();
  await fails(() => plugin.update(COUNT), extism.ClosedError, Status.Closed);
  assert.equal(extism.stats().plugins, plugins - 1);
  context.free();
});

test("contexts own their plug-ins", async () => {
  const context = new extism.Context();
  const first = context.plugin({ wasm: [{ data: COUNT }] }, false, { vowels: "xyz" });
  const second = context.plugin(COUNT, true);
  assert.deepEqual([first.id, second.id, first.ctx], [0, 1, context]);
  const output = await first.call("count_vowels", Buffer.from("xyzzy"));
  assert.ok(Buffer.isBuffer(output));
  assert.equal(JSON.parse(output).count, 5);
  assert.equal(await first.functionExists("count_vowels"), true);
  first.update(COUNT);
  assert.equal(JSON.parse(await first.call("count_vowels", "xyzzy")).count, 0);
  await fails(async () => first.update("{}"), extism.LoadError, extism.Status.NoModules);
  assert.equal(JSON.parse(await first.call("count_vowels", "a")).count, 1);
  assert.equal((await context.plugin(COUNT).call("count_vowels")).length > 0, true);
  context.reset();
  await fails(() => second.call("count_vowels"), extism.ClosedError, extism.Status.Closed);
  context.plugin(COUNT).free();
  context.free();
  const answer = await extism.withContext((inner) => inner.plugin(COUNT).functionExists("nope"));
  assert.equal(answer, false);
  const error = new Error("from within");
  await assert.rejects(
    extism.withContext(() => Promise.reject(error)),
    error,
  );
});

test("the log of the process goes to a file, once", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "extism-")), "log.txt");
  const { code, output } = await program(`
    import { createPlugin, extismVersion, setLogFile } from "@extism/extism";
    console.log(setLogFile(${JSON.stringify(path)}, "info"), setLogFile("stderr"), extismVersion());
    const plugin = await createPlugin(\`(module
      (import "extism:host/env" "input_offset" (func $offset (result i64)))
      (import "extism:host/env" "log_info" (func $info (param i64)))
      (func (export "run") (call $info (call $offset))))\`);
    await plugin.call("run", "written down");`);
  const { version } = createRequire(import.meta.url)("@extism/extism/package.json");
  assert.deepEqual([code, output], [0, `true false ${version}\n`]);
  assert.match(readFileSync(path, "utf8"), /written down/);
});

test("the names of 2.0 are where they were", async () => {
  assert.equal(createPlugin, extism.createPlugin);
  assert.equal(extism.newPlugin, extism.createPlugin);
  assert.equal(extism.CallContext, extism.CurrentPlugin);
  const plugin = await createPlugin(
    { wasm: [{ data: COUNT }] },
    { useWasi: true, config: { vowels: "e" }, runInWorker: true, logger: console, logLevel: "silent", fetch },
  );
  const output = await plugin.call("count_vowels", "Hello, World!");
  assert.deepEqual(output.json(), { count: 1, total: 1, vowels: "e" });
  assert.ok(output instanceof extism.PluginOutput && output instanceof DataView);
  assert.equal(plugin.isActive(), false);
  assert.equal(await plugin.functionExists("count_vowels"), true);
  assert.equal(await plugin.reset(), true);
  await plugin.close();
  assert.equal(extism.CAPABILITIES.manifestSupportsPaths, true);
});

test("host functions of 2.0: handles as bigint, the context of the call, promises", async () => {
  const module = `(module
    (import "my_great_namespace" "my_func" (func $f (param i64) (result i64)))
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (func (export "run") (local $block i64)
      (local.set $block (call $f (call $offset)))
      (call $output (local.get $block) (call $length (local.get $block)))))`;
  const my_func = async (context, input) => {
    const output = context.read(input);
    context.setVariable("last", output.string());
    return context.store(`${context.hostContext().greeting}, ${output.string()}`);
  };
  const plugin = await createPlugin(module, { runInWorker: true, functions: { my_great_namespace: { my_func } } });
  assert.equal((await plugin.call("run", "you", { greeting: "hello" })).text(), "hello, you");
  assert.equal((await plugin.varGet("last")).text(), "you");
  await plugin.close();
});

test("a plug-in of the 0.1 era finds its host functions", async () => {
  const module = `(module
    (import "env" "extism_input_offset" (func $offset (result i64)))
    (import "env" "extism_input_length" (func $length (result i64)))
    (import "env" "extism_output_set" (func $output (param i64 i64)))
    (import "env" "seen" (func $seen (param i64)))
    (func (export "echo") (result i32)
      (call $seen (call $offset)) (call $output (call $offset) (call $length)) (i32.const 0)))`;
  for (const namespace of ["extism:host/user", "env"]) {
    const seen = [];
    const functions = { [namespace]: { seen: (current, handle) => void seen.push(current.read(handle).text()) } };
    const plugin = await createPlugin(module, { functions });
    assert.equal(plugin.callSync("echo", "old").text(), "old");
    assert.deepEqual(seen, ["old"]);
    await plugin.close();
  }
});

test("a host function in the place of one of the kernel's", async () => {
  const module = `(module
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (func (export "run") (result i32) (i32.wrap_i64 (call $length))))`;
  const functions = { "extism:host/env": { input_length: () => 3n } };
  const plugin = await createPlugin(module, { functions });
  const error = await fails(() => plugin.call("run"), extism.GuestError, extism.Status.GuestError);
  assert.equal(error.guestCode, 3);
  await plugin.close();
});

test("allowed paths lead from the host to the guest, or the other way round, as is said", async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  const module = '(module (func (export "run")))';
  const manifest = { wasm: [{ data: Buffer.from(module) }] };
  for (const [allowedPaths, allowedPathsOrder] of [
    [{ [folder]: "/guest" }, "host-to-guest"],
    [{ "/guest": folder }, "guest-to-host"],
    [{ "/guest": `ro:${folder}` }, "guest-to-host"],
  ]) {
    await (await createPlugin(module, { useWasi: true, allowedPaths, allowedPathsOrder })).close();
    await (await createPlugin({ ...manifest, allowedPaths }, { useWasi: true, allowedPathsOrder })).close();
  }
  const wrong = { useWasi: true, allowedPaths: { "/no/such/folder": folder }, allowedPathsOrder: "host-to-guest" };
  await fails(() => createPlugin(module, wrong), extism.LoadError, extism.Status.NotFound);
});

test("allowed paths are refused unless it is said which way they lead", async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  const module = '(module (func (export "run")))';
  const manifest = { wasm: [{ data: Buffer.from(module) }] };
  const allowedPaths = { "/": folder };
  for (const order of [undefined, "guest_to_host"]) {
    for (const make of [
      () => createPlugin(module, { useWasi: true, allowedPaths, allowedPathsOrder: order }),
      () => createPlugin({ ...manifest, allowedPaths }, { useWasi: true, allowedPathsOrder: order }),
      async () => extism.createPluginSync(module, { useWasi: true, allowedPaths, allowedPathsOrder: order }),
    ]) {
      const error = await fails(make, extism.UsageError, extism.Status.InvalidArgument);
      assert.match(error.message, /guest-to-host.*host-to-guest/);
    }
  }
  await (await createPlugin(module, { allowedPaths: {} })).close();
});

test("allowed_paths of a manifest lead from the host to the guest, whatever is said of allowedPaths", async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  const manifest = { wasm: [{ data: Buffer.from('(module (func (export "run")))') }] };
  const paths = { [folder]: "/guest" };
  for (const allowedPathsOrder of [undefined, "host-to-guest", "guest-to-host"]) {
    await (await createPlugin({ ...manifest, allowed_paths: paths }, { useWasi: true, allowedPathsOrder })).close();
  }
});

test("programs of users have types", async () => {
  const { spawnSync } = await import("node:child_process");
  const tsc = join(SDK, "node_modules", "typescript", "bin", "tsc");
  const done = spawnSync(process.execPath, [tsc, "--project", join(SDK, "tests", "types")], { encoding: "utf8" });
  assert.deepEqual([done.status, done.stdout], [0, ""]);
});
