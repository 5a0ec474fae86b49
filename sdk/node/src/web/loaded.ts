/**
 * From a source to compiled modules and a plan: what is fetched, checked, rewritten and compiled before there is an
 * instance.
 *
 * Must not know: how instances are made. Invariants: the core checks every byte before the engine sees it, and the engine
 * has accepted a module before the core rewrites it, which the rewriting pass relies on.
 */

import type { BackendOptions, Source } from "../backend.js";
import { errorOf } from "../error.js";
import { messageOf } from "../host-function.js";
import type { Inspection } from "../inspection.js";
import { Status } from "../status.js";
import { Core, type Field } from "./core.js";
import type { Needed, Plan } from "./plan.js";
import { hasSecondMemories } from "./platform.js";
import type { NamedModule, Tools } from "./tools.js";

/** A plug-in that instances can be made from, on this thread or, being cloneable, on another. */
export interface Loaded {
  readonly modules: readonly WebAssembly.Module[];
  readonly plan: Plan;
  /** The manifest without its modules, as JSON. */
  readonly manifest: string;
  /** The options of the core, as the fields it reads. */
  readonly options: readonly Field[];
  readonly access: WebAssembly.Module;
}

/** Gets what the core asks for. */
export interface Fetcher {
  path(path: string, bytesMax: number, signal?: AbortSignal): Promise<Uint8Array>;
  pathSync?(path: string, bytesMax: number): Uint8Array;
  request(
    request: { url: string; method: string; headers: Readonly<Record<string, string>> },
    bytesMax: number,
    ms: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array>;
}

const LEVELS = ["trace", "debug", "info", "warn", "error"];

/** The options of the core, as the fields it reads. */
function coreOptions(options: BackendOptions, overrides: string | undefined): Field[] {
  const { base, ...limits } = options.limits ?? {};
  const named = Object.entries(limits).filter(([, value]) => value !== undefined);
  const flags = [options.wasi, base === "untrusted", options.httpResponseHeaders, options.rewrite];
  return [
    flags.reduce((sum, flag, bit) => sum + (flag ? 2 ** bit : 0), 0),
    options.logLevel === undefined ? "" : LEVELS.indexOf(options.logLevel),
    overrides,
    options.functions.length,
    ...options.functions.flatMap((each) => [each.namespace, each.name]),
    named.length,
    ...named.flatMap(([name, value]) => [snakeCase(name), limitOf(name, value)]),
  ];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const UNLIMITED = 2n ** 64n - 1n;

function limitOf(name: string, value: unknown): bigint {
  if (value === Number.POSITIVE_INFINITY) {
    return UNLIMITED;
  }
  const isWhole = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!isWhole || BigInt(value as number | bigint) < 0n || BigInt(value as number | bigint) > UNLIMITED) {
    throw errorOf(Status.InvalidArgument, `limit ${name} is a whole number, not ${String(value)}`);
  }
  return BigInt(value as number | bigint);
}

/** Loads a source. */
export class Loading {
  readonly #core: Core;
  readonly #options: readonly Field[];
  readonly #asked: BackendOptions;
  readonly #source: Source;
  readonly #modules: WebAssembly.Module[] = [];

  constructor(coreModule: WebAssembly.Module, source: Source, options: BackendOptions) {
    if (options.fuel !== undefined || options.fuelForStart !== undefined) {
      throw errorOf(
        Status.InvalidArgument,
        "the web engine counts no fuel: it runs plug-ins on the platform's own engine",
      );
    }
    this.#core = new Core(coreModule);
    this.#source = source;
    // What overrides the manifest is in it by the time instances are made.
    this.#options = coreOptions(options, undefined);
    this.#asked = options;
    this.#core.giveFields(coreOptions(options, source.overrides));
    this.#core.exports.options();
  }

  async load(fetcher: Fetcher, tools: Tools, signal?: AbortSignal): Promise<Loaded> {
    for await (const [index, , found] of this.#given(fetcher, tools, signal)) {
      if (found instanceof WebAssembly.Module) {
        this.#describe(index, found);
        continue;
      }
      if (!WebAssembly.validate(found as BufferSource)) {
        await refuse(found);
      }
      this.#modules[index] = await compile(this.#rewrite(index, found));
    }
    return this.#done();
  }

  loadSync(fetcher: Fetcher): Loaded {
    for (const [index, needed] of this.#needed(this.#source.bytes).entries()) {
      const found = this.#atHand(index, needed) ?? fetchedNow(needed, fetcher, this.#bytesMax());
      if (found instanceof WebAssembly.Module) {
        this.#describe(index, found);
        continue;
      }
      if (!this.#check(index, found)) {
        throw errorOf(Status.InvalidArgument, "a module in text form has to be awaited: use createPlugin");
      }
      if (!WebAssembly.validate(found as BufferSource)) {
        compileNow(found);
      }
      this.#modules[index] = compileNow(this.#rewrite(index, found));
    }
    return this.#done();
  }

  /** Describes a source: nothing of it is compiled or run, nor need the engine accept it. */
  async inspect(fetcher: Fetcher, tools: Tools, signal?: AbortSignal): Promise<Inspection> {
    const modules: NamedModule[] = [];
    for await (const [, name, found] of this.#given(fetcher, tools, signal)) {
      if (found instanceof WebAssembly.Module) {
        throw errorOf(Status.InvalidArgument, "a module that the platform has compiled cannot be read: give its bytes");
      }
      modules.push({ name, bytes: found });
    }
    const { functions, wasi, rewrite } = this.#asked;
    return await tools.inspection(modules, {
      functions: functions.map((each) => [each.namespace, each.name]),
      wasi,
      rewrite: rewrite && hasSecondMemories(),
    });
  }

