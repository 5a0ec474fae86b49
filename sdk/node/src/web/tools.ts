/**
 * What few pages need, in a file of its own that is fetched when it is first asked for: the text format, manifests in TOML,
 * a look into plug-ins.
 *
 * Must not know: where the file is. Invariant: a page that loads binary modules and manifests in JSON loads nothing of this.
 */

import { errorOf } from "../error.js";
import type { Inspection } from "../inspection.js";

/** What the core does not do itself. */
export interface Tools {
  /** A module in the text format as a binary one. */
  module(text: Uint8Array): Promise<Uint8Array>;
  /** A manifest in any language as one in JSON. */
  manifest(text: Uint8Array): Promise<Uint8Array>;
  /** What the modules of a plug-in are and need. */
  inspection(modules: readonly NamedModule[], host: InspectingHost): Promise<Inspection>;
}

/** A binary module of a plug-in. */
export interface NamedModule {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** For which host a plug-in is looked into. */
export interface InspectingHost {
  /** Namespace and name of each of its functions. */
  readonly functions: readonly (readonly [string, string])[];
  readonly wasi: boolean;
  /** Whether kernel memory accesses would become instructions. */
  readonly rewrite: boolean;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number): number;
  at(): number;
  length(): number;
  status(): number;
  module(): void;
  manifest(): void;
  inspection(): void;
}

/** The name of the file, beside the core. */
export const TOOLS_FILE = "extism_web_tools.wasm";

/** The tools, from a function that gets the file. */
export function tools(get: () => Promise<WebAssembly.Module>): Tools {
  let loaded: Promise<WebAssembly.Module> | undefined;
  const ask = async (
    what: "module" | "manifest" | "inspection",
    pieces: readonly Uint8Array[],
  ): Promise<Uint8Array> => {
    loaded ??= get().catch((error: unknown) => {
      // Whoever asks next has a try of its own.
      loaded = undefined;
      throw error;
    });
    const exports = new WebAssembly.Instance(await loaded).exports as unknown as Exports;
    let at = exports.reserve(pieces.reduce((sum, piece) => sum + piece.length, 0));
    const memory = new Uint8Array(exports.memory.buffer);
    for (const piece of pieces) {
      memory.set(piece, at);
      at += piece.length;
    }
    exports[what]();
    const result = new Uint8Array(exports.memory.buffer).slice(exports.at(), exports.at() + exports.length());
    if (exports.status() !== 0) {
      throw errorOf(exports.status(), new TextDecoder().decode(result));
    }
    return result;
  };
  return {
    module: (text) => ask("module", [text]),
    manifest: (text) => ask("manifest", [text]),
    inspection: async (modules, host) => {
      const sizes = modules.map(({ name, bytes }) => [name, bytes.length]);
      const question = new TextEncoder().encode(JSON.stringify({ ...host, modules: sizes }));
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, question.length, true);
      const found = await ask("inspection", [length, question, ...modules.map(({ bytes }) => bytes)]);
      return JSON.parse(new TextDecoder().decode(found)) as Inspection;
    },
  };
}
