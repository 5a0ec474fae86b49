/**
 * This JavaScript thread, to the addon: the jobs that threads of the addon do for it, the calls it makes itself, and the
 * host functions and log sinks that are reached by either.
 *
 * Must not know: what jobs are for. Invariants: a job is settled once; while one is there, the process does not end; values
 * in the shared memory are read before anything else can put others there.
 */

import { isShortAscii, writeAscii } from "../ascii.js";
import type { CallMemory, Input, LogSink } from "../backend.js";
import { errorOf, ExtismError } from "../error.js";
import { isThenable, messageOf, runHostFunction, type HostFunction, type ValueType } from "../host-function.js";
import { Status } from "../status.js";
import { neededAddon, type Realm } from "./addon.js";

/** What host functions and the log of a plug-in are to its calls. */
export interface Surroundings {
  readonly functions: readonly HostFunction[];
  readonly log: LogSink | undefined;
}

/** A call, and what belongs to it. */
interface Frame {
  readonly around: Surroundings;
  readonly hostContext: unknown;
  /** What a host function threw, in a list so that `undefined` counts. */
  thrown: [unknown] | undefined;
}

interface Pending extends Frame {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ExtismError) => void;
  /** The host function that has not answered. */
  request: number | undefined;
  /** Keeps what the job works on from being collected. */
  readonly held: unknown;
}

/** What is enough for the arguments of any host function, and for the outputs of most calls. */
const MEMORY_BYTES = 16_384;

export const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

/** Text up to this length is put into the memory for inputs, 3 bytes for each unit at most. */
const SHORT = 1_024;

const input = /* @__PURE__ */ new Uint8Array(3 * SHORT);
const encoder = /* @__PURE__ */ new TextEncoder();
const memory = /* @__PURE__ */ new ArrayBuffer(MEMORY_BYTES);
const asBytes = /* @__PURE__ */ new Uint8Array(memory);
const asI32 = /* @__PURE__ */ new Int32Array(memory);
const asI64 = /* @__PURE__ */ new BigInt64Array(memory);
const asF32 = /* @__PURE__ */ new Float32Array(memory);
const asF64 = /* @__PURE__ */ new Float64Array(memory);

let own: Realm | undefined;
const frames: Frame[] = [];
const jobs = /* @__PURE__ */ new Map<number, Pending>();
let lastJob = 0;
let awake: NodeJS.Timeout | undefined;

/** This thread. */
export function realm(): Realm {
  return (own ??= new (neededAddon().Realm)(asBytes, input, dispatch, log, receive));
}

/** Does something here and now, with its host functions. What it throws becomes an error of the package. */
export function enter<T>(around: Surroundings, hostContext: unknown, work: () => T): T {
  const frame: Frame = { around, hostContext, thrown: undefined };
  frames.push(frame);
  try {
    return work();
  } catch (error) {
    throw translated(error, frame);
  } finally {
    frames.pop();
  }
}

/** Does something that runs nothing of a plug-in. */
export function plain<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translated(error, undefined);
  }
}

/** Puts a short input where the addon reads it, and answers its length; `undefined` for one that is not short. */
export function placed(given: Input): number | undefined {
  if (typeof given === "string" && isShortAscii(given)) {
    writeAscii(given, input, 0);
  } else if (given.length > SHORT) {
    return undefined;
  } else if (typeof given === "string") {
    return encoder.encodeInto(given, input).written;
  } else {
    input.set(given);
  }
  return given.length;
}

/** An input as the addon takes one that is not placed. */
export function encoded(given: Input): Uint8Array {
  return typeof given === "string" ? encoder.encode(given) : given;
}

/** The output that lies in the shared memory. */
export function outputOf(length: number): ArrayBuffer {
  // Short arrays are made in a third less time than short buffers.
  return asBytes.slice(0, length).buffer;
}

/** Has a thread of the addon do something. */
export async function start<T>(
  around: Surroundings,
  hostContext: unknown,
  held: unknown,
  begin: (job: number) => void,
): Promise<T> {
  try {
    return await job<T>(around, hostContext, held, begin);
  } catch (error) {
    if (error instanceof Error && "captureStackTrace" in Error) {
      // The error was made for an event; who waits for it wants to see himself in it.
      Error.captureStackTrace(error);
    }
    throw error;
  }
}

