/** Pools of the web engine: whoever waits is answered, and nothing of one borrower reaches the next. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import test from "node:test";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { ECHO, fails, failure, nothingIsLeft, ROOT, until, user } from "./support.mjs";

nothingIsLeft();

const HTTP = readFileSync(join(ROOT, "fixtures", "wat", "http.wat"), "utf8");
/** Its start function asks the host, which can make it fail. */
const GATE = `(module
  (import "extism:host/user" "gate" (func $gate))
  (start $gate)
  (func (export "trap") unreachable)
  (func (export "works")))`;

/** A pool of one whose plug-ins start as `starts` says, one after the other, and then always. */
async function gated(options, starts, instancesMax = 1) {
  const gate = () => {
    if (starts.shift() === "fails") {
      throw new Error("it does not start");
    }
  };
  const compiled = await extism.compilePlugin(GATE, { ...options, functions: user({ gate }) });
  const pool = compiled.pool({ instancesMax });
  compiled.close();
  return pool;
}

/** Borrows and gives back: `works`, or why not. */
async function borrowed(pool) {
  try {
    return await pool.use(async (plugin) => (await plugin.call("works")) ?? "works");
  } catch (error) {
    return error.status;
  }
}

const FAILED = Status.HostFunction;

for (const options of [{ engine: "native" }, { engine: "web" }, { engine: "web", runInWorker: true }]) {
  const where = options.runInWorker ? "web, in a Worker" : options.engine;

  test(`a plug-in that does not start is one borrower's failure, and the next has a try of its own: ${where}`, async () => {
    for (const [starts, expected] of [
      [["fails"], [FAILED, "works"]],
      [
        ["fails", "fails", "works"],
        [FAILED, FAILED, "works", "works"],
      ],
      [
        ["fails", "fails", "fails"],
        [FAILED, FAILED, FAILED],
      ],
    ]) {
      const pool = await gated(options, starts);
      const all = await Promise.all(expected.map(() => borrowed(pool)));
      assert.deepEqual(all.sort(), [...expected].sort());
      assert.equal(pool.stats().waiting, 0);
      pool.close();
    }
  });

  test(`whoever waits is answered when a plug-in breaks and its successor does not start: ${where}`, async () => {
    const pool = await gated(options, ["starts", "fails", "starts"]);
    const first = await pool.get();
    const waiting = [borrowed(pool), borrowed(pool)];
    await until(() => pool.stats().waiting === 2, "nobody waits");
    await fails(() => first.call("trap"), extism.TrapError, Status.TrapUnreachable);
    await first.close();
    assert.deepEqual((await Promise.all(waiting)).sort(), [FAILED, "works"].sort());
    pool.close();
  });
}

test("as many successors start as there are places and borrowers who wait", async () => {
  const pool = await gated({ engine: "web" }, ["starts", "starts", "fails", "fails", "starts"], 2);
  const lent = [await pool.get(), await pool.get()];
  const waiting = Array.from({ length: 5 }, () => borrowed(pool));
  await until(() => pool.stats().waiting === 5, "nobody waits");
  for (const plugin of lent) {
    await failure(() => plugin.call("trap"));
    plugin[Symbol.dispose]();
  }
  const all = await Promise.all(waiting);
  assert.deepEqual(all, [FAILED, FAILED, "works", "works", "works"]);
  assert.ok(pool.stats().alive <= 2);
  pool.close();
});

test("a time that timers cannot count is waited for, and nobody's timer outlives the pool", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const pool = await gated({ engine: "web" }, []);
  const lent = await pool.get();
  const waiting = [2 ** 31, Number.MAX_VALUE].map((ms) => pool.get(ms));
  await fails(() => pool.get(20), extism.PoolTimeoutError, Status.WaitTimeout);
  await lent.close();
  const first = await waiting[0];
  await first.close();
  const second = await waiting[1];
  const before = timers();
  const refused = failure(() => pool.get(600_000));
  await until(() => pool.stats().waiting === 1, "nobody waits");
  assert.equal(timers(), before + 1);
  pool.close();
  assert.equal((await refused).status, Status.Closed);
  assert.equal(timers(), before);
  await second.close();
});

/** A server that answers at once, or never. */
async function server(asked = () => undefined) {
  const serving = createServer((request, response) => {
    asked(request.url);
    if (request.url !== "/never") {
      response.writeHead(200, { "x-seen": "yes" }).end("answer");
    }
  });
  await new Promise((listening) => serving.listen(0, "127.0.0.1", listening));
  return {
    request: (path) => JSON.stringify({ url: `http://127.0.0.1:${serving.address().port}${path}` }),
    close: () => {
      serving.close();
      serving.closeAllConnections();
    },
  };
}

test("who may see headers is the only borrower who may", async () => {
  const { request, close } = await server();
  for (const runInWorker of [false, true]) {
    const allowedHosts = ["127.0.0.1"];
    const compiled = await extism.compilePlugin(HTTP, { engine: "web", runInWorker, allowedHosts });
    const pool = compiled.pool({ instancesMax: 1 });
    compiled.close();
    await pool.use(async (plugin) => {
      plugin.allowHttpResponseHeaders();
      if (runInWorker) {
        assert.equal((await plugin.call("headers", request("/"))).json()["x-seen"], "yes");
      }
    });
    assert.deepEqual([pool.stats().replaced, pool.stats().idle], [1, 0]);
    await pool.use(async (plugin) => {
      if (runInWorker) {
        assert.equal(await plugin.call("headers", request("/")), null);
      }
      plugin.allowHttpResponseHeaders();
      await plugin.renew();
    });
    // As new, it can be lent again.
    assert.deepEqual([pool.stats().replaced, pool.stats().idle], [1, 1]);
    pool.close();
  }
  close();
});

test("a plug-in as new may not see headers, nor may it in its next Worker", async () => {
  let plugin;
  const { request, close } = await server((path) => path === "/never" && plugin.cancel());
  plugin = await extism.createPlugin(HTTP, { engine: "web", runInWorker: true, allowedHosts: ["127.0.0.1"] });
  const seen = async () => (await plugin.call("headers", request("/")))?.json()["x-seen"];
  const stopped = async () => (await failure(() => plugin.call("headers", request("/never")))).status;
  plugin.allowHttpResponseHeaders();
  assert.deepEqual([await stopped(), await seen()], [Status.Cancelled, "yes"]);
  await plugin.renew();
  assert.deepEqual([await seen(), await stopped(), await seen()], [undefined, Status.Cancelled, undefined]);
  await plugin.close();
  close();
});

for (const [where, options] of [
  ["on this thread", { engine: "web" }],
  ["in a Worker", { engine: "web", runInWorker: true }],
]) {
  test(`what a borrower sets while the plug-in is renewed is not for the next: ${where}`, async () => {
    const compiled = await extism.compilePlugin(ECHO, options);
    const pool = compiled.pool({ instancesMax: 1 });
    compiled.close();
    await pool.use(async (plugin) => {
      await Promise.all([plugin.renew(), plugin.varSet("mine", "secret")]);
      assert.equal((await plugin.varGet("mine")).text(), "secret");
    });
    assert.equal(await pool.use((plugin) => plugin.varGet("mine")), null);
    await pool.use((plugin) => plugin.renew());
    assert.equal(pool.stats().replaced, 1);
    pool.close();
  });
}
