/**
 * What went wrong: status, message, what may help, stack.
 *
 * Must not know: who failed. Invariant: advice depends on the status, never on the text of a message.
 */

import { Status, type ExtismError } from "@extism/extism";

import { make } from "./dom.js";

/** What a user can do here about some of the statuses. */
const ADVICE: ReadonlyMap<number, string> = new Map<number, string>([
  [Status.ManifestSyntax, "The manifest is not valid JSON; look at the place the message names."],
  [Status.ManifestField, "A field of the manifest is misspelled or has a value of the wrong kind."],
  [Status.ModuleInvalid, "The file is no Wasm module, or a damaged one."],
  [
    Status.ImportUnknown,
    "The plug-in needs something nobody provides. If it is WASI, switch WASI on below the manifest.",
  ],
  [Status.FunctionNotFound, "Choose one of the functions the plug-in exports."],
  [Status.HostDenied, "To allow the host, add it to allowed_hosts in the manifest."],
  [
    Status.HttpFailed,
    "The browser made no request, or the server does not let pages of other origins read its answers (CORS).",
  ],
  [Status.Timeout, "The plug-in took longer than timeout_ms in the manifest. Its variables were kept."],
  [Status.Cancelled, "The plug-in was stopped. Its variables were kept, and the next call starts it anew."],
  [Status.Memory, "The plug-in needs more memory than memory.max_pages in the manifest."],
]);

/** Whether a call ended as the user wanted. */
export function isCancelled(error: ExtismError): boolean {
  return error.status === Status.Cancelled;
}

/** The failure as an element. */
export function failure(error: ExtismError): HTMLElement {
  const guest = error.guestCode === 0 ? [] : [make("span", {}, `code ${String(error.guestCode)} of the plug-in`)];
  const [message, trace] = split(error.message);
  const box = make(
    "div",
    { class: "failure" },
    make(
      "p",
      { class: "failure-title" },
      error.name,
      make("code", {}, `${String(error.status)} ${error.code}`),
      ...guest,
    ),
    make("p", { class: "failure-message" }, message),
  );
  const advice = ADVICE.get(error.status);
  if (advice !== undefined) {
    box.append(make("p", { class: "failure-advice" }, advice));
  }
  const stack = [trace, stackOf(error)].filter((part) => part !== "").join("\n\n");
  box.append(make("details", {}, make("summary", {}, "Stack"), make("pre", { tabindex: 0 }, stack)));
  return box;
}

/** The message, and the plug-in's own frames behind it. */
function split(message: string): [string, string] {
  const at = message.indexOf(": wasm backtrace:\n");
  return at < 0 ? [message, ""] : [message.slice(0, at), message.slice(at + 2)];
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return "";
  }
  const stack = error.stack ?? "";
  // The message is shown already; the frames are what is left.
  const frames = stack.split("\n").filter((line) => /^\s+at |@/.test(line));
  const cause =
    error.cause instanceof Error
      ? `\ncaused by ${error.cause.name}: ${error.cause.message}\n${stackOf(error.cause)}`
      : "";
  return `${frames.join("\n")}${cause}`;
}
