/**
 * Builds, lints, tests and runs what is here.
 *
 * Usage: node check.mjs build | lint | test [words for node --test] | driver [web] | package
 *
 * EXTISM_NODE_ADDON names the addon that cargo has built; without it, it is that of the profile for development.
 * EXTISM_WEB_CORE names the core of the web engine.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { buildWeb } from "./src/web/build.mjs";
import { REPORTERS } from "./tests/closing-line.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));
const DIST = join(HERE, "dist");
/** Where packages are put together. */
const OUT = join(ROOT, "target", "sdk-node");
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
  await buildWeb(join(DIST, "web"));
  const types = { esm: "module", cjs: "commonjs" };
  for (const [format, type] of Object.entries(types)) {
    writeFileSync(join(DIST, format, "package.json"), `${JSON.stringify({ type, sideEffects: false })}\n`);
  }
  for (const format of Object.keys(types)) {
    tool("typescript/bin/tsc", ["--noEmit", "false", "--emitDeclarationOnly", "--outDir", join(DIST, format)]);
  }
}

/** The machines there are addons for, as npm describes them. */
const PLATFORMS = {
  "linux-x64-gnu": { os: ["linux"], cpu: ["x64"], libc: ["glibc"] },
  "linux-arm64-gnu": { os: ["linux"], cpu: ["arm64"], libc: ["glibc"] },
  "darwin-x64": { os: ["darwin"], cpu: ["x64"] },
  "darwin-arm64": { os: ["darwin"], cpu: ["arm64"] },
  "win32-x64-msvc": { os: ["win32"], cpu: ["x64"] },
};

/** Packs the package and that of this machine's addon, as they are published; prints the paths of the archives. */
function pack() {
  const own = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  const { version, license, engines } = own;
  delete own.devDependencies;
  delete own.scripts;
  const names = Object.keys(PLATFORMS).map((platform) => [`@extism/extism-${platform}`, version]);
  own.optionalDependencies = Object.fromEntries(names);
  const main = stage("extism", own, { dist: join(HERE, "dist"), "README.md": join(HERE, "README.md") });
  const libc = process.platform === "linux" ? "-gnu" : process.platform === "win32" ? "-msvc" : "";
  const platform = `${process.platform}-${process.arch}${libc}`;
  const addon = {
    name: `@extism/extism-${platform}`,
    version,
    description: `The addon of @extism/extism for ${platform}`,
    license,
    main: "extism.node",
    engines,
    ...PLATFORMS[platform],
  };
  const folder = stage(`extism-${platform}`, addon, { "extism.node": process.env.EXTISM_NODE_ADDON });
  for (const each of [main, folder]) {
    const words = ["pack", "--silent", "--ignore-scripts", "--pack-destination", OUT];
    const { stdout } = spawnSync(NPM, words, { cwd: each, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    console.log(join(OUT, stdout.trim()));
  }
}

/** Puts what a package consists of into a folder of its own. */
function stage(name, description, files) {
  const folder = join(OUT, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [to, from] of Object.entries({ ...files, LICENSE: join(ROOT, "LICENSE") })) {
    cpSync(from, join(folder, to), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(description, undefined, 2)}\n`);
  return folder;
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
    run(process.execPath, ["--test", "--expose-gc", "--no-warnings", ...REPORTERS, ...words]);
    break;
  case "driver":
    if (words[0] === "web") {
      process.env.EXTISM_ENGINE = "web";
    }
    run(process.execPath, ["--expose-gc", join(HERE, "driver", "driver.mjs"), ...words]);
    break;
  case "package":
    pack();
    break;
  default:
    console.error("node check.mjs build | lint | test | driver | package");
    process.exit(1);
}
