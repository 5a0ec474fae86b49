/** Calls on the page's own thread that wait, and are ended while they do. */

import assert from "node:assert/strict";
import test from "node:test";

import { start, wat } from "./support.mjs";

/** Asks the host, sends a request, and asks the host again. */
const WAITS = `(module
  (import "extism:host/user" "ask" (func $ask (result i64)))
  (import "extism:host/user" "after" (func $after))
  (func (export "wait") (drop (call $ask)) (call $after))
  (func (export "again")))`;

/** The same, whose start function waits, too. */
const STARTS = WAITS.replace(
  "(func (export",
  "(func $start (drop (call $ask)) (call $after))\n(start $start)\n(func (export",
);

test("a call that waits for a host function ends when it is cancelled or its plug-in closed, and nothing of it goes on", async () => {
  const started = await start();
  const page = await started.open();
  const seen = await page.evaluate(async (source) => {
    const results = [];
    for (const end of ["at once", "cancel", "signal", "close", "dispose"]) {
      const log = [];
      const answers = [];
      const functions = {
        "extism:host/user": {
          ask: async (current) => {
            await new Promise((resolve) => answers.push(resolve));
            try {
              current.store("too late");
            } catch (error) {
              log.push(error.code);
            }
            return 0n;
          },
          after: async () => log.push("after"),
        },
      };
      const plugin = await sdk.createPlugin(source, { functions });
      const abort = new AbortController();
      const called = plugin.call("wait", "", null, { signal: abort.signal }).catch((error) => error.code);
      while (answers.length === 0 && end !== "at once") {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      if (end === "cancel" || end === "at once") {
        plugin.cancel();
      } else if (end === "signal") {
        abort.abort();
      } else if (end === "close") {
        await plugin.close();
      } else {
        plugin[Symbol.dispose]();
      }
      const code = await called;
      answers.forEach((answer) => answer());
      await new Promise((resolve) => setTimeout(resolve, 0));
      const next = await plugin.call("again").catch((error) => error.code);
      results.push([end, code, next, plugin.isActive(), ...log]);
      await plugin.close();
    }
    return [results, sdk.stats()];
  }, WAITS);
  await started.stop();
  const [results, { plugins, hostFunctions }] = seen;
  assert.deepEqual(results, [
    ["at once", "CANCELLED", null, false],
    ["cancel", "CANCELLED", null, false, "CLOSED"],
    ["signal", "CANCELLED", null, false, "CLOSED"],
    ["close", "CANCELLED", "CLOSED", false, "CLOSED"],
    ["dispose", "CANCELLED", "CLOSED", false, "CLOSED"],
  ]);
  assert.deepEqual([plugins, hostFunctions, page.problems], [0, 0, []]);
});

test("a renewal that waits is one that can be cancelled, and the making of a plug-in can be aborted", async () => {
  const started = await start();
  const page = await started.open();
  const seen = await page.evaluate(async (source) => {
    let waits = false;
    let after = 0;
    const functions = {
      "extism:host/user": {
        ask: async () => await (waits ? new Promise(() => undefined) : 0n),
        after: async () => {
          after += 1;
        },
      },
    };
    const codeOf = (error) => (error instanceof DOMException ? error.name : error.code);
    const plugin = await sdk.createPlugin(source, { functions });
    waits = true;
    const renewed = plugin.renew().catch(codeOf);
    const busy = await plugin.call("again").catch(codeOf);
    plugin.cancel();
    const results = [busy, await renewed, after];
    waits = false;
    results.push(await plugin.call("again"), after);
    await plugin.renew();
    results.push(after);
    await plugin.close();
    waits = true;
    const abort = new AbortController();
    const making = sdk.createPlugin(source, { functions, signal: abort.signal }).catch(codeOf);
    await new Promise((resolve) => setTimeout(resolve, 0));
    abort.abort();
    results.push(await making, after);
    return results;
  }, STARTS);
  await started.stop();
  assert.deepEqual(seen, ["BUSY", "CANCELLED", 1, null, 2, 3, "AbortError", 3]);
});

test("a call that waits for an answer from the network ends when it is cancelled, and so does its request", async () => {
  let ended;
  const over = new Promise((resolve) => (ended = resolve));
  const answers = { "/never": (request, response) => response.on("close", ended) };
  const started = await start({ answers });
  const page = await started.open();
  const seen = await page.evaluate(async (source) => {
    const plugin = await sdk.createPlugin(source, { allowedHosts: ["127.0.0.1"] });
    const request = (path) => JSON.stringify({ url: new URL(path, location.href).href });
    const called = plugin.call("body", request("/never")).catch((error) => error.code);
    await fetch("/hello");
    plugin.cancel();
    const results = [await called, (await plugin.call("body", request("/hello"))).text()];
    const again = plugin.call("body", request("/never")).catch((error) => error.code);
    await plugin.close();
    return [...results, await again];
  }, wat("http"));
  await over;
  await started.stop();
  assert.deepEqual(seen, ["CANCELLED", "hello from the server", "CANCELLED"]);
});
