/**
 * The driver of conformance/protocol.md: does with the SDK what lines of standard input say.
 *
 * Must not know: any case. Invariant: one line comes back for each line, whatever happens.
 */

import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import * as extism from "@extism/extism";

/** The platform's own engine, in Workers, in place of the addon. */
const IS_WEB = process.env.EXTISM_ENGINE === "web";
const FEATURES = IS_WEB
  ? "cancel compiled headers host_context http inspect limits logs namespace nested pool renew stats threads vars wasi"
  : "cancel compiled context fs fuel headers host_context http inspect limits logs namespace nested pool precompile reenter renew stats threads vars wasi";
const LEVELS = ["trace", "debug", "info", "warn", "error"];

const kept = new Map();
const logs = new Map();

/** The bytes of a word. */
function decoded(word) {
  if (word === "?") {
    return undefined;
  }
  const [digits, times] = word.split("*");
  const bytes = Buffer.from(digits === "-" ? "" : digits, "hex");
  return times === undefined ? bytes : Buffer.alloc(bytes.length * Number(times), bytes);
}

/** The word of bytes. */
function encoded(data) {
  if (data === undefined) {
    return "?";
  }
  return Buffer.from(data ?? []).toString("hex") || "-";
}

/** The bytes of an output. */
function bytes(output) {
  return output?.bytes?.() ?? output;
}

/** The text of a word; what is not UTF-8 becomes something no name is. */
function text(word) {
  return (decoded(word) ?? "").toString();
}

/** What is kept under a name; the SDK's own error for what is not there. */
function find(name) {
  if (kept.has(name)) {
    return kept.get(name);
  }
  throw new extism.ClosedError(extism.Status.Closed, `${name} is closed`);
}

/** A function of the texts of its handles. */
const texts =
  (work) =>
  (current, ...handles) =>
    current.store(work(...handles.map((handle) => Buffer.from(current.read(handle).bytes()))));

const upper = (data) => data.map((byte) => (byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte));

async function wait(current, durationMs) {
  const end = performance.now() + Math.min(Number(durationMs), 10_000);
  while (performance.now() < end && !current.mustStop()) {
    await sleep(2);
  }
  return BigInt(current.mustStop());
}

async function reenter(current, handle) {
  try {
    await current.hostContext().plugin.call(current.read(handle).text());
    return current.store("0");
  } catch (error) {
    return current.store(String(error.status));
  }
}

async function nested(current, name, input) {
  const plugin = find("p2");
  const context = { plugin };
  const output = await plugin.call(current.read(name).text(), current.read(input).bytes(), context);
  return current.store(bytes(output) ?? "");
}

/** The host functions of the protocol. */
const CATALOGUE = {
  upper: extism.hostFunction(["i64"], ["i64"], texts(upper)),
  concat: extism.hostFunction(
    ["i64", "i64"],
    ["i64"],
    texts((a, b) => Buffer.concat([a, b])),
  ),
  add_i64: extism.hostFunction(["i64", "i64"], ["i64"], (_, a, b) => a + b),
  add_i32: extism.hostFunction(["i32", "i32"], ["i32"], (_, a, b) => a + b),
  mul_f32: extism.hostFunction(["f32", "f32"], ["f32"], (_, a, b) => a * b),
  f64_id: extism.hostFunction(["f64"], ["f64"], (_, a) => a),
  mix: extism.hostFunction(["i32", "i64", "f32", "f64"], ["f64"], (_, a, b, c, d) => a + Number(b) + c + d),
  nothing: extism.hostFunction([], [], () => undefined),
  throw: extism.hostFunction(["i64"], ["i64"], (current, handle) => {
    throw new Error(current.read(handle).text());
  }),
  ctx_get: extism.hostFunction([], ["i64"], (current) => current.store(current.hostContext().data ?? "")),
  reenter: extism.hostFunction(["i64"], ["i64"], reenter),
  nested: extism.hostFunction(["i64", "i64"], ["i64"], nested),
  wait: extism.hostFunction(["i64"], ["i64"], wait),
  bad_handle: extism.hostFunction([], ["i64"], () => 1n << 40n),
};

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

