/**
 * Plug-ins that can be called.
 *
 * Must not know: which engine runs them. Invariants: what it holds is freed once, by `close` or when nobody holds the
 * plug-in any more; a call that is refused has changed nothing.
 */

import type { BackendCompiled, Input, Instance } from "./backend.js";
import { bytesOf, type Bytes } from "./bytes.js";
import { CancelHandle } from "./cancel-handle.js";
import { errorOf, ExtismError } from "./error.js";
import { PluginOutput } from "./output.js";
import { Status } from "./status.js";

/** What a function may be called with: text travels as UTF-8, a number as its text, nothing as no bytes. */
export type CallInput = Bytes | number | null | undefined;

/** What belongs to one call. */
export interface CallOptions {
  /** Cancels the call when it aborts. The error then has its reason as the cause. */
  signal?: AbortSignal | undefined;
}

/**
 * A plug-in. One call at a time is inside of it; a second one is refused with a `BusyError`.
 *
 * ```ts
 * await using plugin = await createPlugin("plugin.wasm", { config: { greeting: "hello" } });
 * const output = await plugin.call("greet", "world");
 * console.log(output?.text());
 * ```
 */
export class Plugin {
  readonly #instance: Instance;
  /** What it was made from, if it is this plug-in's alone. */
  readonly #compiled: BackendCompiled | undefined;

  /** @hidden Use `createPlugin`. */
  constructor(instance: Instance, compiled?: BackendCompiled) {
    this.#instance = instance;
    this.#compiled = compiled;
  }

  /** The identity of the plug-in, as in its log messages. */
  get id(): string {
    return this.#instance.id;
  }

  /**
   * Calls a function; `null` if it put out nothing. With the addon, the plug-in runs on a thread of its own, and host
   * functions run here and may answer with promises; they get `hostContext` from `CurrentPlugin.hostContext`.
   */
  async call(
    functionName: string,
    input?: CallInput,
    hostContext?: unknown,
    options?: CallOptions,
  ): Promise<PluginOutput | null> {
    const signal = options?.signal;
    if (signal === undefined) {
      return outputOf(await this.#instance.call(nameOf(functionName), inputOf(input), hostContext));
    }
    return await this.#callWithSignal(functionName, input, hostContext, signal);
  }

  /** As {@link Plugin.call}, here and now. Host functions that answer with promises make it fail. */
  callSync(functionName: string, input?: CallInput, hostContext?: unknown): PluginOutput | null {
    const given = typeof input === "string" ? input : inputOf(input);
    return outputOf(this.#instance.callSync(nameOf(functionName), given, hostContext));
  }

  /** Whether the plug-in exports a function of this name that can be called. */
  async functionExists(functionName: string): Promise<boolean> {
    return await this.#instance.functionExists(nameOf(functionName));
  }

  /** Merges values into the configuration; `null` removes one. */
  async config(values: Readonly<Record<string, string | null>>): Promise<void> {
    await this.#instance.configure(values);
  }

  /** As {@link Plugin.config}, here and now. */
  configSync(values: Readonly<Record<string, string | null>>): void {
    const done = this.#instance.configure(values);
    if (done !== undefined) {
      done.catch(() => undefined);
      throw errorOf(Status.InvalidArgument, "the plug-in runs in a Worker, which has to be awaited");
    }
  }

  /** A copy of the value of a variable; `null` if there is none of this name. */
  async varGet(name: string): Promise<PluginOutput | null> {
    const value = await this.#instance.variable(nameOf(name));
    return value === undefined ? null : new PluginOutput(value.slice().buffer as ArrayBuffer);
  }

  /** Sets a variable. */
  async varSet(name: string, value: Bytes): Promise<void> {
    await this.#instance.setVariable(nameOf(name), bytesOf(value, "a value"));
  }

  /** Removes a variable, if there is one of this name. */
  async varRemove(name: string): Promise<void> {
    await this.#instance.setVariable(nameOf(name), undefined);
  }

  /** Overwrites what the last call left in plug-in memory with zeros; `false`, and nothing done, while a call runs. */
  async reset(): Promise<boolean> {
    if (this.#instance.isActive()) {
      return false;
    }
    await this.#instance.reset();
    return true;
  }

  /** Makes the plug-in as new: memory, variables, configuration. Its identity stays. */
  async renew(): Promise<void> {
    await this.#instance.renew();
  }

  /** The fuel the last call used; `undefined` if fuel is not counted. */
  fuelConsumed(): bigint | undefined {
    return this.#instance.fuelConsumed();
  }

  /** Lets the plug-in see the headers of HTTP responses from now on. */
  allowHttpResponseHeaders(): void {
    this.#instance.allowHttpResponseHeaders();
  }

  /** Whether a call runs. */
  isActive(): boolean {
    return this.#instance.isActive();
  }

  /** Cancels the call that runs, if one does. */
  cancel(): void {
    this.#instance.cancel();
  }

  /** What cancels calls of this plug-in, and may outlive it. */
  cancelHandle(): CancelHandle {
    return new CancelHandle(this.#instance);
  }

  /** What the main module exports. */
  async getExports(): Promise<WebAssembly.ModuleExportDescriptor[]> {
    return await this.#instance.exports();
  }

  /** What the main module imports. */
  async getImports(): Promise<WebAssembly.ModuleImportDescriptor[]> {
    return await this.#instance.imports();
  }

  /** The instance of the platform's own engine; only the web engine has one. */
  async getInstance(): Promise<WebAssembly.Instance> {
    return await this.#instance.webInstance();
  }

  /**
   * Frees the plug-in, or gives it back to its pool. A call that runs is cancelled, and waited for. Twice is allowed.
   *
   * In a Worker of the web engine a call that never ends is over at once, with its Worker. On the thread that closes nothing
   * is heard until the call has returned: plug-ins that may never do so need a time limit, or `runInWorker`.
   */
  async close(): Promise<void> {
    await this.#instance.close();
    this.#compiled?.close();
  }

  /** As {@link Plugin.close}, without waiting. */
  [Symbol.dispose](): void {
    this.#instance.closeSync();
    this.#compiled?.close();
  }

  /** {@link Plugin.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #callWithSignal(
    functionName: string,
    input: CallInput,
    hostContext: unknown,
    signal: AbortSignal,
  ): Promise<PluginOutput | null> {
    if (signal.aborted) {
      throw errorOf(Status.Cancelled, "the call was aborted before it began", { cause: signal.reason });
    }
    const cancel = (): void => {
      this.#instance.cancel();
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return outputOf(await this.#instance.call(nameOf(functionName), inputOf(input), hostContext));
    } catch (error) {
      if (signal.aborted && error instanceof ExtismError && error.status === Status.Cancelled) {
        throw errorOf(error.status, error.message, { guestCode: error.guestCode, cause: signal.reason });
      }
      throw error;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }
}

function outputOf(buffer: ArrayBuffer | null): PluginOutput | null {
  return buffer === null ? null : new PluginOutput(buffer);
}

function nameOf(name: unknown): string {
  if (typeof name !== "string") {
    throw errorOf(Status.InvalidArgument, `a name is text, not ${typeof name}`);
  }
  return name;
}

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

function inputOf(input: CallInput): Input {
  if (typeof input === "string") {
    return input;
  }
  if (input === undefined || input === null) {
    return EMPTY;
  }
  return typeof input === "number" ? String(input) : bytesOf(input, "input");
}
