/**
 * A plug-in that runs in a Worker, seen from the page.
 *
 * Must not know: which platform's Worker it is. Invariants: a call that has to stop ends at once, whatever the plug-in does,
 * by the end of its Worker; the next call gets a new one, and variables, configuration and identity are kept; requests that
 * were on their way when a Worker ended are answered, too.
 */

import type { BackendOptions, Input, Instance } from "../backend.js";
import { errorOf } from "../error.js";
import { messageOf, runHostFunction } from "../host-function.js";
import { Status } from "../status.js";
import { identity } from "./identity.js";
import { addRead, answer, sharedMemory } from "./channel.js";
import { failureError, failureOf, HostThrown, type Failure } from "./failure.js";
import { oneHop, type Sent } from "./http.js";
import type { Loaded } from "./loaded.js";
import { functionExists } from "./machine.js";
import {
  type FromWorker,
  type HostAnswer,
  type HttpAnswer,
  type Request,
  sentBytes,
  type WorkerEnd,
  type Written,
} from "./messages.js";
import { packed } from "./packet.js";
import { canShareMemory, TIMER_MS_MAX } from "./platform.js";
import { RemoteCallMemory } from "./remote-memory.js";
import { canSuspend } from "./suspension.js";

/** Makes a Worker that serves. */
export type WorkerMaker = (args: Readonly<Record<string, unknown>> | undefined) => WorkerEnd;

const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

