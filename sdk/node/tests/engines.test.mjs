/** Which engine runs a plug-in, and that both keep the same promises. */

import assert from "node:assert/strict";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { callback, ECHO, fails, nothingIsLeft, program, SPIN } from "./support.mjs";

nothingIsLeft();

const MODULE = Buffer.from("0061736d01000000010401600000030201000707010372756e00000a040102000b", "hex");

test("a module that the platform has compiled runs on its engine, and on no other", async () => {
  const module = new WebAssembly.Module(MODULE);
  for (const source of [module, { wasm: [{ module }] }]) {
    const plugin = await extism.createPlugin(source);
    assert.equal(plugin.callSync("run"), null);
    assert.ok((await plugin.getInstance()) instanceof WebAssembly.Instance);
    await plugin.close();
    await fails(() => extism.createPlugin(source, { engine: "native" }), extism.ModuleError, Status.ModuleUnsupported);
  }
});

for (const engine of ["native", "web"]) {
  test(`the ${engine} engine answers, refuses and fails alike`, async () => {
    const echo = await extism.createPlugin(ECHO, { engine });
    assert.equal((await echo.call("echo", "a")).text(), "a");
    assert.equal(echo.callSync("echo", Uint8Array.of(0, 255)).getUint8(1), 255);
    await fails(() => echo.call("nope"), extism.FunctionNotFoundError, Status.FunctionNotFound);
    await echo.close();
    await fails(() => echo.call("echo"), extism.ClosedError, Status.Closed);
    const calling = await callback((current, handle) => current.store(current.read(handle).text().toUpperCase()), {
      engine,
    });
    assert.equal(calling.callSync("run", "shout").text(), "SHOUT");
    await calling.close();
    const cause = new Error("no");
    const throwing = await callback(
      () => {
        throw cause;
      },
      { engine },
    );
    assert.equal(
      (await fails(() => throwing.callSync("run"), extism.HostFunctionError, Status.HostFunction)).cause,
      cause,
    );
    await throwing.close();
    const spinning = await extism.createPlugin(SPIN, { engine, timeoutMs: 3_000 });
    await fails(() => spinning.call("spin"), extism.CallTimeoutError, Status.Timeout);
    await spinning.close();
  });
}

test("without an addon the platform's engine takes its place", async () => {
  const { code, output } = await program(
    `
    import { createPlugin, extismVersion } from "@extism/extism";
    const plugin = await createPlugin(${JSON.stringify(ECHO)});
    console.log((await plugin.call("echo", "it runs")).text(), extismVersion());`,
    { env: { EXTISM_NODE_ADDON: "/no/such/addon.node" } },
  );
  assert.deepEqual([code, output], [0, `it runs ${extism.extismVersion()}\n`]);
});
