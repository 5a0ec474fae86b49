/** Requests of plug-ins in Workers: what the page's `fetch` is asked for, and what of its answers the plug-in gets. */

import assert from "node:assert/strict";
import test, { after, before } from "node:test";

import { start, wat } from "./support.mjs";

let started;
let page;

before(async () => {
  started = await start();
  page = await started.open();
  // A `fetch` that answers by itself and remembers what it was asked for.
  await page.evaluate(() => {
    globalThis.answers = {
      "/big": () => new Response("x".repeat(2_000)),
      "/endless": () => new Response(new ReadableStream({ pull: (pulled) => pulled.enqueue(new Uint8Array(1_000)) })),
      "/near": () => new Response(null, { status: 302, headers: { location: "/ok" } }),
      "/far": () => new Response(null, { status: 302, headers: { location: "http://far.test/ok" } }),
      "/circle": () => new Response(null, { status: 302, headers: { location: "/circle" } }),
      "/post": () => new Response(null, { status: 303, headers: { location: "/ok" } }),
      "/throws": () => {
        throw new TypeError("no network");
      },
      "/never": () => new Promise(() => undefined),
    };
    globalThis.run = async (source, options, requests) => {
      const asked = [];
      const fetch = async (url, { method, redirect, credentials }) => {
        asked.push(`${method} ${url} ${redirect} ${credentials}`);
        const answer = globalThis.answers[new URL(url).pathname];
        return answer === undefined ? new Response("fine") : await answer();
      };
      const plugin = await sdk.createPlugin(source, { runInWorker: true, fetch, ...options });
      const seen = [];
      for (const request of requests) {
        const sent = typeof request === "string" ? { url: request } : request;
        const answer = plugin.call("body", JSON.stringify(sent)).then(
          (output) => output?.text().length ?? 0,
          (error) => error.code,
        );
        seen.push(await answer);
      }
      await plugin.close();
      return { seen, asked };
    };
  });
});
after(async () => await started.stop());

/** What comes of requests: lengths of bodies or codes of errors, and what `fetch` was asked for. */
const run = async (options, requests) =>
  await page.evaluate(
    async ([source, chosen, all]) => await globalThis.run(source, chosen, all),
    [wat("http"), options, requests],
  );

test("only what is allowed is asked for, in the page's name and without its cookies", async () => {
  const { seen, asked } = await run({ allowedHosts: ["near.test"] }, [
    "http://near.test/ok",
    "http://far.test/ok",
    "http://near.test.far.test/ok",
    "http://far.test/@near.test",
    "file:///etc/hosts",
  ]);
  assert.deepEqual(seen, [4, "HOST_DENIED", "HOST_DENIED", "HOST_DENIED", "SCHEME_DENIED"]);
  assert.deepEqual(asked, ["GET http://near.test/ok manual omit"]);
});

test("without a list nothing is asked for", async () => {
  const { seen, asked } = await run({}, ["http://near.test/ok"]);
  assert.deepEqual([seen, asked], [["HOST_DENIED"], []]);
});

test("bodies end at their limit, however long they are", async () => {
  const hosts = ["near.test"];
  const byManifest = { allowedHosts: hosts, memory: { maxHttpResponseBytes: 1_999 } };
  const byHost = { allowedHosts: hosts, limits: { httpResponseBytesMax: 1_999 } };
  const fits = { allowedHosts: hosts, memory: { maxHttpResponseBytes: 2_000 } };
  for (const [options, big] of [
    [byManifest, "HTTP_SIZE"],
    [byHost, "HTTP_SIZE"],
    [fits, 2_000],
  ]) {
    const { seen } = await run(options, ["http://near.test/big", "http://near.test/endless", "http://near.test/ok"]);
    assert.deepEqual(seen, [big, "HTTP_SIZE", 4]);
  }
});

test("each hop of a redirect that fetch shows is decided anew", async () => {
  const { seen, asked } = await run({ allowedHosts: ["near.test"] }, [
    "http://near.test/near",
    "http://near.test/far",
    { url: "http://near.test/post", method: "POST" },
  ]);
  assert.deepEqual(seen, [4, "REDIRECT_DENIED", 4]);
  assert.deepEqual(
    asked.map((each) => each.replace(" manual omit", "")),
    [
      "GET http://near.test/near",
      "GET http://near.test/ok",
      "GET http://near.test/far",
      "POST http://near.test/post",
      "GET http://near.test/ok",
    ],
  );
  const circle = await run({ allowedHosts: ["near.test"] }, ["http://near.test/circle"]);
  assert.deepEqual(circle.seen, ["REDIRECT_DENIED"]);
  assert.ok(circle.asked.length < 20, `${circle.asked.length} requests`);
});

test("a request that fails or never ends ends the call, and not the plug-in", async () => {
  const options = { allowedHosts: ["near.test"], timeoutMs: 1_000 };
  const { seen } = await run(options, ["http://near.test/throws", "http://near.test/never", "http://near.test/ok"]);
  assert.deepEqual(seen, ["HTTP_FAILED", "TIMEOUT", 4]);
});
