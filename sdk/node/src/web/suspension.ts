/**
 * Whether a plug-in's call can wait for a promise on this thread, and how.
 *
 * Must not know: what is waited for. Invariant: a plug-in whose imports suspend is entered through `promising` only, since
 * the engine ends a call that suspends in any other.
 */

/** How calls of a plug-in wait. */
export type Suspension =
  /** They do not. */
  | "none"
  /** The engine suspends the plug-in. */
  | "engine"
  /** The thread waits; what has to be waited for happens on another. */
  | "thread";

interface JavaScriptPromiseIntegration {
  Suspending?: new (callback: CallableFunction) => WebAssembly.ImportValue;
  promising?: (callback: CallableFunction) => (...args: unknown[]) => Promise<unknown>;
}

const platform = WebAssembly as unknown as JavaScriptPromiseIntegration;

/** Whether the engine can suspend a plug-in. */
export function canSuspend(): boolean {
  return typeof platform.Suspending === "function" && typeof platform.promising === "function";
}

/** An import that may answer with a promise. */
export function suspending(suspension: Suspension, callback: CallableFunction): WebAssembly.ImportValue {
  if (suspension === "engine" && platform.Suspending !== undefined) {
    return new platform.Suspending(callback);
  }
  return callback as WebAssembly.ImportValue;
}

/** An export that may suspend. */
export function promising(callback: CallableFunction): (...args: unknown[]) => Promise<unknown> {
  if (platform.promising === undefined) {
    return async (...args) => (await callback(...args)) as unknown;
  }
  return platform.promising(callback);
}

/** Whether a host function says that it answers with promises. */
export function isAsync(callback: CallableFunction): boolean {
  return callback.constructor.name === "AsyncFunction";
}

/** Whether the answer of this host function can be waited for. */
export function mayWait(suspension: Suspension, callback: CallableFunction): boolean {
  return suspension === "engine" && isAsync(callback);
}
