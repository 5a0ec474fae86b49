/**
 * The input: text, JSON or the bytes of a file.
 *
 * Must not know: who takes it. Invariant: what is wrong with JSON is said while it is written, and never keeps anyone
 * from sending it: a plug-in may be tried with anything.
 */

import { byId } from "./dom.js";
import { bytesText } from "./module-view.js";
import type { Settings } from "./settings.js";
import { Tabs } from "./tabs.js";

type InputKind = Settings["inputKind"];

export class InputView {
  readonly #text = byId("input", HTMLTextAreaElement);
  readonly #problem = byId("input-problem", HTMLElement);
  readonly #picked = byId("input-file", HTMLInputElement);
  readonly #fileName = byId("input-file-name", HTMLElement);
  readonly #tabs: Tabs;
  #file: File | undefined;

  constructor(changed: () => void) {
    this.#tabs = new Tabs(byId("input-tabs", HTMLElement), (kind) => {
      byId("input-text-panel", HTMLElement).hidden = kind === "file";
      byId("input-text-panel", HTMLElement).setAttribute("aria-labelledby", `input-tab-${kind}`);
      byId("input-file-panel", HTMLElement).hidden = kind !== "file";
      this.#text.placeholder = kind === "json" ? 'Input: JSON, for example {"a": 1}' : "Input: text, sent as UTF-8";
      this.#check();
      changed();
    });
    this.#text.addEventListener("input", () => {
      this.#check();
      changed();
    });
    byId("input-pick", HTMLButtonElement).addEventListener("click", () => {
      this.#picked.click();
    });
    this.#picked.addEventListener("change", () => {
      this.#file = this.#picked.files?.[0];
      this.#tell();
      changed();
    });
  }

  /** Shows what the settings say. */
  set(settings: Settings): void {
    this.#text.value = settings.input;
    this.#file = undefined;
    this.#picked.value = "";
    this.#tabs.choose(settings.inputKind);
    this.#fileName.textContent =
      settings.inputFile === undefined
        ? "The bytes of a file are the input."
        : `Choose ${settings.inputFile} again: links hold no files.`;
  }

  /** What the settings have to say. */
  get(): Pick<Settings, "input" | "inputKind" | "inputFile"> {
    return { input: this.#text.value, inputKind: this.#tabs.kind as InputKind, inputFile: this.#file?.name };
  }

  /** The bytes or the text of the input. */
  async read(): Promise<string | Uint8Array> {
    if (this.#tabs.kind !== "file") {
      return this.#text.value;
    }
    if (this.#file === undefined) {
      throw new Error("No input file was chosen.");
    }
    return new Uint8Array(await this.#file.arrayBuffer());
  }

  focus(): void {
    (this.#tabs.kind === "file" ? byId("input-pick", HTMLButtonElement) : this.#text).focus();
  }

  #tell(): void {
    this.#fileName.textContent =
      this.#file === undefined
        ? "The bytes of a file are the input."
        : `${this.#file.name}, ${bytesText(this.#file.size)}`;
  }

  #check(): void {
    showProblem(this.#text, this.#problem, this.#tabs.kind === "json" ? jsonProblem(this.#text.value) : "");
  }
}

/** What is wrong with a text as JSON; empty if nothing is. */
export function jsonProblem(text: string): string {
  if (text.trim() === "") {
    return "";
  }
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `Not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Shows what is wrong with a field. */
export function showProblem(field: HTMLElement, problem: HTMLElement, words: string): void {
  problem.textContent = words;
  problem.hidden = words === "";
  if (words === "") {
    field.removeAttribute("aria-invalid");
  } else {
    field.setAttribute("aria-invalid", "true");
  }
}
