/**
 * What plug-ins log, and what they ask of their host.
 *
 * Must not know: plug-ins. Invariant: the newest message is in view unless the user is reading older ones, and a bounded
 * part of a bounded number of messages is kept.
 */

import { byId, make } from "./dom.js";

const MESSAGES_MAX = 1_000;
const MESSAGE_CHARS_MAX = 10_000;

export class Logs {
  readonly #list = byId("logs", HTMLElement);
  readonly #empty = byId("logs-empty", HTMLElement);
  readonly #count = byId("logs-count", HTMLElement);
  readonly #waiting: HTMLElement[] = [];
  #total = 0;

  constructor() {
    this.clear();
  }

  /** Adds a message; it is seen with the next picture. */
  add(level: string, message: string): void {
    const time = new Date();
    const isLong = message.length > MESSAGE_CHARS_MAX;
    const text = isLong ? `${message.slice(0, MESSAGE_CHARS_MAX)}…` : message;
    const clock = time.toLocaleTimeString("en-GB");
    this.#waiting.push(
      make(
        "div",
        { class: `is-${level}` },
        make("time", { datetime: time.toISOString() }, clock),
        make("span", { class: "level" }, level),
        make("span", { class: "text" }, text),
      ),
    );
    this.#total += 1;
    if (this.#waiting.length === 1) {
      requestAnimationFrame(() => {
        this.#flush();
      });
    }
    if (this.#waiting.length > MESSAGES_MAX) {
      this.#waiting.splice(1, 1);
    }
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#total = 0;
    this.#list.replaceChildren();
    this.#flush();
  }

  #flush(): void {
    const list = this.#list;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...this.#waiting.splice(0));
    while (list.childElementCount > MESSAGES_MAX) {
      list.firstElementChild?.remove();
    }
    if (isAtEnd) {
      list.scrollTop = list.scrollHeight;
    }
    list.hidden = this.#total === 0;
    this.#empty.hidden = this.#total > 0;
    this.#count.textContent = this.#total === 0 ? "" : String(this.#total);
  }
}