/** The running call. */
interface Running {
  readonly hostContext: unknown;
  deadline: number;
  /** Time begins to count. */
  readonly begin: () => void;
  readonly stop: (status: number, message: string) => void;
  isStopped: boolean;
  /** What a host function threw. */
  thrown?: { readonly error: unknown };
  readonly abort: AbortController;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Makes a plug-in in a Worker. */
export async function makeInWorker(
  maker: WorkerMaker,
  core: WebAssembly.Module,
  loaded: Loaded,
  options: BackendOptions,
  closed: () => void,
  signal?: AbortSignal,
): Promise<Instance> {
  const instance = new WorkerInstance(maker, core, loaded, options, closed);
  const stop = (): void => {
    instance.end();
  };
  signal?.addEventListener("abort", stop);
  try {
    await instance.start();
  } catch (error) {
    instance.end();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  return instance;
}

class WorkerInstance implements Instance {
  readonly #id = identity();
  readonly #maker: WorkerMaker;
  readonly #core: WebAssembly.Module;
  readonly #loaded: Loaded;
  readonly #options: BackendOptions;
  readonly #closed: () => void;
  readonly #pending = new Map<number, Pending>();
  readonly #variables = new Map<string, Uint8Array>();
  #config: Record<string, string | null> = {};
  #headers = false;
  #renewals = 0;
  #end: WorkerEnd | undefined;
  #shared: SharedArrayBuffer | undefined;
  #starting: Promise<void> | undefined;
  #running: Running | undefined;
  #next = 0;
  #isClosed = false;

  constructor(
    maker: WorkerMaker,
    core: WebAssembly.Module,
    loaded: Loaded,
    options: BackendOptions,
    closed: () => void,
  ) {
    this.#maker = maker;
    this.#core = core;
    this.#loaded = loaded;
    this.#options = options;
    this.#closed = closed;
    if (options.functions.length > 0 && !canShareMemory() && !canSuspend()) {
      const text =
        "host functions of a plug-in in a Worker need SharedArrayBuffer (a page that is cross-origin isolated) or WebAssembly.Suspending";
      throw errorOf(Status.InvalidArgument, text);
    }
  }

  get id(): string {
    this.#live();
    return this.#id;
  }

  /** Starts a Worker. */
  async start(): Promise<void> {
    await this.#started();
  }

  callSync(): never {
    throw errorOf(Status.InvalidArgument, "the plug-in runs in a Worker: await call");
  }

  async call(name: string, input: Input, hostContext: unknown): Promise<ArrayBuffer | null> {
    this.#live();
    this.#idle();
    return await this.#during(hostContext, async (running) => {
      const mustStart = this.#end === undefined || this.#starting !== undefined;
      const own = mustStart && typeof input !== "string" ? input.slice() : ofItsOwn(input);
      if (mustStart) {
        await this.#started();
      }
      // A Worker takes its time to start, which is not the plug-in's.
      running.begin();
      return (await this.#ask({ kind: "call", name, input: own, timeMs: this.#timeMs })) as ArrayBuffer | null;
    });
  }

  cancel(): void {
    this.#running?.stop(Status.Cancelled, "timeout: the call was cancelled");
  }

  isActive(): boolean {
    return this.#running !== undefined;
  }

  functionExists(name: string): Promise<boolean> {
    return this.#quietly(() => functionExists(this.#loaded.plan, name));
  }

  async configure(values: Readonly<Record<string, string | null>>): Promise<void> {
    this.#live();
    const own = { ...values };
    await this.#tell({ kind: "configure", values: own }, () => {
      this.#config = { ...this.#config, ...own };
    });
  }

  variable(name: string): Promise<Uint8Array | undefined> {
    return this.#quietly(() => this.#variables.get(name)?.slice());
  }

  async setVariable(name: string, value: Uint8Array | undefined): Promise<void> {
    this.#live();
    const own = value?.slice();
    await this.#tell({ kind: "set", name, value: own }, () => {
      this.#keep(name, own);
    });
  }

  async reset(): Promise<void> {
    this.#live();
    this.#idle();
    await this.#tell({ kind: "reset" });
  }

  async renew(): Promise<void> {
    this.#live();
    this.#idle();
    this.#renewals += 1;
    this.#variables.clear();
    this.#config = {};
    this.#headers = false;
    await this.#during(undefined, async (running) => {
      if (this.#end === undefined) {
        // A plug-in in a fresh Worker is as new.
        await this.#started();
      } else {
        running.begin();
        await this.#ask({ kind: "renew" });
      }
    });
  }

  fuelConsumed(): bigint | undefined {
    return undefined;
  }

  allowHttpResponseHeaders(): void {
    this.#live();
    this.#headers = true;
    this.#tell({ kind: "headers" }).catch(() => undefined);
  }

  exports(): Promise<WebAssembly.ModuleExportDescriptor[]> {
    return this.#quietly(() => described(this.#loaded, WebAssembly.Module.exports));
  }

  imports(): Promise<WebAssembly.ModuleImportDescriptor[]> {
    return this.#quietly(() => described(this.#loaded, WebAssembly.Module.imports));
  }

  webInstance(): Promise<WebAssembly.Instance> {
    return Promise.reject(errorOf(Status.InvalidArgument, "the instance is in a Worker"));
  }

  close(): Promise<void> {
    this.closeSync();
    return Promise.resolve();
  }

  closeSync(): void {
    if (!this.#isClosed) {
      this.end();
      this.#closed();
    }
  }

  /** Ends the Worker for good. */
  end(): void {
    this.cancel();
    this.#isClosed = true;
    this.#restart(errorOf(Status.Closed, "the plug-in was closed"));
  }

  /** Does something that can be stopped: by its time, or by a cancel. */
  async #during<T>(hostContext: unknown, work: (running: Running) => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped: (error: Error) => void = () => undefined;
    const stop = new Promise<never>((_, reject) => {
      stopped = reject;
    });
    const limit = this.#timeMs;
    const running: Running = {
      hostContext,
      deadline: Number.POSITIVE_INFINITY,
      isStopped: false,
      abort: new AbortController(),
      begin: () => {
        clearTimeout(timer);
        if (limit !== null && limit < TIMER_MS_MAX && !running.isStopped) {
          running.deadline = performance.now() + limit;
          timer = setTimeout(() => {
            running.stop(Status.Timeout, "timeout");
            // A timer may be early by less than a millisecond.
          }, limit + 1);
        }
      },
      stop: (status, message) => {
        running.isStopped = true;
        const error = errorOf(status, message);
        this.#restart(error);
        stopped(error);
      },
    };
    this.#running = running;
    try {
      return await Promise.race([work(running), stop]);
    } finally {
      running.isStopped = true;
      clearTimeout(timer);
      running.abort.abort();
      if (this.#running === running) {
        this.#running = undefined;
        this.#rest();
      }
    }
  }

  /**
   * Tells the Worker something that the page keeps, too, for the next Worker: once this one knows it, so that both are of one
   * mind. Where there is no Worker, the next is made with it.
   */
  async #tell(request: Request, keep?: () => void): Promise<void> {
    const renewals = this.#renewals;
    if (this.#end !== undefined) {
      await this.#ask(request, () => {
        if (renewals === this.#renewals) {
          keep?.();
        }
      });
    } else {
      keep?.();
    }
  }

  /** Asks the Worker for something; `done` comes before anything else that it says. */
  async #ask(request: Request, done?: () => void): Promise<unknown> {
    if (this.#end === undefined || this.#starting !== undefined) {
      await this.#started();
    }
    const end = this.#end;
    if (end === undefined) {
      throw errorOf(Status.Closed, "the plug-in was closed");
    }
    const n = (this.#next += 1);
    return await new Promise((resolve, reject) => {
      const answered = (value: unknown): void => {
        done?.();
        resolve(value);
      };
      this.#pending.set(n, { resolve: answered, reject });
      end.keepAlive(true);
      end.post({ ...request, n });
    });
  }

  #started(): Promise<void> {
    const starting = (): Promise<void> =>
      this.#running === undefined ? this.#during(undefined, () => this.#begun()) : this.#begun();
    this.#starting ??= starting().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  #begun(): Promise<void> {
    if (this.#end !== undefined) {
      return Promise.resolve();
    }
    const { functions, web, wasi, wasiArgs, wasiEnv, wasiOutput } = this.#options;
    const end = this.#maker(web.nodeWorkerArgs);
    this.#end = end;
    const shared = canShareMemory() ? sharedMemory(web.sharedArrayBufferSize) : undefined;
    this.#shared = shared;
    return new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve: resolve as () => void, reject });
      end.listen((message) => {
        if (message.kind === "written") {
          // What it wrote before its end is shown.
          void show(message, end, shared);
        } else if (this.#end === end) {
          this.#received(message);
        }
      });
      end.onFailure((error) => {
        if (this.#end === end) {
          this.#restart(errorOf(Status.Internal, `the Worker of the plug-in has ended: ${messageOf(error)}`));
        }
      });
      end.post({
        kind: "make",
        core: this.#core,
        loaded: this.#loaded,
        id: this.#id,
        functions: functions.map(({ namespace, name, type }) => ({ namespace, name, type })),
        wasi: wasi ? { args: wasiArgs, env: wasiEnv, output: wasiOutput ?? false } : undefined,
        shared: this.#shared,
        variables: [...this.#variables],
        config: this.#config,
        headers: this.#headers,
      });
    });
  }

  #received(message: Exclude<FromWorker, Written>): void {
    switch (message.kind) {
      case "alive":
        this.#running?.begin();
        return;
      case "made":
        this.#settle(0)?.resolve(undefined);
        return;
      case "broken":
        this.#restart(failureError(message.failure));
        return;
      case "done":
        this.#settle(message.n)?.resolve(message.value);
        return;
      case "threw": {
        const cause = message.byHost ? this.#running?.thrown?.error : undefined;
        this.#settle(message.n)?.reject(failureError(message.failure, cause));
        return;
      }
      case "log":
        this.#log(message.level, message.message);
        return;
      case "changed":
        this.#keep(message.name, message.value);
        if (this.#shared !== undefined) {
          addRead(this.#shared, sentBytes(message.name, message.value));
        }
        return;
      case "host":
        void this.#host(message.index, message.args, message.blocks);
        return;
      case "http":
        void this.#http(message.sent, message.body);
    }
  }

  #settle(n: number): Pending | undefined {
    const pending = this.#pending.get(n);
    this.#pending.delete(n);
    this.#rest();
    return pending;
  }

  /** A process may end while nothing is asked of the Worker. */
  #rest(): void {
    if (this.#pending.size === 0 && this.#running === undefined) {
      this.#end?.keepAlive(false);
    }
  }

  get #timeMs(): number | null {
    return this.#loaded.plan.call_time_ms_max;
  }

  /** Ends the Worker; whatever was asked of it fails with this error. */
  #restart(error: Error): void {
    this.#end?.terminate();
    this.#end = undefined;
    this.#starting = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const each of pending) {
      each.reject(error);
    }
  }

  #keep(name: string, value: Uint8Array | undefined): void {
    if (value === undefined) {
      this.#variables.delete(name);
    } else {
      this.#variables.set(name, value);
    }
  }

  /** Runs a host function and tells the Worker what it did. */
  async #host(
    index: number,
    args: readonly unknown[],
    blocks: readonly (readonly [bigint, Uint8Array])[],
  ): Promise<void> {
    const running = this.#running;
    const given = this.#options.functions[index];
    if (running === undefined || given === undefined) {
      this.#refuse();
      return;
    }
    const memory = new RemoteCallMemory(this.#id, blocks, this.#variables, {
      mustStop: () => {
        if (!running.isStopped && performance.now() >= running.deadline) {
          // Its timer is late, and the call is over as soon as anybody knows.
          running.stop(Status.Timeout, "timeout");
        }
        return running.isStopped;
      },
      timeRemainingMs: () =>
        Number.isFinite(running.deadline) ? Math.max(0, running.deadline - performance.now()) : undefined,
    });
    let said: HostAnswer;
    try {
      const result = await runHostFunction(given.callback, memory, running.hostContext, args);
      said = { ...memory.done(), ...shaped(result) };
    } catch (error) {
      running.thrown = { error };
      said = { ...memory.done(), results: [], shape: "none", threw: thrownFailure(error) };
    }
    if (running.isStopped) {
      return;
    }
    for (const [name, value] of said.variables) {
      this.#keep(name, value ?? undefined);
    }
    await this.#answer(said, running);
  }

  async #http(sent: Sent, body: Uint8Array | undefined): Promise<void> {
    const running = this.#running;
    if (running === undefined) {
      this.#refuse();
      return;
    }
    const hop = await oneHop(
      this.#options.web.fetch ?? globalThis.fetch.bind(globalThis),
      sent,
      body,
      running.abort.signal,
    );
    if (!running.isStopped) {
      await this.#answer(hop, running);
    }
  }

  /** Nobody has called, so that nobody would end what the Worker waits for. */
  #refuse(): void {
    this.#restart(errorOf(Status.Internal, "a plug-in asks for something that no call needs"));
  }

  /** Answers the Worker, which waits for it. */
  async #answer(value: HostAnswer | HttpAnswer, running: Running): Promise<void> {
    const bytes = packed(value);
    if (this.#shared === undefined) {
      this.#end?.post({ kind: "answer", bytes });
    } else {
      await answer(this.#shared, bytes, () => running.isStopped);
    }
  }

  #log(level: number, message: string): void {
    const name = LEVELS[level];
    try {
      if (name !== undefined) {
        this.#options.log?.(name, message, this.#id);
      }
    } catch {
      // What a sink throws is its own; the plug-in's call goes on.
    }
  }

  #live(): void {
    if (this.#isClosed) {
      throw errorOf(Status.Closed, "the plug-in was closed");
    }
  }

  #idle(): void {
    if (this.#running !== undefined) {
      throw errorOf(Status.Busy, "cannot make reentrant calls into plugin");
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- so that what is thrown rejects
  async #quietly<T>(work: () => T): Promise<T> {
    this.#live();
    return work();
  }
}

