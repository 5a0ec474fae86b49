/**
 * One plug-in on the platform's engine, on the thread it was made on: instances, start functions, calls.
 *
 * Must not know: users, workers. Invariants: kernel memory is attached before anything of the plug-in runs; the language
 * runtime of its main module is initialised once per instance, at the first call; what a call keeps is gone when it ends,
 * however it ends.
 */

import { isShortAscii, writeAscii } from "../ascii.js";
import type { Input } from "../backend.js";
import { errorOf, ExtismError } from "../error.js";
import type { HostFunction } from "../host-function.js";
import { Status } from "../status.js";
import { LocalCallMemory } from "./call-memory.js";
import type { Core } from "./core.js";
import { Exited, failureError, failureOf } from "./failure.js";
import { KeptCore, type CoreWiring } from "./kept-core.js";
import { importsOf, type Surroundings } from "./link.js";
import type { Loaded } from "./loaded.js";
import type { ModulePlan, Plan } from "./plan.js";
import { promising } from "./suspension.js";
import type { Wasi, WasiMaker } from "./wasi.js";

const KERNEL_MEMORY_EXPORT = "extism:kernel/memory";
const START_EXPORT = "extism:kernel/start";
const KERNEL_MEMORY_IMPORT = ["extism:kernel", "memory"] as const;
const ENV = "extism:host/env";
const LEGACY = "env";
const MAIN = "main";

const NOBODY_CALLS = new Proxy({}, { get: () => () => 0 });

const encoder = new TextEncoder();

/** What a plug-in is made with, beside what was loaded. */
export interface Wiring extends CoreWiring {
  readonly id: string;
  readonly functions: readonly HostFunction[];
  readonly wasi: WasiMaker | undefined;
  /** Whether the running call has to stop, as far as this thread can know. */
  readonly mustStop: () => boolean;
  readonly callElsewhere?: (index: number, args: readonly unknown[]) => unknown;
}

type Callable = (...args: unknown[]) => unknown;

/** How far the instance has come. */
type Stage = "made" | "ready" | "ended" | "refused";

/** A function that can be called for a code or nothing. */
interface Entry {
  readonly direct: Callable;
  readonly suspending: ((...args: unknown[]) => Promise<unknown>) | undefined;
  readonly isCode: boolean;
}

export class Machine {
  readonly loaded: Loaded;
  readonly suspends: boolean;
  readonly #kept: KeptCore;
  readonly #wiring: Wiring;
  /** What host functions may touch. */
  readonly memory: LocalCallMemory;
  #access: WebAssembly.Exports | undefined;
  #instances: (WebAssembly.Instance | undefined)[] = [];
  #entries = new Map<string, Entry>();
  #stage: Stage = "ended";
  #wasi: Wasi | undefined;
  #hostContext: unknown;
  #deadline = Number.POSITIVE_INFINITY;

  /** Nothing of the plug-in runs before {@link Machine.make} or {@link Machine.makeNow}. */
  constructor(coreModule: WebAssembly.Module, loaded: Loaded, wiring: Wiring) {
    this.loaded = loaded;
    this.#wiring = wiring;
    this.suspends = wiring.suspension === "engine";
    this.#kept = new KeptCore(coreModule, loaded, wiring);
    this.memory = new LocalCallMemory(wiring.id, this.#kept, {
      mustStop: () => wiring.mustStop() || performance.now() >= this.#deadline,
      timeRemainingMs: () =>
        Number.isFinite(this.#deadline) ? Math.max(0, this.#deadline - performance.now()) : undefined,
    });
  }

  /** The core of now. */
  get core(): Core {
    return this.#kept.core;
  }

  /** Makes the instances, waiting where start functions do. */
  async make(): Promise<void> {
    if (!this.#prepare()) {
      return;
    }
    try {
      for (const start of this.#instantiate()) {
        await (this.suspends ? promising(start)() : start());
        this.#kept.ending.check();
      }
      this.#kept.ending.check();
    } catch (error) {
      throw this.#failedStart(this.#kept.ending.cause(error));
    } finally {
      this.#wasi?.flush();
    }
    this.#made();
  }

  /** Makes the instances here and now. */
  makeNow(): void {
    if (!this.#prepare()) {
      return;
    }
    try {
      for (const start of this.#instantiate()) {
        start();
        this.#kept.ending.check();
      }
      this.#kept.ending.check();
    } catch (error) {
      throw this.#failedStart(this.#kept.ending.cause(error));
    } finally {
      this.#wasi?.flush();
    }
    this.#made();
  }

  /** As new: no variables, the configuration of the manifest, a fresh instance. */
  async renew(): Promise<void> {
    this.#kept.renew();
    this.#stage = "ended";
    await this.make();
  }

