/**
 * What a function put out, as text, as a tree of JSON, in hexadecimal, or as a picture.
 *
 * Must not know: where it came from. Invariant: what is shown is bounded, so that a large output does not stop the page.
 */

import { make } from "./dom.js";
import { tree } from "./json-tree.js";

export type OutputKind = "text" | "json" | "hex" | "image";

const TEXT_CHARS_MAX = 200_000;
const JSON_BYTES_MAX = 2 * 1024 * 1024;
const HEX_BYTES_MAX = 16 * 1024;
const ROW_BYTES = 16;

/** The beginnings of pictures that browsers show. SVG is text, and shown as such: it may carry scripts. */
const PICTURES: readonly (readonly [string, RegExp])[] = [
  ["image/png", /^\x89PNG\r\n\x1a\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/gif", /^GIF8[79]a/],
  ["image/webp", /^RIFF[^]{4}WEBP/],
  ["image/bmp", /^BM[^]{4}\0\0\0\0/],
  ["image/avif", /^[^]{4}ftypavi[fs]/],
];

/** An output, and in which forms it can be shown; the first is the one to begin with. */
export interface Shown {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly kinds: readonly OutputKind[];
  readonly picture: string | undefined;
  readonly json: unknown;
}

/** Finds out what an output is. */
export function read(bytes: Uint8Array<ArrayBuffer>): Shown {
  const beginning = String.fromCharCode(...bytes.subarray(0, ROW_BYTES));
  const picture = PICTURES.find(([, pattern]) => pattern.test(beginning))?.[0];
  if (picture !== undefined) {
    return { bytes, picture, json: undefined, kinds: ["image", "hex"] };
  }
  const text = strictText(bytes);
  if (text === undefined) {
    return { bytes, picture, json: undefined, kinds: ["hex", "text"] };
  }
  const json = jsonOf(text);
  return { bytes, picture, json, kinds: json === undefined ? ["text", "hex"] : ["json", "text", "hex"] };
}

/** Shows an output in one of its forms. */
export function show(panel: HTMLElement, shown: Shown, kind: OutputKind): void {
  for (const image of panel.querySelectorAll("img")) {
    URL.revokeObjectURL(image.src);
  }
  panel.replaceChildren(...content(shown, kind));
}

function content(shown: Shown, kind: OutputKind): Node[] {
  const { bytes } = shown;
  switch (kind) {
    case "json":
      return [tree(shown.json)];
    case "hex":
      return [
        make("pre", { class: "hex" }, hex(bytes.subarray(0, HEX_BYTES_MAX))),
        ...rest(bytes.length, HEX_BYTES_MAX),
      ];
    case "image": {
      const url = URL.createObjectURL(new Blob([bytes], { type: shown.picture ?? "" }));
      return [make("img", { src: url, alt: `The output, a picture of ${String(bytes.length)} bytes` })];
    }
    case "text": {
      const text = new TextDecoder().decode(bytes.subarray(0, TEXT_CHARS_MAX));
      return [make("pre", {}, text), ...rest(bytes.length, TEXT_CHARS_MAX)];
    }
  }
}

function rest(length: number, shown: number): Node[] {
  if (length <= shown) {
    return [];
  }
  const words = `… and ${(length - shown).toLocaleString("en")} more bytes. Save the output to have them all.`;
  return [make("p", { class: "hint" }, words)];
}

/** Rows of an offset, sixteen bytes and their characters. */
export function hex(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    const row = bytes.subarray(at, at + ROW_BYTES);
    const pairs = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const left = pairs.slice(0, 8).join(" ").padEnd(23);
    const right = pairs.slice(8).join(" ").padEnd(23);
    const characters = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"));
    rows.push(`${at.toString(16).padStart(6, "0")}  ${left}  ${right}  ${characters.join("")}`);
  }
  return rows.join("\n");
}

function strictText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // Text has no control characters but tabs and ends of lines.
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text.slice(0, TEXT_CHARS_MAX)) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** The object or list this is the JSON of. A lone number or word reads better as text. */
function jsonOf(text: string): unknown {
  if (text.length > JSON_BYTES_MAX || !/^\s*[[{]/.test(text)) {
    return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
