"""Pools and contexts."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import ECHO, PLUGINS, WAT, alive, failure

import extism
from extism import Status
from extism._library import lib

STORE = (WAT / "store.wat").read_bytes()


def test_a_pool_lends_so_many_and_no_more() -> None:
    with extism.Pool(extism.CompiledPlugin(ECHO, functions=[]), instances_max=2) as pool:
        first, second = pool.get(), pool.get(0)
        assert first.id != second.id
        assert pool.stats() == (2, 2, 0, 0, 2, 0)
        for timeout_ms in (0, 20):
            error = failure(lambda timeout_ms=timeout_ms: pool.get(timeout_ms))
            assert (type(error), error.status) == (extism.PoolTimeoutError, Status.WAIT_TIMEOUT)
            assert isinstance(error, TimeoutError)
        first.close()
        first.close()
        assert pool.stats().idle == 1
        with pool.get() as third:
            assert third.call("echo", b"x") == b"x"
        second.close()
        assert pool.stats().idle == 2


def test_a_waiting_thread_gets_what_comes_back() -> None:
    with extism.Pool(extism.CompiledPlugin(ECHO, functions=[]), instances_max=1) as pool:
        plugin = pool.get()
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(pool.get)
            while pool.stats().waiting == 0:
                time.sleep(0.001)
            plugin.close()
            with waiting.result() as lent:
                assert lent.call("echo", b"x") == b"x"


def test_a_pool_under_many_threads() -> None:
    busy, most = [0], [0]
    lock = threading.Lock()

    def work(number: int) -> bytes:
        with pool.get() as plugin:
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            output = plugin.call("echo", b"%d" % number)
            with lock:
                busy[0] -= 1
            return output

    with extism.Pool(extism.CompiledPlugin(ECHO, functions=[]), instances_max=3) as pool:
        with ThreadPoolExecutor(16) as threads:
            assert list(threads.map(work, range(500))) == [b"%d" % number for number in range(500)]
    assert most[0] <= 3


def test_a_plugin_comes_back_as_new() -> None:
    with extism.Pool(extism.CompiledPlugin(STORE, functions=[]), instances_max=1) as pool:
        with pool.get() as plugin:
            plugin.config({"name": "set"})
            plugin.var_set("name", b"value")
            assert (plugin.call("config", "name"), plugin.call("get", "name")) == (b"set", b"value")
        with pool.get() as plugin:
            assert (plugin.call("config", "name"), plugin.call("get", "name")) == (b"", b"")


def test_a_borrowed_plugin_outlives_its_pool() -> None:
    pool = extism.Pool(extism.CompiledPlugin(ECHO, functions=[]), instances_max=1)
    plugin = pool.get()
    pool.close()
    assert plugin.call("echo", b"x") == b"x"


def test_a_context_owns_its_plugins() -> None:
    with extism.Context() as context:
        manifest = {"wasm": [{"path": str(PLUGINS / "published.wasm")}]}
        first = context.plugin(manifest, wasi=False, config={"a": "1"}, functions=[])
        second = context.plugin(STORE, functions=[])
        assert (first.number, second.number) == (0, 1)
        assert (first.call("config", "a"), second.call("config", "a")) == (b"1", b"")
        assert first.function_exists("echo") and not second.function_exists("echo")
        assert first.call("echo", "7", parse=int) == 7
        second.update(ECHO, functions=[])
        assert second.call("echo", b"x") == b"x"
        error = failure(lambda: second.update(b"{", functions=[]))
        assert (type(error), error.status) == (extism.LoadError, Status.MANIFEST_SYNTAX)
        assert second.call("echo", b"still") == b"still"
        with first:
            pass
        assert first.closed
        context.reset()
        assert failure(lambda: second.call("echo")).status == Status.CLOSED
        assert context.plugin(ECHO, functions=[]).number == 2


#: Configuration that is none, with what it raises.
BAD_CONFIG: list[tuple[Any, type[Exception]]] = [
    (b"{", extism.LoadError),
    (b"[]", extism.LoadError),
    ({"key": 1}, extism.LoadError),
    ({"key": "\ud800"}, extism.LoadError),
    ({"key": b"1"}, TypeError),
]


@pytest.mark.parametrize(("config", "kind"), BAD_CONFIG)
def test_a_plugin_whose_configuration_is_refused_is_not_in_the_context(config: Any, kind: Any) -> None:
    with extism.Context() as context:
        before = alive()
        for _ in range(5):
            with pytest.raises(kind) as info:
                context.plugin(ECHO, config=config, functions=[])
            assert kind is TypeError or info.value.status == Status.MANIFEST_SYNTAX
        del info
        assert alive() == before


@pytest.mark.parametrize(("config", "kind"), BAD_CONFIG)
def test_a_plugin_stays_if_the_configuration_of_the_next_is_refused(config: Any, kind: Any) -> None:
    with extism.Context() as context:
        plugin = context.plugin(STORE, config={"name": "old"}, functions=[])
        with pytest.raises(kind) as info:
            plugin.update(ECHO, config=config, functions=[])
        assert kind is TypeError or info.value.status == Status.MANIFEST_SYNTAX
        assert plugin.call("config", "name") == b"old"
        plugin.update(STORE, config=bytearray(b'{"name": "new"}'), functions=[])
        assert plugin.call("config", "name") == b"new"
        assert plugin.number == 0


def test_the_reason_why_a_context_refuses_a_number_is_told() -> None:
    with extism.Context() as context:
        plugin = context.plugin(ECHO, functions=[])
        lib.extism_context_reset(context._handle.pointer)
        for use in (lambda: plugin.call("echo"), lambda: plugin.config({})):
            error = failure(use)
            assert (type(error), error.status) == (extism.UsageError, Status.BAD_HANDLE)
            assert str(error) == "Plugin does not exist: 0"


def test_threads_share_a_context() -> None:
    def work(number: int) -> None:
        plugin = context.plugin(ECHO, functions=[])
        for turn in range(50):
            data = b"%d %d" % (number, turn)
            assert plugin.call("echo", data) == shared.call("echo", data) == data
        plugin.close()

    with extism.Context() as context:
        shared = context.plugin(ECHO, functions=[])
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(16)))


def test_arguments_of_a_pool_are_checked() -> None:
    compiled = extism.CompiledPlugin(ECHO, functions=[])
    with pytest.raises(OverflowError):
        extism.Pool(compiled, instances_max=-1)
    with pytest.raises(TypeError):
        extism.Pool(compiled, instances_max="4")  # type: ignore[arg-type]
