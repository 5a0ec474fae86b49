/**
 * What the imports of a plug-in's modules are answered by: the core, kernel memory, the host's functions, WASI, and each
 * other, as the core has planned it.
 *
 * Must not know: rules; the plan has them. Invariants: what a host function throws reaches the engine wrapped, so that it
 * is never taken for a trap; nothing of the page runs for a call that has ended.
 */

import { errorOf } from "../error.js";
import { isThenable, runHostFunction, type HostFunction } from "../host-function.js";
import { Status } from "../status.js";
import type { Core } from "./core.js";
import { HostThrown, type Ending } from "./failure.js";
import type { ImportPlan, Plan, Signature } from "./plan.js";
import { mayWait, suspending, type Suspension } from "./suspension.js";
import type { CallMemory } from "../backend.js";

const ENV = "extism:host/env";
const LEGACY = "env";
const USER = "extism:host/user";
const WASI = "wasi_snapshot_preview1";

/** The functions on the bytes of kernel memory, which the access module has. */
const ACCESS = new Set([
  "load_u8",
  "load_u32",
  "load_u64",
  "store_u8",
  "store_u32",
  "store_u64",
  "input_load_u8",
  "input_load_u64",
]);

/** What a plug-in's imports are made of. */
export interface Surroundings {
  readonly core: Core;
  readonly ending: Ending;
  readonly functions: readonly HostFunction[];
  readonly suspension: Suspension;
  /** The access module's exports, as soon as there is kernel memory. */
  access(): WebAssembly.Exports;
  /** The memory of the call that runs, for host functions. */
  readonly memory: CallMemory;
  hostContext(): unknown;
  /** Runs in place of host functions where they are elsewhere. */
  readonly callElsewhere: ((index: number, args: readonly unknown[]) => unknown) | undefined;
  http(request: bigint, body: bigint): bigint | Promise<bigint>;
  /** The functions of WASI, on the memory of this module. */
  readonly wasi: WebAssembly.ModuleImports | undefined;
}

/** The host function that answers an import, if one does. */
export function functionOf(functions: readonly HostFunction[], found: ImportPlan): number {
  const namespace = found.user ? USER : found.module;
  return functions.findLastIndex((each) => each.namespace === namespace && each.name === found.name);
}

/** The imports of one module. */
export function importsOf(
  plan: Plan,
  index: number,
  around: Surroundings,
  instances: readonly (WebAssembly.Instance | undefined)[],
): WebAssembly.Imports {
  const module = plan.modules[index];
  const imports = table<Record<string, WebAssembly.ImportValue>>();
  for (const found of module?.imports ?? []) {
    const group = (imports[found.module] ??= table());
    const answer = found.from === null ? answerOf(found, around) : instances[found.from]?.exports[found.name];
    if (answer !== undefined) {
      group[found.name] = answer;
    }
  }
  return imports;
}

/** A table that has nothing but what is put in, whatever its name. */
export function table<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

function answerOf(found: ImportPlan, around: Surroundings): WebAssembly.ImportValue | undefined {
  const at = functionOf(around.functions, found);
  const given = around.functions[at];
  if (given !== undefined) {
    return hostFunction(given, at, found.function, around);
  }
  if (found.module === ENV) {
    return kernelFunction(found.name, around);
  }
  if (found.module === LEGACY) {
    return kernelFunction(found.name.replace(/^extism_/, ""), around);
  }
  if (found.module === WASI) {
    const answer = around.wasi?.[found.name];
    if (answer === undefined) {
      const text = `unknown import: \`${WASI}::${found.name}\` has not been defined\n\nNote: this platform's WASI has no such function.`;
      throw errorOf(Status.ImportUnknown, text);
    }
    return around.ending.guard(answer as Imported);
  }
  return undefined;
}

type Imported = (...args: never[]) => unknown;

function kernelFunction(name: string, around: Surroundings): WebAssembly.ImportValue | undefined {
  if (name === "http_request") {
    const request: Imported = (head: bigint, body: bigint) => around.http(head, body);
    return suspending(around.suspension, around.ending.guard(request));
  }
  if (!ACCESS.has(name)) {
    return around.core.exports[`env.${name}`] as WebAssembly.ImportValue | undefined;
  }
  if (around.core.kernel.memory !== undefined) {
    return around.access()[name];
  }
  // A module that brings kernel memory does these itself, but for calls the pass has left.
  return (...args: unknown[]) => (around.access()[name] as (...args: unknown[]) => unknown)(...args);
}

function hostFunction(
  given: HostFunction,
  index: number,
  imported: Signature | null,
  around: Surroundings,
): WebAssembly.ImportValue {
  checkType(given, imported);
  const elsewhere = around.callElsewhere;
  if (elsewhere !== undefined) {
    return suspending(
      around.suspension,
      around.ending.guard((...args: unknown[]) => elsewhere(index, args)),
    );
  }
  const call = around.ending.guard((...args: unknown[]): unknown => {
    let answer: unknown;
    try {
      answer = runHostFunction(given.callback, around.memory, around.hostContext(), args);
    } catch (error) {
      throw new HostThrown(error);
    }
    if (!isThenable(answer)) {
      return answer;
    }
    if (!mayWait(around.suspension, given.callback)) {
      // Nobody waits for it: that it is rejected, too, is no news.
      Promise.resolve(answer).catch(() => undefined);
      throw new HostThrown(errorOf(Status.InvalidArgument, neverAwaited(given.name)), true);
    }
    return Promise.resolve(answer).catch((error: unknown) => {
      throw new HostThrown(error);
    });
  });
  return mayWait(around.suspension, given.callback) ? suspending(around.suspension, call) : call;
}

function neverAwaited(name: string): string {
  return (
    `host function ${name} answered with a promise, which nothing can wait for here: declare it \`async\` on a platform ` +
    "that has WebAssembly.Suspending, or load the plug-in with runInWorker"
  );
}

function checkType(given: HostFunction, imported: Signature | null): void {
  const type = given.type;
  if (type === undefined || imported === null) {
    return;
  }
  const text = (found: Signature): string => `(${found.params.join(", ")}) -> (${found.results.join(", ")})`;
  if (text(type) !== text(imported)) {
    const message = `types incompatible: host function ${given.namespace}::${given.name} is ${text(type)}, the plug-in imports it as ${text(imported)}`;
    throw errorOf(Status.ImportType, message);
  }
}
