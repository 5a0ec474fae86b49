/**
 * The plug-in, shown: what it is, exports, imports, and what its host has to be.
 *
 * Must not know: how it was found out. Invariant: a module with any number of names does not stop the page.
 */

import { byId, make } from "./dom.js";
import type { Description, HostNeed, Item, PluginFile } from "./describe.js";
import { STAND_IN_KINDS, type StandIn } from "./settings.js";
import { STAND_IN_WORDS } from "./stand-in.js";

const HASH_CHARS = 12;
/** Of what a module has more of, the rest is a number. */
const NAMES_MAX = 2_000;

/** Who provides imports, in the words of the page. */
const PROVIDERS: Readonly<Record<string, string>> = {
  kernel: "Extism's kernel",
  builtin: "Extism's builtins",
  wasi: "WASI",
  host: "the host",
  module: "another module",
  unknown: "nobody there is",
};

/** Shows a plug-in. */
export function showModule(file: PluginFile, told: Description, about: string): void {
  byId("module-name", HTMLElement).textContent = file.name;
  const hash = file.sha256 === "" ? "" : ` · sha256 ${file.sha256.slice(0, HASH_CHARS)}…`;
  byId("module-facts", HTMLElement).textContent = `${bytesText(file.bytes.length)}${hash}`;
  const words = byId("module-about", HTMLElement);
  words.textContent = about;
  words.hidden = about === "";
  const badges = told.badges.map((badge, at) => make("li", at === 0 ? { class: "is-strong" } : {}, badge));
  const list = byId("badges", HTMLElement);
  list.replaceChildren(...badges);
  list.hidden = badges.length === 0;
  const groups = [...told.imports].map(([provider, items]) =>
    names(`Needs from ${PROVIDERS[provider] ?? provider}`, items, false),
  );
  const functions = told.functions.map((name) => ({ name, kind: "", type: "" }));
  const callable = new Set(told.functions);
  const others = told.exports.filter((each) => !callable.has(each.name));
  byId("needs", HTMLElement).replaceChildren(
    names("Functions to call", functions, true),
    ...(others.length === 0 ? [] : [names("Other exports", others, false)]),
    ...groups,
  );
  byId("module", HTMLElement).hidden = false;
}

function names(title: string, items: readonly Item[], isOpen: boolean): HTMLElement {
  const rows = items.slice(0, NAMES_MAX).map((item) => {
    const kind = item.type === "" ? item.kind : item.type;
    return make("li", {}, item.name, " ", make("small", {}, kind === "function" ? "" : kind));
  });
  if (items.length > NAMES_MAX) {
    rows.push(make("li", {}, `… and ${(items.length - NAMES_MAX).toLocaleString("en")} more`));
  }
  const summary = make("summary", {}, `${title} `, make("span", {}, String(items.length)));
  return make("details", { class: "names", open: isOpen }, summary, make("ul", {}, ...rows));
}

/** Shows what can answer in the place of host functions; `changed` is told of every choice. */
export function showStandIns(
  needs: readonly HostNeed[],
  chosen: Readonly<Record<string, StandIn>>,
  changed: (id: string, standIn: StandIn) => void,
): void {
  byId("host-section", HTMLElement).hidden = needs.length === 0;
  byId("stand-ins", HTMLElement).replaceChildren(
    ...needs
      .slice(0, NAMES_MAX)
      .map((need) => standIn(need, chosen[need.id] ?? { kind: "nothing", text: "" }, changed)),
  );
}

function standIn(need: HostNeed, chosen: StandIn, changed: (id: string, standIn: StandIn) => void): HTMLElement {
  const kind = make("select", { "aria-label": `What ${need.name} does` });
  for (const each of STAND_IN_KINDS) {
    kind.append(make("option", { value: each, selected: each === chosen.kind }, STAND_IN_WORDS[each]));
  }
  const text = make("input", {
    "aria-label": `The text ${need.name} answers with`,
    class: "code",
    autocomplete: "off",
  });
  text.value = chosen.text;
  const tell = (): void => {
    const now = STAND_IN_KINDS.find((each) => each === kind.value) ?? "nothing";
    text.hidden = now !== "text" && now !== "fail";
    changed(need.id, { kind: now, text: text.value });
  };
  kind.addEventListener("change", tell);
  text.addEventListener("input", tell);
  text.hidden = chosen.kind !== "text" && chosen.kind !== "fail";
  const signature = `(${need.params.join(", ")}) → ${need.results.join(", ") || "nothing"}`;
  return make("div", { class: "stand-in" }, make("p", {}, need.name, " ", make("small", {}, signature)), kind, text);
}

/** A number of bytes, with its unit. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) {
    return `${String(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
  }
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(kib < 10 ? 1 : 0)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
