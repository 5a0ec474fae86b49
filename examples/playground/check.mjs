/**
 * Builds, serves, lints and tests the playground.
 *
 * Usage: node check.mjs build [folder] | serve [port] | lint | test [words for node --test]
 *
 * It is bundled with the tools of sdk/node. The Wasm core of the SDK must have been built: `cargo xtask web-core`.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { REPORTERS } from "../../sdk/node/tests/closing-line.mjs";
import { serve } from "./server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));
const SDK = join(ROOT, "sdk", "node");
const DIST = join(HERE, "dist");
const NPM = process.platform === "win32" ? "npm.cmd" : "npm";
const PORT = 8017;

/** Plug-ins that are built from Rust, and those that are text: an old one, and one that never ends. */
const BINARY = ["count_vowels", "greet", "host_call", "http", "kv"];
const TEXT = ["legacy_count_vowels", "spin"];

/** Runs a command; the first that fails ends everything. */
function run(program, words, cwd) {
  const done = spawnSync(program, words, { cwd, stdio: "inherit" });
  if (done.status !== 0) {
    process.exit(done.status ?? 1);
  }
}

/** The tools of a package-lock.json, installed anew when it changes. */
function install(folder) {
  const mark = createHash("sha256")
    .update(readFileSync(join(folder, "package-lock.json")))
    .digest("hex");
  const stamp = join(folder, "node_modules", ".installed");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== mark) {
    run(NPM, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder);
    writeFileSync(stamp, mark);
  }
}

/** A program of the tools of the SDK. */
function tool(name, words) {
  run(process.execPath, [join(SDK, "node_modules", ...name.split("/")), ...words], HERE);
}

/** Makes the folder that a static file server serves. */
export async function build(out = DIST) {
  install(SDK);
  install(HERE);
  rmSync(out, { recursive: true, force: true });
  const { buildWeb } = await import(pathToFileURL(join(SDK, "src", "web", "build.mjs")));
  await buildWeb(join(out, "extism"));
  const { build: bundle } = createRequire(join(SDK, "package.json"))("esbuild");
  const shared = {
    absWorkingDir: HERE,
    outdir: out,
    bundle: true,
    legalComments: "none",
    target: "es2022",
  };
  await bundle({
    ...shared,
    entryPoints: ["src/main.ts"],
    format: "esm",
    // The SDK is beside the page as it is published: its core and its Worker find themselves by their addresses.
    plugins: [
      {
        name: "sdk",
        setup(to) {
          to.onResolve({ filter: /^@extism\/extism$/ }, () => ({ path: "./extism/extism.js", external: true }));
        },
      },
    ],
  });
  await bundle({ ...shared, entryPoints: ["src/policy.ts"], format: "iife" });
  for (const file of ["index.html", "style.css", "controls.css", "parts.css", "narrow.css", "icon.svg"]) {
    cpSync(join(HERE, "src", file), join(out, file));
  }
  await examples(join(out, "examples"));
}

async function examples(out) {
  mkdirSync(out, { recursive: true });
  for (const name of BINARY) {
    cpSync(join(ROOT, "examples", "plugins", `${name}.wasm`), join(out, `${name}.wasm`));
  }
  const wabt = await createRequire(import.meta.url)("wabt")();
  for (const name of TEXT) {
    const file = join(ROOT, "fixtures", "wat", `${name}.wat`);
    const module = wabt.parseWat(file, readFileSync(file, "utf8"));
    writeFileSync(join(out, `${name}.wasm`), module.toBinary({}).buffer);
    module.destroy();
  }
  writeFileSync(join(out, "greeting.json"), `${JSON.stringify({ greeting: "Hello from beside the page" })}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...words] = process.argv.slice(2);
  switch (command) {
    case "build":
      await build(words[0]);
      break;
    case "serve": {
      await build();
      const { url } = await serve(DIST, Number(words[0] ?? PORT));
      console.log(`The playground is at ${url}`);
      break;
    }
    case "lint":
      install(SDK);
      tool("typescript/bin/tsc", []);
      tool("prettier/bin/prettier.cjs", [
        "--check",
        "--log-level",
        "warn",
        "--config",
        join(SDK, ".prettierrc.json"),
        ".",
      ]);
      break;
    case "test":
      await build();
      run(process.execPath, ["--test", "--no-warnings", ...REPORTERS, ...words], HERE);
      break;
    default:
      console.error("node check.mjs build | serve | lint | test");
      process.exit(1);
  }
}
