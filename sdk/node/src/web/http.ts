/**
 * `http_request`: what the core allows, made by `fetch`.
 *
 * Must not know: which hosts are allowed. Invariants: every hop is decided by the core, on the URL that is then requested;
 * a redirect is followed only where the platform shows where it leads (browsers do not), else it is refused; what is kept
 * of a body is bounded while it arrives.
 */

import { messageOf } from "../host-function.js";
import type { Core } from "./core.js";
import { Interrupted } from "./failure.js";
import type { Suspension } from "./suspension.js";

/** What the core says has to be sent. */
export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly has_body: boolean;
  readonly response_bytes_max: number;
  readonly header_bytes_max: number;
}

/** What came of one hop. */
export type Hop =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: Uint8Array;
    }
  | { readonly kind: "failed"; readonly reason: number; readonly text: string };

const FAILED = 0;
const BODY_TOO_LARGE = 1;
const HEADERS_TOO_LARGE = 2;
const HIDDEN_REDIRECT = 3;

/** The requests of one plug-in. */
export class HttpExchange {
  /**
   * Makes one hop: on the thread of the page, whose `fetch` and policy count, where this one waits or the engine does; or on
   * this one, as something that can be cancelled. What it throws ends the plug-in's call.
   */
  readonly elsewhere: ((sent: Sent, body: Uint8Array | undefined) => Hop | Promise<Hop>) | undefined;
  readonly #core: Core;
  readonly #suspension: Suspension;

  constructor(core: Core, suspension: Suspension, elsewhere?: HttpExchange["elsewhere"]) {
    this.#core = core;
    this.#suspension = suspension;
    this.elsewhere = elsewhere;
  }

  /** Answers the handle of the body. */
  request(request: bigint, body: bigint): bigint | Promise<bigint> {
    this.#checked(this.#core.exports.http_begin(request, body));
    const sent = this.#core.takeJson() as Sent;
    if (this.elsewhere === undefined) {
      const text =
        "nothing on this thread can wait for the answer: load the plug-in with runInWorker, or use a platform that has WebAssembly.Suspending";
      return this.#failed({ kind: "failed", reason: FAILED, text });
    }
    if (this.#suspension === "engine") {
      return this.#waiting(sent, this.elsewhere);
    }
    for (let next = sent; ;) {
      // Without an engine that waits, the answer is there when this returns.
      const hop = this.elsewhere(next, this.#body(next)) as Hop;
      const again = this.#step(next, hop);
      if (typeof again === "bigint") {
        return again;
      }
      next = again;
    }
  }

  async #waiting(sent: Sent, send: NonNullable<HttpExchange["elsewhere"]>): Promise<bigint> {
    for (let next = sent; ;) {
      const hop = await send(next, this.#body(next));
      const again = this.#step(next, hop);
      if (typeof again === "bigint") {
        return again;
      }
      next = again;
    }
  }

  #body(sent: Sent): Uint8Array | undefined {
    if (!sent.has_body) {
      return undefined;
    }
    this.#core.exports.http_body();
    return this.#core.take();
  }

  /** What a hop means: the handle of the body, or another hop. */
  #step(last: Sent, hop: Hop): bigint | Sent {
    if (hop.kind === "failed") {
      return this.#failed(hop);
    }
    const location = hop.headers.find(([name]) => name === "location")?.[1];
    if (location !== undefined) {
      this.#core.giveText(location);
      if (this.#checked(this.#core.exports.http_redirected(hop.status)) === 2) {
        return elsewhere(last, this.#core.takeJson() as Sent);
      }
    }
    return this.#answered(hop.status, hop.headers, hop.body);
  }

  #answered(status: number, headers: readonly (readonly [string, string])[], body: Uint8Array): bigint {
    this.#core.giveFields(headers.flat());
    const handle = this.#core.exports.http_end(status, body.length);
    if (handle < 0) {
      throw new Interrupted(this.#core.takeFailure());
    }
    if (body.length > 0) {
      this.#core.kernel.bytes().set(body, handle);
    }
    return BigInt(handle);
  }

  #failed(hop: Extract<Hop, { kind: "failed" }>): never {
    this.#core.giveText(hop.text);
    this.#core.exports.http_failed(hop.reason);
    throw new Interrupted(this.#core.takeFailure());
  }

  /** As the core's own check, but as something that ends the plug-in's call. */
  #checked(answer: number): number {
    if (answer === 0) {
      throw new Interrupted(this.#core.takeFailure());
    }
    return answer;
  }
}

/** Sends one request and reads what comes, without following anything. */
export async function oneHop(
  fetch: typeof globalThis.fetch,
  sent: Sent,
  body: Uint8Array | undefined,
  signal?: AbortSignal,
): Promise<Hop> {
  try {
    const url = new URL(sent.url);
    const headers = new Headers(sent.headers.map(([name, value]) => [name, value]));
    authorise(url, headers);
    const response = await fetch(url.href, {
      method: sent.method,
      headers,
      redirect: "manual",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      ...(body === undefined ? {} : { body: body as BodyInit }),
      ...(signal === undefined ? {} : { signal }),
    });
    return await answerOf(response, sent);
  } catch (error) {
    return { kind: "failed", reason: FAILED, text: reasonOf(error) };
  }
}

async function answerOf(response: Response, sent: Sent): Promise<Hop> {
  if (response.type === "opaqueredirect" || response.redirected) {
    await response.body?.cancel();
    return { kind: "failed", reason: HIDDEN_REDIRECT, text: "" };
  }
  const headers = [...response.headers];
  const headerBytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (headerBytes > sent.header_bytes_max) {
    await response.body?.cancel();
    return { kind: "failed", reason: HEADERS_TOO_LARGE, text: "" };
  }
  const body = await bounded(response, sent.response_bytes_max);
  if (body === undefined) {
    return { kind: "failed", reason: BODY_TOO_LARGE, text: "" };
  }
  return { kind: "answer", status: response.status, headers, body };
}

/** The body, unless it is larger than allowed. */
export async function bounded(response: Response, bytesMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    length += value.length;
    if (length > bytesMax) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** A user in a URL, which `fetch` does not take, is a header. */
export function authorise(url: URL, headers: Headers): void {
  if (url.username === "" && url.password === "") {
    return;
  }
  if (!headers.has("authorization")) {
    const pair = new TextEncoder().encode(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`);
    headers.set("authorization", `Basic ${btoa(String.fromCharCode(...pair))}`);
  }
  url.username = "";
  url.password = "";
}

/** A request that a server has redirected: a user in the address of another is its own word, and not the plug-in's. */
function elsewhere(last: Sent, sent: Sent): Sent {
  const url = new URL(sent.url);
  if (url.origin === new URL(last.url).origin) {
    return sent;
  }
  url.username = "";
  url.password = "";
  return { ...sent, url: url.href };
}

function reasonOf(error: unknown): string {
  const cause = (error as { cause?: unknown } | null)?.cause;
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`;
}
