/**
 * Everything a user chose, and the link that carries it.
 *
 * Must not know: the page. Invariants: a link holds no bytes of a plug-in or of a file, only what names them; whatever a
 * link says, what is read from it has the right types.
 */

/** What answers in the place of a host function. */
export interface StandIn {
  kind: StandInKind;
  text: string;
}

export const STAND_IN_KINDS = ["nothing", "echo", "text", "get", "set", "fail"] as const;
export type StandInKind = (typeof STAND_IN_KINDS)[number];

export const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

/** A plug-in, without its bytes. */
export type ModuleName = { example: string } | { file: string; sha256: string };

/** Everything a user chose. */
export interface Settings {
  module: ModuleName | undefined;
  manifest: string;
  functionName: string;
  inputKind: "text" | "json" | "file";
  input: string;
  /** The name of the input's file, whose bytes have to be given again. */
  inputFile: string | undefined;
  standIns: Record<string, StandIn>;
  /** Names of variables that are shown. */
  watched: string[];
  wasi: boolean;
  headers: boolean;
  logLevel: Level;
}

export const MANIFEST = `{
  "config": {},
  "allowed_hosts": [],
  "timeout_ms": 5000
}`;

/** What holds for a plug-in nobody chose anything for. */
export function fresh(): Settings {
  return {
    module: undefined,
    manifest: MANIFEST,
    functionName: "",
    inputKind: "text",
    input: "",
    inputFile: undefined,
    standIns: {},
    watched: [],
    wasi: false,
    headers: false,
    logLevel: "info",
  };
}

/** The part of the address behind `#`. */
export function toFragment(settings: Settings): string {
  const bytes = new TextEncoder().encode(JSON.stringify(settings));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `v1=${btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** What a link says; `undefined` if it says nothing. Throws an `Error` if it is damaged. */
export function fromFragment(fragment: string): Settings | undefined {
  const found = /^#?v1=([\w-]+)$/.exec(fragment);
  if (found?.[1] === undefined) {
    if (fragment.replace("#", "").startsWith("v")) {
      throw new Error("This link is damaged: it does not say what it shares.");
    }
    return undefined;
  }
  let said: unknown;
  try {
    const text = atob(found[1].replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    said = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Error("This link is damaged: a part of it is missing.");
  }
  if (!isRecord(said)) {
    throw new Error("This link is damaged: it holds no settings.");
  }
  return checked(said);
}

function checked(said: Record<string, unknown>): Settings {
  const usual = fresh();
  const text = (name: keyof Settings, otherwise: string): string =>
    typeof said[name] === "string" ? said[name] : otherwise;
  const { inputFile, inputKind, logLevel } = said;
  return {
    module: moduleName(said["module"]),
    manifest: text("manifest", usual.manifest),
    functionName: text("functionName", ""),
    inputKind: inputKind === "json" || inputKind === "file" ? inputKind : "text",
    input: text("input", ""),
    inputFile: typeof inputFile === "string" ? inputFile : undefined,
    standIns: standIns(said["standIns"]),
    watched: Array.isArray(said["watched"]) ? said["watched"].filter((name) => typeof name === "string") : [],
    wasi: said["wasi"] === true,
    headers: said["headers"] === true,
    logLevel: LEVELS.find((level) => level === logLevel) ?? usual.logLevel,
  };
}

function moduleName(said: unknown): ModuleName | undefined {
  if (!isRecord(said)) {
    return undefined;
  }
  if (typeof said["example"] === "string") {
    return { example: said["example"] };
  }
  const { file, sha256 } = said;
  return typeof file === "string" && typeof sha256 === "string" ? { file, sha256 } : undefined;
}

function standIns(said: unknown): Record<string, StandIn> {
  const read: Record<string, StandIn> = {};
  for (const [name, value] of Object.entries(isRecord(said) ? said : {})) {
    if (isRecord(value)) {
      const kind = STAND_IN_KINDS.find((each) => each === value["kind"]) ?? "nothing";
      read[name] = { kind, text: typeof value["text"] === "string" ? value["text"] : "" };
    }
  }
  return read;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