function job<T>(around: Surroundings, hostContext: unknown, held: unknown, begin: (job: number) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const number = nextJob();
    const pending: Pending = {
      around,
      hostContext,
      thrown: undefined,
      resolve: resolve as (value: unknown) => void,
      reject,
      request: undefined,
      held,
    };
    jobs.set(number, pending);
    // A job keeps the process alive, as a request to the network does.
    awake ??= setInterval(() => undefined, 0x7fffffff);
    try {
      begin(number);
    } catch (error) {
      forget(number);
      reject(translated(error, undefined));
    }
  });
}

function nextJob(): number {
  do {
    lastJob = (lastJob + 1) >>> 0;
  } while (jobs.has(lastJob));
  return lastJob;
}

function forget(number: number): void {
  jobs.delete(number);
  if (jobs.size === 0) {
    clearInterval(awake);
    awake = undefined;
  }
}

/** An event of the addon. */
function receive(kind: number, job: number, first: unknown, second: unknown, number: number): void {
  const pending = jobs.get(job);
  if (pending === undefined) {
    return;
  }
  switch (kind) {
    case 0:
      settle(job, pending);
      pending.resolve(first);
      break;
    case 1:
      settle(job, pending);
      pending.reject(failure(first as string, second as string, pending));
      break;
    case 2:
      run(pending, first as number, second as number, number);
      break;
    default:
      deliver(pending.around, number, first as string, second as string);
  }
}

function settle(job: number, pending: Pending): void {
  forget(job);
  if (pending.request !== undefined) {
    realm().hostFail(pending.request, "the call is over");
  }
}

/** Runs a host function of the call that is made here. The text of what it threw is the answer. */
function dispatch(func: number, signature: number, loan: number): string | undefined {
  const frame = frames[frames.length - 1];
  const types = typesOf(signature);
  const args = argumentsOf(types.params);
  try {
    const host = frame?.around.functions[func];
    if (frame === undefined || host === undefined) {
      return "no JavaScript has called the plug-in";
    }
    const result = runHostFunction(host.callback, new Memory(loan), frame.hostContext, args);
    if (isThenable(result)) {
      Promise.resolve(result).catch(() => undefined);
      throw errorOf(
        Status.HostFunction,
        `the host function ${host.name} answered with a promise, which a synchronous call cannot wait for`,
      );
    }
    putResults(types.results, result);
    return undefined;
  } catch (error) {
    if (frame !== undefined) {
      frame.thrown = [error];
    }
    return messageOf(error);
  }
}

/** Runs a host function of a call that another thread makes; it waits for what this answers. */
function run(pending: Pending, func: number, signature: number, request: number): void {
  const types = typesOf(signature);
  const args = argumentsOf(types.params);
  pending.request = request;
  const fail = (error: unknown): void => {
    if (pending.request === request) {
      pending.request = undefined;
      pending.thrown = [error];
      realm().hostFail(request, messageOf(error));
    }
  };
  const answer = (result: unknown): void => {
    if (pending.request === request) {
      try {
        putResults(types.results, result);
      } catch (error) {
        fail(error);
        return;
      }
      pending.request = undefined;
      realm().hostReturn(request);
    }
  };
  try {
    const host = pending.around.functions[func];
    if (host === undefined) {
      throw errorOf(Status.HostFunction, "there is no such host function");
    }
    const result = runHostFunction(host.callback, new Memory(request), pending.hostContext, args);
    if (isThenable(result)) {
      result.then(answer, fail);
    } else {
      answer(result);
    }
  } catch (error) {
    fail(error);
  }
}

/** A log message of a call that is made here. */
function log(level: number, message: string, plugin: string): void {
  const frame = frames[frames.length - 1];
  if (frame !== undefined) {
    deliver(frame.around, level, message, plugin);
  }
}

function deliver(around: Surroundings, level: number, message: string, plugin: string): void {
  try {
    around.log?.(LEVELS[level] ?? "error", message, plugin);
  } catch {
    // A log must not fail what it tells about.
  }
}

