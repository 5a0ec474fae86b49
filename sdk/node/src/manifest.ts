/**
 * Everything a plug-in can be made from, brought into the one form engines take.
 *
 * Must not know: what a manifest may say; the Rust side reads and checks it. Invariants: modules in memory are not
 * turned into text; names are translated (`maxPages` to `max_pages`) and values are not.
 */

import type { Source } from "./backend.js";
import { bytesOf, kindOf, type Bytes } from "./bytes.js";
import { errorOf } from "./error.js";
import { Status } from "./status.js";

/** A module as bytes; text is their base64. */
export interface ManifestWasmData {
  data: Bytes;
}
/** A module to download. */
export interface ManifestWasmUrl {
  url: URL | string;
  method?: string;
  headers?: Record<string, string>;
}
/** A module in a file. */
export interface ManifestWasmPath {
  path: string;
}
/** A module as the response to a `fetch`. */
export interface ManifestWasmResponse {
  response: Response;
}
/**
 * A module the platform has compiled. Only the web engine takes it, which can bound neither its memory nor its tables; its
 * start function runs before it has a memory that anybody knows of, so that WASI ends it with an error.
 */
export interface ManifestWasmModule {
  module: WebAssembly.Module;
}
/** A module of a manifest: its name among them, and the SHA-256 its bytes must have. */
export type ManifestWasm = (
  ManifestWasmUrl | ManifestWasmData | ManifestWasmPath | ManifestWasmResponse | ManifestWasmModule
) & { name?: string | undefined; hash?: string | undefined };

/** Bounds on memory. */
export interface MemoryOptions {
  /** All memories of the plug-in together, in pages of 64 KiB. */
  maxPages?: number | undefined;
  /** The body of an HTTP response, in bytes. */
  maxHttpResponseBytes?: number | undefined;
  /** All variables together, in bytes. */
  maxVarBytes?: number | undefined;
}

/** Values a plug-in reads by key. */
export type PluginConfig = Record<string, string>;
/** Values a plug-in reads by key. */
export interface PluginConfigLike {
  [key: string]: string;
}

/** What may be said in a manifest and in the options; the options count. */
export interface ManifestOptions {
  /**
   * The folders a plug-in with WASI may use, in the direction of `allowedPathsOrder`, which has to be given with it;
   * `ro:` before the host's path makes one read-only.
   */
  allowedPaths?: Record<string, string> | undefined;
  /** The hosts the plug-in may send HTTP requests to. */
  allowedHosts?: string[] | undefined;
  memory?: MemoryOptions | undefined;
  config?: PluginConfigLike | undefined;
  /** How long a call may take. */
  timeoutMs?: number | null | undefined;
}

/** Which modules a plug-in is made of, what it may reach and how much it may use. */
export interface Manifest extends ManifestOptions {
  wasm: ManifestWasm[];
  /** As in a manifest that is text: from the host's path to the plug-in's, whatever `allowedPathsOrder` says. */
  allowed_paths?: Record<string, string> | undefined;
  allowed_hosts?: string[] | undefined;
  timeout_ms?: number | null | undefined;
}

/**
 * What a plug-in can be made from: a manifest as an object; bytes or text of a module, or of a manifest; a `URL`; a path;
 * a `Response`; a `WebAssembly.Module`. Text that begins with `{` is a manifest, with `http:`, `https:` or `file:` an
 * address, with `(module` a module; any other text is a path.
 */
export type ManifestLike = Manifest | Response | WebAssembly.Module | Bytes | URL;

/** Which way `allowedPaths` lead: as everywhere else in Extism, or as in the published JavaScript package. */
export type PathOrder = "host-to-guest" | "guest-to-host";

/** Names of a manifest that have more than one word, as JavaScript writes them. */
const NAMES: Readonly<Record<string, string>> = {
  allowedPaths: "allowed_paths",
  allowedHosts: "allowed_hosts",
  timeoutMs: "timeout_ms",
  maxPages: "max_pages",
  maxHttpResponseBytes: "max_http_response_bytes",
  maxVarBytes: "max_var_bytes",
};

const encoder = /* @__PURE__ */ new TextEncoder();

/** Reads what may have to be awaited. */
export async function sourceOf(
  like: ManifestLike,
  options: ManifestOptions,
  order: PathOrder | undefined,
): Promise<Source> {
  if (isResponse(like)) {
    return sourceOfNow(await bytesOfResponse(like), options, order);
  }
  if (!isManifest(like) || !like.wasm.some((wasm) => "response" in wasm)) {
    return sourceOfNow(like, options, order);
  }
  const wasm = await Promise.all(
    like.wasm.map(async (each) => {
      if (!("response" in each)) {
        return each;
      }
      const { response, ...rest } = each;
      return { ...rest, data: await bytesOfResponse(response) };
    }),
  );
  return sourceOfNow({ ...like, wasm }, options, order);
}

/** Reads what is at hand. */
export function sourceOfNow(like: ManifestLike, options: ManifestOptions, order: PathOrder | undefined): Source {
  const overrides = overridesOf(options, order);
  const read = bytesAndModules(like, order);
  return { ...read, overrides };
}

