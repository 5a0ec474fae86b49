"""Guarantees 8 to 11 and 15: threads, cancelling, forks. The event loop is in test_async."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import CALLBACK, ECHO, SPIN, callback, failure

import extism
from extism import CurrentPlugin, Status, Val


def test_g08_two_threads_take_turns() -> None:
    inside: list[int] = []

    def alone(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        inside.append(threading.get_ident())
        assert len(inside) == 1
        o[0].value = i[0].value
        inside.pop()

    plugin = callback(alone)

    def work(number: int) -> None:
        for turn in range(250):
            data = f"{number} {turn}".encode()
            assert plugin.call("run", data) == data

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))


def test_g08_a_host_function_cannot_use_the_plugin_that_calls_it() -> None:
    errors: list[extism.Error] = []

    def reenter(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        uses = [
            lambda: plugin.call("again"),
            lambda: plugin.config({}),
            lambda: plugin.function_exists("again"),
            plugin.reset,
            plugin.renew,
            lambda: plugin.var_get("a"),
        ]
        errors.extend(failure(use) for use in uses)
        assert plugin.id.version == 4
        o[0].value = i[0].value

    plugin = callback(reenter)
    assert plugin.call("run", b"x") == b"x"
    assert {(type(error), error.status) for error in errors} == {(extism.BusyError, Status.BUSY)}
    assert len(errors) == 6
    assert plugin.call("again") == b""


def test_g08_an_uncaught_busy_error_fails_the_outer_call() -> None:
    plugin = callback(lambda p, i, o: plugin.call("again"))
    error = failure(lambda: plugin.call("run", b""))
    assert error.status == Status.HOST_FUNCTION
    assert isinstance(error.__cause__, extism.BusyError)


def test_g08_a_context_plugin_and_a_pool_behave_alike() -> None:
    def reenter(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        assert failure(lambda: target.call("again")).status == Status.BUSY

    host = extism.Function(None, "callback", [extism.ValType.PTR], [extism.ValType.PTR], reenter)
    compiled = extism.CompiledPlugin(CALLBACK, functions=[host])
    target: extism.Plugin | extism.ContextPlugin
    with extism.Context() as context:
        target = context.plugin(compiled)
        target.call("run")
    with extism.Pool(compiled, 1) as pool, pool.get() as target:
        target.call("run")


def test_g09_other_threads_run_during_a_call() -> None:
    plugin = extism.Plugin(SPIN, functions=[])
    errors: list[extism.Error] = []
    thread = threading.Thread(target=lambda: errors.append(failure(lambda: plugin.call("spin"))))
    thread.start()
    count = 0
    while thread.is_alive():
        count += 1
        if count > 1000:
            plugin.cancel()
    assert errors[0].status == Status.CANCELLED
    assert isinstance(errors[0], extism.CallCancelledError)


def test_g10_cancelling_from_another_thread_ends_a_call_soon() -> None:
    plugin = extism.Plugin(SPIN, functions=[])
    handle = plugin.cancel_handle()
    asked: list[float] = []

    def cancel() -> None:
        asked.append(time.monotonic())
        handle.cancel()

    timer = threading.Timer(0.05, cancel)
    timer.start()
    assert failure(lambda: plugin.call("spin")).status == Status.CANCELLED
    assert time.monotonic() - asked[0] < 0.25
    timer.join()
    assert handle.cancel()
    # A cancel that came too early or too late hits no other call.
    assert failure(lambda: plugin.call("nope")).status == Status.FUNCTION_NOT_FOUND


def test_g10_a_time_limit_ends_a_call_and_host_functions_are_told() -> None:
    told: list[bool] = []

    def wait(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        while not p.must_stop():
            time.sleep(0.001)
        told.append(True)

    options = extism.Options(limits=extism.Limits(call_time_ms_max=50))
    error = failure(lambda: callback(wait, options=options).call("run", b""))
    assert error.status == Status.TIMEOUT
    assert told == [True]
    error = failure(lambda: extism.Plugin(SPIN, functions=[], options=options).call("spin"))
    assert error.status == Status.TIMEOUT
    assert isinstance(error, TimeoutError)
    assert str(error) == "timeout"


def test_g09_plugins_of_one_compiled_run_on_many_threads() -> None:
    compiled = extism.CompiledPlugin(ECHO, functions=[])

    def work(number: int) -> bytes:
        with extism.Plugin(compiled) as plugin:
            for _ in range(100):
                assert plugin.call("echo", b"%d" % number) == b"%d" % number
            return plugin.call("echo", b"done")

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(64))) == {b"done"}


def test_g04_a_parent_closed_by_another_thread_while_it_is_used() -> None:
    for _ in range(50):
        compiled = extism.CompiledPlugin(ECHO, functions=[])

        def make(compiled: extism.CompiledPlugin = compiled) -> None:
            try:
                while True:
                    extism.Plugin(compiled).close()
            except extism.ClosedError:
                pass

        threads = [threading.Thread(target=make) for _ in range(2)]
        for thread in threads:
            thread.start()
        compiled.close()
        for thread in threads:
            thread.join()


def run_in_child(child: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            assert callable(child)
            os._exit(0 if child() else 1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_g15_parent_and_child_of_a_fork_go_on() -> None:
    options = extism.Options(limits=extism.Limits(call_time_ms_max=5000))
    plugin = extism.Plugin(ECHO, functions=[], options=options)
    spinning = extism.Plugin(SPIN, functions=[])
    assert plugin.call("echo", b"before") == b"before"
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(lambda: failure(lambda: spinning.call("spin")))
        while not spinning._running:
            time.sleep(0.001)

        def child() -> bool:
            limited = extism.Options(limits=extism.Limits(call_time_ms_max=50))
            fresh = extism.Plugin(SPIN, functions=[], options=limited)
            return (
                plugin.call("echo", b"child") == b"child"
                and failure(lambda: fresh.call("spin")).status == Status.TIMEOUT
                # The thread that was calling this one does not exist here.
                and "forked" in str(failure(lambda: spinning.call("spin")))
                and failure(spinning.reset).status == Status.CLOSED
            )

        code = run_in_child(child)
        while not call.done():
            spinning.cancel()
        assert code == 0
        assert call.result().status == Status.CANCELLED
    assert plugin.call("echo", b"after") == b"after"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_g15_a_host_function_may_fork() -> None:
    codes: list[int] = []

    def fork(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        codes.append(run_in_child(lambda: p.input_bytes(i[0]) == b"x"))
        o[0].value = i[0].value

    assert callback(fork).call("run", b"x") == b"x"
    assert codes == [0]
