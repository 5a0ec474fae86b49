/**
 * A page in headless Chromium, served from folders of the repository.
 *
 * Must not know: what the page does. Invariants: nothing but loopback is reached; the server is strict about
 * what a page may run (`script-src 'self' 'wasm-unsafe-eval'`), so that the SDK is tested under that.
 */

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { chromium } from "playwright-core";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** What makes memory that threads share available to a page. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src *";

/**
 * Serves folders (by prefix) on loopback, and answers for paths that have a function.
 * What is below `files` has its own path. `isolated` pages may share memory between threads.
 */
export async function serve({ folders, answers = {}, files, isolated = true }) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    const headers = {
      "content-security-policy": CSP,
      "cache-control": "no-store",
      ...(isolated ? ISOLATED : {}),
    };
    if (Object.hasOwn(answers, path)) {
      answers[path](request, response, headers);
      return;
    }
    const [, prefix] = /^\/([^/]*)/.exec(path);
    const folder = folders[prefix];
    const inFolder = folder && join(folder, normalize(path.slice(prefix.length + 1)));
    const file = inFolder ?? (files !== undefined && path.startsWith(files) ? normalize(path) : undefined);
    if (!file || !file.startsWith(folder ?? files) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, headers).end();
      return;
    }
    response.writeHead(200, {
      ...headers,
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** An answer of `serve` that is always this text. */
export const say = (type, text) => (_, response, headers) =>
  response.writeHead(200, { ...headers, "content-type": type }).end(text);

/** Starts Chromium, with further words for its command line. */
export async function launch(words = []) {
  return await chromium.launch({
    executablePath: PROGRAM,
    args: [...ARGUMENTS, ...words],
  });
}
