/**
 * JSON as a tree that opens and closes.
 *
 * Must not know: where the value came from. Invariant: children are made when their parent is opened, a bounded number
 * of them, so that a value of any size and depth is shown at once.
 */

import { make } from "./dom.js";

const CHILDREN_MAX = 500;
const STRING_CHARS_MAX = 5_000;
/** What is open to begin with: so many levels, and nothing with more children than this. */
const OPEN_DEPTH = 3;
const OPEN_CHILDREN_MAX = 30;

/** A value as a tree. */
export function tree(value: unknown): HTMLElement {
  return make("div", { class: "tree" }, node(undefined, value, 0));
}

function node(key: string | undefined, value: unknown, depth: number): HTMLElement {
  const label = key === undefined ? [] : [make("span", { class: "key" }, key), ": "];
  if (typeof value !== "object" || value === null) {
    return make("div", { class: "leaf" }, ...label, leaf(value));
  }
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  const size = `${isList ? "list" : "object"} of ${String(entries.length)}`;
  if (entries.length === 0) {
    return make("div", { class: "leaf" }, ...label, make("span", { class: "size" }, isList ? "[ ]" : "{ }"));
  }
  const list = make("ul");
  const details = make("details", {}, make("summary", {}, ...label, make("span", { class: "size" }, size)), list);
  details.addEventListener("toggle", () => {
    if (details.open && list.childElementCount === 0) {
      list.append(...children(entries, depth));
    }
  });
  if (depth < OPEN_DEPTH && entries.length <= OPEN_CHILDREN_MAX) {
    list.append(...children(entries, depth));
    details.open = true;
  }
  return details;
}

function children(entries: readonly [string, unknown][], depth: number): HTMLElement[] {
  const shown = entries.slice(0, CHILDREN_MAX).map(([key, value]) => make("li", {}, node(key, value, depth + 1)));
  if (entries.length > CHILDREN_MAX) {
    shown.push(make("li", { class: "size" }, `… and ${String(entries.length - CHILDREN_MAX)} more`));
  }
  return shown;
}

function leaf(value: unknown): HTMLElement {
  if (typeof value === "string") {
    const text = value.length > STRING_CHARS_MAX ? `${value.slice(0, STRING_CHARS_MAX)}…` : value;
    return make("span", { class: "string" }, JSON.stringify(text));
  }
  return make("span", { class: typeof value === "number" ? "number" : "word" }, String(value));
}
