/**
 * Modules that a manifest gives by their address.
 *
 * Must not know: the manifest. Invariants: size and time are bounded while the bytes arrive; no text carries a user name or
 * password of an address.
 */

import { errorOf } from "../error.js";
import { messageOf } from "../host-function.js";
import { Status } from "../status.js";
import { authorise, bounded } from "./http.js";
import { TIMER_MS_MAX } from "./platform.js";

/** Downloads a module. */
export async function download(
  request: { url: string; method: string; headers: Readonly<Record<string, string>> },
  bytesMax: number,
  ms: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return await read(await sent(request, ms, signal), request.url, bytesMax);
}

async function read(response: Response, url: string, bytesMax: number): Promise<Uint8Array> {
  if (!response.ok) {
    throw errorOf(Status.DownloadFailed, `cannot download ${shown(url)}: HTTP ${String(response.status)}`);
  }
  let bytes: Uint8Array | undefined;
  try {
    bytes = await bounded(response, bytesMax);
  } catch (error) {
    throw failed(url, error);
  }
  if (bytes === undefined) {
    const text = `cannot download ${shown(url)}: it is larger than the limit of ${String(bytesMax)} bytes`;
    throw errorOf(Status.TooLarge, text);
  }
  return bytes;
}

/** Downloads a module from a path, relative to the page. */
export async function downloadPath(path: string, bytesMax: number, signal?: AbortSignal): Promise<Uint8Array> {
  const url = new URL(path, globalThis.location?.href).href;
  const response = await sent({ url, method: "GET", headers: {} }, PATH_MS, signal);
  if (response.status === 404) {
    throw errorOf(Status.NotFound, `Unable to load Wasm file "${shown(path)}": entity not found`);
  }
  return await read(response, url, bytesMax);
}

/** How long the page's own server may take, in milliseconds. */
const PATH_MS = 300_000;

async function sent(
  request: { url: string; method: string; headers: Readonly<Record<string, string>> },
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const limit = AbortSignal.timeout(Math.min(ms, TIMER_MS_MAX));
  const url = parsed(request.url);
  if (url === undefined) {
    // What the platform would say has the address in it.
    throw failed(request.url, "invalid URL");
  }
  try {
    const headers = new Headers({ ...request.headers });
    authorise(url, headers);
    return await fetch(url.href, {
      method: request.method === "" ? "GET" : request.method,
      headers,
      signal: signal === undefined ? limit : either(limit, signal),
    });
  } catch (error) {
    throw failed(request.url, error);
  }
}

/** Whichever aborts first; on platforms that cannot say that, a download goes on that nobody waits for. */
function either(limit: AbortSignal, signal: AbortSignal): AbortSignal {
  return typeof AbortSignal.any === "function" ? AbortSignal.any([limit, signal]) : limit;
}

function failed(url: string, error: unknown): Error {
  const cause = (error as { cause?: unknown } | null)?.cause;
  const reason = cause === undefined ? messageOf(error) : messageOf(cause);
  return errorOf(Status.DownloadFailed, `cannot download ${shown(url)}: ${reason}`, { cause: error });
}

function parsed(url: string): URL | undefined {
  try {
    return new URL(url, globalThis.location?.href);
  } catch {
    return undefined;
  }
}

/** An address as it may be shown: as it was given, but without user name and password. */
function shown(url: string): string {
  const whole = parsed(url);
  if (whole === undefined) {
    return url.replace(/^[^?#]*@/, "");
  }
  if (whole.username === "" && whole.password === "") {
    return url;
  }
  whole.username = "";
  whole.password = "";
  return whole.href;
}
