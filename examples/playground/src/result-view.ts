/**
 * The result of the last call: output or failure, and how it went.
 *
 * Must not know: how calls are made. Invariant: what is shown belongs to one call; an older output never stands beside a
 * newer failure.
 */

import type { ExtismError } from "@extism/extism";

import { duration } from "./chart.js";
import { byId, make } from "./dom.js";
import { failure } from "./failure-view.js";
import { bytesText } from "./module-view.js";
import { read, show, type OutputKind, type Shown } from "./output-view.js";
import { Tabs } from "./tabs.js";

export class ResultView {
  readonly #outcome = byId("outcome", HTMLElement);
  readonly #error = byId("error", HTMLElement);
  readonly #panel = byId("output-panel", HTMLElement);
  readonly #actions = byId("output-actions", HTMLElement);
  readonly #empty = byId("empty", HTMLElement);
  readonly #list = byId("output-tabs", HTMLElement);
  readonly #tabs: Tabs;
  #shown: Shown | undefined;
  /** The form the user chose, for as long as outputs have it. */
  #wanted: string | undefined;
  #isChoosing = false;

  constructor() {
    this.#tabs = new Tabs(this.#list, (kind) => {
      this.#wanted = this.#isChoosing ? this.#wanted : kind;
      if (this.#shown !== undefined) {
        show(this.#panel, this.#shown, kind as OutputKind);
        this.#panel.setAttribute("aria-labelledby", `output-tab-${kind}`);
      }
    });
    byId("copy", HTMLElement).addEventListener("click", () => {
      const bytes = this.#shown?.bytes ?? new Uint8Array(0);
      void navigator.clipboard.writeText(new TextDecoder().decode(bytes)).then(() => {
        this.#say(make("span", {}, "Copied"));
      });
    });
    byId("save", HTMLElement).addEventListener("click", () => {
      this.#save();
    });
  }

  /** Nothing was called. */
  clear(words: string): void {
    this.#reset();
    byId("empty-words", HTMLElement).textContent = words;
    this.#empty.hidden = false;
  }

  /** A call runs; `done` of `times` have ended. */
  running(name: string, done: number, times: number): void {
    this.#empty.hidden = true;
    this.#error.replaceChildren();
    const progress = times > 1 ? ` · ${String(done)} of ${String(times)}` : "";
    this.#say(make("i", { class: "spin", "aria-hidden": "true" }), make("span", {}, `${name} runs${progress}`));
  }

  /** The last of so many calls has put something out, or nothing. */
  good(name: string, output: Uint8Array<ArrayBuffer> | null, ms: number, times: number): void {
    this.#reset();
    const size = output === null ? "no output" : bytesText(output.length);
    const often = times > 1 ? [make("span", {}, `${String(times)} calls`)] : [];
    this.#say(
      make("strong", { class: "is-good" }, "OK"),
      make("span", {}, name),
      make("span", {}, duration(ms)),
      make("span", {}, size),
      ...often,
    );
    if (output === null || output.length === 0) {
      this.#empty.hidden = false;
      byId("empty-words", HTMLElement).textContent = `${name} put out nothing, which is allowed.`;
      return;
    }
    this.#shown = read(output);
    const kinds = this.#shown.kinds;
    this.#tabs.offer(kinds);
    this.#isChoosing = true;
    this.#tabs.choose(kinds.find((kind) => kind === this.#wanted) ?? kinds[0] ?? "text");
    this.#isChoosing = false;
    byId("copy", HTMLElement).hidden = !kinds.includes("text");
    this.#list.hidden = false;
    this.#panel.hidden = false;
    this.#actions.hidden = false;
  }

  /** The call, or the making of the plug-in, failed. */
  bad(name: string, error: ExtismError, ms: number | undefined): void {
    this.#reset();
    const time = ms === undefined ? [] : [make("span", {}, `after ${duration(ms)}`)];
    this.#say(make("strong", { class: "is-bad" }, "Failed"), make("span", {}, name), ...time);
    this.#error.replaceChildren(failure(error));
  }

  #reset(): void {
    this.#shown = undefined;
    this.#outcome.replaceChildren();
    this.#error.replaceChildren();
    this.#panel.replaceChildren();
    for (const part of [this.#panel, this.#actions, this.#list, this.#empty]) {
      part.hidden = true;
    }
  }

  #say(...content: Node[]): void {
    this.#outcome.replaceChildren(...content);
  }

  #save(): void {
    if (this.#shown === undefined) {
      return;
    }
    const { bytes, kinds, picture } = this.#shown;
    const ending =
      picture?.replace("image/", "") ?? (kinds[0] === "json" ? "json" : kinds[0] === "text" ? "txt" : "bin");
    const url = URL.createObjectURL(new Blob([bytes]));
    make("a", { href: url, download: `output.${ending}` }).click();
    setTimeout(() => {
      URL.revokeObjectURL(url);
    }, 60_000);
  }
}
