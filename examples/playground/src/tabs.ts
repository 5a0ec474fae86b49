/**
 * Tabs: one of several forms of a thing is shown.
 *
 * Must not know: what they show. Invariants: one tab is chosen, and it alone is in the order of the Tab key; the arrow
 * keys, Home and End reach the others.
 */

/** A row of tabs. */
export class Tabs {
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #changed: (kind: string) => void;
  #kind = "";

  constructor(list: HTMLElement, changed: (kind: string) => void) {
    this.#buttons = [...list.querySelectorAll<HTMLButtonElement>("[role=tab]")];
    this.#changed = changed;
    list.addEventListener("click", (event) => {
      const button = (event.target as Element).closest<HTMLButtonElement>("[role=tab]");
      if (button !== null) {
        this.choose(kindOf(button));
      }
    });
    list.addEventListener("keydown", (event) => {
      this.#key(event);
    });
  }

  /** The chosen kind. */
  get kind(): string {
    return this.#kind;
  }

  /** Chooses a kind, and tells. */
  choose(kind: string): void {
    this.#kind = kind;
    for (const button of this.#buttons) {
      const isChosen = kindOf(button) === kind;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
    this.#changed(kind);
  }

  /** Shows the tabs of these kinds only. */
  offer(kinds: readonly string[]): void {
    for (const button of this.#buttons) {
      button.hidden = !kinds.includes(kindOf(button));
    }
  }

  #key(event: KeyboardEvent): void {
    const shown = this.#buttons.filter((button) => !button.hidden);
    const at = shown.findIndex((button) => kindOf(button) === this.#kind);
    const places: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % shown.length,
      ArrowLeft: (at - 1 + shown.length) % shown.length,
      Home: 0,
      End: shown.length - 1,
    };
    const next = shown[places[event.key] ?? -1];
    if (next !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.choose(kindOf(next));
      next.focus();
    }
  }
}

function kindOf(button: HTMLButtonElement): string {
  return button.dataset["kind"] ?? "";
}
