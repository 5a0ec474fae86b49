"""Guarantees 1 to 4: objects that are closed, closed twice, forgotten, or whose parents are gone."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading

import pytest
from conftest import ECHO, SPIN, alive, callback, failure

import extism
from extism import Status


def test_g01_a_closed_object_says_that_it_is_closed() -> None:
    compiled = extism.CompiledPlugin(ECHO, functions=[])
    plugin, pool, context = extism.Plugin(compiled), extism.Pool(compiled, 1), extism.Context()
    inner = context.plugin(compiled)
    handle = plugin.cancel_handle()
    for each in (plugin, pool, context, compiled):
        each.close()
        assert each.closed
    uses = [
        lambda: plugin.call("echo", b""),
        lambda: plugin.function_exists("echo"),
        lambda: plugin.id,
        plugin.cancel_handle,
        lambda: plugin.config({}),
        lambda: plugin.var_get("a"),
        lambda: plugin.var_set("a", b""),
        lambda: plugin.var_remove("a"),
        plugin.reset,
        plugin.renew,
        plugin.fuel_consumed,
        plugin.allow_http_response_headers,
        lambda: plugin.set_log_sink(None),
        lambda: plugin.set_log_sink(print),
        lambda: pool.get(0),
        pool.stats,
        lambda: context.plugin(ECHO),
        context.reset,
        lambda: inner.call("echo", b""),
        lambda: inner.update(ECHO),
        lambda: inner.function_exists("echo"),
        lambda: inner.config({}),
        inner.cancel_handle,
        lambda: extism.Plugin(compiled),
        lambda: extism.Pool(compiled),
    ]
    for use in uses:
        error = failure(use)
        assert (type(error), error.status) == (extism.ClosedError, Status.CLOSED)
    assert not handle.cancel()
    assert not plugin.cancel()
    assert not inner.cancel()


def test_g02_closing_twice_and_finalising_after_closing_are_harmless() -> None:
    before = alive()
    with extism.Plugin(ECHO, functions=[]) as plugin:
        plugin.close()
        plugin.close()
    del plugin
    with extism.Context() as context:
        inner = context.plugin(ECHO)
        inner.close()
        context.reset()
        context.close()
        inner.close()
    assert alive() == before


def test_g03_what_is_forgotten_is_freed_on_whatever_thread() -> None:
    before = alive()
    compiled = extism.CompiledPlugin(ECHO, functions=[])

    def make() -> None:
        for _ in range(1000):
            plugin = extism.Plugin(compiled)
            cycle = [plugin]
            cycle.append(cycle)  # type: ignore[arg-type]

    threads = [threading.Thread(target=make) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del compiled
    gc.collect()
    assert alive() == before


@pytest.mark.parametrize(
    "end",
    [
        "",
        "import sys; sys.exit(0)",
        "leave(lambda: spinning.call('spin')); wait()",
        "leave(loop); wait()",
        "leave(lambda: sleeper.call('run', b'')); entered.wait()",
        "handle = spinning.cancel_handle(); import atexit; atexit.register(handle.cancel)",
        "import atexit; atexit.register(lambda: print(plugin.call('echo', b'late')))",
        "plugin.cycle = plugin",
    ],
)
def test_g03_the_interpreter_exits_with_live_plugins(end: str) -> None:
    program = f"""
import sys, threading, time
sys.path.insert(0, {str(__file__).rsplit("/", 1)[0]!r})
from conftest import ECHO, SPIN, callback
import extism
entered = threading.Event()
@extism.host_fn(name="callback")
def keep(data: bytes) -> bytes:
    entered.set()
    return data
plugin = extism.Plugin(ECHO, functions=[], options=extism.Options(log=True))
spinning = extism.Plugin(SPIN, functions=[])
def sleep(p, i, o):
    entered.set()
    time.sleep(0.1)
def loop():
    looping = callback(lambda p, i, o: entered.set())
    while True:
        looping.call("run", b"")
def leave(call):
    def run():
        try:
            call()
        except BaseException:
            pass
    threading.Thread(target=run, daemon=True).start()
def wait():
    while not (spinning._running or entered.is_set()):
        time.sleep(0.001)
sleeper = callback(sleep)
pool = extism.Pool(plugin.compiled_plugin)
borrowed = pool.get()
context = extism.Context()
inner = context.plugin(ECHO)
{end}
print("end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("end\n") or "sys.exit" in end


def test_a_compiled_plugin_takes_nothing_but_config() -> None:
    with extism.CompiledPlugin(ECHO, functions=[]) as compiled, extism.Context() as context:
        inner = context.plugin(compiled, config={"key": "value"})
        uses = [
            lambda given: extism.Plugin(compiled, **given).close(),
            lambda given: context.plugin(compiled, **given),
            lambda given: inner.update(compiled, **given),
        ]
        for use in uses:
            for given in (
                {"wasi": True},
                {"functions": []},
                {"functions": None},
                {"options": extism.Options()},
            ):
                with pytest.raises(TypeError, match="a compiled plug-in takes config only"):
                    use(given)
            use({"config": {"key": "value"}})
        assert inner.call("echo", b"still there") == b"still there"


def test_g04_children_keep_their_parents() -> None:
    before = alive()
    plugin = extism.Plugin(extism.CompiledPlugin(ECHO, functions=[]))
    pool = extism.Pool(extism.CompiledPlugin(ECHO, functions=[]))
    borrowed = pool.get()
    context = extism.Context()
    inner = context.plugin(ECHO)
    pool.close()
    del pool, context
    gc.collect()
    assert plugin.call("echo", b"a") == borrowed.call("echo", b"a") == inner.call("echo", b"a") == b"a"
    handle = plugin.cancel_handle()
    del plugin, borrowed, inner
    gc.collect()
    assert not handle.cancel()
    assert alive() == before


def test_g04_a_plugin_closed_in_its_own_host_function_ends_its_call_first() -> None:
    before = alive()

    def close(p: extism.CurrentPlugin, i: list[extism.Val], o: list[extism.Val]) -> None:
        plugin.close()
        assert alive()[0] == before[0] + 1
        o[0].value = i[0].value

    plugin = callback(close)
    assert plugin.call("run", b"still here") == b"still here"
    assert plugin.closed
    assert failure(lambda: plugin.call("run")).status == Status.CLOSED
    del plugin
    assert alive() == before


def test_g04_a_saved_error_does_not_keep_a_plugin() -> None:
    before = alive()
    plugin = extism.Plugin(SPIN, functions=[])
    saved = failure(lambda: plugin.call("nope"))
    plugin.close()
    assert extism.stats()[:3] == before
    assert saved.__traceback__ is not None


def test_g02_natives_cannot_be_copied() -> None:
    with extism.Plugin(ECHO, functions=[]) as plugin, extism.Context() as context:
        for thing in (plugin, context, plugin.compiled_plugin):
            for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match="neither copied nor pickled"):
                    duplicate(thing)