/** Shows what a Worker has said, which may say more when it is shown. */
async function show({ line, isError }: Written, end: WorkerEnd, shared: SharedArrayBuffer | undefined): Promise<void> {
  try {
    await end.show(line, isError);
  } catch {
    // What shows it may be a user's; the plug-in's call goes on.
  }
  if (shared !== undefined) {
    addRead(shared, sentBytes(line));
  }
}

/** Input that no one changes on its way. */
function ofItsOwn(input: Input): Input {
  // What is cloned is the whole buffer behind a view.
  return typeof input === "string" || input.byteLength === input.buffer.byteLength ? input : input.slice();
}

function shaped(result: unknown): Pick<HostAnswer, "results" | "shape"> {
  if (result === undefined || result === null) {
    return { results: [], shape: "none" };
  }
  if (Array.isArray(result)) {
    return { results: result.map(number), shape: "several" };
  }
  return { results: [number(result)], shape: "one" };
}

/** A value as WebAssembly's own conversions take it. */
function number(value: unknown): number | bigint | null {
  return typeof value === "bigint" ? value : value === undefined ? null : Number(value);
}

function thrownFailure(error: unknown): Failure {
  return failureOf(new HostThrown(error)).failure;
}

function described<T extends { name: string }>(loaded: Loaded, describe: (module: WebAssembly.Module) => T[]): T[] {
  const main = loaded.plan.modules.findIndex((module) => module.name === "main");
  const all = describe(loaded.modules[main] as WebAssembly.Module);
  return all.filter((each) => !each.name.startsWith("extism:kernel/"));
}
