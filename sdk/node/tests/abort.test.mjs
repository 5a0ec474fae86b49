/** Signals that end the making of a plug-in. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import test, { afterEach } from "node:test";

import * as extism from "@extism/extism";
import { Status, UsageError } from "@extism/extism";

import { callback, ECHO, fails, settled, user } from "./support.mjs";

/** Before the first test: what is made all the same after an abort may come during a later one. */
const before = extism.stats();
afterEach(async () => await settled(before));

/** A server whose answers never end; `asked` is when a request has come, `left` when it was given up. */
async function silent() {
  let came;
  let gave;
  const asked = new Promise((resolve) => (came = resolve));
  const left = new Promise((resolve) => (gave = resolve));
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/wasm" }).write("\0asm");
    response.on("close", gave);
    came();
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/plugin.wasm`, asked, left, close };
}

const MAKERS = ["createPlugin", "compilePlugin", "inspect", "precompile"];

for (const engine of ["native", "web"]) {
  test(`nothing is made when the signal has aborted: ${engine}`, async () => {
    const reason = new Error("not wanted");
    for (const maker of MAKERS) {
      const making = extism[maker](ECHO, { engine, signal: AbortSignal.abort(reason) });
      await assert.rejects(making, (thrown) => thrown === reason);
    }
    assert.throws(
      () => extism.createPluginSync(ECHO, { engine, signal: AbortSignal.abort(reason) }),
      (thrown) => thrown === reason,
    );
    for (const signal of [{}, 1, null]) {
      await fails(() => extism.createPlugin(ECHO, { engine, signal }), UsageError, Status.InvalidArgument);
    }
  });

  test(`an abort during a download: ${engine}`, async () => {
    for (const sourceOf of [(url) => ({ wasm: [{ url }] }), (url) => new URL(url)]) {
      const server = await silent();
      const controller = new AbortController();
      const making = extism.createPlugin(sourceOf(server.url), { engine, signal: controller.signal });
      await server.asked;
      controller.abort("a reason of any kind");
      await assert.rejects(making, (thrown) => thrown === "a reason of any kind");
      if (engine === "web") {
        await server.left;
      }
      server.close();
    }
  });

  test(`an abort while something is compiled or awaited: ${engine}`, async () => {
    for (const source of [ECHO, new Promise(() => undefined)]) {
      for (const maker of ["createPlugin", "compilePlugin"]) {
        const controller = new AbortController();
        const making = extism[maker](source, { engine, signal: controller.signal });
        controller.abort();
        await assert.rejects(making, (thrown) => thrown === controller.signal.reason);
      }
    }
  });

  test(`a signal that aborts later ends nothing: ${engine}`, async () => {
    const controller = new AbortController();
    const plugin = await extism.createPlugin(ECHO, { engine, signal: controller.signal });
    controller.abort();
    assert.equal((await plugin.call("echo", "x")).text(), "x");
    await plugin.close();
  });
}

for (const [where, options] of [
  ["native", { engine: "native" }],
  ["on this thread", { engine: "web" }],
  ["in a Worker", { engine: "web", runInWorker: true }],
]) {
  test(`a host function that aborts the call it is called by: ${where}`, async () => {
    const controller = new AbortController();
    const plugin = await callback(() => controller.abort(new Error("mine")), options);
    const called = plugin.call("run", "x", undefined, { signal: controller.signal });
    const error = await fails(() => called, extism.CallCancelledError, Status.Cancelled);
    assert.equal(error.cause, controller.signal.reason);
    await plugin.close();
  });
}

test("an abort ends the Worker of a plug-in whose start never ends", async () => {
  const module = `(module (import "extism:host/user" "begun" (func $begun))
    (func $spin (call $begun) (loop (br 0))) (start $spin))`;
  const controller = new AbortController();
  const functions = user({ begun: () => controller.abort() });
  const options = { engine: "web", runInWorker: true, functions, signal: controller.signal };
  const making = extism.createPlugin(module, options);
  await assert.rejects(making, (thrown) => thrown === controller.signal.reason);
});
