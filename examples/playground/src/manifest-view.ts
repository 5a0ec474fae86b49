/**
 * The manifest and the options beside it.
 *
 * Must not know: what a manifest may say, which the SDK checks; only which hosts it names, to ask the user for them.
 * Invariant: the page's own policy is widened by a click and by nothing else.
 */

import { byId } from "./dom.js";
import { jsonProblem, showProblem } from "./input-view.js";
import { grant, missing, sourcesOf } from "./network.js";
import { LEVELS, type Settings } from "./settings.js";

export class ManifestView {
  readonly #text = byId("manifest", HTMLTextAreaElement);
  readonly #box = byId("manifest-box", HTMLDetailsElement);
  readonly #format = byId("manifest-format", HTMLButtonElement);
  readonly #problem = byId("manifest-problem", HTMLElement);
  readonly #network = byId("network", HTMLElement);
  readonly #wasi = byId("wasi", HTMLInputElement);
  readonly #headers = byId("headers", HTMLInputElement);
  readonly #level = byId("log-level", HTMLSelectElement);

  /** `reload` loads the page again, with everything as it is. */
  constructor(changed: () => void, reload: () => void) {
    this.#text.addEventListener("input", () => {
      this.#check();
      changed();
    });
    for (const control of [this.#wasi, this.#headers, this.#level]) {
      control.addEventListener("change", changed);
    }
    // On a phone the call comes first: the manifest is folded until it matters.
    this.#box.open = matchMedia("(min-width: 641px)").matches;
    this.#box.addEventListener("toggle", () => {
      this.#format.hidden = !this.#box.open;
    });
    this.#format.addEventListener("click", () => {
      if (jsonProblem(this.#text.value) === "" && this.#text.value.trim() !== "") {
        this.#text.value = JSON.stringify(JSON.parse(this.#text.value), undefined, 2);
        changed();
      }
      this.#text.focus();
    });
    byId("network-allow", HTMLButtonElement).addEventListener("click", () => {
      grant(missing(this.#sources()));
      reload();
    });
  }

  set(settings: Settings): void {
    this.#text.value = settings.manifest;
    this.#wasi.checked = settings.wasi;
    this.#headers.checked = settings.headers;
    this.#level.value = settings.logLevel;
    this.#check();
  }

  get(): Pick<Settings, "manifest" | "wasi" | "headers" | "logLevel"> {
    return {
      manifest: this.#text.value,
      wasi: this.#wasi.checked,
      headers: this.#headers.checked,
      logLevel: LEVELS.find((level) => level === this.#level.value) ?? "info",
    };
  }

  focus(): void {
    this.#box.open = true;
    this.#text.focus();
  }

  #check(): void {
    const problem = jsonProblem(this.#text.value);
    showProblem(this.#text, this.#problem, problem);
    const hosts = missing(this.#sources());
    this.#network.hidden = hosts.length === 0;
    this.#box.open ||= problem !== "" || hosts.length > 0;
    const words = hosts.map((host) => (host.includes(" ") ? "any host" : host.replace(/:\*$/, ""))).join(", ");
    byId("network-words", HTMLElement).textContent =
      `This page reaches nothing but itself. For requests to ${words}, allow it in this tab; the page is loaded again.`;
  }

  /** What the manifest wants to reach, as far as it can be read. */
  #sources(): string[] {
    try {
      const { allowed_hosts: hosts, wasm } = JSON.parse(this.#text.value) as {
        allowed_hosts?: unknown;
        wasm?: unknown;
      };
      const urls = list(wasm).map((each) => (each as { url?: unknown } | null)?.url);
      const origins = texts(urls).map((url) => new URL(url, document.baseURI).origin);
      return sourcesOf([...texts(list(hosts)), ...origins]);
    } catch {
      return [];
    }
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === "string" && value !== "");
}
