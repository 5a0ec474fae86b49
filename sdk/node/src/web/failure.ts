/**
 * Why a call did not return, from what the platform's engine throws to what the caller is told.
 *
 * Must not know: plug-ins. Invariants: only messages of engines are looked at, and only to name the kind of a trap, which
 * no engine tells otherwise; what ends a call is told even if the plug-in has caught it.
 */

import { errorOf, ExtismError } from "../error.js";
import { isThenable, messageOf } from "../host-function.js";
import { Status } from "../status.js";

/** A failure as the core has it. */
export interface Failure {
  readonly status: number;
  readonly guest_code?: number;
  readonly message: string;
  readonly causes?: readonly string[];
}

/** Thrown through the plug-in's frames to end its call: what the core refused. */
export class Interrupted extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Thrown through the plug-in's frames: what a host function threw. */
export class HostThrown extends Error {
  readonly thrown: unknown;
  /** Whether it is a refusal of this package's, which keeps its status. */
  readonly isOurs: boolean;

  constructor(thrown: unknown, isOurs = false) {
    super(messageOf(thrown));
    this.thrown = thrown;
    this.isOurs = isOurs;
  }
}

/** Thrown through the plug-in's frames: WASI's `proc_exit`. */
export class Exited extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`Exited with i32 exit status ${String(exitCode)}`);
    this.exitCode = exitCode;
  }
}

/**
 * What has ended the call that runs: the first of what was thrown through the plug-in's frames.
 *
 * To the platform's engine these are exceptions like any other, which a plug-in can catch. It gains nothing by that: every
 * import throws the same again, and the call ends with it.
 */
export class Ending {
  #first: { readonly thrown: unknown } | undefined;

  /** Notes what is about to be thrown through the plug-in's frames, and gives it back. */
  note<T>(thrown: T): T {
    this.#first ??= { thrown };
    return thrown;
  }

  /** Throws what was noted, if anything was. */
  check(): void {
    if (this.#first !== undefined) {
      throw this.#first.thrown;
    }
  }

  /** What has ended the plug-in, which was left by what was thrown last. */
  cause(last: unknown): unknown {
    return this.#first === undefined ? last : this.#first.thrown;
  }

  /** Something of the plug-in begins to run. */
  clear(): void {
    this.#first = undefined;
  }

  /** An import that does not go on after the end. */
  guard(call: (...args: never[]) => unknown): (...args: never[]) => unknown {
    return (...args) => {
      this.check();
      try {
        const answer = call(...args);
        return isThenable(answer) ? Promise.resolve(answer).catch(this.#rethrow) : answer;
      } catch (error) {
        return this.#rethrow(error);
      }
    };
  }

  readonly #rethrow = (error: unknown): never => {
    throw this.note(error);
  };
}

/** The error for a failure; the message has its causes. */
export function failureError(failure: Failure, cause?: unknown): ExtismError {
  const causes = failure.causes ?? [];
  const message = [failure.message, ...causes].filter((text) => text !== "").join(": ");
  const options = { guestCode: failure.guest_code ?? 0 };
  return errorOf(failure.status, message, cause === undefined ? options : { ...options, cause });
}

/** What was thrown out of a plug-in, and what a host function threw, if one did. */
export function failureOf(thrown: unknown): { failure: Failure; cause?: unknown } {
  if (thrown instanceof Interrupted) {
    return { failure: thrown.failure };
  }
  if (thrown instanceof Exited) {
    const guest_code = thrown.exitCode;
    return { failure: { status: Status.GuestExit, guest_code, message: thrown.message } };
  }
  if (thrown instanceof HostThrown) {
    return hostFailure(thrown.thrown, thrown.isOurs);
  }
  const status = trapStatus(thrown);
  if (status === undefined) {
    return hostFailure(thrown, false);
  }
  const known = TRAP_TEXTS.find(([pattern]) => pattern.test(messageOf(thrown)))?.[1];
  const message = `wasm trap: ${known ?? messageOf(thrown)}`;
  return { failure: { status, message, causes: wasmFrames(thrown) } };
}

function hostFailure(thrown: unknown, isOurs: boolean): { failure: Failure; cause: unknown } {
  const status = isOurs && thrown instanceof ExtismError ? thrown.status : Status.HostFunction;
  return { failure: { status, message: messageOf(thrown) }, cause: thrown };
}

/** What the native library calls the traps that engines have words of their own for. */
const TRAP_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/unreachable/i, "wasm `unreachable` instruction executed"],
  [/call stack|too much recursion|stack overflow/i, "call stack exhausted"],
  [/divide result|integer overflow|integer divide overflow/i, "integer overflow"],
  [/divide by zero|division by zero|remainder by zero/i, "integer divide by zero"],
  [/unrepresentable|out of range in|truncation/i, "invalid conversion to integer"],
  [/signature mismatch/i, "indirect call type mismatch"],
];

/** Texts by which engines tell traps apart: V8, SpiderMonkey and JavaScriptCore, in this order. */
const TRAPS: readonly (readonly [RegExp, number])[] = [
  [/unreachable/i, Status.TrapUnreachable],
  [/call stack|too much recursion|stack overflow/i, Status.TrapStack],
  [/indirect call|null function|signature mismatch|call_indirect/i, Status.TrapIndirectCall],
  [/table (index|access)|table\.(get|set|init|copy|fill)|out of bounds table/i, Status.TrapTable],
  [
    /divide|division|divisor|remainder|unrepresentable|integer overflow|out of range in|truncation|conversion/i,
    Status.TrapArithmetic,
  ],
  [/memory|index out of bounds|out of bounds/i, Status.TrapMemory],
];

/** Whether the engine threw this, for what Wasm did or where it found no more room to run. */
export function isTrap(thrown: unknown): boolean {
  return trapStatus(thrown) !== undefined;
}

function trapStatus(thrown: unknown): number | undefined {
  const overflow = thrown instanceof RangeError || (thrown as { name?: string } | null)?.name === "InternalError";
  if (typeof WebAssembly.Exception === "function" && thrown instanceof WebAssembly.Exception) {
    return Status.TrapOther;
  }
  if (!(thrown instanceof WebAssembly.RuntimeError) && !overflow) {
    return undefined;
  }
  const message = messageOf(thrown);
  return TRAPS.find(([pattern]) => pattern.test(message))?.[1] ?? (overflow ? undefined : Status.TrapOther);
}

/** The plug-in's own frames of a stack. */
function wasmFrames(thrown: unknown): string[] {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  const frames = stack.split("\n").filter((line) => /wasm/i.test(line) && !/\.[cm]?[jt]s:/.test(line));
  return frames.length === 0 ? [] : [`wasm backtrace:\n${frames.slice(0, 20).join("\n")}`];
}
