"""Guarantee 11, and what cancelling a task does."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import CALLBACK, ECHO, PTR, SPIN, callback

import extism
from extism import CurrentPlugin, Status, Val


def test_g11_the_event_loop_goes_on_during_a_call() -> None:
    async def main() -> None:
        with extism.Plugin(SPIN, functions=[]) as plugin:
            call = asyncio.ensure_future(plugin.call_async("spin"))
            late = 0
            for _ in range(30):
                before = time.monotonic()
                await asyncio.sleep(0.01)
                late += time.monotonic() - before > 0.02
            assert late <= 3
            assert not call.done()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            # The call has ended: nobody is inside of the plug-in.
            assert not plugin._running
            assert not plugin.function_exists("nope")

    asyncio.run(main())


def test_calls_answer_and_fail_as_others_do() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def main() -> None:
        with extism.Plugin(ECHO, functions=[]) as plugin:
            assert await plugin.call_async("echo", b"x") == b"x"
            assert await plugin.call_async("echo", "7", int) == 7
            with pytest.raises(extism.FunctionNotFoundError):
                await plugin.call_async("nope")
            with ThreadPoolExecutor(1) as executor:
                assert await plugin.call_async("echo", b"y", executor=executor) == b"y"
            results = await asyncio.gather(*(plugin.call_async("echo", b"%d" % n) for n in range(50)))
            assert results == [b"%d" % n for n in range(50)]

        def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
            raise LookupError(variable.get())

        variable.set("of the task")
        with callback(throw) as plugin:
            with pytest.raises(extism.HostFunctionError) as info:
                await plugin.call_async("run")
            assert repr(info.value.__cause__) == "LookupError('of the task')"
        with extism.Context() as context:
            assert await context.plugin(ECHO, functions=[]).call_async("echo", b"z") == b"z"

    asyncio.run(main())


def test_a_timeout_of_asyncio_cancels_the_call() -> None:
    async def main() -> None:
        with extism.Plugin(SPIN, functions=[]) as plugin:
            for _ in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(plugin.call_async("spin"), 0.02)
                assert not plugin._running

    asyncio.run(main())


def test_cancelling_one_of_several_tasks_cancels_its_call_only() -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        entered.set()
        leave.wait()
        o[0].value = -1 if p.must_stop() else i[0].value

    async def main() -> None:
        with callback(wait) as plugin:
            first = asyncio.ensure_future(plugin.call_async("run", b"first"))
            await asyncio.to_thread(entered.wait)
            # The second waits for its turn when it is cancelled.
            second = asyncio.ensure_future(plugin.call_async("run", b"second"))
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            leave.set()
            assert await first == b"first"

    asyncio.run(main())


def test_a_task_cancelled_before_a_thread_took_its_call_never_calls() -> None:
    calls: list[bytes] = []
    leave = threading.Event()

    def record(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        calls.append(p.input_bytes(i[0]))

    async def main() -> None:
        host = extism.Function(None, "callback", [PTR], [PTR], record)
        with ThreadPoolExecutor(1) as executor, extism.Plugin(CALLBACK, functions=[host]) as plugin:
            executor.submit(leave.wait)
            task = asyncio.ensure_future(plugin.call_async("run", b"never", executor=executor))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            leave.set()
            await plugin.call_async("run", b"later", executor=executor)

    asyncio.run(main())
    assert calls == [b"later"]


def test_cancelling_twice_still_waits_for_the_call() -> None:
    entered = threading.Event()
    ended: list[bool] = []

    def wait(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        entered.set()
        while not p.must_stop():
            time.sleep(0.001)
        time.sleep(0.02)
        ended.append(True)

    async def main() -> None:
        with callback(wait) as plugin:
            task = asyncio.ensure_future(plugin.call_async("run"))
            await asyncio.to_thread(entered.wait)
            task.cancel()
            await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended == [True]

    asyncio.run(main())


def test_a_call_on_a_closed_plugin_fails_in_the_task() -> None:
    async def main() -> None:
        plugin = extism.Plugin(ECHO, functions=[])
        plugin.close()
        with pytest.raises(extism.ClosedError) as info:
            await plugin.call_async("echo")
        assert info.value.status == Status.CLOSED

    asyncio.run(main())
