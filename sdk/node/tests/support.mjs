/** What the tests share: plug-ins, and counting what is alive. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import * as extism from "@extism/extism";

export const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
export const ROOT = dirname(dirname(SDK));
const WAT = join(ROOT, "fixtures", "wat");

export const ECHO = readFileSync(join(WAT, "echo.wat"), "utf8");
export const CALLBACK = readFileSync(join(WAT, "callback.wat"), "utf8");
export const SPIN = '(module (func (export "spin") (result i32) (loop (br 0)) unreachable))';

/** A plug-in whose `run` gives its input to a function `(current, handle)`, and whose `again` does nothing. */
export async function callback(work, options = {}) {
  return await extism.createPlugin(CALLBACK, { functions: user({ callback: work }), ...options });
}

/** Host functions of the ordinary namespace. */
export function user(functions) {
  return { "extism:host/user": functions };
}

/** The error that something throws, or rejects with. */
export async function failure(work) {
  try {
    const value = await work();
    assert.fail(`it gave ${String(value)}`);
  } catch (error) {
    if (error instanceof assert.AssertionError) {
      throw error;
    }
    assert.ok(error instanceof extism.ExtismError, String(error?.stack ?? error));
    return error;
  }
}

/** Asserts the class and the status of the error something fails with. */
export async function fails(work, kind, status) {
  const error = await failure(work);
  assert.deepEqual([error.constructor.name, error.status], [kind.name, status], error.message);
  return error;
}

/** Waits until something is so, without blocking the event loop. */
export async function until(condition, what) {
  const end = performance.now() + 20_000;
  while (!condition()) {
    assert.ok(performance.now() < end, what);
    await new Promise(setImmediate);
  }
}

/** Collects garbage until counters are as they were. */
export async function settled(before) {
  const same = () => {
    globalThis.gc();
    const now = extism.stats();
    return Object.keys(before).every((key) => now[key] === before[key]);
  };
  await until(same, "something is still alive");
}

/** Each test of the file leaves nothing alive behind. */
export function nothingIsLeft() {
  let before;
  beforeEach(() => {
    globalThis.gc();
    before = extism.stats();
  });
  afterEach(async () => await settled(before));
}

/** Runs a program in a process of its own: how it ended, and what it wrote. */
export async function program(source, { args = [], env = {}, cwd = SDK } = {}) {
  const words = ["--input-type=module", "--expose-gc", ...args, "-e", source];
  const child = spawn(process.execPath, words, { cwd, env: { ...process.env, NODE_TEST_CONTEXT: "", ...env } });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const [code, signal] = await new Promise((resolve) => child.on("close", (...end) => resolve(end)));
  return { code: signal ?? code, output };
}

/** What the package keeps to itself, as a module: bundled from TypeScript that imports `./src/...`. */
export async function inside(source) {
  const { build } = createRequire(import.meta.url)("esbuild");
  const folder = mkdtempSync(join(tmpdir(), "extism-inside-"));
  const outfile = join(folder, "inside.mjs");
  await build({
    stdin: { contents: source, resolveDir: SDK, loader: "ts" },
    absWorkingDir: SDK,
    bundle: true,
    format: "esm",
    outfile,
    platform: "neutral",
    target: "es2022",
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Everything that a plug-in can be asked, wherever it runs. */
export function usesOf(plugin) {
  return [
    () => plugin.id,
    () => plugin.call("echo", ""),
    () => plugin.callSync("echo", ""),
    () => plugin.functionExists("echo"),
    () => plugin.config({}),
    () => plugin.varGet("a"),
    () => plugin.varSet("a", ""),
    () => plugin.varRemove("a"),
    () => plugin.reset(),
    () => plugin.renew(),
    () => plugin.fuelConsumed(),
    () => plugin.allowHttpResponseHeaders(),
    () => plugin.getExports(),
    () => plugin.getImports(),
  ];
}
