/** Guarantees 5 to 7: host functions, what they throw, and what they may touch. */

import assert from "node:assert/strict";
import test from "node:test";

import * as extism from "@extism/extism";
import { HostFunctionError, hostFunction, Status } from "@extism/extism";

import { callback, CALLBACK, fails, failure, nothingIsLeft, settled, until, user } from "./support.mjs";

nothingIsLeft();

test("g05 host functions live as long as whatever may call them", async () => {
  const compiled = await extism.compilePlugin(CALLBACK, {
    functions: user({ callback: (current, handle) => current.store(`<${current.read(handle).text()}>`) }),
  });
  const plugin = await compiled.instantiate();
  const pool = compiled.pool({ instancesMax: 1 });
  compiled.close();
  const lent = await pool.get();
  pool.close();
  for (let round = 0; round < 50; round += 1) {
    globalThis.gc();
    assert.equal((await plugin.call("run", String(round))).text(), `<${round}>`);
    assert.equal(lent.callSync("run", String(round)).text(), `<${round}>`);
  }
  await plugin.close();
  await lent.close();
});

test("g05 garbage is collected during calls", async () => {
  const plugin = await callback((current, handle) => {
    globalThis.gc();
    const output = current.read(handle);
    globalThis.gc();
    return current.store(output.bytes());
  });
  for (let round = 0; round < 20; round += 1) {
    assert.equal(plugin.callSync("run", "x".repeat(20_000)).byteLength, 20_000);
    assert.equal((await plugin.call("run", "y".repeat(20_000))).byteLength, 20_000);
  }
  await plugin.close();
});

test("g05 a host function may refer to its plug-in, and both are collected", async () => {
  const before = extism.stats();
  let collected = 0;
  const registry = new FinalizationRegistry(() => (collected += 1));
  const make = async () => {
    const work = () => plugin.isActive() && 0n;
    registry.register(work);
    const plugin = await callback(work);
    plugin.callSync("run");
    await plugin.call("run");
  };
  for (let round = 0; round < 20; round += 1) {
    await make();
  }
  await settled(before);
  await until(() => {
    globalThis.gc();
    return collected === 20;
  }, "a host function was not released");
});

test("g05 a refused plug-in releases its host functions", async () => {
  const functions = user({ callback: hostFunction(["i32"], [], () => undefined) });
  const error = await fails(() => extism.createPlugin(CALLBACK, { functions }), extism.ModuleError, Status.ImportType);
  assert.match(error.message, /callback/);
});

const THROWN = [new TypeError("it broke"), "a text", undefined, null, 7, { toString: () => "an object" }, Symbol("x")];
for (const thrown of THROWN) {
  test(`g06 what a host function throws is the cause: ${String(thrown)}`, async () => {
    for (const work of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ]) {
      const plugin = await callback(work);
      const error = await fails(() => plugin.call("run"), HostFunctionError, Status.HostFunction);
      assert.ok("cause" in error);
      assert.equal(error.cause, thrown);
      if (thrown instanceof Error) {
        assert.match(error.message, /it broke/);
      }
      // The plug-in can be called again.
      assert.equal(await plugin.call("again"), null);
      await plugin.close();
    }
    const plugin = await callback(() => {
      throw thrown;
    });
    const error = await fails(() => plugin.callSync("run"), HostFunctionError, Status.HostFunction);
    assert.equal(error.cause, thrown);
    await plugin.close();
  });
}

test("g06 what cannot even be made a text", async () => {
  const hostile = {
    toString() {
      throw new Error("no");
    },
  };
  const plugin = await callback(() => {
    throw hostile;
  });
  for (const call of ["call", "callSync"]) {
    assert.equal((await failure(() => plugin[call]("run"))).cause, hostile);
  }
  await plugin.close();
});

test("g06 errors pass through plug-ins that call each other", async () => {
  const cause = new Error("deep down");
  const inner = await callback(() => {
    throw cause;
  });
  const outer = await callback(() => inner.callSync("run"));
  const error = await failure(() => outer.callSync("run"));
  assert.ok(error.cause instanceof HostFunctionError);
  assert.equal(error.cause.cause, cause);
  const later = await callback(async () => await inner.call("run"));
  assert.equal((await failure(() => later.call("run"))).cause.cause, cause);
  await Promise.all([inner.close(), outer.close(), later.close()]);
});

test("g06 a host function that throws while the plug-in is made", async () => {
  const module = `(module (import "extism:host/user" "made" (func $made)) (start $made))`;
  const functions = user({
    made: () => {
      throw new RangeError("not now");
    },
  });
  const error = await failure(() => extism.createPlugin(module, { functions }));
  assert.ok(error.cause instanceof RangeError);
  assert.throws(
    () => extism.createPluginSync(module, { functions }),
    (thrown) => thrown.cause instanceof RangeError,
  );
});

for (const wrong of [undefined, null, 1, "text", {}, Symbol("x"), { valueOf: () => 3 }]) {
  test(`g06 a result of the wrong kind fails the call: ${String(wrong)}`, async () => {
    const plugin = await callback(() => wrong);
    for (const call of ["call", "callSync"]) {
      const error = await failure(() => plugin[call]("run"));
      assert.equal(error.status, Status.HostFunction);
      // As WebAssembly itself has it.
      assert.ok(error.cause instanceof TypeError || error.cause instanceof SyntaxError, String(error.cause));
    }
    await plugin.close();
  });
}

