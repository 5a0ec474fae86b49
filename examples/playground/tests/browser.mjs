/**
 * The playground in headless Chromium, each time as a page nobody has opened before.
 *
 * Must not know: what is tested. Invariant: every request of every page is recorded, and a page that reports an error of
 * its own fails the test.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";
import wabt from "wabt";

import { serve } from "../server.mjs";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const HERE = dirname(fileURLToPath(import.meta.url));

if (!existsSync(PROGRAM)) {
  throw new Error(`there is no ${PROGRAM}: install Debian's package chromium, or say where it is with CHROMIUM`);
}

export const { server, url } = await serve(join(HERE, "..", "dist"));
const browser = await chromium.launch({
  executablePath: PROGRAM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
});

after(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

/** Opens the playground; `settings` are those of a browser context, `fragment` what is behind `#`. */
export async function open(settings = {}, fragment = "") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const requests = [];
  const problems = [];
  context.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") {
      problems.push(message.text());
    }
  });
  await page.goto(`${url}${fragment}`);
  await page.locator("#version", { hasText: /\d/ }).waitFor();
  return {
    page,
    requests,
    problems,
    close: async () => {
      assert.deepEqual(problems, []);
      await context.close();
    },
  };
}

/** Chooses an example with the mouse. */
export async function choose(page, example) {
  await page.click(`[data-example=${example}]`);
  await page.locator("#module-name", { hasText: `${example}.wasm` }).waitFor();
}

/** Calls, and gives what the outcome says when the call is over. */
export async function call(page) {
  await page.click("#call");
  return await outcome(page);
}

/** What the outcome says when the call is over. */
export async function outcome(page) {
  await page.locator("#outcome strong").waitFor();
  return await page.locator("#outcome").innerText();
}

/** Drops a file on the page, as the file manager does. */
export async function drop(page, name, bytes) {
  const transfer = await page.evaluateHandle(
    ([named, data]) => {
      const all = new DataTransfer();
      all.items.add(new File([Uint8Array.from(atob(data), (char) => char.charCodeAt(0))], named));
      return all;
    },
    [name, Buffer.from(bytes).toString("base64")],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

/** The bytes of an example. */
export async function example(name) {
  return await readFile(join(HERE, "..", "dist", "examples", `${name}.wasm`));
}

/** A module from its text. */
export async function assembled(text) {
  const module = (await wabt()).parseWat("test.wat", text);
  const { buffer } = module.toBinary({});
  module.destroy();
  return buffer;
}