  /** What the main module exports, but for what the rewriting pass has added. */
  exports(): WebAssembly.ModuleExportDescriptor[] {
    const all = WebAssembly.Module.exports(this.loaded.modules[this.#mainIndex()] as WebAssembly.Module);
    return all.filter((each) => each.name !== KERNEL_MEMORY_EXPORT && each.name !== START_EXPORT);
  }

  /** What the main module imports, but for what the rewriting pass has added. */
  imports(): WebAssembly.ModuleImportDescriptor[] {
    const all = WebAssembly.Module.imports(this.loaded.modules[this.#mainIndex()] as WebAssembly.Module);
    const [module, name] = KERNEL_MEMORY_IMPORT;
    return all.filter((each) => each.module !== module || each.name !== name);
  }

  /** Calls a function here and now. */
  callNow(name: string, input: Input, hostContext: unknown, timeMs: number | null): ArrayBuffer | null {
    this.#mend();
    try {
      const given = this.#stage === "ready" ? input : ofItsOwn(input);
      if (this.#stage !== "ready") {
        this.#ready();
      }
      const entry = this.#begin(name, given, hostContext, timeMs);
      let code: unknown;
      try {
        code = entry.direct();
        this.#kept.ending.check();
      } catch (error) {
        return this.#threw(this.#kept.ending.cause(error));
      }
      return this.#collect(name, entry, code);
    } catch (error) {
      throw this.#kept.told(error);
    } finally {
      this.#ended();
    }
  }

  /** Calls a function that may wait. */
  async call(name: string, input: Input, hostContext: unknown, timeMs: number | null): Promise<ArrayBuffer | null> {
    if (!this.suspends) {
      return this.callNow(name, input, hostContext, timeMs);
    }
    this.#mend();
    try {
      const given = this.#stage === "ready" ? input : ofItsOwn(input);
      if (this.#stage !== "ready") {
        await this.#readySuspending();
      }
      const entry = this.#begin(name, given, hostContext, timeMs);
      let code: unknown;
      try {
        code = await (entry.suspending as Callable)();
        this.#kept.ending.check();
      } catch (error) {
        return this.#threw(this.#kept.ending.cause(error));
      }
      return this.#collect(name, entry, code);
    } catch (error) {
      throw this.#kept.told(error);
    } finally {
      this.#ended();
    }
  }

  configure(values: Readonly<Record<string, string | null>>): void {
    this.#mend();
    this.#kept.configure(values);
  }

  /** The variables of now; nobody may change a value. */
  get variables(): ReadonlyMap<string, Uint8Array> {
    return this.#kept.variables.values;
  }

  setVariable(name: string, value: Uint8Array | undefined): void {
    this.#mend();
    this.#kept.variables.set(name, value);
  }

  reset(): void {
    this.#mend();
    if (this.core.kernel.memory !== undefined) {
      this.core.exports.reset_memory();
    }
  }

  allowHttpResponseHeaders(): void {
    this.#mend();
    this.#kept.allowHttpResponseHeaders();
  }

  /** The instance of the main module. */
  get instance(): WebAssembly.Instance | undefined {
    return this.#instances[this.#mainIndex()];
  }

  #mainIndex(): number {
    return this.loaded.plan.modules.findIndex((module) => module.name === MAIN);
  }

  #main(): ModulePlan {
    return this.loaded.plan.modules[this.#mainIndex()] as ModulePlan;
  }

  /** What is around one module. */
  #around(wasi: WebAssembly.ModuleImports | undefined): Surroundings {
    const wiring = this.#wiring;
    return {
      core: this.core,
      ending: this.#kept.ending,
      functions: wiring.functions,
      suspension: wiring.suspension,
      access: () => this.#access as WebAssembly.Exports,
      memory: this.memory,
      hostContext: () => this.#hostContext,
      callElsewhere: wiring.callElsewhere,
      http: (request, body) => this.#kept.http.request(request, body),
      wasi,
    };
  }

  /** Where there had to be another core there has to be another instance, too: it imports functions of the core. */
  #mend(): void {
    if (this.#kept.mend()) {
      this.#stage = "ended";
    }
  }

  /** Whether the limits allow the instances; false if calls have to say that the manifest does not. */
  #prepare(): boolean {
    const { modules } = this.loaded.plan;
    this.#kept.ending.clear();
    this.#entries.clear();
    this.#instances = [];
    this.#access = undefined;
    this.core.kernel.memory = undefined;
    this.#wasi = this.#wiring.wasi?.(this.loaded.plan.paths);
    const brought = modules.some((module) => module.kernel_memory === "defines");
    const memories = modules.flatMap((module) => module.memories);
    const tables = modules.flatMap((module) => module.tables);
    this.core.giveFields([memories.length, ...memories, tables.length, ...tables, modules.length]);
    if (this.core.checked(this.core.exports.making()) === 2) {
      this.core.exports.exchange_forget();
      this.#stage = "refused";
      return false;
    }
    if (!brought) {
      this.#attach(new WebAssembly.Memory({ initial: 1 }));
    }
    return true;
  }

