/**
 * Times calls through a package in a page of headless Chromium, and prints a line of JSON.
 *
 * Usage: node bench.mjs ROW MILLISECONDS [FOLDER]    measures a row in loops of that length
 *
 * ROW is what is done, and `, browser`. `cargo xtask bench browser` runs it with this package and with the published one, in
 * turn, and has the targets. FOLDER is one where another package of this name is installed.
 */

import { join } from "node:path";

import { launch, say, serve } from "./support/browser.mjs";
import { HERE, OUT, ROOT } from "./support/build.mjs";

const HTML = '<!doctype html><title>benchmark</title><script type="module" src="/page.js"></script>';
const page = (module) => `
  import { createPlugin } from "/package/${module}";
  import { nanosecondsOfCall } from "/node/bench-calls.mjs";
  globalThis.measure = async (what, milliseconds) => {
    const plugin = await createPlugin({ wasm: [{ url: new URL("/plugins/published.wasm", location.href).href }] });
    const isSync = typeof plugin.callSync === "function";
    const ns = await nanosecondsOfCall(plugin, what, isSync, milliseconds, () => performance.now());
    await plugin.close();
    return ns;
  };`;

const [row, milliseconds, folder] = process.argv.slice(2);
const [, what] = /^(.*), browser$/.exec(row);
const published = folder && join(folder, "node_modules", "@extism", "extism", "dist", "browser");
const server = await serve({
  folders: {
    package: published ?? join(OUT, "web"),
    node: join(HERE, "..", "node"),
    plugins: join(ROOT, "bench", "plugins"),
  },
  answers: {
    "/": say("text/html", HTML),
    "/page.js": say("text/javascript", page(published === undefined ? "extism.js" : "mod.js")),
  },
});
const browser = await launch();
try {
  const tab = await browser.newPage();
  await tab.goto(`${server.origin}/`);
  await tab.waitForFunction(() => globalThis.measure !== undefined);
  const ns = await tab.evaluate(
    async ([what, milliseconds]) => await globalThis.measure(what, milliseconds),
    [what, Number(milliseconds)],
  );
  console.log(JSON.stringify({ row, ns }));
} finally {
  await browser.close();
  server.close();
}
