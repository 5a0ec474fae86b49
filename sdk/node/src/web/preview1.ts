/**
 * WASI preview 1 without files: arguments, environment, clocks, random numbers, three streams, and an error number for
 * everything else.
 *
 * Must not know: who may use it. Invariants: no number a plug-in gives reaches beyond its memory; there is no way from here
 * to a file or a socket.
 */

import { Status } from "../status.js";
import { Exited, Interrupted } from "./failure.js";

/** What a program is started with. */
export interface Program {
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Receives what is written to the standard output, and to the standard error. */
  readonly output: (bytes: Uint8Array) => void;
  readonly error: (bytes: Uint8Array) => void;
}

/** An open descriptor; one that cannot be written is the input, which is empty. */
interface Stream {
  readonly write?: (bytes: Uint8Array) => void;
}

const SUCCESS = 0;
const BADF = 8;
const INVAL = 28;
const NOTSUP = 58;
const SPIPE = 70;

const CHARACTER_DEVICE = 2;
const RIGHT_READ = 1n << 1n;
const RIGHT_WRITE = 1n << 6n;

const REALTIME = 0;
const MONOTONIC = 1;
const ABSOLUTE = 1;
const CLOCK_EVENT = 0;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const RANDOM_BYTES_MAX = 65_536;
/** How much can be waited for at once, as with the native engine. */
const SUBSCRIPTIONS_MAX = 1_024;

