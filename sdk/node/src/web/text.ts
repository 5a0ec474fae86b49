/**
 * Modules in the text format and manifests in TOML, which are rare in pages: what reads them is fetched when the first one
 * comes.
 *
 * Must not know: where the file is. Invariant: a page that loads binary modules and manifests in JSON loads nothing of this.
 */

import { errorOf } from "../error.js";

/** Turns texts the core does not read into what it reads. */
export interface Translator {
  /** A module in the text format as a binary one. */
  module(text: Uint8Array): Promise<Uint8Array>;
  /** A manifest in any language as one in JSON. */
  manifest(text: Uint8Array): Promise<Uint8Array>;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number): number;
  at(): number;
  length(): number;
  status(): number;
  module(): void;
  manifest(): void;
}

/** The name of the file, beside the core. */
export const TEXT_FILE = "extism_web_text.wasm";

/** What reads texts, from a function that gets the file. */
export function translator(get: () => Promise<WebAssembly.Module>): Translator {
  let loaded: Promise<WebAssembly.Module> | undefined;
  const translate = async (text: Uint8Array, what: "module" | "manifest"): Promise<Uint8Array> => {
    loaded ??= get();
    const exports = new WebAssembly.Instance(await loaded).exports as unknown as Exports;
    const at = exports.reserve(text.length);
    new Uint8Array(exports.memory.buffer).set(text, at);
    exports[what]();
    const result = new Uint8Array(exports.memory.buffer).slice(exports.at(), exports.at() + exports.length());
    if (exports.status() !== 0) {
      throw errorOf(exports.status(), new TextDecoder().decode(result));
    }
    return result;
  };
  return {
    module: (text) => translate(text, "module"),
    manifest: (text) => translate(text, "manifest"),
  };
}
