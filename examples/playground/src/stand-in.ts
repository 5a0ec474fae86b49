/**
 * Functions that answer in the place of those a plug-in's real host would have.
 *
 * Must not know: the page. Invariants: every call of one is recorded; no text of a user is run as a program.
 */

import type { CurrentPlugin, HostFunctions } from "@extism/extism";

import type { HostNeed } from "./describe.js";
import type { StandIn, StandInKind } from "./settings.js";

/** What each kind does, in the words of the page. */
export const STAND_IN_WORDS: Readonly<Record<StandInKind, string>> = {
  nothing: "answers nothing",
  echo: "answers with its input",
  text: "answers with a text",
  get: "reads from a store",
  set: "writes to a store",
  fail: "fails",
};

type Recorder = (message: string) => void;
type Answer = string | Uint8Array | undefined;

const SHOWN_MAX = 60;

/** Host functions for everything a plug-in needs. They share one store, which is as old as what this gives. */
export function standInFunctions(
  needs: readonly HostNeed[],
  chosen: Readonly<Record<string, StandIn>>,
  record: Recorder,
): HostFunctions {
  const store = new Map<string, Uint8Array>();
  // Plug-ins choose these names, and may call a namespace `__proto__` or `constructor`: there is nothing to inherit.
  const functions = Object.create(null) as HostFunctions;
  for (const need of needs) {
    const standIn = { ...(chosen[need.id] ?? { kind: "nothing" as const, text: "" }) };
    const group = (functions[need.namespace] ??= Object.create(null) as HostFunctions[string]);
    group[need.name] = (current: CurrentPlugin, ...args: unknown[]) => {
      const inputs = args.map((arg, at) => inputOf(current, arg, need.params?.[at]));
      const called = `${need.name}(${inputs.map(shown).join(", ")})`;
      if (standIn.kind === "fail") {
        record(`${called} failed`);
        throw new Error(standIn.text || `${need.name} failed, as it was told to`);
      }
      const answer = answerOf(standIn, inputs, store);
      record(`${called} → ${answer === undefined ? "nothing" : shown(answer)}`);
      return resultOf(current, answer, need.results);
    };
  }
  return functions;
}

function answerOf(standIn: StandIn, inputs: readonly (Uint8Array | string)[], store: Map<string, Uint8Array>): Answer {
  switch (standIn.kind) {
    case "echo":
      return inputs[0];
    case "text":
      return standIn.text;
    case "get":
      return store.get(textOf(inputs[0]));
    case "set":
      store.set(textOf(inputs[0]), bytesOf(inputs[1]));
      return undefined;
    default:
      return undefined;
  }
}

/** The bytes of a block, or a number as its text. */
function inputOf(current: CurrentPlugin, arg: unknown, type: string | undefined): Uint8Array | string {
  if (typeof arg === "bigint" && (type === undefined || type === "i64")) {
    return current.read(arg)?.bytes() ?? String(arg);
  }
  return String(arg);
}

/** What a plug-in gets: a block's handle, or a number where it takes one. */
function resultOf(current: CurrentPlugin, answer: Answer, results: readonly string[] | undefined): unknown {
  const [type] = results ?? ["i64"];
  if (type === undefined) {
    return undefined;
  }
  if (type === "i64") {
    return answer === undefined ? 0n : current.store(answer);
  }
  const number = Number(textOf(answer));
  return Number.isFinite(number) ? number : 0;
}

function shown(value: Uint8Array | string): string {
  const text = textOf(value);
  if (text.includes("\0") || text.includes("\uFFFD")) {
    return `${String(bytesOf(value).length)} bytes`;
  }
  return JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text);
}

function textOf(value: Uint8Array | string | undefined): string {
  return typeof value === "string" ? value : value === undefined ? "" : new TextDecoder().decode(value);
}

function bytesOf(value: Uint8Array | string | undefined): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : (value ?? new Uint8Array(0));
}