/** The options of a source. */
function settings(words, name) {
  const given = words.map((word) => /^([^=]*)=(.*)$/.exec(word).slice(1));
  const one = Object.fromEntries(given);
  const all = (key) => given.filter(([other]) => other === key).map(([, value]) => text(value));
  const limits = { base: one.limits };
  for (const [key, value] of given.filter(([key]) => key.startsWith("limit."))) {
    limits[camel(key.slice("limit.".length))] = BigInt(value);
  }
  const names = one.functions ? one.functions.split(",") : [];
  const namespace = one.namespace === undefined ? "extism:host/user" : text(one.namespace);
  const options = {
    useWasi: one.wasi === "1",
    functions: { [namespace]: Object.fromEntries(names.map((each) => [each, CATALOGUE[each]])) },
    limits,
    fuel: one.fuel === undefined ? undefined : BigInt(one.fuel),
    rewrite: one.rewrite !== "0",
    allowHttpResponseHeaders: one.headers === "1",
    trustArtefacts: one.trust === "1",
    cache: one.cache !== "0",
    wasiArgs: all("arg"),
    wasiEnv: Object.fromEntries(all("env").map((pair) => /^([^=]*)=(.*)$/s.exec(pair).slice(1))),
    engine: process.env.EXTISM_ENGINE ?? "auto",
    ...(IS_WEB ? { runInWorker: true } : {}),
  };
  if (one.log !== undefined) {
    const lines = logs.get(name) ?? logs.set(name, []).get(name);
    options.logLevel = LEVELS[one.log];
    options.logger = Object.fromEntries(LEVELS.map((level, at) => [level, (message) => lines.push([at, message])]));
  }
  return options;
}

async function call(plugin, name, word, options) {
  const chosen = Object.fromEntries(options.map((option) => option.split("=")));
  const context = { plugin, data: decoded(chosen.context ?? "?") };
  const handle = plugin.cancelHandle();
  const timer = chosen.cancel_ms && setTimeout(() => handle.cancel(), Number(chosen.cancel_ms));
  try {
    return encoded(bytes(await plugin.call(text(name), decoded(word), context)));
  } finally {
    clearTimeout(timer);
  }
}

