/** The package as it is published: what is in it, and that it runs in an empty project. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";

import { ECHO, SDK } from "./support.mjs";

const run = promisify(execFile);
const NPM = process.platform === "win32" ? "npm.cmd" : "npm";

const SIX_LINES = `
  const plugin = await createPlugin(${JSON.stringify(ECHO)});
  console.log((await plugin.call("echo", "installed")).text(), plugin.callSync("echo", "twice").text());
  await plugin.close();`;
const PROGRAMS = {
  "module.mjs": `import createPlugin from "@extism/extism";${SIX_LINES}`,
  "common.cjs": `const { createPlugin } = require("@extism/extism");(async () => {${SIX_LINES}})();`,
};

test("the package installs into an empty project and runs there", async () => {
  const env = { ...process.env };
  const { stdout } = await run(process.execPath, [join(SDK, "check.mjs"), "package"], { env });
  const [main, addon] = stdout.trim().split("\n");
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  writeFileSync(join(folder, "package.json"), "{}");
  const words = ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", main, addon];
  await run(NPM, words, { cwd: folder });
  const files = readdirSync(join(folder, "node_modules", "@extism", "extism"), { recursive: true });
  assert.ok(files.includes("LICENSE") && files.includes("README.md"));
  assert.deepEqual(
    files.filter((file) => /\.(ts|mjs|map|node)$/.test(file) && !file.endsWith(".d.ts")),
    [],
  );
  const [addonName] = readdirSync(join(folder, "node_modules", "@extism")).filter((name) => name !== "extism");
  // Only the packages themselves: the addon is that of the machine.
  delete env.EXTISM_NODE_ADDON;
  for (const [name, source] of Object.entries(PROGRAMS)) {
    writeFileSync(join(folder, name), source);
    const done = await run(process.execPath, [name], { cwd: folder, env });
    assert.deepEqual([done.stderr, done.stdout], ["", "installed twice\n"]);
  }
  // Without the addon's package it is the platform's engine that runs them.
  rmSync(join(folder, "node_modules", "@extism", addonName), { recursive: true });
  const fallback = await run(process.execPath, ["common.cjs"], { cwd: folder, env });
  assert.deepEqual([fallback.stderr, fallback.stdout], ["", "installed twice\n"]);
  const tsc = join(SDK, "node_modules", "typescript", "bin", "tsc");
  const types =
    "import createPlugin, { type Plugin } from '@extism/extism';\nexport const made: Promise<Plugin> = createPlugin('x');\n";
  for (const [name, module] of [
    ["module.mts", "nodenext"],
    ["common.cts", "nodenext"],
  ]) {
    writeFileSync(join(folder, name), types);
    const roots = ["--typeRoots", join(SDK, "node_modules", "@types"), "--types", "node"];
    await run(
      process.execPath,
      [tsc, "--noEmit", "--strict", "--target", "es2022", "--module", module, ...roots, name],
      {
        cwd: folder,
      },
    );
  }
});

test("a page has types of its own, without those of Node", async () => {
  const folder = mkdtempSync(join(tmpdir(), "extism-"));
  mkdirSync(join(folder, "node_modules", "@extism"), { recursive: true });
  symlinkSync(SDK, join(folder, "node_modules", "@extism", "extism"), "junction");
  const page = `import createPlugin, { ExtismContext, loadCore, type ExtismPluginOptions } from "@extism/extism";
    const options: ExtismPluginOptions = { runInWorker: true, signal: AbortSignal.timeout(100), fetch };
    export async function main(): Promise<string | undefined> {
      await loadCore();
      await using plugin = await createPlugin(fetch("plugin.wasm"), options);
      const first = await new ExtismContext().newPlugin({ wasm: [{ url: new URL("a", location.href) }] });
      return (await plugin.call("run", await first.call("run", "x")))?.text();
    }
    // @ts-expect-error a page writes no log files
    import { setLogFile } from "@extism/extism";
    console.log(setLogFile);
    // @ts-expect-error what is no option
    createPlugin("plugin.wasm", { timeout: 1 });`;
  writeFileSync(join(folder, "page.ts"), page);
  const tsc = join(SDK, "node_modules", "typescript", "bin", "tsc");
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--types", "", "--ignoreConfig"];
  const target = ["--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"];
  const lib = ["--lib", "es2022,esnext.disposable,dom,dom.iterable"];
  const done = await run(process.execPath, [tsc, ...strict, ...target, ...lib, "page.ts"], { cwd: folder }).catch(
    (error) => error,
  );
  assert.deepEqual([done.code, done.stdout, done.stderr], [undefined, "", ""]);
});

test("a bundler takes what is used and nothing else", async () => {
  const { build } = createRequire(import.meta.url)("esbuild");
  const size = async (contents) => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: SDK },
      bundle: true,
      format: "esm",
      minify: true,
      platform: "node",
      write: false,
    });
    return outputFiles[0].contents.length;
  };
  const nothing = await size('import "@extism/extism";');
  const status = await size('import { Status } from "@extism/extism"; console.log(Status.Busy);');
  const all = await size('import { createPlugin } from "@extism/extism"; console.log(createPlugin);');
  assert.ok(nothing < 100, `${nothing} bytes for nothing`);
  assert.ok(status < all / 4, `${status} of ${all} bytes for the statuses`);
});

test("the lock file names no place to download from", () => {
  assert.doesNotMatch(readFileSync(join(SDK, "package-lock.json"), "utf8"), /"resolved"/);
});
