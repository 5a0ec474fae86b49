/**
 * The rules of Extism: the Rust crates as one small Wasm file, of which each plug-in gets an instance of its own.
 *
 * Must not know: plug-ins, workers. Invariants: every text and every byte crosses in one buffer, read before it is
 * written again; offsets the core names become views of kernel memory in {@link KernelMemory} only, where the platform
 * checks them.
 */

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { Ending, failureError, Interrupted, type Failure } from "./failure.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the core exports and this package calls. `0` says that it left a fault. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  readonly __stack_pointer: WebAssembly.Global;
  reserve(length: number): number;
  exchange_at(): number;
  exchange_length(): number;
  exchange_forget(): void;
  access_module(): void;
  options(): number;
  source_is_module(): number;
  load(secondMemories: number): number;
  load_inline(index: number): number;
  load_check(index: number): number;
  load_module(index: number): number;
  load_described(index: number): number;
  load_plan(): number;
  load_manifest(): number;
  module_bytes_max(): number;
  download_ms_max(): number;
  plugin(): number;
  making(): number;
  attach(): void;
  running(): void;
  begin(inputBytes: number): number;
  output_at(): number;
  collect(code: number): number;
  fail(): void;
  reset_memory(): void;
  host_alloc(bytes: number): number;
  host_length(handle: bigint): number;
  host_error(set: number): number;
  var_read(): number;
  var_write(nameBytes: number): void;
  var_remove(): void;
  configure(): void;
  allow_http_response_headers(): void;
  http_begin(request: bigint, body: bigint): number;
  http_body(): void;
  http_redirected(status: number): number;
  http_end(status: number, bodyBytes: number): number;
  http_failed(reason: number): void;
  readonly [guestImport: `env.${string}`]: CallableFunction;
}

/** A field of what the core is handed in one piece; a list is its length and then its items. */
export type Field = string | number | bigint | null | undefined;

/** What the core asks back. */
export interface Listener {
  log(level: number, message: string): void;
  /** A variable has changed, by the plug-in's doing. */
  variable(name: string): void;
}

const DEAF: Listener = { log: () => undefined, variable: () => undefined };

/** The memory plug-in and host exchange bytes through, once it is there. */
export class KernelMemory {
  #memory: WebAssembly.Memory | undefined;
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);

  get memory(): WebAssembly.Memory | undefined {
    return this.#memory;
  }

  set memory(memory: WebAssembly.Memory | undefined) {
    this.#memory = memory;
    this.#refresh();
  }

  /** All of it, as it is now: growth makes a new one. */
  bytes(): Uint8Array {
    // What grew has detached its old buffer, whose views are empty then.
    if (this.#bytes.byteLength === 0 && this.#memory !== undefined) {
      this.#refresh();
    }
    return this.#bytes;
  }

  /** The same in pieces of 32 bits, for the cells below the first handle. */
  words(): Uint32Array {
    if (this.#words.byteLength === 0 && this.#memory !== undefined) {
      this.#refresh();
    }
    return this.#words;
  }

  #refresh(): void {
    const buffer = this.#memory?.buffer ?? new ArrayBuffer(0);
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }
}

/** One instance of the core. */
export class Core {
  readonly exports: CoreExports;
  readonly kernel = new KernelMemory();
  /** What has ended the plug-in's call. */
  readonly ending: Ending;
  listener: Listener = DEAF;
  #telling = 0;
  #bytes: Uint8Array;
  #output: Uint32Array;
  readonly #stack: number;
  readonly #outputAt: number;

