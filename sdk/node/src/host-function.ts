/**
 * Functions of the host that plug-ins import.
 *
 * Must not know: how a call reaches them. Invariant: what a function was given of the plug-in is dead once it
 * has answered, and what it throws is kept as the cause of the call's error.
 */

import type { CallMemory } from "./backend.js";
import { CurrentPlugin } from "./current-plugin.js";
import { errorOf } from "./error.js";
import { Status } from "./status.js";

/** The type of a parameter or a result, as WebAssembly names it. `i64` is a `bigint`, everything else a `number`. */
export type ValueType = "i32" | "i64" | "f32" | "f64";

/**
 * A host function as users write it: the plug-in that calls, and the arguments. The result travels as WebAssembly's
 * own conversions say: a `bigint` for `i64`, a `number` for everything else, nothing for nothing, an array for several.
 * A promise is waited for where the call is not synchronous.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in the published package: arguments are the plug-in's
export type HostFunctionCallback = (current: CurrentPlugin, ...args: any[]) => unknown;

/** Host functions by namespace and name. */
export type HostFunctions = Record<string, Record<string, HostFunctionCallback | TypedFunction>>;

/** A host function whose types were given: a plug-in that imports it as another type is refused when it is loaded. */
export interface TypedFunction {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly callback: HostFunctionCallback;
}

/** Gives a host function its types. Without them it has the types of whichever plug-in imports it. */
export function hostFunction(
  params: readonly ValueType[],
  results: readonly ValueType[],
  callback: HostFunctionCallback,
): TypedFunction {
  return { params, results, callback };
}

/** A host function as engines take it. */
export interface HostFunction {
  readonly namespace: string;
  readonly name: string;
  /** Missing: as the plug-in imports it. */
  readonly type: { readonly params: readonly ValueType[]; readonly results: readonly ValueType[] } | undefined;
  readonly callback: HostFunctionCallback;
}

/** All functions of an options object, in its order. */
export function namedFunctions(functions: HostFunctions | undefined): HostFunction[] {
  const named: HostFunction[] = [];
  for (const [namespace, group] of Object.entries(functions ?? {})) {
    for (const [name, given] of Object.entries(group)) {
      const typed = typeof given === "object" && given !== null;
      const callback = typed ? given.callback : given;
      if (typeof callback !== "function") {
        throw errorOf(Status.InvalidArgument, `host function ${namespace}::${name} is not a function`);
      }
      const type = typed ? { params: [...given.params], results: [...given.results] } : undefined;
      named.push({ namespace, name, type, callback });
    }
  }
  return named;
}

/**
 * Runs a host function for a call. What it gives back is its result, or a promise of it if it was one; both engines call
 * this and convert the result. It throws, or rejects with, what the function threw.
 */
export function runHostFunction(
  callback: HostFunctionCallback,
  memory: CallMemory,
  hostContext: unknown,
  args: readonly unknown[],
): unknown {
  const current = new CurrentPlugin(memory, hostContext);
  let result: unknown;
  try {
    result = callback(current, ...args);
  } catch (error) {
    current.end();
    throw error;
  }
  if (!isThenable(result)) {
    current.end();
    return result;
  }
  return Promise.resolve(result).finally(() => {
    current.end();
  });
}

/** Whether a host function answered with a promise. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** The message of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) {
    return thrown.message || thrown.name;
  }
  try {
    return String(thrown);
  } catch {
    return "a value without a text was thrown";
  }
}
