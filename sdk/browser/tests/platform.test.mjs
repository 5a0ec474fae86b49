/** Pages that lack what others have, and requests that lead elsewhere. */

import assert from "node:assert/strict";
import test from "node:test";

import { start, wat } from "./support.mjs";

const FETCH = {
  wasm: [{ url: "/plugins/http.wasm" }],
  allowedHosts: ["127.0.0.1"],
};

test("a page that is not isolated shares no memory, and its engine suspends plug-ins instead", async () => {
  const started = await start({ isolated: false });
  const page = await started.open();
  const seen = await page.evaluate(async (source) => {
    const results = [typeof SharedArrayBuffer];
    for (const runInWorker of [false, true]) {
      const functions = {
        "extism:host/user": {
          kv_read: async (current) => {
            await null;
            return current.store("");
          },
          kv_write: async () => await null,
        },
      };
      const plugin = await sdk.createPlugin({ wasm: [{ url: "/plugins/kv.wasm" }] }, { functions, runInWorker });
      results.push((await plugin.call("count_vowels", "Hello")).json().count);
      await plugin.close();
      const http = await sdk.createPlugin(source, { runInWorker });
      const output = http.call("fetch", new URL("/hello", location.href).href);
      results.push(
        await output.then(
          (answer) => answer.text(),
          (error) => error.message,
        ),
      );
      await http.close();
    }
    return results;
  }, FETCH);
  assert.deepEqual(seen, ["undefined", 2, "hello from the server", 2, "hello from the server"]);
  await started.stop();
});

test("where nothing can wait, what would have to says so", async () => {
  const started = await start({
    isolated: false,
    words: ["--js-flags=--no-experimental-wasm-jspi"],
  });
  const page = await started.open();
  const seen = await page.evaluate(async (source) => {
    delete WebAssembly.Suspending;
    const plugin = await sdk.createPlugin(source);
    const sent = await plugin.call("fetch", new URL("/hello", location.href).href).catch((error) => error);
    const denied = await plugin.call("fetch", "http://example.com/").catch((error) => error);
    await plugin.close();
    const functions = {
      "extism:host/user": { kv_read: () => 0n, kv_write: () => undefined },
    };
    const kv = { wasm: [{ url: "/plugins/kv.wasm" }] };
    const inWorker = await sdk.createPlugin(kv, { functions, runInWorker: true }).catch((error) => error);
    return [sent.code, /runInWorker/.test(sent.message), denied.code, inWorker.code];
  }, FETCH);
  assert.deepEqual(seen, ["HTTP_FAILED", true, "HOST_DENIED", "INVALID_ARGUMENT"]);
  await started.stop();
});

test("a redirect is refused and nobody else is asked", async () => {
  let asked = 0;
  const answers = {
    "/redirect": (_, response, headers) => response.writeHead(302, { ...headers, location: "/secret" }).end(),
    "/secret": (_, response, headers) => {
      asked += 1;
      response.writeHead(200, headers).end("secret");
    },
  };
  const started = await start({ answers });
  const page = await started.open();
  for (const runInWorker of [false, true]) {
    const code = await page.evaluate(
      async ([source, inWorker]) => {
        const plugin = await sdk.createPlugin(source, {
          runInWorker: inWorker,
        });
        const error = await plugin.call("fetch", new URL("/redirect", location.href).href).catch((thrown) => thrown);
        await plugin.close();
        return error.code;
      },
      [FETCH, runInWorker],
    );
    assert.equal(code, "REDIRECT_DENIED");
  }
  assert.equal(asked, 0);
  await started.stop();
});

test("a page whose bundler has taken the package in runs plug-ins here and in Workers", async () => {
  const started = await start();
  const page = await started.open();
  const seen = await page.evaluate(async (source) => {
    const bundled = await import("/bundled/app.js");
    const results = [];
    for (const runInWorker of [false, true]) {
      const plugin = await bundled.createPlugin(source, { runInWorker, nodeWorkerArgs: { name: "mine" } });
      results.push((await plugin.call("echo", "bundled")).text());
      await plugin.close();
    }
    return results;
  }, wat("echo"));
  assert.deepEqual([seen, page.problems], [["bundled", "bundled"], []]);
  await started.stop();
});

test("in a Worker of the page's own the package does what it does on the page, and in a window of any name", async () => {
  const script = `import * as sdk from "/web/extism.js";
    onmessage = async ({ data }) => {
      const seen = [];
      for (const runInWorker of [false, true]) {
        const plugin = await sdk.createPlugin(data, { runInWorker });
        seen.push((await plugin.call("echo", "nested")).text());
        await plugin.close();
      }
      postMessage(seen);
    };`;
  const answers = {
    "/own.js": (_, response, headers) =>
      response.writeHead(200, { ...headers, "content-type": "text/javascript" }).end(script),
  };
  const started = await start({ answers });
  const page = await started.open();
  const seen = await page.evaluate(
    async (source) =>
      await new Promise((resolve, reject) => {
        const worker = new Worker("/own.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage(source);
      }),
    wat("echo"),
  );
  assert.deepEqual(seen, ["nested", "nested"]);
  // A page keeps the name of its window from one address to the next.
  const echoed = await page.evaluate(async (source) => {
    globalThis.name = "Extism plug-in";
    const again = await import("/web/extism.js?again");
    const plugin = await again.createPlugin(source);
    return [(await plugin.call("echo", "page")).text(), globalThis.onmessage];
  }, wat("echo"));
  assert.deepEqual(echoed, ["page", null]);
  await started.stop();
});