/** One function for each request; what it answers follows `OK`. */
const REQUESTS = {
  HELLO: () => {
    const library = extism.extismVersion();
    return `sdk=node version=${library} library=${library} features=${FEATURES.replaceAll(" ", ",")}`;
  },
  COMPILE: async (name, word, ...options) => {
    kept.set(name, await extism.compilePlugin(decoded(word), settings(options, name)));
  },
  NEW: async (name, word, ...options) => {
    if (/^c\d+$/.test(word)) {
      logs.set(name, logs.get(word) ?? []);
      kept.set(name, await find(word).instantiate());
    } else {
      kept.set(name, await extism.createPlugin(decoded(word), settings(options, name)));
    }
  },
  INSPECT: async (word, ...options) =>
    encoded(Buffer.from(JSON.stringify(await extism.inspect(decoded(word), settings(options))))),
  PRECOMPILE: async (word, ...options) => encoded(await extism.precompile(decoded(word), settings(options))),
  CALL: async (name, func, word, ...options) => await call(find(name), func, word, options),
  EXISTS: async (name, func) => Number(await find(name).functionExists(text(func))),
  CONFIG: async (name, word) => await find(name).config(JSON.parse(text(word))),
  VAR: async (name, verb, key, value) => {
    const plugin = find(name);
    if (verb === "get") {
      return encoded(bytes(await plugin.varGet(text(key))) ?? undefined);
    }
    await (verb === "set" ? plugin.varSet(text(key), decoded(value)) : plugin.varRemove(text(key)));
  },
  RESET: async (name) => void (await find(name).reset()),
  RENEW: async (name) => await find(name).renew(),
  CANCEL: (name) => find(name).cancel(),
  HEADERS: (name) => find(name).allowHttpResponseHeaders(),
  ID: (name) => find(name).id.replaceAll("-", ""),
  FUEL: (name) => find(name).fuelConsumed() ?? "?",
  LOGS: (name) => {
    const lines = logs.get(name) ?? [];
    return lines
      .splice(0)
      .map(([level, message]) => `${level}:${encoded(Buffer.from(message))}`)
      .join(" ");
  },
  CONTEXT: (name) => void kept.set(name, new extism.Context()),
  CTXNEW: (name, word, ...options) => {
    const plugin = find(name).plugin(decoded(word), settings(options, name));
    kept.set(`${name}/${plugin.id}`, plugin);
    return plugin.id;
  },
  CTXUPDATE: (name, number, word, ...options) =>
    find(`${name}/${number}`).update(decoded(word), settings(options, name)),
  CTXCALL: async (name, number, func, word, ...options) => await call(find(`${name}/${number}`), func, word, options),
  CTXEXISTS: async (name, number, func) => Number(await find(`${name}/${number}`).functionExists(text(func))),
  CTXCONFIG: (name, number, word) => find(`${name}/${number}`).config(JSON.parse(text(word))),
  CTXFREE: (name, number) => find(`${name}/${number}`).free(),
  CTXRESET: (name) => find(name).reset(),
  POOL: (name, compiled, instancesMax) =>
    void kept.set(name, find(compiled).pool({ instancesMax: Number(instancesMax) })),
  GET: async (pool, name, timeoutMs) => void kept.set(name, await find(pool).get(Number(timeoutMs))),
  POOLSTATS: (name) => {
    const { instancesMax, alive, idle, waiting, made, replaced } = find(name).stats();
    return [instancesMax, alive, idle, waiting, made, replaced].join(" ");
  },
  THREADS: async (name, threads, calls, func, word) => {
    const compiled = find(name);
    const work = async () => {
      const plugin = await compiled.instantiate();
      const outputs = [];
      for (let left = Number(calls); left > 0; left -= 1) {
        outputs.push(await call(plugin, func, word, []));
      }
      await plugin.close();
      return outputs;
    };
    const outputs = (await Promise.all(Array.from({ length: Number(threads) }, work))).flat();
    if (new Set(outputs).size !== 1) {
      throw new Error("the outputs differ");
    }
    return `${outputs.length} ${outputs[0]}`;
  },
  FREE: async (name) => {
    const object = kept.get(name);
    await (object?.close ?? object?.free)?.call(object);
  },
  GC: async () => {
    for (let round = 0; round < 3; round += 1) {
      globalThis.gc?.();
      // Host functions for Workers that have ended are over when they next look.
      await (IS_WEB ? sleep(20) : new Promise(setImmediate));
    }
  },
  STATS: () => {
    const { plugins, compiledPlugins, hostFunctions, cancelHandles } = extism.stats();
    return [plugins, compiledPlugins, hostFunctions, cancelHandles].join(" ");
  },
  BYE: () => undefined,
};

/** The reply to a request. */
async function answer(name, words) {
  if (!Object.hasOwn(REQUESTS, name)) {
    return `CANNOT there is no ${name}`;
  }
  try {
    const found = await REQUESTS[name](...words);
    return found === undefined || found === "" ? "OK" : `OK ${found}`;
  } catch (error) {
    const message = encoded(Buffer.from(error.message ?? String(error)));
    return error instanceof extism.ExtismError
      ? `ERR ${error.status} ${error.guestCode} ${message}`
      : `ERR 0 0 ${encoded(Buffer.from(String(error.stack)))}`;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...words] = line.trim().split(" ");
  process.stdout.write(`${await answer(name, words)}\n`);
  if (name === "BYE") {
    break;
  }
}
