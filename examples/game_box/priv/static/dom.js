// Makes what is on the page equal to a tree, node by node, and keeps what is equal already: so focus, what somebody
// is typing, and running animations stay. A node is a text, or [name, attributes, children, events].
//
// Must not know: what the trees mean. Invariant: text never becomes markup; there is no innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";
const styles = new WeakMap();

// What an element has under a name. A field of a form hides what the form has under the field's own name, be it
// `parentNode` or `attributes`, and games name their fields: so it is asked of the definition, not of the element.
export function member(owner, name) {
  const { get, value } = Object.getOwnPropertyDescriptor(owner.prototype, name);
  return (element, ...given) => Reflect.apply(get ?? value, element, given);
}

export const localName = member(Element, "localName");
export const hasAttribute = member(Element, "hasAttribute");
export const setAttribute = member(Element, "setAttribute");
const [getAttribute, removeAttribute, attributesOf] =
  ["getAttribute", "removeAttribute", "attributes"].map((name) => member(Element, name));
const [childNodes, nodeType, appendChild, replaceChild, removeChild] =
  ["childNodes", "nodeType", "appendChild", "replaceChild", "removeChild"].map((name) => member(Node, name));
const [htmlStyle, svgStyle] = [member(HTMLElement, "style"), member(SVGElement, "style")];

// A node. Children that are null or false are left out, lists of children are opened.
export function h(name, attributes = {}, ...children) {
  const events = {};
  const kept = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") events[key] = value;
    else if (value !== null && value !== undefined && value !== false) kept[key] = value === true ? "" : String(value);
  }
  return [name, kept, children.flatMap(listed), events];
}

function listed(child) {
  if (child === null || child === undefined || child === false) return [];
  if (!Array.isArray(child)) return [String(child)];
  const isNode = child.length === 4 && typeof child[0] === "string" && Array.isArray(child[2]);
  return isNode ? [child] : child.flatMap(listed);
}

// Children of `parent` become `nodes`; `bind` is told the events of every element.
export function patch(parent, nodes, bind, inSvg = false) {
  const old = [...childNodes(parent)];
  nodes.forEach((node, index) => place(parent, old[index], node, bind, inSvg));
  for (const extra of old.slice(nodes.length)) removeChild(parent, extra);
}

function place(parent, current, node, bind, inSvg) {
  if (typeof node === "string") {
    if (!current || nodeType(current) !== Node.TEXT_NODE) put(parent, current, document.createTextNode(node));
    else if (current.data !== node) current.data = node;
    return;
  }
  const [name, attributes, children, events] = node;
  const svg = inSvg || name === "svg";
  let element = current;
  if (!isSame(current, name, attributes)) {
    element = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    put(parent, current, element);
  }
  setAttributes(element, attributes);
  if (attributes["data-own"] === undefined) patch(element, children, bind, svg);
  bind(element, events);
}

// An element of another key is another thing, though it looks alike.
function isSame(current, name, attributes) {
  return (
    current &&
    nodeType(current) === Node.ELEMENT_NODE &&
    localName(current) === name &&
    (getAttribute(current, "data-key") ?? undefined) === attributes["data-key"]
  );
}

function put(parent, current, node) {
  if (current) replaceChild(parent, node, current);
  else appendChild(parent, node);
}

function setAttributes(element, attributes) {
  for (const { name } of [...attributesOf(element)]) {
    if (!(name in attributes) && name !== "style") removeAttribute(element, name);
  }
  const style = attributes.style ?? "";
  if ((styles.get(element) ?? "") !== style) {
    styles.set(element, style);
    (element instanceof SVGElement ? svgStyle : htmlStyle)(element).cssText = style;
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== "style" && getAttribute(element, name) !== value) setAttribute(element, name, value);
  }
}

const listeners = new WeakMap();

// Binds functions to events: for the page's own elements.
export function listen(element, events) {
  const known = listeners.get(element) ?? {};
  for (const [name, handler] of Object.entries(events)) {
    if (!(name in known)) element.addEventListener(name, (event) => listeners.get(element)[name]?.(event));
  }
  const cleared = Object.fromEntries(Object.keys(known).map((name) => [name, undefined]));
  listeners.set(element, { ...cleared, ...events });
}
