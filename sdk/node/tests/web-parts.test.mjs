/** What the web engine in Node gets from elsewhere: its tools, files, downloads. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { inspect } from "node:util";

import * as extism from "@extism/extism";
import { Status } from "@extism/extism";

import { failure, fails, inside, nothingIsLeft, SDK } from "./support.mjs";

nothingIsLeft();

test("tools whose download failed are downloaded again", async () => {
  const { tools } = await inside('export { tools } from "./src/web/tools.ts";');
  const file = new WebAssembly.Module(readFileSync(join(SDK, "dist", "web", "extism_web_tools.wasm")));
  let asked = 0;
  const made = tools(async () => {
    asked += 1;
    if (asked === 1) {
      throw new Error("no network");
    }
    return file;
  });
  const module = () => made.module(new TextEncoder().encode("(module)"));
  const failed = await Promise.allSettled([module(), module()]);
  assert.deepEqual([asked, ...failed.map(({ status }) => status)], [1, "rejected", "rejected"]);
  const [first, second] = await Promise.all([module(), module()]);
  assert.deepEqual([asked, first.length, second.length], [2, 8, 8]);
  await module();
  assert.equal(asked, 2);
});

test("no text about a download carries a user name or password, which the server is told", async () => {
  const seen = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(request.url === "/large" ? 200 : 404).end("x".repeat(100));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  const user = "zoe%40home:secret";
  for (const [address, status] of [
    [`http://${user}@127.0.0.1:${port}/none`, Status.DownloadFailed],
    [`http://${user}@127.0.0.1:${port}/large`, Status.TooLarge],
    [`http:/${user}@127.0.0.1:${port}/none`, Status.DownloadFailed],
    [`http://${user}@127.0.0.1:1/refused`, Status.DownloadFailed],
    [`http://${user}@[bad/`, undefined],
    [`http://${user}@127.0.0.1:port/`, undefined],
  ]) {
    const options = { engine: "web", limits: { moduleBytesMax: 99 } };
    const error = await failure(() => extism.createPlugin({ wasm: [{ url: address }] }, options));
    assert.equal(error.status, status ?? error.status, error.message);
    const text = inspect(error, { depth: 9, showHidden: true });
    assert.ok(!/secret|zoe/.test(text), text);
  }
  server.close();
  server.closeAllConnections();
  assert.deepEqual(seen, Array(3).fill(`Basic ${btoa("zoe@home:secret")}`));
});

const isUnix = process.platform !== "win32";

test("of a file is no more read than a module may have, whatever it says of its size", { skip: !isUnix }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-files-"));
  const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const empty = join(folder, "empty.wasm");
  writeFileSync(empty, module);
  const device = "/dev/zero";
  const make = (path, moduleBytesMax, how = extism.createPlugin) =>
    how({ wasm: [{ path }] }, { engine: "web", limits: { moduleBytesMax } });
  for (const path of [empty, device]) {
    const error = await fails(() => make(path, 7), extism.LoadError, Status.TooLarge);
    assert.match(error.message, /larger than the limit of 7 bytes/);
    await fails(() => make(path, 0), extism.LoadError, Status.TooLarge);
  }
  for (const how of [extism.createPlugin, extism.createPluginSync]) {
    await fails(() => make(device, 200_000, how), extism.LoadError, Status.TooLarge);
    await fails(() => make(empty, 7, how), extism.LoadError, Status.TooLarge);
    await (await make(empty, 8, how)).close();
    await fails(() => make(join(folder, "none.wasm"), 8, how), extism.LoadError, Status.NotFound);
    await fails(() => make(folder, 2 ** 20, how), extism.LoadError, Status.Io);
  }
  rmSync(folder, { recursive: true });
});

test("a file that does not say how large it is is read to its end", { skip: !isUnix }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-files-"));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const text = `(module (func (export "works"))) ;; ${"x".repeat(300_000)}`;
  const written = writeFile(pipe, text);
  const plugin = await extism.createPlugin({ wasm: [{ path: pipe }] }, { engine: "web" });
  await written;
  assert.equal(await plugin.call("works"), null);
  await plugin.close();
  rmSync(folder, { recursive: true });
});
