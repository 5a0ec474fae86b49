/**
 * What a plug-in is: its bytes, looked into without running them.
 *
 * Must not know: the page. Invariant: what the SDK can tell is not found out here a second time; where it describes no
 * plug-ins, the names are those the browser's own engine gives.
 */

import { compilePlugin, ExtismError, inspect, Status, type Inspection } from "@extism/extism";

import { standInFunctions } from "./stand-in.js";

/** A plug-in as the user gave it. */
export interface PluginFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
  /** The example it is, if it is one. */
  readonly example: string | undefined;
}

/** An import or an export. */
export interface Item {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
}

/** A function the host must provide. */
export interface HostNeed {
  /** `namespace::name`. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly params: readonly string[] | undefined;
  readonly results: readonly string[] | undefined;
}

export interface Description {
  readonly functions: readonly string[];
  readonly exports: readonly Item[];
  /** By who provides them. */
  readonly imports: ReadonlyMap<string, readonly Item[]>;
  readonly hostNeeds: readonly HostNeed[];
  readonly wasi: boolean;
  /** Facts in a word or two: era, language, kit, features. */
  readonly badges: readonly string[];
}

/** Hashes the bytes of a plug-in. */
export async function pluginFile(name: string, bytes: Uint8Array<ArrayBuffer>, example?: string): Promise<PluginFile> {
  // A page that came by http from another machine has no hashes; then a link cannot tell one file from another.
  const digest = globalThis.isSecureContext ? await crypto.subtle.digest("SHA-256", bytes) : new ArrayBuffer(0);
  const sha256 = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { name, bytes, sha256, example };
}

/** Looks into a plug-in. */
export async function describe(bytes: Uint8Array<ArrayBuffer>): Promise<Description> {
  try {
    return ofInspection(await inspect(bytes));
  } catch (error) {
    // What cannot be described may still be a module; if it is none, the SDK has said why.
    const module = await WebAssembly.compile(bytes).catch(() => undefined);
    if (module === undefined) {
      const isText = error instanceof ExtismError && error.status === Status.InvalidArgument;
      throw isText ? new Error("It is a module as text; the page looks into binary ones: see wat2wasm.") : error;
    }
    return await ofModule(bytes, module);
  }
}

const WASI = "wasi_snapshot_preview1";
const GENERATIONS: Readonly<Record<string, string>> = {
  "1.x": "Extism 1.x",
  "0.1": "Extism 0.1",
  both: "Extism 0.1 and 1.x",
  none: "No kit",
};

function ofInspection(told: Inspection): Description {
  const main = told.modules.at(-1);
  const badges = [GENERATIONS[told.era] ?? told.era, told.language, told.pdk, told.wasi ? "WASI" : null, main?.kind];
  return {
    functions: told.functions,
    exports: main?.exports ?? [],
    imports: grouped(
      (main?.imports ?? []).map((each) => [each.provider, { ...each, name: `${each.module}::${each.name}` }]),
    ),
    hostNeeds: told.host_functions.map((need) => ({ ...need, id: `${need.namespace}::${need.name}` })),
    wasi: told.wasi,
    badges: badges.filter((badge) => typeof badge === "string"),
  };
}

async function ofModule(bytes: Uint8Array<ArrayBuffer>, module: WebAssembly.Module): Promise<Description> {
  const exports = WebAssembly.Module.exports(module);
  const imports = WebAssembly.Module.imports(module);
  const wasi = imports.some((each) => each.module === WASI);
  const hostNeeds = imports
    .filter((each) => each.kind === "function" && !/^(env|extism:host\/env|wasi_.*)$/.test(each.module))
    .map(({ module: namespace, name }) => ({
      id: `${namespace}::${name}`,
      namespace,
      name,
      params: undefined,
      results: undefined,
    }));
  const named = exports.filter((each) => each.kind === "function").map((each) => each.name);
  return {
    functions: await callable(bytes, named, hostNeeds),
    exports: exports.map((each) => ({ ...each, type: "" })),
    imports: grouped(imports.map((each) => [each.module, { ...each, type: "" }])),
    hostNeeds,
    wasi,
    badges: [...generation(imports), ...(wasi ? ["WASI"] : [])],
  };
}

/** Those of the functions that the SDK would call; all, if the plug-in needs more than stand-ins to be linked. */
async function callable(
  bytes: Uint8Array<ArrayBuffer>,
  named: readonly string[],
  needs: readonly HostNeed[],
): Promise<readonly string[]> {
  try {
    const functions = standInFunctions(needs, {}, () => undefined);
    const compiled = await compilePlugin(bytes, { useWasi: true, functions });
    const found = named.filter((name) => compiled.functionExists(name));
    await compiled.close();
    return found;
  } catch {
    return named;
  }
}

/** Which generations of kits the imports belong to. */
function generation(imports: readonly WebAssembly.ModuleImportDescriptor[]): string[] {
  const isNew = imports.some((each) => each.module === "extism:host/env");
  const isOld = imports.some((each) => each.module === "env" && each.name.startsWith("extism_"));
  const era = isNew && isOld ? "both" : isNew ? "1.x" : isOld ? "0.1" : undefined;
  return era === undefined ? [] : [GENERATIONS[era] ?? era];
}

function grouped(items: readonly (readonly [string, Item])[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const [group, item] of items) {
    const { name, kind, type } = item;
    groups.set(group, [...(groups.get(group) ?? []), { name, kind, type }]);
  }
  return groups;
}
