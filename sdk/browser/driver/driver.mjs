/**
 * The driver of conformance/protocol.md for browsers: forwards each line to the driver of sdk/node, which runs in a page of
 * headless Chromium.
 *
 * Must not know: any case. Invariant: one line comes back for each line, whatever happens to the page.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { launch, say, serve } from "../support/browser.mjs";
import { build, HERE, OUT, ROOT } from "../support/build.mjs";

const inWorker = process.argv.includes("--worker");

if (!process.argv.includes("--built")) {
  await build();
}
const HTML = '<!doctype html><title>driver</title><script type="module" src="/driver/driver.js"></script>';
const server = await serve({
  folders: { web: join(OUT, "web"), driver: join(OUT, "driver") },
  // Manifests of the cases name files by their paths.
  files: ROOT,
  answers: {
    "/": say("text/html", HTML),
  },
});
// The servers of the cases know nothing of pages of other origins.
const browser = await launch(["--disable-web-security", "--js-flags=--expose-gc"]);
const page = await browser.newPage();
page.on("console", (message) => console.error(message.text()));
page.on("pageerror", (error) => console.error(error));
await page.goto(`${server.origin}/${inWorker ? "?worker" : ""}`);
await page.waitForFunction(() => typeof globalThis.driveLine === "function");

/** The features that sdk.toml declares. */
function declared() {
  const toml = readFileSync(join(HERE, "sdk.toml"), "utf8");
  const [, list] = /^declared = \[([^\]]*)\]/m.exec(toml);
  return list.match(/[a-z_]+/g).join(",");
}

async function answer(line) {
  const reply = await page.evaluate((text) => globalThis.driveLine(text), line);
  if (!line.startsWith("HELLO")) {
    return reply;
  }
  return reply.replace("sdk=node", "sdk=browser").replace(/features=\S*/, `features=${declared()}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = await answer(line);
  } catch (error) {
    reply = `ERR 0 0 ${Buffer.from(String(error)).toString("hex")}`;
  }
  process.stdout.write(`${reply}\n`);
  if (line.startsWith("BYE")) {
    break;
  }
}
await browser.close();
server.close();
process.exit(0);
