/**
 * Builds, lints, tests and runs what is here.
 *
 * Usage: node check.mjs build | lint | test [words for node --test] | driver | package
 *
 * EXTISM_NODE_ADDON names the addon that cargo has built; without it, it is that of the profile for development.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));
const DIST = join(HERE, "dist");
const NPM = process.platform === "win32" ? "npm.cmd" : "npm";

/** Runs a command; the first that fails ends everything. */
function run(program, words, options = {}) {
  const done = spawnSync(program, words, { cwd: HERE, stdio: "inherit", ...options });
  if (done.status !== 0) {
    process.exit(done.status ?? 1);
  }
}

/** The tools of package-lock.json, installed anew when it changes. */
function install() {
  const mark = createHash("sha256")
    .update(readFileSync(join(HERE, "package-lock.json")))
    .digest("hex");
  const stamp = join(HERE, "node_modules", ".installed");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== mark) {
    run(NPM, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
    writeFileSync(stamp, mark);
  }
}

/** A program of the tools. */
function tool(name, words) {
  run(process.execPath, [join(HERE, "node_modules", ...name.split("/")), ...words]);
}

const ENTRIES = ["index"];

/** Bundles every entry as a module and as CommonJS, and writes the types of both. */
async function build() {
  install();
  rmSync(DIST, { recursive: true, force: true });
  const { build: bundle } = createRequire(import.meta.url)("esbuild");
  const shared = {
    absWorkingDir: HERE,
    bundle: true,
    entryPoints: ENTRIES.map((entry) => `src/${entry}.ts`),
    legalComments: "none",
    platform: "node",
    target: "es2022",
  };
  await bundle({ ...shared, format: "esm", outdir: join(DIST, "esm") });
  const define = { "import.meta.url": "__filename" };
  await bundle({ ...shared, format: "cjs", outdir: join(DIST, "cjs"), define });
  for (const [format, type] of [
    ["esm", "module"],
    ["cjs", "commonjs"],
  ]) {
    const folder = join(DIST, format);
    tool("typescript/bin/tsc", ["--noEmit", "false", "--emitDeclarationOnly", "--outDir", folder]);
    writeFileSync(join(folder, "package.json"), `${JSON.stringify({ type })}\n`);
  }
}

const [command, ...words] = process.argv.slice(2);
process.env.EXTISM_NODE_ADDON ??= join(ROOT, "target", "debug", "libextism_node.so");
switch (command) {
  case "build":
    await build();
    break;
  case "lint":
    install();
    tool("typescript/bin/tsc", []);
    tool("prettier/bin/prettier.cjs", ["--check", "--log-level", "warn", "."]);
    break;
  case "test":
    run(process.execPath, ["--test", "--expose-gc", "--no-warnings", ...words]);
    break;
  case "driver":
    run(process.execPath, ["--expose-gc", join(HERE, "driver", "driver.mjs"), ...words]);
    break;
  default:
    console.error("node check.mjs build | lint | test | driver | package");
    process.exit(1);
}