  constructor(module: WebAssembly.Module, ending = new Ending()) {
    this.ending = ending;
    const instance = new WebAssembly.Instance(module, { page: this.#page() });
    this.exports = instance.exports as unknown as CoreExports;
    this.#bytes = new Uint8Array(this.exports.memory.buffer);
    this.#output = new Uint32Array(this.exports.memory.buffer);
    this.#stack = this.exports.__stack_pointer.value as number;
    this.#outputAt = this.exports.output_at() >> 2;
  }

  /** Hands bytes to the core. */
  give(bytes: Uint8Array): void {
    const at = this.exports.reserve(bytes.length);
    this.#view().set(bytes, at);
  }

  giveText(text: string): void {
    this.give(encoder.encode(text));
  }

  /** Hands fields to the core, in the order it reads them. */
  giveFields(fields: readonly Field[]): void {
    const texts = fields.map((field) => encoder.encode(String(field ?? "")));
    const whole = new Uint8Array(texts.reduce((sum, text) => sum + 4 + text.length, 0));
    const view = new DataView(whole.buffer);
    let at = 0;
    for (const text of texts) {
      view.setUint32(at, text.length, true);
      whole.set(text, at + 4);
      at += 4 + text.length;
    }
    this.give(whole);
  }

  /** What the core left, as a copy. */
  take(): Uint8Array {
    const at = this.exports.exchange_at();
    const bytes = this.#view().slice(at, at + this.exports.exchange_length());
    this.exports.exchange_forget();
    return bytes;
  }

  takeText(): string {
    return decoder.decode(this.take());
  }

  takeJson(): unknown {
    return JSON.parse(this.takeText());
  }

  /** What the core answered, unless it left a fault. */
  checked(answer: number): number {
    if (answer === 0) {
      throw this.fault();
    }
    return answer;
  }

  /** The fault the core left, as an error. */
  fault(): Error {
    return failureError(this.takeFailure());
  }

  takeFailure(): Failure {
    return this.takeJson() as Failure;
  }

  /** A copy of the output of the call that ended, `null` if there is none. */
  output(): ArrayBuffer | null {
    if (this.#output.byteLength === 0) {
      this.#output = new Uint32Array(this.exports.memory.buffer);
    }
    const offset = this.#output[this.#outputAt] ?? 0;
    const length = this.#output[this.#outputAt + 1] ?? 0;
    if (length === 0) {
      return null;
    }
    return this.kernel.bytes().slice(offset, offset + length).buffer as ArrayBuffer;
  }

  /**
   * Whether the engine has ended a function of the core in the middle of its work: nothing can be asked of it any more. One
   * that has its listener told something is in the middle of its work, too, and goes on.
   */
  isTorn(): boolean {
    return this.#telling === 0 && this.exports.__stack_pointer.value !== this.#stack;
  }

  #view(): Uint8Array {
    if (this.#bytes.byteLength === 0) {
      this.#bytes = new Uint8Array(this.exports.memory.buffer);
    }
    return this.#bytes;
  }

  #page(): WebAssembly.ModuleImports {
    const text = (at: number, length: number): string => decoder.decode(this.#view().slice(at, at + length));
    return {
      fail: () => {
        const failure = this.takeFailure();
        // Nothing is borrowed, and the frames of the core that this is thrown through have nothing left to do.
        this.exports.__stack_pointer.value = this.#stack;
        throw this.ending.note(new Interrupted(failure));
      },
      log: (level: number) => {
        const message = this.takeText();
        this.#telling += 1;
        try {
          this.listener.log(level, message);
        } finally {
          this.#telling -= 1;
        }
      },
      variable: () => {
        this.listener.variable(this.takeText());
      },
      read: (offset: number, to: number, length: number) => {
        this.#view().set(new Uint8Array(this.kernel.bytes().buffer, offset >>> 0, length), to);
      },
      write: (offset: number, from: number, length: number) => {
        this.kernel.bytes().set(this.#view().subarray(from, from + length), offset >>> 0);
      },
      wipe: () => {
        this.kernel.bytes().fill(0, FIRST_HANDLE);
      },
      grow: (pages: number) => {
        try {
          this.kernel.memory?.grow(pages >>> 0);
          return 1;
        } catch {
          return 0;
        }
      },
      load_cell: (address: number) => {
        const words = this.kernel.words();
        return (words[address >> 2] ?? 0) + (words[(address >> 2) + 1] ?? 0) * 2 ** 32;
      },
      store_cell: (address: number, value: number) => {
        const words = this.kernel.words();
        const whole = Math.min(value, Number.MAX_SAFE_INTEGER);
        words[address >> 2] = whole % 2 ** 32;
        words[(address >> 2) + 1] = Math.floor(whole / 2 ** 32);
      },
      parse_host: (at: number, length: number) => {
        const url = urlOf(`http://${text(at, length)}/`, undefined);
        if (url === undefined) {
          return 0;
        }
        this.giveText(url.hostname);
        return 1;
      },
      parse_url: (at: number, length: number, baseAt: number, baseLength: number) => {
        const base = baseLength === 0 ? undefined : text(baseAt, baseLength);
        const url = urlOf(text(at, length), base);
        if (url === undefined) {
          return 0;
        }
        const shown = new URL(url);
        shown.username = "";
        shown.password = "";
        const scheme = url.protocol.replace(/:$/, "");
        this.giveText([url.href, shown.href, scheme, url.hostname, url.port].join("\n"));
        return 1;
      },
    };
  }
}

/** The lowest address a plug-in can reach. */
const FIRST_HANDLE = 64;

function urlOf(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

let compiled: WebAssembly.Module | undefined;
let compiling: Promise<WebAssembly.Module> | undefined;

/** How the file of the core is found: by each entry of the package, in its own way. */
export interface CoreFile {
  /** Reads it without blocking. */
  load(): Promise<WebAssembly.Module>;
  /** Reads it at once, where the platform can. */
  loadSync?(): WebAssembly.Module;
}

let file: CoreFile | undefined;

/** Says how the file of the core is found. */
export function useCoreFile(found: CoreFile): void {
  file ??= found;
}

/** Gives the core itself, for platforms that compile when they build (Workers without `fetch` of files). */
export function useCoreModule(module: WebAssembly.Module): void {
  compiled = module;
}

/** The core, compiled once. */
export async function coreModule(): Promise<WebAssembly.Module> {
  if (compiled === undefined) {
    compiling ??= located().load();
    try {
      compiled = await compiling;
    } finally {
      compiling = undefined;
    }
  }
  return compiled;
}

/** The core, if it is there or the platform reads files at once. */
export function coreModuleNow(): WebAssembly.Module {
  if (compiled === undefined) {
    const load = located().loadSync;
    if (load === undefined) {
      throw errorOf(Status.InvalidArgument, "the core has to be downloaded first: await createPlugin, or loadCore");
    }
    compiled = load();
  }
  return compiled;
}

function located(): CoreFile {
  if (file === undefined) {
    throw errorOf(Status.Internal, "no entry of the package has said where the core is");
  }
  return file;
}
