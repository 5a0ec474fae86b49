/**
 * The native engine: the addon over the Rust runtime.
 *
 * Must not know: what users write. Invariant: a compiled plug-in, a pool and an instance each hold what their host
 * functions need, so that these live as long as they can be called.
 */

import type {
  Backend,
  BackendCompiled,
  BackendOptions,
  BackendPool,
  BackendStats,
  Input,
  Instance,
  PoolStats,
  Source,
} from "../backend.js";
import { errorOf } from "../error.js";
import type { Inspection } from "../inspection.js";
import { LIMIT_NAMES, type Limits } from "../limits.js";
import { Status } from "../status.js";
import {
  neededAddon,
  type Compiled,
  type NativePlugin,
  type NativePool,
  type OptionsGiven,
  type SourceGiven,
} from "./addon.js";
import { encoded, enter, LEVELS, outputOf, placed, plain, realm, start, type Surroundings } from "./jobs.js";

/** The engine. */
export const native: Backend = {
  name: "native",
  async compile(source, options) {
    const around = surroundings(options);
    const given = sourceGiven(source, options);
    const compiled = await start<Compiled>(around, undefined, undefined, (job) => {
      realm().compile(job, ...given);
    });
    return new CompiledByAddon(compiled, around);
  },
  compileSync(source, options) {
    const given = sourceGiven(source, options);
    return new CompiledByAddon(
      plain(() => realm().compileSync(...given)),
      surroundings(options),
    );
  },
  async inspect(source, options) {
    const given = sourceGiven(source, options);
    const json = await start<string>(NOTHING, undefined, undefined, (job) => {
      realm().inspect(job, ...given);
    });
    return JSON.parse(json) as Inspection;
  },
  async precompile(source, options) {
    const given = sourceGiven(source, options);
    return await start<Uint8Array>(NOTHING, undefined, undefined, (job) => {
      realm().precompile(job, ...given);
    });
  },
  setLogFile(path, filter) {
    return plain(() => neededAddon().setLogFile(path, filter));
  },
  version() {
    return neededAddon().version();
  },
  stats(): BackendStats {
    const [plugins = 0, compiledPlugins = 0, hostFunctions = 0] = neededAddon().stats();
    return { plugins, compiledPlugins, hostFunctions, cancelHandles: 0 };
  },
};

const NOTHING: Surroundings = { functions: [], log: undefined };

function surroundings(options: BackendOptions): Surroundings {
  return { functions: options.functions, log: options.log };
}

function sourceGiven(source: Source, options: BackendOptions): SourceGiven {
  const modules = source.modules.map((module) => {
    if (module instanceof Uint8Array) {
      return module;
    }
    throw errorOf(
      Status.ModuleUnsupported,
      "the bytes of a WebAssembly.Module cannot be read: only the web engine takes it",
    );
  });
  return [source.bytes, modules, source.overrides, optionsGiven(options)];
}

function optionsGiven(options: BackendOptions): OptionsGiven {
  return {
    wasi: options.wasi,
    functions: options.functions.map(({ namespace, name, type }) => ({
      namespace,
      name,
      params: type && [...type.params],
      results: type && [...type.results],
    })),
    limitsBase: options.limits?.base,
    limits: limitsGiven(options.limits),
    fuel: options.fuel,
    fuelForStart: options.fuelForStart,
    httpResponseHeaders: options.httpResponseHeaders,
    logLevel: options.logLevel && LEVELS.indexOf(options.logLevel),
    wasiArgs: [...options.wasiArgs],
    wasiEnv: Object.entries(options.wasiEnv).map(([name, value]) => `${name}=${value}`),
    wasiOutput: options.wasiOutput,
    cache: options.cache,
    rewrite: options.rewrite,
    trustArtefacts: options.trustArtefacts,
  };
}

function limitsGiven(limits: Limits | undefined): OptionsGiven["limits"] {
  const given: OptionsGiven["limits"] = [];
  for (const [key, limit] of Object.entries(limits ?? {})) {
    if (key === "base" || limit === undefined) {
      continue;
    }
    if (!Object.hasOwn(LIMIT_NAMES, key)) {
      throw errorOf(Status.InvalidArgument, `there is no limit ${key}`);
    }
    const name = LIMIT_NAMES[key as keyof typeof LIMIT_NAMES];
    const isWhole = typeof limit === "bigint" || Number.isSafeInteger(limit);
    if (limit !== Infinity && (!isWhole || limit < 0)) {
      throw errorOf(Status.InvalidArgument, `${key} is a whole number, not ${String(limit)}`);
    }
    given.push({ name, value: limit === Infinity ? undefined : BigInt(limit as number | bigint) });
  }
  return given;
}

class CompiledByAddon implements BackendCompiled {
  readonly #compiled: Compiled;
  readonly #around: Surroundings;

  constructor(compiled: Compiled, around: Surroundings) {
    this.#compiled = compiled;
    this.#around = around;
  }

