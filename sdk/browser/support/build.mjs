/**
 * Puts together what pages of the tests load: the SDK as it is published, and bundles that use it.
 *
 * Must not know: tests. Invariant: everything goes below `target/sdk-browser`.
 */

import { copyFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { buildWeb } from "../../node/src/web/build.mjs";

/** The folder of this SDK. */
export const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
/** The repository. */
export const ROOT = dirname(dirname(HERE));
/** What is built. */
export const OUT = join(ROOT, "target", "sdk-browser");

/** Builds everything. */
export async function build() {
  await buildWeb(join(OUT, "web"));
  const { build: bundle } = createRequire(join(ROOT, "sdk", "node", "package.json"))("esbuild");
  const modules = join(HERE, "driver", "modules.mjs");
  await bundle({
    // The driver of sdk/node, with a page's own means in place of Node's.
    alias: {
      "@extism/extism": join(HERE, "driver", "sdk.mjs"),
      "node:readline": modules,
      "node:timers/promises": modules,
    },
    bundle: true,
    entryPoints: [join(ROOT, "sdk", "node", "driver", "driver.mjs")],
    external: ["/web/extism.js"],
    format: "esm",
    inject: [join(HERE, "driver", "shims.mjs")],
    outfile: join(OUT, "driver", "driver.js"),
    target: "es2022",
  });
  // As users build their pages: the package becomes a part of their file, and what it loads by itself lies beside that.
  await bundle({
    bundle: true,
    entryPoints: { app: join(OUT, "web", "extism.js") },
    format: "esm",
    outdir: join(OUT, "bundled"),
    target: "es2022",
  });
  for (const name of ["extism.js", "extism_web.wasm", "extism_web_tools.wasm"]) {
    copyFileSync(join(OUT, "web", name), join(OUT, "bundled", name));
  }
  const samples = readdirSync(join(HERE, "samples")).filter((name) => name !== "expected");
  await bundle({
    alias: { "@extism/extism": "/web/extism.js" },
    bundle: true,
    entryPoints: Object.fromEntries(samples.map((name) => [name, join(HERE, "samples", name, "main.mjs")])),
    external: ["/web/extism.js"],
    format: "esm",
    outdir: join(OUT, "samples"),
    target: "es2022",
  });
}
