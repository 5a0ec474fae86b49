/**
 * What a plug-in is: its bytes, looked into without running them.
 *
 * Must not know: the page. Invariant: what the SDK can tell is not found out here a second time.
 */

import { inspect } from "@extism/extism";

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
  readonly params: readonly string[];
  readonly results: readonly string[];
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

const GENERATIONS: Readonly<Record<string, string>> = {
  "1.x": "Extism 1.x",
  "0.1": "Extism 0.1",
  both: "Extism 0.1 and 1.x",
  none: "No kit",
};

/** Looks into a plug-in: a module, in binary or as text. */
export async function describe(bytes: Uint8Array<ArrayBuffer>): Promise<Description> {
  const told = await inspect({ wasm: [{ data: bytes }] });
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

function grouped(items: readonly (readonly [string, Item])[]): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const [group, item] of items) {
    const { name, kind, type } = item;
    const members = groups.get(group) ?? [];
    members.push({ name, kind, type });
    groups.set(group, members);
  }
  return groups;
}
