/**
 * Elements: those of the page by their names, and new ones.
 *
 * Must not know: what they mean. Invariant: text from outside becomes text, never markup.
 */

/** The element with this id. The page has it, or the build is broken. */
export function byId<E extends HTMLElement>(id: string, kind: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) {
    throw new Error(`the page has no ${kind.name} with the id ${id}`);
  }
  return element;
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A new element with attributes and content. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...content: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, attributes, content);
  return element;
}

/** A new element of a drawing. */
export function draw(tag: string, attributes: Attributes = {}, ...content: (Node | string)[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, content);
  return element;
}

function fill(element: Element, attributes: Attributes, content: readonly (Node | string)[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...content);
}
