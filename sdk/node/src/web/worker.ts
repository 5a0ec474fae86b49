/**
 * The inside of a Worker: one plug-in, called by messages.
 *
 * Must not know: which platform's Worker it is. Invariants: requests are answered in order, each once; what the page has to
 * know of the plug-in's variables it is told when they change, so that they outlive this Worker, and at the latest before it
 * is told anything else; of what it has not read there is never more than a bound.
 */

import { failureError, failureOf, HostThrown, type Failure } from "./failure.js";
import { unread, waitForAnswer, waitForReader } from "./channel.js";
import { ExtismError } from "../error.js";
import type { Hop, Sent } from "./http.js";
import { Machine } from "./machine.js";
import {
  type Endpoint,
  type FromWorker,
  type HostAnswer,
  type Make,
  type Request,
  sentBytes,
  type ToWorker,
} from "./messages.js";
import { unpacked } from "./packet.js";
import { canSuspend, type Suspension } from "./suspension.js";
import { show, wasiMaker } from "./wasi.js";

/**
 * Bytes of variables and output that may be on their way to a page: it reads nothing while it is busy, and a plug-in can
 * change variables and write faster than it reads.
 */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** Serves the page. */
export function serve(page: Endpoint<FromWorker, ToWorker>): void {
  let worker: Worker | undefined;
  let turn: Promise<void> = Promise.resolve();
  page.listen((message) => {
    if (message.kind === "make") {
      worker = new Worker(page, message);
      page.post({ kind: "alive" });
      turn = worker.make();
    } else if (message.kind === "answer") {
      worker?.answered(message.bytes);
    } else if (worker !== undefined) {
      const serving = worker;
      // A plug-in that does not suspend is called at once, without a turn of the queue.
      turn = serving.isIdle() ? serving.handle(message) : turn.then(() => serving.handle(message));
    }
  });
}

class Worker {
  readonly #page: Endpoint<FromWorker, ToWorker>;
  readonly #machine: Machine;
  readonly #make: Make;
  readonly #suspension: Suspension;
  /** Names of variables whose last change the page was not told. */
  readonly #changed = new Set<string>();
  /** Names of variables that it may have heard of, since there are changes it was not told. */
  #heard: Set<string> | undefined;
  /** Bytes of changes and output that the page was told, and how many they were when it last said something. */
  #told = 0;
  #read = 0;
  #isIdle = false;
  #resolve: ((bytes: Uint8Array) => void) | undefined;

  constructor(page: Endpoint<FromWorker, ToWorker>, make: Make) {
    this.#page = page;
    this.#make = make;
    this.#suspension = make.shared === undefined ? (canSuspend() ? "engine" : "none") : "thread";
    const waits = make.functions.length > 0 || make.loaded.plan.http;
    const suspension = waits ? this.#suspension : "none";
    this.#machine = new Machine(make.core, make.loaded, {
      id: make.id,
      functions: make.functions.map((each) => ({ ...each, callback: () => undefined })),
      suspension,
      listener: {
        log: (level, message) => {
          page.post({ kind: "log", level, message });
        },
        variable: (name) => {
          this.#variableChanged(name);
        },
      },
      wasi: make.wasi && wasiMaker(make.wasi, this.#show),
      mustStop: () => false,
      callElsewhere: (index, args) => this.#host(index, args),
      ...(this.#suspension === "none" ? {} : { httpElsewhere: (sent, body) => this.#http(sent, body) }),
    });
  }

  isIdle(): boolean {
    return this.#isIdle;
  }

