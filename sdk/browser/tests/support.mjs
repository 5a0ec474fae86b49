/** What the tests of this folder share: a page with the SDK, and what it prints. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { launch, say, serve } from "../support/browser.mjs";
import { OUT, ROOT } from "../support/build.mjs";

const HTML = '<!doctype html><title>test</title><script type="module" src="/page.js"></script>';
/** The SDK under a name that functions sent to the page can use. */
const PAGE = 'import * as sdk from "/web/extism.js"; globalThis.sdk = sdk;';

/** Starts a server and Chromium; `open` gives a page with the SDK as `sdk`. */
export async function start({ isolated = true, words = [], answers = {} } = {}) {
  const server = await serve({
    folders: {
      web: join(OUT, "web"),
      bundled: join(OUT, "bundled"),
      samples: join(OUT, "samples"),
      plugins: join(ROOT, "examples", "plugins"),
      fixtures: join(ROOT, "fixtures", "plugins"),
      bench: join(ROOT, "bench", "plugins"),
      wat: join(ROOT, "fixtures", "wat"),
    },
    answers: {
      "/": say("text/html", HTML),
      "/page.js": say("text/javascript", PAGE),
      "/hello": say("text/plain", "hello from the server"),
      ...answers,
    },
    isolated,
  });
  const browser = await launch(words);
  const open = async () => {
    const page = await browser.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(String(error)));
    await page.goto(`${server.origin}/`);
    await page.waitForFunction(() => globalThis.sdk !== undefined);
    return page;
  };
  const stop = async () => {
    await browser.close();
    server.close();
  };
  return { open, stop, browser, origin: server.origin };
}

/** A fixture in the text format. */
export function wat(name) {
  return readFileSync(join(ROOT, "fixtures", "wat", `${name}.wat`), "utf8");
}
