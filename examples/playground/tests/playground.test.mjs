/**
 * What a user does with the playground: choose, drop, call, cancel, share.
 *
 * Must not know: how the page does it.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";

import { assembled, call, choose, drop, example, open, outcome, url } from "./browser.mjs";

const FIXTURES = new URL("../../../fixtures/wat/", import.meta.url);

test("an example is looked into, called, and its output shown as a tree, text and bytes", async () => {
  const { page, close } = await open();
  await choose(page, "count_vowels");
  assert.deepEqual(await page.locator("#function option").allInnerTexts(), ["count_vowels"]);
  assert.match(await page.locator("#needs").innerText(), /Needs from Extism's kernel/);
  assert.match(await call(page), /OK\s+count_vowels/);
  assert.match(await page.locator("#output-panel").innerText(), /count: 11/);
  await page.click("#output-tab-text");
  assert.equal(await page.locator("#output-panel").innerText(), '{"count":11,"total":11,"vowels":"aeiouAEIOU"}');
  await page.click("#output-tab-hex");
  assert.match(await page.locator("#output-panel").innerText(), /^000000 {2}7b 22 63 6f 75 6e 74 22/);
  await close();
});

test("variables last between calls, are shown, set and removed", async () => {
  const { page, close } = await open();
  await choose(page, "count_vowels");
  await call(page);
  await page.selectOption("#repeat", "10");
  await call(page);
  await page.click("#watch-tab-variables");
  await page.locator("#variables td", { hasText: "(121)" }).waitFor();
  await page.fill("#variable-name", "note");
  await page.fill("#variable-value", "a word");
  await page.click("#variable-form button");
  await page.locator("#variables td", { hasText: "a word" }).waitFor();
  await page.getByRole("button", { name: "Remove total" }).click();
  await page.locator("#variables td", { hasText: "(121)" }).waitFor({ state: "detached" });
  await page.selectOption("#repeat", "1");
  await call(page);
  assert.match(await page.locator("#output-panel").innerText(), /total: 11\b/);
  await close();
});

test("many calls are a chart with its figures", async () => {
  const { page, close } = await open();
  await choose(page, "greet");
  await page.selectOption("#repeat", "100");
  assert.match(await call(page), /100 calls/);
  await page.click("#watch-tab-timing");
  assert.equal(await page.locator("#chart circle").count(), 100);
  assert.match(await page.locator("#chart svg").getAttribute("aria-label"), /^Durations of 100 calls/);
  assert.match(await page.locator("#chart .figures").innerText(), /Median\s+[\d.]+ ms/);
  await close();
});

test("a dropped file replaces the example, and the bytes of a file can be the input", async () => {
  const { page, close } = await open();
  await choose(page, "count_vowels");
  await drop(page, "mine.wasm", await example("greet"));
  await page.locator("#module-name", { hasText: "mine.wasm" }).waitFor();
  await page.click("#input-tab-file");
  await page.setInputFiles("#input-file", { name: "name.txt", mimeType: "text/plain", buffer: Buffer.from("file") });
  await call(page);
  assert.equal(await page.locator("#output-panel").innerText(), "Hello, file!");
  await close();
});

test("a module as text is looked into and called", async () => {
  const text = await readFile(new URL("callback.wat", FIXTURES));
  const { page, close } = await open();
  await drop(page, "callback.wat", text);
  await page.locator("#module-name", { hasText: "callback.wat" }).waitFor();
  assert.match(await page.locator("#badges").innerText(), /Extism 1\.x/);
  assert.match(await page.locator("#stand-ins").innerText(), /callback\s+\(i64\) → i64/);
  assert.match(await call(page), /OK\s+run/);
  await close();
});

test("what a browser cannot run is described all the same", async () => {
  const { page, close } = await open();
  await drop(page, "future.wat", Buffer.from('(module (memory i64 1 (pagesize 1)) (func (export "run")))'));
  await page.locator("#module-name", { hasText: "future.wat" }).waitFor();
  assert.deepEqual(await page.locator("#function option").allInnerTexts(), ["run"]);
  assert.match(await call(page), /Failed/);
  assert.match(await page.locator("#error").innerText(), /MODULE_INVALID|MODULE_UNSUPPORTED/);
  await close();
});

test("a file that is no plug-in is refused, and what was there stays", async () => {
  const { page, close } = await open();
  await choose(page, "greet");
  await drop(page, "notes.txt", Buffer.from("not a module"));
  await page.locator("#notice", { hasText: "notes.txt is no plug-in" }).waitFor();
  assert.match(await call(page), /OK/);
  await close();
});

test("making a plug-in whose start never ends is cancelled, too", async () => {
  const bytes = await assembled('(module (func $s (loop (br 0))) (start $s) (func (export "f")))');
  const { page, close } = await open();
  await drop(page, "start.wasm", bytes);
  await page.locator("#module-name", { hasText: "start.wasm" }).waitFor();
  await page.fill("#manifest", "{}");
  await page.click("#call");
  await page.click("#cancel");
  assert.match(await outcome(page), /Failed/);
  assert.match(await page.locator("#error").innerText(), /501 CANCELLED/);
  await choose(page, "greet");
  assert.match(await call(page), /OK/);
  await close();
});

test("a plug-in of the first generation runs unchanged", async () => {
  const { page, close } = await open();
  await choose(page, "legacy_count_vowels");
  await call(page);
  assert.match(await page.locator("#output-panel").innerText(), /count: 5/);
  await close();
});

test("host functions are answered by what the user chose, and logged", async () => {
  const { page, close } = await open();
  await choose(page, "kv");
  await call(page);
  await call(page);
  assert.match(await page.locator("#output-panel").innerText(), /count: 8\s+total: 16/);
  assert.match(await page.locator("#logs").innerText(), /kv_write\("count-vowels", 4 bytes\)/);
  await page.getByLabel("What kv_read does").selectOption("fail");
  await page.getByLabel("The text kv_read answers with").fill("the store is closed");
  assert.match(await call(page), /Failed/);
  assert.match(await page.locator("#error").innerText(), /the store is closed/);
  await close();
});

test("an endless plug-in is cancelled by the button and by Escape, while the page answers", async () => {
  const { page, close } = await open();
  await choose(page, "spin");
  await page.click("#call");
  await page.locator("#cancel").waitFor();
  await page.fill("#input", "the page answers");
  await page.click("#cancel");
  assert.match(await outcome(page), /Failed/);
  assert.match(await page.locator("#error").innerText(), /CallCancelledError\s+501 CANCELLED/);
  await page.keyboard.press("Control+Enter");
  await page.locator("#cancel").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#error", { hasText: "501 CANCELLED" }).waitFor();
  // It is as usable as before.
  await page.selectOption("#function", "ok");
  assert.match(await call(page), /OK/);
  await close();
});

test("an endless plug-in ends at the time limit of its manifest", async () => {
  const { page, close } = await open();
  await choose(page, "spin");
  await page.fill("#manifest", '{"timeout_ms": 300}');
  assert.match(await call(page), /Failed/);
  assert.match(await page.locator("#error").innerText(), /CallTimeoutError\s+500 TIMEOUT/);
  await close();
});

test("a wrong manifest is an error with status, place and advice", async () => {
  const { page, close } = await open();
  await choose(page, "greet");
  await page.fill("#manifest", '{"allowed_host": []}');
  await call(page);
  const error = page.locator("#error");
  assert.match(await error.innerText(), /LoadError\s+201 MANIFEST_FIELD/);
  assert.match(await error.innerText(), /did you mean allowed_hosts\?/);
  await error.locator("summary").click();
  assert.match(await error.locator("pre").innerText(), /extism\.js/);
  await page.fill("#manifest", '{"config": ');
  assert.equal(await page.locator("#manifest").getAttribute("aria-invalid"), "true");
  assert.match(await page.locator("#manifest-problem").innerText(), /^Not JSON/);
  await call(page);
  assert.match(await error.innerText(), /200 MANIFEST_SYNTAX/);
  await close();
});

test("a limit that is reached is named", async () => {
  const { page, close } = await open();
  await choose(page, "spin");
  await page.selectOption("#function", "grow");
  await page.fill("#manifest", '{"memory": {"max_pages": 64}, "timeout_ms": 20000}');
  await call(page);
  assert.match(await page.locator("#error").innerText(), /LimitError\s+503 MEMORY[^]*memory\.max_pages/);
  await close();
});

test("a trap shows the frames of the plug-in", async () => {
  const { page, close } = await open();
  const text = '(module (func $deep unreachable) (func (export "fail") (call $deep)))';
  await drop(page, "trap.wasm", await assembled(text));
  await page.locator("#module-name", { hasText: "trap.wasm" }).waitFor();
  await call(page);
  assert.match(await page.locator("#error").innerText(), /TrapError\s+410 TRAP_UNREACHABLE/);
  await page.locator("#error summary").click();
  assert.match(await page.locator("#error pre").innerText(), /wasm-function\[0\][^]*wasm-function\[1\]/);
  await close();
});

test("a picture is shown as one, and what is no text in hexadecimal", async () => {
  const { page, close } = await open();
  await drop(page, "echo.wasm", await assembled(await readFile(new URL("echo.wat", FIXTURES), "utf8")));
  await page.locator("#module-name", { hasText: "echo.wasm" }).waitFor();
  await page.selectOption("#function", "echo");
  await page.click("#input-tab-file");
  const picture = await readFile(new URL("../phone.png", import.meta.url));
  await page.setInputFiles("#input-file", { name: "phone.png", mimeType: "image/png", buffer: picture });
  await call(page);
  const width = await page.locator("#output-panel img").evaluate(async (image) => {
    await image.decode();
    return image.naturalWidth;
  });
  assert.equal(width, 390);
  await page.setInputFiles("#input-file", { name: "bytes", mimeType: "", buffer: Buffer.of(0, 1, 0xff) });
  await call(page);
  assert.match(await page.locator("#output-panel").innerText(), /^000000 {2}00 01 ff/);
  await close();
});

test("a link restores everything, and asks for a file it cannot hold", async () => {
  const first = await open({ permissions: ["clipboard-read", "clipboard-write"] });
  await choose(first.page, "count_vowels");
  await first.page.fill("#input", "shared words");
  await first.page.fill("#manifest", '{"config": {"vowels": "s"}}');
  await first.page.selectOption("#log-level", "debug");
  await first.page.click("#share");
  await first.page.locator("#notice", { hasText: "on the clipboard" }).waitFor();
  const link = await first.page.evaluate(() => navigator.clipboard.readText());
  await drop(first.page, "mine.wasm", await example("greet"));
  await first.page.locator("#module-name", { hasText: "mine.wasm" }).waitFor();
  await first.page.click("#share");
  const second = await first.page.evaluate(() => navigator.clipboard.readText());
  await first.close();

  const other = await open({}, new URL(link).hash);
  await other.page.locator("#module-name", { hasText: "count_vowels.wasm" }).waitFor();
  assert.equal(await other.page.inputValue("#input"), "shared words");
  assert.equal(await other.page.inputValue("#log-level"), "debug");
  await call(other.page);
  assert.match(await other.page.locator("#output-panel").innerText(), /count: 2\b[^]*vowels: "s"/);
  await other.close();

  const third = await open({}, new URL(second).hash);
  await third.page.locator("#notice", { hasText: "made with mine.wasm (sha256" }).waitFor();
  await drop(third.page, "another.wasm", await example("kv"));
  await third.page.locator("#notice", { hasText: "another file than the link was made with" }).waitFor();
  await third.close();
});

test("a damaged link is said to be one", async () => {
  const { page, close } = await open({}, "#v1=broken");
  await page.locator("#notice", { hasText: "This link is damaged" }).waitFor();
  await choose(page, "greet");
  assert.match(await call(page), /OK/);
  await close();
});

test("no request leaves the origin until the user allows it, and then only to that host", async () => {
  const asked = [];
  const other = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(200, { "access-control-allow-origin": "*" }).end("from elsewhere");
  });
  await new Promise((listening) => other.listen(0, "127.0.0.1", listening));
  const address = `localhost:${other.address().port}`;
  const opened = await open();
  const { page, requests, problems } = opened;
  for (const name of ["count_vowels", "kv", "http"]) {
    await choose(page, name);
    assert.match(await call(page), /OK/, name);
  }
  assert.match(await page.locator("#output-panel").innerText(), /Hello from beside the page/);
  assert.deepEqual(
    requests.filter((each) => !each.startsWith(url)),
    [],
  );

  await page.fill("#input", `http://${address}/secret`);
  await call(page);
  assert.match(await page.locator("#error").innerText(), /600 HOST_DENIED/);
  await page.fill("#manifest", JSON.stringify({ allowed_hosts: [address] }));
  await page.locator("#network", { hasText: address }).waitFor();
  await call(page);
  assert.match(await page.locator("#error").innerText(), /423 HTTP_FAILED/);
  assert.deepEqual(asked, []);

  problems.splice(0);
  await page.click("#network-allow");
  await page.locator("#module-name", { hasText: "http.wasm" }).waitFor();
  await page.locator("#network").waitFor({ state: "hidden" });
  assert.match(await call(page), /OK/);
  assert.equal(await page.locator("#output-panel").innerText(), "from elsewhere");
  assert.deepEqual(asked, ["/secret"]);
  await opened.close();
  other.closeAllConnections();
  other.close();
});
