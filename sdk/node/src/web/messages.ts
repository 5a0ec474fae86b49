/**
 * What a page and the Worker of a plug-in say to each other.
 *
 * Must not know: who sends it how. Invariant: everything here can be cloned.
 */

import type { ValueType } from "../host-function.js";
import type { Failure } from "./failure.js";
import type { Hop, Sent } from "./http.js";
import type { Loaded } from "./loaded.js";
import type { WasiOptions } from "./wasi.js";

/** A host function, without its code. */
export interface FunctionName {
  readonly namespace: string;
  readonly name: string;
  readonly type: { readonly params: readonly ValueType[]; readonly results: readonly ValueType[] } | undefined;
}

/** The first message to a Worker: what to make. */
export interface Make {
  readonly kind: "make";
  readonly core: WebAssembly.Module;
  readonly loaded: Loaded;
  readonly id: string;
  readonly functions: readonly FunctionName[];
  readonly wasi: WasiOptions | undefined;
  /** Where the Worker waits for answers; without it the engine has to suspend. */
  readonly shared: SharedArrayBuffer | undefined;
  readonly variables: readonly (readonly [string, Uint8Array])[];
  readonly config: Readonly<Record<string, string | null>>;
  readonly headers: boolean;
}

/** What a page asks for. */
export type Request =
  | {
      readonly kind: "call";
      readonly name: string;
      readonly input: string | Uint8Array;
      readonly timeMs: number | null;
    }
  | { readonly kind: "configure"; readonly values: Readonly<Record<string, string | null>> }
  | { readonly kind: "set"; readonly name: string; readonly value: Uint8Array | undefined }
  | { readonly kind: "reset" }
  | { readonly kind: "renew" }
  | { readonly kind: "headers" };

/** What a page sends: a request with its number, or the answer to a Worker that suspended its plug-in. */
export type ToWorker =
  Make | (Request & { readonly n: number }) | { readonly kind: "answer"; readonly bytes: Uint8Array };

/** What a Worker sends. */
export type FromWorker =
  | { readonly kind: "alive" }
  | { readonly kind: "made" }
  | { readonly kind: "broken"; readonly failure: Failure }
  | { readonly kind: "done"; readonly n: number; readonly value: unknown }
  | { readonly kind: "threw"; readonly n: number; readonly failure: Failure; readonly byHost: boolean }
  | { readonly kind: "log"; readonly level: number; readonly message: string }
  | Written
  | { readonly kind: "changed"; readonly name: string; readonly value: Uint8Array | undefined }
  | {
      readonly kind: "host";
      readonly index: number;
      readonly args: readonly unknown[];
      readonly blocks: readonly (readonly [bigint, Uint8Array])[];
    }
  | { readonly kind: "http"; readonly sent: Sent; readonly body: Uint8Array | undefined };

/** A line of a plug-in's output. */
export interface Written {
  readonly kind: "written";
  readonly line: string;
  readonly isError: boolean;
}

/** What counts for how much of the bytes that may be on their way: the message, and what it carries. */
export function sentBytes(text: string, value?: Uint8Array): number {
  return 256 + text.length + (value?.length ?? 0);
}

/** What the page answers to a host function's call. */
export interface HostAnswer {
  readonly results: readonly (number | bigint | null)[];
  /** Whether there were several results, or none. */
  readonly shape: "one" | "several" | "none";
  /** Blocks the function made, under the handles it was told. */
  readonly stored: readonly (readonly [bigint, Uint8Array])[];
  /** Blocks it has overwritten the beginning of. */
  readonly written: readonly (readonly [bigint, Uint8Array])[];
  readonly freed: readonly bigint[];
  readonly variables: readonly (readonly [string, Uint8Array | null])[];
  /** The error message it has set; `null` if it cleared it. */
  readonly error?: string | null;
  /** What it threw, as a failure. */
  readonly threw?: Failure;
}

/** What the page answers to a request. */
export type HttpAnswer = Hop;

/** One end of a line between threads. */
export interface Endpoint<Sends, Receives> {
  post(message: Sends, transfer?: Transferable[]): void;
  listen(receive: (message: Receives) => void): void;
}

/** A Worker, seen from the page. */
export interface WorkerEnd extends Endpoint<ToWorker, FromWorker> {
  /** Told when the Worker ends by itself. */
  onFailure(failed: (error: unknown) => void): void;
  terminate(): void;
  /** Shows a line of the plug-in's output: done when there is room for more. */
  show(line: string, isError: boolean): Promise<void> | void;
  /** Whether a process may end while the Worker is there. */
  keepAlive(keep: boolean): void;
}
