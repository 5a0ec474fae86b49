/**
 * The variables of the plug-in: watched by name, set and removed.
 *
 * Must not know: calls. Invariant: what is shown was read from the plug-in after the last call or change. The SDK reads
 * variables by name and has no list of them, so that the names come from the examples and the user.
 */

import type { Plugin } from "@extism/extism";

import { byId, make } from "./dom.js";

const SHOWN_CHARS_MAX = 300;

export class Variables {
  readonly #box = byId("variables", HTMLElement);
  readonly #empty = byId("variables-empty", HTMLElement);
  readonly #count = byId("variables-count", HTMLElement);
  readonly #name = byId("variable-name", HTMLInputElement);
  readonly #value = byId("variable-value", HTMLInputElement);
  readonly #open: () => Promise<Plugin | undefined>;
  #names = new Set<string>();

  /** `open` makes the plug-in, if it has to be: a variable may be set before the first call. */
  constructor(open: () => Promise<Plugin | undefined>) {
    this.#open = open;
    byId("variable-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#set(this.#name.value, this.#value.value);
    });
  }

  /** Watches these, and no others. */
  watch(names: Iterable<string>): void {
    this.#names = new Set(names);
  }

  /** The names that are watched. */
  get names(): string[] {
    return [...this.#names];
  }

  /** Reads all variables. */
  async refresh(plugin: Plugin | undefined): Promise<void> {
    const rows: HTMLElement[] = [];
    let alive = 0;
    for (const name of this.#names) {
      const value = await plugin?.varGet(name);
      alive += value == null ? 0 : 1;
      rows.push(this.#row(name, value?.bytes()));
    }
    this.#count.textContent = alive === 0 ? "" : String(alive);
    this.#empty.hidden = rows.length > 0;
    this.#box.replaceChildren(...(rows.length === 0 ? [] : [table(rows)]));
  }

  #row(name: string, bytes: Uint8Array | undefined): HTMLElement {
    const remove = make("button", { type: "button", class: "quiet small", "aria-label": `Remove ${name}` }, "Remove");
    remove.addEventListener("click", () => {
      void this.#remove(name);
    });
    return make(
      "tr",
      {},
      make("td", {}, name),
      bytes === undefined ? make("td", { class: "absent" }, "not set") : make("td", {}, shown(bytes)),
      make("td", {}, bytes === undefined ? "" : String(bytes.length)),
      make("td", {}, remove),
    );
  }

  /** Without a value, the name is watched only. */
  async #set(name: string, value: string): Promise<void> {
    this.#names.add(name);
    const plugin = await this.#open();
    if (value !== "") {
      await plugin?.varSet(name, value);
    }
    this.#name.value = "";
    this.#value.value = "";
    await this.refresh(plugin);
  }

  async #remove(name: string): Promise<void> {
    this.#names.delete(name);
    const plugin = await this.#open();
    await plugin?.varRemove(name);
    await this.refresh(plugin);
    this.#name.focus();
  }
}

function table(rows: readonly HTMLElement[]): HTMLElement {
  const heads = ["Name", "Value", "Bytes"].map((head) => make("th", { scope: "col" }, head));
  const last = make("th", { scope: "col" }, make("span", { class: "hidden" }, "Change"));
  return make(
    "table",
    { class: "variables" },
    make("thead", {}, make("tr", {}, ...heads, last)),
    make("tbody", {}, ...rows),
  );
}

/** Text, a short number of little-endian bytes, or hexadecimal. */
function shown(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!/[\0-\x08\x0e-\x1f]/.test(text)) {
      return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
    }
  } catch {
    // Not text: below.
  }
  const pairs = Array.from(bytes.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0"));
  const words = `${pairs.join(" ")}${bytes.length > 32 ? " …" : ""}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number =
    bytes.length === 4 ? view.getUint32(0, true) : bytes.length === 8 ? view.getBigUint64(0, true) : undefined;
  return number === undefined ? words : `${words}  (${String(number)})`;
}