test("g06 a handle that names no block is an error, not memory", async () => {
  const found = [];
  const plugin = await callback((current) => {
    for (const handle of [1n, 1n << 40n, -1n, 2n ** 64n - 1n, 12345]) {
      found.push(current.read(handle), current.length(handle));
      current.free(handle);
      assert.throws(() => current.write(handle, "x"), { status: Status.BadKernelHandle });
    }
    for (const handle of [1.5, Number.NaN, "1", undefined, {}]) {
      assert.throws(() => current.read(handle), { status: Status.InvalidArgument });
    }
    return 1n << 40n;
  });
  // What comes back has the length 0, and what is put out with it is nothing.
  for (const call of ["call", "callSync"]) {
    assert.equal(await plugin[call]("run"), null);
  }
  assert.deepEqual(found, Array(10).fill([null, 0n]).flat());
  await plugin.close();
});

test("g07 the current plug-in is dead after its function", async () => {
  const stashed = [];
  const plugin = await callback((current, handle) => {
    stashed.push([current, handle]);
    return handle;
  });
  await plugin.call("run", "x");
  plugin.callSync("run", "x");
  const failing = await callback(async (current, handle) => {
    stashed.push([current, handle]);
    await null;
    assert.equal(current.read(handle).text(), "x");
    throw new Error("over");
  });
  await failure(() => failing.call("run", "x"));
  assert.equal(stashed.length, 3);
  for (const [current, handle] of stashed) {
    for (const use of [
      () => current.read(handle),
      () => current.store("x"),
      () => current.alloc(1),
      () => current.free(handle),
      () => current.length(handle),
      () => current.write(handle, "x"),
      () => current.getVariable("x"),
      () => current.setVariable("x", "y"),
      () => current.deleteVariable("x"),
      () => current.setError("x"),
      () => current.mustStop(),
      () => current.timeRemainingMs(),
      () => current.id,
    ]) {
      assert.throws(use, { status: Status.Closed });
    }
  }
  await Promise.all([plugin.close(), failing.close()]);
});

test("g07 an outer host function goes on while an inner one runs", async () => {
  const inner = await callback((current, handle) => handle);
  const outer = await callback((current, handle) => {
    const before = current.read(handle).text();
    inner.callSync("run", "inner");
    assert.equal(current.read(handle).text(), before);
    return current.store(`${before} outer`);
  });
  assert.equal(outer.callSync("run", "still").text(), "still outer");
  assert.equal((await outer.call("run", "still")).text(), "still outer");
  await Promise.all([inner.close(), outer.close()]);
});

test("memory, variables, the error and the context of a call", async () => {
  const context = { any: "object" };
  const plugin = await callback((current, handle) => {
    assert.equal(current.hostContext(), context);
    assert.equal(current.id, plugin.id);
    assert.equal(current.length(handle), 5n);
    const block = current.alloc(5);
    current.write(block, current.read(handle).bytes());
    assert.throws(() => current.write(block, "longer"), { status: Status.InvalidArgument });
    current.setVariable("seen", current.read(handle).bytes());
    assert.equal(current.getVariable("seen").text(), "hello");
    assert.equal(current.getVariable("other"), null);
    current.setVariable("gone", "x");
    current.deleteVariable("gone");
    assert.equal(current.store(""), 0n);
    assert.equal(current.read(0n).byteLength, 0);
    assert.throws(() => current.alloc(-1), { status: Status.InvalidArgument });
    assert.throws(() => current.alloc(2 ** 40), extism.LimitError);
    current.setError("not so");
    current.setError(null);
    return block;
  });
  for (const call of ["call", "callSync"]) {
    assert.equal((await plugin[call]("run", "hello", context)).text(), "hello");
  }
  assert.equal((await plugin.varGet("seen")).text(), "hello");
  assert.equal(await plugin.varGet("gone"), null);
  await plugin.close();
  const failing = await callback((current) => {
    current.setError(new Error("the plug-in says so"));
    return 0n;
  });
  const error = await fails(() => failing.call("run"), extism.GuestError, Status.GuestError);
  assert.equal(error.message, "the plug-in says so");
  await failing.close();
});

test("log messages go to a logger, from a level on, whoever calls", async () => {
  const module = `(module
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "log_warn" (func $warn (param i64)))
    (import "extism:host/env" "log_info" (func $info (param i64)))
    (func (export "run") (result i32)
      (call $warn (call $offset)) (call $info (call $offset)) (i32.const 0)))`;
  const lines = [];
  const logger = Object.fromEntries(
    ["trace", "debug", "info", "warn", "error"].map((level) => [level, (text) => lines.push(`${level}: ${text}`)]),
  );
  const plugin = await extism.createPlugin(module, { logger, logLevel: "warn" });
  await plugin.call("run", "a");
  plugin.callSync("run", "b");
  assert.deepEqual(lines, ["warn: a", "warn: b"]);
  logger.warn = () => {
    throw new Error("a log that fails");
  };
  await plugin.call("run", "c");
  plugin.callSync("run", "d");
  await plugin.close();
  const silent = await extism.createPlugin(module, { logger });
  await silent.call("run", "e");
  await silent.close();
  await fails(() => extism.createPlugin(module, { logLevel: "loud" }), extism.UsageError, Status.InvalidArgument);
});
