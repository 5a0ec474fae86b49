/**
 * Modules that a manifest gives by their address.
 *
 * Must not know: the manifest. Invariant: size and time are bounded while the bytes arrive.
 */

import { errorOf } from "../error.js";
import { messageOf } from "../host-function.js";
import { Status } from "../status.js";
import { bounded } from "./http.js";

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
    throw errorOf(Status.DownloadFailed, `cannot download ${url}: HTTP ${String(response.status)}`);
  }
  let bytes: Uint8Array | undefined;
  try {
    bytes = await bounded(response, bytesMax);
  } catch (error) {
    throw failed(url, error);
  }
  if (bytes === undefined) {
    throw errorOf(Status.TooLarge, `cannot download ${url}: it is larger than the limit of ${String(bytesMax)} bytes`);
  }
  return bytes;
}

/** Downloads a module from a path, relative to the page. */
export async function downloadPath(path: string, bytesMax: number, signal?: AbortSignal): Promise<Uint8Array> {
  const url = new URL(path, globalThis.location?.href).href;
  const response = await sent({ url, method: "GET", headers: {} }, PATH_MS, signal);
  if (response.status === 404) {
    throw errorOf(Status.NotFound, `Unable to load Wasm file "${path}": entity not found`);
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
  const limit = AbortSignal.timeout(Math.min(ms, 2 ** 31 - 1));
  try {
    return await fetch(request.url, {
      method: request.method === "" ? "GET" : request.method,
      headers: { ...request.headers },
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
  return errorOf(Status.DownloadFailed, `cannot download ${url}: ${reason}`, { cause: error });
}
