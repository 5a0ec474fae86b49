// The view of a game: a tree from the server in a shadow tree of its own, so that a game's style stays with the game.
//
// Must not know: rooms, requests. Invariants: a game's view is data, its events are names that are sent back; nothing
// of it runs here.

import { hasAttribute, localName, member, patch, setAttribute } from "./dom.js";

const BASE = `
  :host { display: block; contain: content; color: var(--text); line-height: 1.5; }
  * { box-sizing: border-box; }
  button, input, select, textarea { font: inherit; color: inherit; }
  button, input[type=submit], input[type=button] { padding: .5rem 1.1rem; border-radius: 10px;
    border: 1px solid var(--line); background: var(--panel); cursor: pointer; }
  button:hover:not(:disabled) { background: var(--hover); }
  button:disabled { opacity: .55; cursor: default; }
  input:not([type=radio], [type=checkbox], [type=range]), select, textarea { padding: .45rem .7rem; border-radius: 10px;
    border: 1px solid var(--line); background: var(--page); }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  img, svg { max-width: 100%; }
`;
const NATIVE = new Set(["button", "input", "select", "textarea", "label", "option", "summary", "form"]);
const TYPED = new Set(["input", "select", "textarea"]);
const parentNode = member(Node, "parentNode");

export class Board {
  #root;
  #base = new CSSStyleSheet();
  #sheet = new CSSStyleSheet();
  #css = "";
  #events = new WeakMap();
  #windowKeys = [];
  #send;
  #key = (event) => this.#onWindowKey(event);

  // `send(name, values)` is told what somebody did.
  constructor(host, send) {
    this.#root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    this.#base.replaceSync(BASE);
    this.#root.adoptedStyleSheets = [this.#base, this.#sheet];
    this.#send = send;
    this.#root.addEventListener("click", (event) => this.#on(event, "click", clicked));
    this.#root.addEventListener("change", (event) => this.#on(event, "change", fields));
    this.#root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#on(event, "submit", fields);
    });
    this.#root.addEventListener("keydown", (event) => this.#onKey(event));
    this.#root.addEventListener("keyup", (event) => this.#on(event, "keyup", pressed));
    window.addEventListener("keydown", this.#key);
    window.addEventListener("keyup", this.#key);
  }

  close() {
    window.removeEventListener("keydown", this.#key);
    window.removeEventListener("keyup", this.#key);
  }

  show(view) {
    if (view.css !== this.#css) {
      this.#css = view.css;
      this.#sheet.replaceSync(view.css);
    }
    this.#windowKeys = [];
    patch(this.#root, view.body, (element, events) => this.#bind(element, events));
  }

  #bind(element, events) {
    this.#events.set(element, events);
    if (events["window-keydown"] || events["window-keyup"]) this.#windowKeys.push(element);
    // What can be clicked can be reached and pressed with the keyboard, too.
    if (events.click && !NATIVE.has(localName(element))) {
      if (!hasAttribute(element, "tabindex")) setAttribute(element, "tabindex", "0");
      if (!hasAttribute(element, "role")) setAttribute(element, "role", "button");
    }
  }

  #on(event, kind, values) {
    for (let element = event.target; element && element !== this.#root; element = parentNode(element)) {
      const events = this.#events.get(element);
      if (!events?.[kind] || (!isForm(element) && element.disabled)) continue;
      if (events.key && kind.startsWith("key") && events.key.toLowerCase() !== event.key.toLowerCase()) continue;
      this.#send(events[kind], { ...events.values, ...values(element, event) });
      return true;
    }
    return false;
  }

  #onKey(event) {
    const events = this.#events.get(event.target) ?? {};
    if (events.click && !NATIVE.has(localName(event.target)) && [" ", "Enter"].includes(event.key)) {
      event.preventDefault();
      event.target.click();
    }
    this.#on(event, "keydown", pressed);
  }

  #onWindowKey(event) {
    const at = event.composedPath()[0];
    if (event.repeat || (at instanceof Element && TYPED.has(localName(at)))) return;
    for (const element of this.#windowKeys) {
      const events = this.#events.get(element);
      const name = events[`window-${event.type}`];
      if (name && (!events.key || events.key.toLowerCase() === event.key.toLowerCase())) {
        this.#send(name, { ...events.values, key: event.key });
      }
    }
  }
}

// All else that a form has may be hidden by its fields.
function isForm(element) {
  return element instanceof HTMLFormElement;
}

function clicked(element) {
  if (isForm(element)) return {};
  const unticked = element.localName === "input" && ["checkbox", "radio"].includes(element.type) && !element.checked;
  return element.value === undefined || unticked ? {} : { value: String(element.value) };
}

function pressed(element, event) {
  return { key: event.key, value: isForm(element) ? "" : String(element.value ?? "") };
}

function fields(element) {
  const form = isForm(element) ? element : element.form;
  if (!form) return element.name ? { [element.name]: String(element.value) } : clicked(element);
  const entries = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  return Object.fromEntries(entries);
}
