"""Pools and contexts."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ECHO, PLUGINS, WAT, failure

import extism
from extism import Status

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
