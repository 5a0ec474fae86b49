/**
 * Builds, tests and drives what is here.
 *
 * Usage: node check.mjs build | test [words for node --test] | driver
 *
 * EXTISM_WEB_CORE names the core that `cargo xtask web-core` has built.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { REPORTERS } from "../node/tests/closing-line.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));

/** Runs a command; one that fails ends everything. */
function run(program, words, options = {}) {
  const done = spawnSync(program, words, {
    cwd: HERE,
    stdio: "inherit",
    ...options,
  });
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
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], { cwd: folder });
    writeFileSync(stamp, mark);
  }
}

const [command, ...words] = process.argv.slice(2);
switch (command) {
  case "build":
    install(HERE);
    install(join(HERE, "..", "node"));
    await (await import("./support/build.mjs")).build();
    break;
  case "test":
    run(process.execPath, ["--test", "--no-warnings", "--test-concurrency=1", ...REPORTERS, ...words]);
    break;
  case "driver":
    run(process.execPath, [join(HERE, "driver", "driver.mjs"), "--built", ...words]);
    break;
  default:
    console.error("usage: node check.mjs build | test | driver");
    process.exit(2);
}