  /** The modules of the source in the order of the manifest, checked, and binary unless compiled. */
  async *#given(
    fetcher: Fetcher,
    tools: Tools,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<[number, string, Uint8Array | WebAssembly.Module]> {
    const isText = !isJson(this.#source.bytes) && !this.#isModule();
    const source = isText ? await tools.manifest(this.#source.bytes) : this.#source.bytes;
    for (const [index, needed] of this.#needed(source).entries()) {
      const found = this.#atHand(index, needed) ?? (await this.#fetched(needed, fetcher, signal));
      signal?.throwIfAborted();
      const isReady = found instanceof WebAssembly.Module || this.#check(index, found);
      yield [index, needed.name, isReady ? found : await tools.module(found)];
    }
  }

  #isModule(): boolean {
    this.#core.give(this.#source.bytes);
    const isModule = this.#core.exports.source_is_module() === 1;
    this.#core.exports.exchange_forget();
    return isModule;
  }

  #needed(source: Uint8Array): readonly Needed[] {
    this.#core.give(source);
    this.#core.checked(this.#core.exports.load(hasSecondMemories() ? 1 : 0));
    return this.#core.takeJson() as readonly Needed[];
  }

  #atHand(index: number, needed: Needed): Uint8Array | WebAssembly.Module | undefined {
    if (needed.fetch === "inline") {
      this.#core.checked(this.#core.exports.load_inline(index));
      return this.#core.take();
    }
    if (!("given" in needed.fetch)) {
      return undefined;
    }
    const number = needed.fetch.given;
    const given = number === 0 ? this.#source.bytes : this.#source.modules[number - 1];
    if (given === undefined) {
      throw errorOf(Status.ManifestField, "a manifest names a module in memory that was not given");
    }
    // Nobody may change the bytes between the moments they are checked and used.
    return given instanceof Uint8Array ? given.slice() : given;
  }

  async #fetched(needed: Needed, fetcher: Fetcher, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const fetch = needed.fetch;
    if (typeof fetch === "object" && "path" in fetch) {
      return await fetcher.path(fetch.path, this.#bytesMax(), signal);
    }
    if (typeof fetch === "object" && "request" in fetch) {
      return await fetcher.request(fetch.request, this.#bytesMax(), this.#core.exports.download_ms_max(), signal);
    }
    throw errorOf(Status.Internal, "there is nothing to fetch");
  }

  #bytesMax(): number {
    return this.#core.exports.module_bytes_max();
  }

  /** Whether bytes are the ones the manifest means; false if they are text. */
  #check(index: number, bytes: Uint8Array): boolean {
    this.#core.give(bytes);
    const kind = this.#core.checked(this.#core.exports.load_check(index));
    this.#core.exports.exchange_forget();
    return kind !== 2;
  }

  /** The module to compile in place of this one, which the engine must have accepted. */
  #rewrite(index: number, binary: Uint8Array): Uint8Array {
    this.#core.give(binary);
    const answer = this.#core.checked(this.#core.exports.load_module(index));
    return answer === 2 ? this.#core.take() : binary;
  }

  #describe(index: number, module: WebAssembly.Module): void {
    const imports = WebAssembly.Module.imports(module);
    const exports = WebAssembly.Module.exports(module);
    this.#core.giveFields([
      imports.length,
      ...imports.flatMap((each) => [each.module, each.name, each.kind]),
      exports.length,
      ...exports.flatMap((each) => [each.name, each.kind]),
    ]);
    this.#core.checked(this.#core.exports.load_described(index));
    this.#modules[index] = module;
  }

  #done(): Loaded {
    this.#core.checked(this.#core.exports.load_plan());
    const plan = this.#core.takeJson() as Plan;
    this.#core.checked(this.#core.exports.load_manifest());
    const manifest = this.#core.takeText();
    return {
      modules: this.#modules,
      plan,
      manifest,
      options: this.#options,
      access: accessModule(this.#core),
    };
  }
}

/** Whether a text can only be JSON: no TOML begins with a brace. */
function isJson(text: Uint8Array): boolean {
  const first = text.findIndex((byte) => byte !== 0x20 && (byte < 0x09 || byte > 0x0d));
  return text[first] === 0x7b;
}

function fetchedNow(needed: Needed, fetcher: Fetcher, bytesMax: number): Uint8Array {
  if (typeof needed.fetch === "object" && "path" in needed.fetch && fetcher.pathSync !== undefined) {
    return fetcher.pathSync(needed.fetch.path, bytesMax);
  }
  throw errorOf(
    Status.InvalidArgument,
    `module ${needed.name} has to be downloaded, which has to be awaited: use createPlugin`,
  );
}

async function compile(bytes: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes as BufferSource);
  } catch (error) {
    throw invalid(error);
  }
}

function compileNow(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes as BufferSource);
  } catch (error) {
    throw invalid(error);
  }
}

/** Says what is wrong with a module, in the engine's words. */
async function refuse(bytes: Uint8Array): Promise<never> {
  await compile(bytes);
  throw errorOf(Status.ModuleInvalid, "the platform's engine does not accept the module");
}

function invalid(error: unknown): Error {
  const text = messageOf(error).replace(/^WebAssembly\.[A-Za-z]+\([^)]*\): /, "");
  return errorOf(Status.ModuleInvalid, `Invalid input WebAssembly code: ${text}`, { cause: error });
}

let access: WebAssembly.Module | undefined;

/** The kernel functions on bytes, compiled once. */
function accessModule(core: Core): WebAssembly.Module {
  if (access === undefined) {
    core.exports.access_module();
    access = new WebAssembly.Module(core.take() as BufferSource);
  }
  return access;
}