interface Types {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

const signatures: (Types | undefined)[] = [];

function typesOf(number: number): Types {
  const known = signatures[number];
  if (known !== undefined) {
    return known;
  }
  const [params = "", results = ""] = neededAddon().signature(number);
  return (signatures[number] = { params: split(params), results: split(results) });
}

function split(types: string): ValueType[] {
  return (types.match(/.../g) ?? []) as ValueType[];
}

/** The arguments in the shared memory, 8 bytes each. */
function argumentsOf(params: readonly ValueType[]): unknown[] {
  return params.map((type, at) => {
    switch (type) {
      case "i32":
        return asI32[at * 2];
      case "i64":
        return asI64[at];
      case "f32":
        return asF32[at * 2];
      case "f64":
        return asF64[at];
    }
  });
}

/** Puts results into the shared memory, by the conversions of WebAssembly. */
function putResults(results: readonly ValueType[], result: unknown): void {
  if (results.length === 0) {
    return;
  }
  const values = results.length === 1 ? [result] : Array.from(result as Iterable<unknown>);
  if (values.length !== results.length) {
    throw new TypeError(`${String(results.length)} results were expected, and ${String(values.length)} came`);
  }
  // All are converted before the first is put: a conversion may run anything.
  const converted = values.map((value, at) => {
    switch (results[at]) {
      case "i64":
        return BigInt.asIntN(64, value as bigint);
      case "i32":
        return (value as number) | 0;
      default:
        return +(value as number);
    }
  });
  converted.forEach((value, at) => {
    switch (results[at]) {
      case "i32":
        asI32[at * 2] = value as number;
        break;
      case "i64":
        asI64[at] = value as bigint;
        break;
      case "f32":
        asF32[at * 2] = value as number;
        break;
      default:
        asF64[at] = value as number;
    }
  });
}

/** The plug-in that calls a host function. */
class Memory implements CallMemory {
  readonly #loan: number;

  constructor(loan: number) {
    this.#loan = loan;
  }

  get pluginId(): string {
    return plain(() => realm().memoryPlugin(this.#loan));
  }
  alloc(bytes: number): bigint {
    return plain(() => realm().memoryAlloc(this.#loan, bytes));
  }
  free(handle: bigint): void {
    plain(() => {
      realm().memoryFree(this.#loan, handle);
    });
  }
  length(handle: bigint): number {
    return plain(() => realm().memoryLength(this.#loan, handle));
  }
  read(handle: bigint): Uint8Array {
    return plain(() => realm().memoryRead(this.#loan, handle));
  }
  write(handle: bigint, bytes: Uint8Array): void {
    plain(() => {
      realm().memoryWrite(this.#loan, handle, bytes);
    });
  }
  store(bytes: Uint8Array): bigint {
    return plain(() => realm().memoryStore(this.#loan, bytes));
  }
  variable(name: string): Uint8Array | undefined {
    return plain(() => realm().memoryVariable(this.#loan, name)) ?? undefined;
  }
  setVariable(name: string, value: Uint8Array | undefined): void {
    plain(() => {
      realm().memorySetVariable(this.#loan, name, value);
    });
  }
  setError(message: string | undefined): void {
    plain(() => {
      realm().memorySetError(this.#loan, message);
    });
  }
  mustStop(): boolean {
    return realm().memoryMustStop(this.#loan);
  }
  timeRemainingMs(): number | undefined {
    return plain(() => realm().memoryTimeRemaining(this.#loan)) ?? undefined;
  }
}

/** An error of the addon as one of the package. */
function translated(error: unknown, frame: Frame | undefined): unknown {
  if (error instanceof ExtismError || !(error instanceof Error)) {
    return error;
  }
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string") {
    return error;
  }
  return code.startsWith("EXTISM:")
    ? failure(code, error.message, frame)
    : errorOf(Status.InvalidArgument, error.message);
}

/** The error for a code of the addon: its status, and that of the plug-in. */
function failure(code: string, message: string, frame: Frame | undefined): ExtismError {
  const [, status, guestCode] = code.split(":").map(Number);
  const options: { guestCode: number; cause?: unknown } = { guestCode: guestCode ?? 0 };
  if (status === Status.HostFunction && frame?.thrown !== undefined) {
    options.cause = frame.thrown[0];
  }
  return errorOf(status ?? Status.Internal, message, options);
}