function bytesAndModules(like: ManifestLike, order: PathOrder | undefined): Pick<Source, "bytes" | "modules"> {
  if (isModule(like)) {
    return bytesAndModules({ wasm: [{ module: like as WebAssembly.Module }] }, order);
  }
  if (typeof like === "string") {
    return ofText(like, order);
  }
  if (like instanceof URL) {
    return bytesAndModules({ wasm: [locate(like)] }, order);
  }
  if (isManifest(like)) {
    return ofManifest(like, order);
  }
  if (isResponse(like)) {
    throw errorOf(Status.InvalidArgument, "a Response has to be awaited, which this function does not do");
  }
  return { bytes: bytesOf(like, "a plug-in"), modules: [] };
}

function ofText(text: string, order: PathOrder | undefined): Pick<Source, "bytes" | "modules"> {
  const trimmed = text.trimStart();
  if (trimmed.startsWith("{") || /^(\(\s*module\b|;;|\(;)/.test(trimmed)) {
    return { bytes: encoder.encode(text), modules: [] };
  }
  if (/^(https?|file):/i.test(trimmed)) {
    return bytesAndModules({ wasm: [locate(new URL(trimmed))] }, order);
  }
  return bytesAndModules({ wasm: [{ path: text }] }, order);
}

/** A module at an address; a `file:` is a path. */
function locate(url: URL): ManifestWasmUrl | ManifestWasmPath {
  if (url.protocol !== "file:") {
    return { url: url.href };
  }
  const path = decodeURIComponent(url.pathname);
  // Windows: /C:/folder is C:/folder.
  return { path: /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path };
}

function ofManifest(manifest: Manifest, order: PathOrder | undefined): Pick<Source, "bytes" | "modules"> {
  const modules: (Uint8Array | WebAssembly.Module)[] = [];
  const { wasm, ...rest } = manifest;
  const entries = wasm.map((each) => {
    const inline = "module" in each ? each.module : "data" in each ? moduleBytes(each.data) : undefined;
    if (inline === undefined) {
      const place = "url" in each ? { url: String(each.url) } : {};
      return { ...each, ...place };
    }
    modules.push(inline);
    const { name, hash } = each;
    return { name, hash, data: { ptr: modules.length, len: 0 } };
  });
  const json = JSON.stringify({ wasm: entries, ...translated(rest, order) });
  return { bytes: encoder.encode(json), modules };
}

/** Text in `data` is base64, as in a manifest that is JSON; the Rust side reads it. */
function moduleBytes(data: Bytes): Uint8Array | undefined {
  return typeof data === "string" ? undefined : bytesOf(data, "a module");
}

function overridesOf(options: ManifestOptions, order: PathOrder | undefined): string | undefined {
  const { allowedPaths, allowedHosts, memory, config, timeoutMs } = options;
  const chosen = translated({ allowedPaths, allowedHosts, memory, config, timeoutMs: timeoutMs ?? undefined }, order);
  return Object.keys(chosen).length === 0 ? undefined : JSON.stringify(chosen);
}

/** The same with the names of a manifest. */
function translated(options: object, order: PathOrder | undefined): Record<string, unknown> {
  const translation: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (value === undefined) {
      continue;
    }
    const known = NAMES[name] ?? name;
    translation[known] =
      known === "memory" && isRecord(value)
        ? translated(value, order)
        : name === "allowedPaths" && isRecord(value)
          ? fromHostToGuest(value, order)
          : value;
  }
  return translation;
}

/** The folders of `allowedPaths` as a manifest has them. Taken the wrong way round, they grant other folders. */
function fromHostToGuest(paths: Record<string, unknown>, order: PathOrder | undefined): Record<string, unknown> {
  const entries = Object.entries(paths);
  if (order === "host-to-guest" || entries.length === 0) {
    return paths;
  }
  if (order === "guest-to-host") {
    return Object.fromEntries(entries.map(([guest, host]) => [String(host), guest]));
  }
  throw errorOf(
    Status.InvalidArgument,
    "allowedPaths need allowedPathsOrder: \"guest-to-host\" if they lead from the plug-in's path to the host's, as in " +
      "the published package 2.0; \"host-to-guest\" if they lead from the host's path to the plug-in's",
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isManifest(like: unknown): like is Manifest {
  if (!isRecord(like) || isOther(like)) {
    return false;
  }
  if (!Array.isArray(like.wasm)) {
    throw errorOf(Status.InvalidArgument, `the manifest needs a list "wasm", which is ${kindOf(like.wasm)} here`);
  }
  return true;
}

/** Whether an object is something else that plug-ins are made from. */
function isOther(like: object): boolean {
  const isShared = typeof SharedArrayBuffer === "function" && like instanceof SharedArrayBuffer;
  const isBytes = ArrayBuffer.isView(like) || like instanceof ArrayBuffer || isShared;
  return isBytes || like instanceof URL || isModule(like) || isResponse(like);
}

/** No type guard: to the types, a module is anything. */
function isModule(like: unknown): boolean {
  return typeof WebAssembly === "object" && like instanceof WebAssembly.Module;
}

function isResponse(like: unknown): like is Response {
  return typeof Response === "function" && like instanceof Response;
}

async function bytesOfResponse(response: Response): Promise<Uint8Array> {
  if (!response.ok) {
    throw errorOf(Status.DownloadFailed, `${response.url}: the answer was ${response.status} ${response.statusText}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