  async instantiate(): Promise<Instance> {
    const plugin = await start<NativePlugin>(this.#around, undefined, this, (job) => {
      this.#compiled.instantiate(job);
    });
    return new InstanceOfAddon(plugin, this.#around);
  }
  instantiateSync(): Instance {
    const plugin = enter(this.#around, undefined, () => this.#compiled.instantiateSync());
    return new InstanceOfAddon(plugin, this.#around);
  }
  functionExists(name: string): boolean {
    return plain(() => this.#compiled.hasFunction(name));
  }
  pool(instancesMax: number): BackendPool {
    const pool = plain(() => this.#compiled.pool(instancesMax));
    return new PoolOfAddon(pool, this.#around);
  }
  close(): void {
    this.#compiled.close();
  }
}

class PoolOfAddon implements BackendPool {
  readonly #pool: NativePool;
  readonly #around: Surroundings;

  constructor(pool: NativePool, around: Surroundings) {
    this.#pool = pool;
    this.#around = around;
  }

  async get(timeoutMs: number): Promise<Instance> {
    const plugin = await start<NativePlugin>(this.#around, undefined, this, (job) => {
      this.#pool.get(job, timeoutMs);
    });
    return new InstanceOfAddon(plugin, this.#around);
  }
  stats(): PoolStats {
    const [instancesMax = 0, alive = 0, idle = 0, waiting = 0, made = 0, replaced = 0] = plain(() =>
      this.#pool.stats(),
    );
    return { instancesMax, alive, idle, waiting, made, replaced };
  }
  close(): void {
    this.#pool.close();
  }
}

/** Names of functions under the numbers the addon has given them. */
const names = /* @__PURE__ */ new Map<string, number | string>();

class InstanceOfAddon implements Instance {
  readonly #plugin: NativePlugin;
  readonly #around: Surroundings;
  /** What the addon finds the plug-in by, once that was asked for. */
  #number: number | undefined;
  /** The call on another thread, until it is over, whatever comes of it. */
  #running: Promise<unknown> | undefined;

  constructor(plugin: NativePlugin, around: Surroundings) {
    this.#plugin = plugin;
    this.#around = around;
  }

  get id(): string {
    return plain(() => this.#plugin.id());
  }

  callSync(name: string, input: Input, hostContext: unknown): ArrayBuffer | null {
    const known = names.get(name) ?? number(name);
    const output = enter(this.#around, hostContext, () => {
      const length = placed(input);
      if (length !== undefined && typeof known === "number") {
        return neededAddon().callShort((this.#number ??= this.#plugin.number()), known, length);
      }
      return this.#plugin.callSync(known, encoded(input));
    });
    if (typeof output === "number") {
      return output === 0 ? null : outputOf(output);
    }
    return output;
  }

  async call(name: string, input: Input, hostContext: unknown): Promise<ArrayBuffer | null> {
    const bytes = encoded(input);
    const output = await this.#start<Uint8Array | undefined>(hostContext, (job) => {
      this.#plugin.call(job, name, bytes);
    });
    return output === undefined ? null : (output.buffer as ArrayBuffer);
  }

  cancel(): void {
    this.#plugin.cancel();
  }
  isActive(): boolean {
    return this.#plugin.isActive();
  }
  async functionExists(name: string): Promise<boolean> {
    return enter(this.#around, undefined, () => this.#plugin.hasFunction(name));
  }
  configure(values: Readonly<Record<string, string | null>>): void {
    const changes = Object.entries(values).map(([key, value]) => {
      if (value !== null && typeof (value as unknown) !== "string") {
        throw errorOf(Status.InvalidArgument, `the value of ${key} is text or null, not ${typeof value}`);
      }
      return { key, value: value ?? undefined };
    });
    plain(() => {
      this.#plugin.configure(changes);
    });
  }
  async variable(name: string): Promise<Uint8Array | undefined> {
    return plain(() => this.#plugin.variable(name)) ?? undefined;
  }
  async setVariable(name: string, value: Uint8Array | undefined): Promise<void> {
    plain(() => {
      this.#plugin.setVariable(name, value);
    });
  }
  async reset(): Promise<void> {
    plain(() => {
      this.#plugin.reset();
    });
  }
  async renew(): Promise<void> {
    await this.#start(undefined, (job) => {
      this.#plugin.renew(job);
    });
  }
  fuelConsumed(): bigint | undefined {
    return plain(() => this.#plugin.fuelConsumed()) ?? undefined;
  }
  allowHttpResponseHeaders(): void {
    plain(() => {
      this.#plugin.allowHeaders();
    });
  }

  async exports(): Promise<WebAssembly.ModuleExportDescriptor[]> {
    const main = await this.#main();
    return main.exports.map(({ name, kind }) => ({ name, kind: kind as WebAssembly.ImportExportKind }));
  }
  async imports(): Promise<WebAssembly.ModuleImportDescriptor[]> {
    const main = await this.#main();
    return main.imports.map(({ module, name, kind }) => ({ module, name, kind: kind as WebAssembly.ImportExportKind }));
  }
  async webInstance(): Promise<WebAssembly.Instance> {
    const text = 'the plug-in runs in the addon and not in the platform\'s engine: make it with { engine: "web" }';
    return Promise.reject(errorOf(Status.InvalidArgument, text));
  }

  async close(): Promise<void> {
    this.closeSync();
    await this.#running;
  }
  closeSync(): void {
    this.#plugin.close();
  }

  async #main(): Promise<Inspection["modules"][number]> {
    const json = await start<string>(NOTHING, undefined, this, (job) => {
      this.#plugin.inspect(job);
    });
    const { modules } = JSON.parse(json) as Inspection;
    const main = modules.find((module) => module.name === "main");
    if (main === undefined) {
      throw errorOf(Status.Internal, "a plug-in has no main module");
    }
    return main;
  }

  async #start<T>(hostContext: unknown, begin: (job: number) => void): Promise<T> {
    if (this.#running !== undefined) {
      // The addon refuses it.
      return await start<T>(this.#around, hostContext, this, begin);
    }
    let over: (value?: unknown) => void = () => undefined;
    this.#running = new Promise((resolve) => (over = resolve));
    try {
      return await start<T>(this.#around, hostContext, this, begin);
    } finally {
      this.#running = undefined;
      over();
    }
  }
}

/** Has the addon number a name; a name beyond the numbers stays text. */
function number(name: string): number | string {
  const given = realm().name(name);
  if (given === null) {
    return name;
  }
  names.set(name, given);
  return given;
}
