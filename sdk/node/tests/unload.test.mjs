/** Guarantees 16 and 18: the addon that is missing or another one, loaded twice; faults that are not ours. */

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import * as extism from "@extism/extism";

import { ECHO, nothingIsLeft, program } from "./support.mjs";

nothingIsLeft();

const CREATE = `
  import { createPlugin } from "@extism/extism";
  import { ECHO } from "./tests/support.mjs";
  try {
    const plugin = await createPlugin(ECHO, { engine: "native" });
    console.log((await plugin.call("echo", "it runs")).text());
  } catch (error) {
    console.log(error.constructor.name, error.code, error.message.includes("addon"), error.cause !== undefined);
  }`;

test("g16 an addon that is missing is named", async () => {
  for (const path of ["/no/such/addon.node", "no-such-package"]) {
    const { code, output } = await program(CREATE, { env: { EXTISM_NODE_ADDON: path } });
    assert.deepEqual([code, output], [0, "LoadError NOT_FOUND true true\n"]);
  }
});

test("g16 something that is no addon is refused", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "extism-")), "text.node");
  writeFileSync(path, "this is text");
  const { code, output } = await program(CREATE, { env: { EXTISM_NODE_ADDON: path } });
  assert.deepEqual([code, output], [0, "LoadError NOT_FOUND true true\n"]);
});

test("g16 an addon of another version is refused", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "extism-")), "other.cjs");
  writeFileSync(path, 'exports.version = () => "0.0.1";');
  const { code, output } = await program(CREATE, { env: { EXTISM_NODE_ADDON: path } });
  assert.deepEqual([code, output], [0, "LoadError NOT_FOUND true true\n"]);
});

test("g16 the package may be loaded twice, as a module and by require", async () => {
  const other = createRequire(import.meta.url)("@extism/extism");
  assert.notEqual(other.createPlugin, extism.createPlugin);
  assert.equal(other.default, other.createPlugin);
  const [mine, theirs] = [await extism.createPlugin(ECHO), await other.createPlugin(ECHO)];
  for (const plugin of [mine, theirs]) {
    assert.equal(plugin.callSync("echo", "a").text(), "a");
    assert.equal((await plugin.call("echo", "b")).text(), "b");
  }
  assert.equal(other.extismVersion(), extism.extismVersion());
  assert.equal(extism.stats().plugins, 2);
  await Promise.all([mine.close(), theirs.close()]);
});

test("g18 faults are still those of their owners", async () => {
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    const trap = await createPlugin('(module (memory 1) (func (export "run") (drop (i32.load (i32.const -1)))))');
    // The same in the platform's own engine, which has a handler of its own.
    const bytes = Buffer.from(
      "0061736d01000000010401600000030201000503010001070701" + "0372756e00000a0a010800417f2802001a0b", "hex");
    const { instance } = await WebAssembly.instantiate(bytes);
    for (let round = 0; round < 50; round += 1) {
      try { trap.callSync("run"); } catch (error) { if (error.code !== "TRAP_MEMORY") throw error; }
      try { await trap.call("run"); } catch (error) { if (error.code !== "TRAP_MEMORY") throw error; }
      try { instance.exports.run(); } catch (error) { if (!(error instanceof WebAssembly.RuntimeError)) throw error; }
      try { null.x; } catch (error) { if (!(error instanceof TypeError)) throw error; }
      const deep = () => deep() + 1;
      try { deep(); } catch (error) { if (!(error instanceof RangeError)) throw error; }
    }
    console.log("done");`);
  assert.deepEqual([code, output], [0, "done\n"]);
});

test("g18 a plug-in called near the end of the stack fails or answers", async () => {
  const { code, output } = await program(`
    import { createPluginSync } from "@extism/extism";
    const plugin = createPluginSync('(module (func $f (export "run") (call $f)))');
    let deepest = 0;
    const dive = (depth) => { try { dive(depth + 1); } catch { deepest ||= depth; attempt(); } };
    let traps = 0;
    const attempt = () => { try { plugin.callSync("run"); } catch (error) { traps += error.code === "TRAP_STACK"; } };
    dive(0);
    attempt();
    console.log(deepest > 100, traps > 0);`);
  assert.deepEqual([code, output], [0, "true true\n"]);
});

test("g18 an interrupt ends the program during an asynchronous call", async () => {
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    import { SPIN } from "./tests/support.mjs";
    const plugin = await createPlugin(SPIN);
    process.on("SIGINT", () => { console.log("interrupted"); plugin.cancel(); });
    const called = plugin.call("spin");
    setTimeout(() => process.kill(process.pid, "SIGINT"), 20);
    try { await called; } catch (error) { console.log(error.code); }`);
  assert.deepEqual([code, output], [0, "interrupted\nCANCELLED\n"]);
});

test("an asynchronous call keeps the process alive, and nothing else does", async () => {
  const { code, output } = await program(`
    import { createPlugin } from "@extism/extism";
    import { ECHO } from "./tests/support.mjs";
    const plugin = await createPlugin(ECHO);
    plugin.call("echo", "answered").then((output) => console.log(output.text()));`);
  assert.deepEqual([code, output], [0, "answered\n"]);
});