  #attach(memory: WebAssembly.Memory): void {
    this.core.kernel.memory = memory;
    const [module, name] = KERNEL_MEMORY_IMPORT;
    this.#access = new WebAssembly.Instance(this.loaded.access, {
      [module]: { [name]: memory },
      // The pass leaves imports where they were; nothing calls these any more.
      [ENV]: NOBODY_CALLS,
      [LEGACY]: NOBODY_CALLS,
    }).exports;
    this.core.exports.attach();
  }

  /** Makes one instance after the other, and yields what has to be called before the next. */
  *#instantiate(): Generator<Callable> {
    const { plan, modules } = this.loaded;
    for (const index of plan.order) {
      const module = plan.modules[index] as ModulePlan;
      const wasi = this.#wasi?.module();
      const imports = importsOf(plan, index, this.#around(wasi?.imports), this.#instances);
      if (module.kernel_memory === "imports") {
        const [from, name] = KERNEL_MEMORY_IMPORT;
        imports[from] = { [name]: this.core.kernel.memory as WebAssembly.Memory };
      }
      const instance = new WebAssembly.Instance(modules[index] as WebAssembly.Module, imports);
      this.#instances[index] = instance;
      const { [KERNEL_MEMORY_EXPORT]: brought, [START_EXPORT]: start } = instance.exports;
      if (module.kernel_memory === "defines" && brought instanceof WebAssembly.Memory) {
        this.#attach(brought);
      }
      wasi?.bind(instance);
      // A module that has an export of this name by itself was not given another.
      if (typeof start === "function" && !module.exports.some((each) => each.name === START_EXPORT)) {
        yield start as Callable;
      }
      // A module others import from is initialised before they are made: their start functions may need it.
      if (module.name !== MAIN && instance.exports["_start"] === undefined) {
        yield* unitExports(module, instance, ["_initialize"]);
      }
    }
  }

  #made(): void {
    this.core.exports.running();
    this.#stage = "made";
  }

  #failedStart(thrown: unknown): Error {
    this.#stage = "ended";
    if (thrown instanceof ExtismError) {
      return thrown;
    }
    if (thrown instanceof WebAssembly.LinkError) {
      return errorOf(Status.ImportType, thrown.message.replace(/^WebAssembly\.[A-Za-z]+\(\): /, ""), { cause: thrown });
    }
    if (thrown instanceof Exited && thrown.exitCode === 0) {
      return errorOf(Status.GuestExit, "the plug-in ended itself while it was started");
    }
    const { failure, cause } = failureOf(thrown);
    if (failure.status >= 100 && thrown instanceof RangeError && /memory/i.test(thrown.message)) {
      return errorOf(Status.Memory, "oom", { cause: thrown });
    }
    return failureError(this.core.kernel.memory === undefined ? failure : this.#kept.completed(failure), cause);
  }

  /** Brings the instance to where calls can be made. */
  #ready(): void {
    if (this.#stage === "ended") {
      this.makeNow();
    }
    this.#kept.ending.clear();
    for (const initialiser of this.#initialisers()) {
      try {
        initialiser();
        this.#kept.ending.check();
      } catch (error) {
        this.#failedInitialiser(this.#kept.ending.cause(error));
      }
    }
    this.#stage = "ready";
  }

  async #readySuspending(): Promise<void> {
    if (this.#stage === "ended") {
      await this.make();
    }
    this.#kept.ending.clear();
    for (const initialiser of this.#initialisers()) {
      try {
        await promising(initialiser)();
        this.#kept.ending.check();
      } catch (error) {
        this.#failedInitialiser(this.#kept.ending.cause(error));
      }
    }
    this.#stage = "ready";
  }

  *#initialisers(): Generator<Callable> {
    if (this.#stage === "refused") {
      throw errorOf(Status.Memory, "oom");
    }
    this.#stage = "ended";
    const main = this.#main();
    const instance = this.instance as WebAssembly.Instance;
    const haskell = instance.exports["hs_init"];
    if (typeof haskell === "function") {
      yield* unitExports(main, instance, ["_initialize"]);
      const type = main.exports.find((each) => each.name === "hs_init")?.function;
      const zeros = (type?.params ?? ["i32", "i32"]).map((kind) => (kind === "i64" ? 0n : 0));
      yield () => (haskell as Callable)(...zeros);
      return;
    }
    yield* unitExports(main, instance, ["__wasm_call_ctors", "_initialize"]);
  }

  #failedInitialiser(thrown: unknown): never {
    const ended = thrown instanceof Exited && thrown.exitCode === 0;
    if (ended) {
      throw errorOf(Status.GuestExit, "the plug-in ended itself while it was started");
    }
    const { failure, cause } = failureOf(thrown);
    throw failureError(this.#kept.completed(failure), cause);
  }

  /** Starts a call: the input is in its place, and the function found. */
  #begin(name: string, input: Input, hostContext: unknown, timeMs: number | null): Entry {
    const core = this.core;
    this.#kept.ending.clear();
    this.#hostContext = hostContext;
    this.#deadline = timeMs === null ? Number.POSITIVE_INFINITY : performance.now() + timeMs;
    const given = typeof input === "string" && !isShortAscii(input) ? encoder.encode(input) : input;
    if (given.length > INPUT_BYTES_MAX) {
      throw errorOf(Status.Memory, "oom");
    }
    const handle = core.exports.begin(given.length);
    if (handle === 0) {
      throw core.fault();
    }
    const words = core.kernel.words();
    if (handle === 1) {
      words[INPUT_OFFSET_WORD] = 0;
      words[INPUT_LENGTH_WORD] = 0;
    } else {
      const offset = handle >>> 0;
      if (typeof given === "string") {
        writeAscii(given, core.kernel.bytes(), offset);
      } else {
        core.kernel.bytes().set(given, offset);
      }
      words[INPUT_OFFSET_WORD] = handle;
      words[INPUT_LENGTH_WORD] = given.length;
    }
    return this.#entries.get(name) ?? this.#find(name);
  }

  #find(name: string): Entry {
    const found = this.#main().exports.find((each) => each.name === name);
    const callable = this.instance?.exports[name];
    if (found?.function == null || typeof callable !== "function") {
      throw errorOf(Status.FunctionNotFound, `Function not found: ${name}`);
    }
    const { params, results } = found.function;
    if (results.length > 1) {
      const text = `Function ${name} has ${String(results.length)} results, expected 0 or 1`;
      throw errorOf(Status.FunctionType, text);
    }
    if (params.length > 0) {
      throw errorOf(Status.FunctionType, `expected ${String(params.length)} arguments, got 0`);
    }
    const entry = {
      direct: callable as Callable,
      suspending: this.suspends ? promising(callable) : undefined,
      isCode: results.length === 0 || results[0] === "i32",
    };
    this.#entries.set(name, entry);
    return entry;
  }

  #collect(name: string, entry: Entry, returned: unknown): ArrayBuffer | null {
    if (name === "_start") {
      this.#stage = "ended";
    }
    const code = entry.isCode ? ((returned as number | undefined) ?? 0) : -1;
    if (this.core.exports.collect(code) === 0) {
      throw this.core.fault();
    }
    return this.core.output();
  }

  /** The guest did not return. */
  #threw(thrown: unknown): ArrayBuffer | null {
    if (thrown instanceof Exited) {
      this.#stage = "ended";
      if (thrown.exitCode === 0) {
        if (this.core.exports.collect(0) === 0) {
          throw this.core.fault();
        }
        return this.core.output();
      }
    }
    const { failure, cause } = failureOf(thrown);
    throw failureError(this.#kept.completed(failure), cause);
  }

  /** What a call keeps is gone. */
  #ended(): void {
    this.#hostContext = undefined;
    this.#wasi?.flush();
  }
}

/** What an address of kernel memory, which has 32 bits, can reach. */
const INPUT_BYTES_MAX = 2 ** 32 - 1;
const INPUT_OFFSET_WORD = 2;
const INPUT_LENGTH_WORD = 4;

/** The first of these exports that is of type `() -> ()`, if one is. */
function* unitExports(
  module: ModulePlan,
  instance: WebAssembly.Instance,
  names: readonly string[],
): Generator<Callable> {
  for (const name of names) {
    const type = module.exports.find((each) => each.name === name)?.function;
    if (type != null && type.params.length === 0 && type.results.length === 0) {
      yield instance.exports[name] as Callable;
      return;
    }
  }
}

/** Input that nobody changes before it is read: whatever the plug-in imports runs while it is initialised. */
function ofItsOwn(input: Input): Input {
  return typeof input === "string" ? input : input.slice();
}

/** Whether the main module has a function of this name that can be called for a code or nothing. */
export function functionExists({ modules }: Plan, name: string): boolean {
  const main = modules.find((module) => module.name === MAIN);
  const type = main?.exports.find((each) => each.name === name)?.function;
  return type?.params.length === 0 && type.results.length <= 1 && type.results.every((result) => result === "i32");
}
