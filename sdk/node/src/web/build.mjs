/**
 * Bundles the web engine: `web/extism.js` for browsers and their Workers, the script of Workers in Node, and the core beside
 * them.
 *
 * The core is a file that `cargo xtask web-core` has built; EXTISM_WEB_CORE names it.
 */

import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SDK = dirname(dirname(HERE));
const ROOT = dirname(dirname(SDK));

/** Where the core is. */
export function coreFile() {
  const file = process.env.EXTISM_WEB_CORE ?? join(ROOT, "target", "web-core", "extism_web.wasm");
  if (!existsSync(file)) {
    throw new Error(`there is no ${file}: run cargo xtask web-core, or say where it is with EXTISM_WEB_CORE`);
  }
  return file;
}

/** Builds the web engine into a folder. */
export async function buildWeb(out) {
  const { build } = createRequire(join(SDK, "package.json"))("esbuild");
  const shared = {
    absWorkingDir: SDK,
    bundle: true,
    format: "esm",
    legalComments: "none",
    minify: true,
    target: "es2022",
  };
  const browser = { extism: "src/web/index.ts" };
  await build({ ...shared, entryPoints: browser, outdir: out, platform: "browser" });
  const node = { "node-worker": "src/web/node-worker.ts" };
  await build({ ...shared, entryPoints: node, outdir: out, platform: "node" });
  mkdirSync(out, { recursive: true });
  const core = coreFile();
  copyFileSync(core, join(out, "extism_web.wasm"));
  copyFileSync(join(dirname(core), "extism_web_tools.wasm"), join(out, "extism_web_tools.wasm"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildWeb(process.argv[2] ?? join(SDK, "dist", "web"));
}
