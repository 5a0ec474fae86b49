/** What plug-ins in Workers write: none of it is lost, and however much it is, little of it is on its way at a time. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import test from "node:test";

import { SDK } from "./support.mjs";

const LINE = 1_000;
const LINES = 150_000;
/** What the process may grow by while 150 MB are written, or without end. */
const GROWTH_MB = 64;

/** `some` writes lines of one letter, the alphabet again and again; `endless` does not end. */
const WRITES = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\e8\\03\\00\\00")
  (func $line (param $stream i32) (param $at i32)
    (memory.fill (i32.const 16) (i32.add (i32.const 97) (i32.rem_u (local.get $at) (i32.const 26))) (i32.const 999))
    (i32.store8 (i32.const 1015) (i32.const 10))
    (drop (call $write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $lines (param $count i32) (local $at i32)
    (loop $next
      (call $line (i32.const 1) (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.ne (local.get $at) (local.get $count)))))
  (func (export "some") (call $lines (i32.const ${LINES})))
  (func (export "endless") (call $lines (i32.const 0)))
  (func (export "err") (call $line (i32.const 2) (i32.const 0))))`;

/**
 * Runs a program in a process whose output is read only when the program says so on a channel of its own: what it said, and
 * what was wrong with its output, of which there are so many lines.
 */
async function run(body) {
  const source = `
    import { createPlugin } from "@extism/extism";
    setTimeout(() => { process.send("it hangs"); process.exit(1); }, 60_000).unref();
    let before;
    const growth = () => Math.round((process.memoryUsage.rss() - before) / 2 ** 20);
    const grown = () => growth() < ${GROWTH_MB} || growth();
    const make = async (options) => {
      const own = { engine: "web", runInWorker: true, useWasi: true, enableWasiOutput: true, ...options };
      const plugin = await createPlugin(${JSON.stringify(WRITES)}, own);
      before ??= process.memoryUsage.rss();
      return plugin;
    };
    ${body}`;
  const words = ["--input-type=module", "-e", source];
  const env = { ...process.env, NODE_TEST_CONTEXT: "" };
  const child = spawn(process.execPath, words, { cwd: SDK, env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const said = [];
  let lines = 0;
  let wrong = "";
  let rest = Buffer.alloc(0);
  child.stderr.setEncoding("utf8").on("data", (data) => said.push(data));
  child.stdout.on("data", (data) => {
    const all = Buffer.concat([rest, data]);
    let at = 0;
    for (; at + LINE <= all.length; at += LINE) {
      const letter = 97 + (lines % 26);
      if (all[at] !== letter || all[at + LINE - 2] !== letter || all[at + LINE - 1] !== 10) {
        wrong ||= `line ${lines}: ${all.subarray(at, at + 40)}`;
      }
      lines += 1;
    }
    rest = all.subarray(at);
  });
  child.stdout.pause();
  child.on("message", (message) => {
    if (message === "read") {
      child.stdout.resume();
    } else if (message === "shut") {
      child.stdout.destroy();
      child.send("shut");
    } else {
      said.push(message);
    }
  });
  const [code] = await new Promise((resolve) => child.on("close", (...end) => resolve(end)));
  assert.deepEqual([code, rest.length], [0, 0], said.join());
  return { said, lines, wrong };
}

test("all that is written is shown in its order, and little of it is on its way at a time", async () => {
  const { said, lines, wrong } = await run(`
    const plugin = await make();
    process.send("read");
    await plugin.call("some");
    process.send([grown()]);
    await plugin.close();`);
  assert.deepEqual([said, lines, wrong], [[[true]], LINES, ""]);
});

test("a plug-in that writes waits for a thread that is busy", async () => {
  const { said, lines, wrong } = await run(`
    const plugin = await make();
    process.send("read");
    const called = plugin.call("some");
    for (const end = performance.now() + 2_000; performance.now() < end;);
    process.send([grown()]);
    await called;
    await plugin.close();`);
  assert.deepEqual([said, lines, wrong], [[[true]], LINES, ""]);
});

test("a plug-in that writes waits for whoever reads, until its time is over, it is cancelled or closed", async () => {
  const { said, lines } = await run(`
    const late = await make({ timeoutMs: 3_000 });
    process.send([(await late.call("endless").catch((error) => error)).message, grown()]);
    await late.close();
    const plugin = await make();
    for (const stop of [() => plugin.cancel(), () => plugin.close()]) {
      const called = plugin.call("endless").catch((error) => error.message);
      setTimeout(stop, 500);
      process.send([await called, grown()]);
    }
    const other = await make();
    await other.call("err");
    await other.close();
    process.send("read");`);
  const stopped = ["timeout: the call was cancelled", true];
  assert.deepEqual(said, [["timeout", true], stopped, stopped, `${"a".repeat(999)}\n`]);
  // More than the system keeps of what nobody reads, and what was on its way.
  assert.ok(lines >= 3 * 800 && lines < 3 * 1_500, `${lines} lines`);
});

test("a program whose output nobody reads any more goes on", async () => {
  const { said } = await run(`
    process.send("shut");
    await new Promise((resolve) => process.once("message", resolve));
    const plugin = await make({ timeoutMs: 1_000 });
    process.send([(await plugin.call("endless").catch((error) => error)).message, grown()]);
    await plugin.close();`);
  assert.deepEqual(said, [["timeout", true]]);
});