  /** Says something to the page, which may look at variables then. */
  #say(message: FromWorker, transfer?: Transferable[]): void {
    this.#tellChanges();
    this.#page.post(message, transfer);
  }

  /** Has the page show a line, as soon as it has read most of what it was told; where nothing can wait, shows it here. */
  readonly #show = (line: string, isError: boolean): void => {
    const { shared } = this.#make;
    if (shared === undefined) {
      show(line, isError);
      return;
    }
    waitForReader(shared, this.#told, UNREAD_BYTES_MAX);
    this.#told += sentBytes(line);
    this.#page.post({ kind: "written", line, isError });
  };

  #variableChanged(name: string): void {
    const { variables } = this.#machine;
    this.#changed.add(name);
    if (this.#unread() < UNREAD_BYTES_MAX) {
      this.#tellChanges();
      return;
    }
    this.#heard ??= new Set([name, ...variables.keys()]);
    if (!variables.has(name) && !this.#heard.has(name)) {
      // It came and went: what has to be told does not grow with that.
      this.#changed.delete(name);
    }
  }

  #tellChanges(): void {
    for (const name of this.#changed) {
      const value = this.#machine.variables.get(name);
      this.#told += sentBytes(name, value);
      this.#page.post({ kind: "changed", name, value });
    }
    this.#changed.clear();
    this.#heard = undefined;
  }

  /** How much the page was told and has not read; where it cannot say, since it last said something. */
  #unread(): number {
    const { shared } = this.#make;
    return shared === undefined ? this.#told - this.#read : unread(shared, this.#told);
  }

  answered(bytes: Uint8Array): void {
    this.#read = this.#told;
    this.#resolve?.(bytes);
    this.#resolve = undefined;
  }

  async make(): Promise<void> {
    try {
      await this.#machine.make();
      for (const [name, value] of this.#make.variables) {
        this.#machine.setVariable(name, value);
      }
      this.#machine.configure(this.#make.config);
      if (this.#make.headers) {
        this.#machine.allowHttpResponseHeaders();
      }
      this.#isIdle = true;
      this.#say({ kind: "made" });
    } catch (error) {
      this.#say({ kind: "broken", failure: failed(error) });
    }
  }

  async handle(request: Request & { readonly n: number }): Promise<void> {
    const { n } = request;
    this.#isIdle = false;
    this.#read = this.#told;
    try {
      const machine = this.#machine;
      if (request.kind === "call" && !machine.suspends) {
        this.#returned(n, machine.callNow(request.name, request.input, undefined, request.timeMs));
      } else if (request.kind === "call") {
        this.#returned(n, await machine.call(request.name, request.input, undefined, request.timeMs));
      } else {
        this.#say({ kind: "done", n, value: await perform(machine, request) });
      }
    } catch (error) {
      const byHost = (error as { cause?: unknown }).cause instanceof PageThrew;
      this.#say({ kind: "threw", n, failure: failed(error), byHost });
    } finally {
      this.#isIdle = true;
    }
  }

  #returned(n: number, output: ArrayBuffer | null): void {
    this.#say({ kind: "done", n, value: output }, output === null ? [] : [output]);
  }

  /** Runs a host function on the page. */
  #host(index: number, args: readonly unknown[]): unknown {
    // One copy of each, however often a plug-in names it.
    const blocks = new Map<bigint, Uint8Array>();
    for (const each of args) {
      const handle = typeof each === "bigint" ? BigInt.asUintN(64, each) : 0n;
      if (handle > 0n && !blocks.has(handle) && this.#machine.core.exports.host_length(handle) >= 0) {
        blocks.set(handle, this.#machine.memory.read(handle));
      }
    }
    this.#say({ kind: "host", index, args, blocks: [...blocks] });
    return this.#waited((bytes) => this.#applied(unpacked(bytes) as HostAnswer));
  }

  /** Makes a request on the page. */
  #http(sent: Sent, body: Uint8Array | undefined): Hop | Promise<Hop> {
    this.#say({ kind: "http", sent, body });
    return this.#waited((bytes) => unpacked(bytes) as Hop);
  }

  #waited<T>(use: (bytes: Uint8Array) => T): T | Promise<T> {
    if (this.#make.shared !== undefined) {
      return use(waitForAnswer(this.#make.shared));
    }
    return new Promise<Uint8Array>((resolve) => {
      this.#resolve = resolve;
    }).then(use);
  }

  /** What a host function did, done here. */
  #applied(answer: HostAnswer): unknown {
    const memory = this.#machine.memory;
    const real = new Map<bigint, bigint>();
    for (const [handle, bytes] of answer.stored) {
      real.set(handle, memory.store(bytes));
    }
    for (const [handle, bytes] of answer.written) {
      memory.write(handle, bytes);
    }
    answer.freed.forEach((handle) => {
      memory.free(handle);
    });
    for (const [name, value] of answer.variables) {
      memory.setVariable(name, value ?? undefined);
    }
    if (answer.error !== undefined) {
      memory.setError(answer.error ?? undefined);
    }
    if (answer.threw !== undefined) {
      const { status, message } = answer.threw;
      throw new HostThrown(new PageThrew(status, message), true);
    }
    const results = answer.results.map((result) =>
      typeof result === "bigint" ? (real.get(BigInt.asUintN(64, result)) ?? result) : (result ?? undefined),
    );
    return answer.shape === "several" ? results : answer.shape === "one" ? results[0] : undefined;
  }
}

/** What a host function threw on the page, which has it. */
class PageThrew extends ExtismError {}

async function perform(machine: Machine, request: Exclude<Request, { kind: "call" }>): Promise<unknown> {
  switch (request.kind) {
    case "configure":
      machine.configure(request.values);
      return undefined;
    case "set":
      machine.setVariable(request.name, request.value);
      return undefined;
    case "reset":
      machine.reset();
      return undefined;
    case "renew":
      await machine.renew();
      return undefined;
    case "headers":
      machine.allowHttpResponseHeaders();
      return undefined;
  }
}

function failed(error: unknown): Failure {
  const { failure, cause } = failureOf(error);
  const whole = error instanceof ExtismError ? error : failureError(failure, cause);
  return { status: whole.status, guest_code: whole.guestCode, message: whole.message };
}
