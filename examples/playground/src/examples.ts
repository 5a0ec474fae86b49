/**
 * The examples that come with the page.
 *
 * Must not know: how they run. Invariant: each one works as it is shown, without a request that leaves the page's origin.
 */

import { MANIFEST, type Settings } from "./settings.js";

export interface Example {
  readonly id: string;
  readonly about: string;
  readonly settings: Partial<Settings>;
}

const GREETING = "examples/greeting.json";

export const EXAMPLES: readonly Example[] = [
  {
    id: "count_vowels",
    about: "Counts vowels and keeps a total in a variable. Change which letters count in the configuration.",
    settings: {
      functionName: "count_vowels",
      input: "The quick brown fox jumps over the lazy dog",
      watched: ["total"],
      manifest: `{
  "config": { "vowels": "aeiouAEIOU" },
  "allowed_hosts": [],
  "timeout_ms": 5000
}`,
    },
  },
  {
    id: "greet",
    about: "The smallest plug-in there is.",
    settings: { functionName: "greet", input: "world" },
  },
  {
    id: "host_call",
    about: "Has its greeting translated by a function of the host.",
    settings: {
      functionName: "greet",
      input: "world",
      standIns: { "extism:host/user::translate": { kind: "text", text: "Bonjour, le monde !" } },
    },
  },
  {
    id: "kv",
    about: "Keeps its total in a store of the host instead of a variable.",
    settings: {
      functionName: "count_vowels",
      input: "Call me twice: the total grows",
      standIns: {
        "extism:host/user::kv_read": { kind: "get", text: "" },
        "extism:host/user::kv_write": { kind: "set", text: "" },
      },
    },
  },
  {
    id: "http",
    about: "Fetches an address, if the manifest allows the host. This one is a file beside the page.",
    settings: {
      functionName: "fetch",
      get input() {
        return new URL(GREETING, location.href.replace(/#.*/, "")).href;
      },
      get manifest() {
        return JSON.stringify({ allowed_hosts: [location.hostname], timeout_ms: 5000 }, undefined, 2);
      },
    },
  },
  {
    id: "legacy_count_vowels",
    about: "Built for the first generation of Extism, 0.1: it runs unchanged. At most nine vowels, please.",
    settings: { functionName: "count_vowels", input: "An older plug-in", manifest: MANIFEST },
  },
  {
    id: "spin",
    about: "Never ends by itself. Cancel it, or wait for the time limit of its manifest.",
    settings: {
      functionName: "spin",
      manifest: `{
  "timeout_ms": 20000
}`,
    },
  },
];

/** The bytes of an example. */
export async function exampleBytes(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(new URL(`examples/${id}.wasm`, document.baseURI));
  if (!response.ok) {
    throw new Error(`The example ${id} could not be loaded: HTTP ${String(response.status)}.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
