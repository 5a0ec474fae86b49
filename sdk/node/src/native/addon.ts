/**
 * The addon: what it has, and where it is.
 *
 * Must not know: what is done with it. Invariant: a machine without an addon is no error until something needs one.
 */

import { createRequire } from "node:module";

import { errorOf } from "../error.js";
import { Status } from "../status.js";
import { VERSION } from "../version-number.js";

/** The functions of the addon; `crates/extism-node` has them. Those with a number first answer by an event. */
export interface Addon {
  Realm: new (
    memory: Uint8Array,
    input: Uint8Array,
    dispatch: (func: number, signature: number, loan: number) => string | undefined,
    log: (level: number, message: string, plugin: string) => void,
    receive: (kind: number, call: number, first: unknown, second: unknown, number: number) => void,
  ) => Realm;
  /** As `callSync`, with a short input in the memory for inputs; only while its plug-in is held. */
  callShort(plugin: number, name: number, length: number): number | ArrayBuffer;
  signature(number: number): string[];
  setLogFile(path: string, filter: string): boolean;
  stats(): number[];
  version(): string;
}

/** A JavaScript thread, to the addon. */
export interface Realm {
  name(name: string): number | null;
  compile(...job: [call: number, ...source: SourceGiven]): void;
  compileSync(...source: SourceGiven): Compiled;
  inspect(...job: [call: number, ...source: SourceGiven]): void;
  precompile(...job: [call: number, ...source: SourceGiven]): void;
  hostReturn(request: number): void;
  hostFail(request: number, message: string): void;
  memoryPlugin(loan: number): string;
  memoryAlloc(loan: number, bytes: number): bigint;
  memoryFree(loan: number, handle: bigint): void;
  memoryLength(loan: number, handle: bigint): number;
  memoryRead(loan: number, handle: bigint): Uint8Array;
  memoryWrite(loan: number, handle: bigint, bytes: Uint8Array): void;
  memoryStore(loan: number, bytes: Uint8Array): bigint;
  memoryVariable(loan: number, name: string): Uint8Array | null;
  memorySetVariable(loan: number, name: string, value: Uint8Array | undefined): void;
  memorySetError(loan: number, message: string | undefined): void;
  memoryMustStop(loan: number): boolean;
  memoryTimeRemaining(loan: number): number | null;
}

/** A source as the addon takes it. */
export type SourceGiven = [
  bytes: Uint8Array,
  modules: Uint8Array[],
  overrides: string | undefined,
  options: OptionsGiven,
];

/** Options as the addon takes them. */
export interface OptionsGiven {
  wasi: boolean;
  functions: { namespace: string; name: string; params: string[] | undefined; results: string[] | undefined }[];
  limitsBase: string | undefined;
  limits: { name: string; value: bigint | undefined }[];
  fuel: bigint | undefined;
  fuelForStart: bigint | undefined;
  httpResponseHeaders: boolean;
  logLevel: number | undefined;
  wasiArgs: string[];
  wasiEnv: string[];
  wasiOutput: boolean | undefined;
  cache: boolean | string;
  rewrite: boolean;
  trustArtefacts: boolean;
}

/** A compiled plug-in of the addon. */
export interface Compiled {
  instantiate(call: number): void;
  instantiateSync(): NativePlugin;
  hasFunction(name: string): boolean;
  pool(instancesMax: number): NativePool;
  close(): void;
}

/** A pool of the addon. */
export interface NativePool {
  get(call: number, timeoutMs: number): void;
  stats(): number[];
  close(): void;
}

/** A plug-in of the addon. */
export interface NativePlugin {
  id(): string;
  number(): number;
  callSync(name: number | string, input: Uint8Array): number | ArrayBuffer;
  call(call: number, name: string, input: Uint8Array): void;
  cancel(): void;
  isActive(): boolean;
  inspect(call: number): void;
  hasFunction(name: string): boolean;
  configure(changes: { key: string; value: string | undefined }[]): void;
  variable(name: string): Uint8Array | null;
  setVariable(name: string, value: Uint8Array | undefined): void;
  reset(): void;
  renew(call: number): void;
  fuelConsumed(): bigint | null;
  allowHeaders(): void;
  close(): void;
}

let loaded: Addon | undefined;
let reason: unknown;

/** The addon, if this machine has one. */
export function addon(): Addon | undefined {
  if (loaded === undefined && reason === undefined) {
    try {
      loaded = load();
    } catch (error) {
      reason = error;
    }
  }
  return loaded;
}

/** The addon, or why there is none. */
export function neededAddon(): Addon {
  const there = addon();
  if (there === undefined) {
    const text = reason instanceof Error ? reason.message : String(reason);
    throw errorOf(Status.NotFound, `there is no addon for ${triple()}: ${text}`, { cause: reason });
  }
  return there;
}

function load(): Addon {
  const path = process.env.EXTISM_NODE_ADDON;
  const require = createRequire(import.meta.url);
  const found = (path ? open(path, require) : require(`@extism/extism-${triple()}`)) as Addon;
  const version = typeof found.version === "function" ? found.version() : "unknown";
  if (version !== VERSION) {
    throw errorOf(Status.NotFound, `the addon is of version ${version}, and this package of version ${VERSION}`);
  }
  return found;
}

/** An addon in a file of any name. */
function open(path: string, require: NodeJS.Require): unknown {
  if (!/\.(so|dylib|dll)$/.test(path)) {
    return require(path);
  }
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

/** The machine, as packages name it. */
export function triple(): string {
  const { platform, arch } = process;
  if (platform === "linux") {
    return `${platform}-${arch}-${isMusl() ? "musl" : "gnu"}`;
  }
  return platform === "win32" ? `${platform}-${arch}-msvc` : `${platform}-${arch}`;
}

function isMusl(): boolean {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime === undefined;
}