/** Of these, one that is open has nothing to do. */
const NOTHING_TO_DO = ["fd_advise", "fd_datasync", "fd_fdstat_set_flags", "fd_sync"];
/** Streams have no places. */
const PLACED = ["fd_pread", "fd_pwrite", "fd_seek", "fd_tell"];
/** What only files have. */
const OF_FILES = ["fd_allocate", "fd_fdstat_set_rights", "fd_filestat_set_size", "fd_filestat_set_times", "fd_readdir"];
/** What begins with a folder or a socket, of which there are none. */
const OF_NOTHING = [
  ...["fd_prestat_dir_name", "fd_prestat_get", "path_create_directory", "path_filestat_get", "path_filestat_set_times"],
  ...["path_link", "path_open", "path_readlink", "path_remove_directory", "path_rename", "path_symlink"],
  ...["path_unlink_file", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"],
];

type Call = (...args: never[]) => number;

/** The functions, for each module of a plug-in: on the memory that is told when one is called. */
export type Functions = (memory: () => WebAssembly.Memory | undefined) => WebAssembly.ModuleImports;

/** WASI for a program, of whose modules all have the same streams. */
export function preview1(program: Program): Functions {
  const streams = new Map<number, Stream>([
    [0, {}],
    [1, { write: program.output }],
    [2, { write: program.error }],
  ]);
  return (memory) => functions(program, streams, memory);
}

function functions(
  program: Program,
  streams: Map<number, Stream>,
  memory: () => WebAssembly.Memory | undefined,
): WebAssembly.ModuleImports {
  const view = (): DataView => new DataView(memory()?.buffer ?? new ArrayBuffer(0));
  const part = (at: number, length: number): Uint8Array =>
    new Uint8Array(memory()?.buffer ?? new ArrayBuffer(0), at >>> 0, length >>> 0);
  const ifOpen = (errno: number) => (fd: number) => (streams.has(fd) ? errno : BADF);

  const calls: Record<string, Call> = {
    ...texts("args", program.args, view, part),
    ...texts("environ", program.env, view, part),
    clock_res_get: (clock: number, to: number) => {
      const resolution = clock === REALTIME ? 1_000_000n : clock === MONOTONIC ? 5_000n : undefined;
      return resolution === undefined ? NOTSUP : put64(view(), to, resolution);
    },
    clock_time_get: (clock: number, _precision: bigint, to: number) => {
      const time = now(clock);
      return time === undefined ? NOTSUP : put64(view(), to, time);
    },
    fd_close: (fd: number) => (streams.delete(fd) ? SUCCESS : BADF),
    fd_fdstat_get: (fd: number, to: number) => {
      const stream = streams.get(fd);
      if (stream === undefined) {
        return BADF;
      }
      part(to, 24).fill(0)[0] = CHARACTER_DEVICE;
      return put64(view(), to + 8, stream.write === undefined ? RIGHT_READ : RIGHT_WRITE);
    },
    fd_filestat_get: (fd: number, to: number) => {
      if (!streams.has(fd)) {
        return BADF;
      }
      part(to, 64).fill(0)[16] = CHARACTER_DEVICE;
      return SUCCESS;
    },
    fd_read: (fd: number, _lists: number, _count: number, to: number) => {
      const stream = streams.get(fd);
      return stream === undefined || stream.write !== undefined ? BADF : put32(view(), to, 0);
    },
    fd_renumber: (from: number, to: number) => {
      const stream = streams.get(from);
      if (stream === undefined || !streams.has(to)) {
        return BADF;
      }
      streams.delete(from);
      streams.set(to, stream);
      return SUCCESS;
    },
    fd_write: (fd: number, lists: number, count: number, to: number) => {
      const write = streams.get(fd)?.write;
      if (write === undefined) {
        return BADF;
      }
      let written = 0;
      for (let at = lists >>> 0, left = count >>> 0; left > 0; at += 8, left -= 1) {
        const bytes = part(view().getUint32(at, true), view().getUint32(at + 4, true));
        write(bytes);
        written += bytes.length;
      }
      return put32(view(), to, written);
    },
    poll_oneoff: (from: number, to: number, count: number, countTo: number) =>
      polled(view(), from >>> 0, to >>> 0, count >>> 0, countTo, streams),
    proc_exit: (code: number) => {
      throw new Exited(code);
    },
    proc_raise: () => NOTSUP,
    random_get: (to: number, length: number) => {
      const target = part(to, length);
      for (let at = 0; at < target.length; at += RANDOM_BYTES_MAX) {
        // Not in place: the platform fills no memory that threads share.
        target.set(crypto.getRandomValues(new Uint8Array(Math.min(RANDOM_BYTES_MAX, target.length - at))), at);
      }
      return SUCCESS;
    },
    sched_yield: () => SUCCESS,
  };
  for (const [names, errno] of [
    [NOTHING_TO_DO, SUCCESS],
    [PLACED, SPIPE],
    [OF_FILES, NOTSUP],
  ] as const) {
    names.forEach((name) => (calls[name] = ifOpen(errno)));
  }
  OF_NOTHING.forEach((name) => (calls[name] = () => BADF));
  // Whatever a plug-in asks for by name, it finds nothing but these.
  const found = Object.create(null) as WebAssembly.ModuleImports;
  for (const [name, call] of Object.entries(calls)) {
    found[name] = guarded(call);
  }
  return found;
}

/** The call, which an address beyond the memory ends as one in the plug-in's own code does. */
function guarded(call: Call): WebAssembly.ImportValue {
  return (...args: never[]): number => {
    try {
      return call(...args);
    } catch (error) {
      if (error instanceof RangeError) {
        throw new Interrupted({ status: Status.TrapMemory, message: "Pointer out of bounds" });
      }
      throw error;
    }
  };
}

/** `args_get` and `args_sizes_get`, or those of the environment. */
function texts(
  name: string,
  list: readonly string[],
  view: () => DataView,
  part: (at: number, length: number) => Uint8Array,
): Record<string, Call> {
  const encoder = new TextEncoder();
  const all = list.map((text) => encoder.encode(`${text}\0`));
  return {
    [`${name}_get`]: (pointers: number, bytes: number) => {
      let at = bytes >>> 0;
      for (const [index, text] of all.entries()) {
        put32(view(), (pointers >>> 0) + 4 * index, at);
        part(at, text.length).set(text);
        at += text.length;
      }
      return SUCCESS;
    },
    [`${name}_sizes_get`]: (count: number, bytes: number) => {
      put32(view(), count, all.length);
      const sum = all.reduce((length, text) => length + text.length, 0);
      return put32(view(), bytes, sum);
    },
  };
}

function put32(view: DataView, at: number, value: number): number {
  view.setUint32(at >>> 0, value, true);
  return SUCCESS;
}

function put64(view: DataView, at: number, value: bigint): number {
  view.setBigUint64(at >>> 0, value, true);
  return SUCCESS;
}

/** Nanoseconds on a clock, if it is there. */
function now(clock: number): bigint | undefined {
  switch (clock) {
    case REALTIME:
      return BigInt(Date.now()) * 1_000_000n;
    case MONOTONIC:
      return BigInt(Math.round(performance.now() * 1e6));
    default:
      return undefined;
  }
}

/** Waits for the first of several events: streams are always ready, so that it waits for clocks alone. */
function polled(
  view: DataView,
  from: number,
  to: number,
  count: number,
  countTo: number,
  streams: ReadonlyMap<number, Stream>,
): number {
  if (count === 0 || count > SUBSCRIPTIONS_MAX) {
    return INVAL;
  }
  const events: { at: number; type: number; errno: number; left: bigint }[] = [];
  for (let at = from, number = 0; number < count; at += SUBSCRIPTION_BYTES, number += 1) {
    const type = view.getUint8(at + 8);
    const what = view.getUint32(at + 16, true);
    const time = type === CLOCK_EVENT ? now(what) : 0n;
    const errno = type !== CLOCK_EVENT && !streams.has(what) ? BADF : time === undefined ? INVAL : SUCCESS;
    const until = type === CLOCK_EVENT ? view.getBigUint64(at + 24, true) : 0n;
    const isAbsolute = type === CLOCK_EVENT && (view.getUint16(at + 40, true) & ABSOLUTE) !== 0;
    const left = errno !== SUCCESS ? 0n : isAbsolute ? until - (time ?? 0n) : until;
    events.push({ at, type, errno, left });
  }
  const first = events.reduce((least, { left }) => (left < least ? left : least), events[0]?.left ?? 0n);
  if (first > 0n) {
    sleep(Number(first) / 1e6);
  }
  const due = events.filter(({ left }) => left <= first);
  for (const [index, { at, type, errno }] of due.entries()) {
    const event = to + EVENT_BYTES * index;
    const userdata = view.getBigUint64(at, true);
    new Uint8Array(view.buffer, event, EVENT_BYTES).fill(0);
    view.setBigUint64(event, userdata, true);
    view.setUint16(event + 8, errno, true);
    view.setUint8(event + 10, type);
  }
  return put32(view, countTo, due.length);
}

/** Waits with the whole thread; a page's own cannot rest meanwhile. */
function sleep(ms: number): void {
  const end = performance.now() + ms;
  if (typeof SharedArrayBuffer === "function") {
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    } catch {
      // This thread may not.
    }
  }
  while (performance.now() < end);
}
