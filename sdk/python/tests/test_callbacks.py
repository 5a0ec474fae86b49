"""Guarantees 5 to 7: host functions, what they raise, and what they are given."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
import weakref
from typing import Any

import pytest
from conftest import CALLBACK, PTR, alive, callback, failure

import extism
from extism import CurrentPlugin, Memory, Status, Val, ValType, host_function


class Upper:
    """A host function that is an object, so that its life can be watched."""

    def __call__(self, plugin: CurrentPlugin, params: list[Val], results: list[Val]) -> None:
        gc.collect()
        plugin.return_bytes(results[0], plugin.input_bytes(params[0]).upper())


def test_g05_host_functions_live_as_long_as_whatever_may_call_them() -> None:
    before, function = alive(), Upper()
    watched = weakref.ref(function)
    compiled = extism.CompiledPlugin(
        CALLBACK, functions=[extism.Function(None, "callback", [PTR], [PTR], function)]
    )
    plugin, context, pool = extism.Plugin(compiled), extism.Context(), extism.Pool(compiled, 1)
    inner, borrowed = context.plugin(compiled), pool.get()
    del function, compiled, pool
    for each in (plugin, inner, borrowed):
        gc.collect()
        assert each.call("run", b"abc") == b"ABC"
        assert watched() is not None
        each.close()
        del each
    del plugin, inner, borrowed
    context.close()
    del context
    assert alive() == before
    assert watched() is None


def test_g05_a_host_function_may_refer_to_its_plugin() -> None:
    class Owner:
        def __init__(self) -> None:
            function = extism.Function(None, "callback", [PTR], [PTR], self.run)
            self.plugin = extism.Plugin(CALLBACK, functions=[function])

        def run(self, plugin: CurrentPlugin, params: list[Val], results: list[Val]) -> None:
            assert not self.plugin.closed
            results[0].value = params[0].value

    before = alive()
    assert Owner().plugin.call("run", b"x") == b"x"
    assert alive() == before


def test_g05_a_refused_plugin_releases_its_host_functions() -> None:
    before, function = alive(), Upper()
    watched = weakref.ref(function)
    host = extism.Function(None, "callback", [PTR], [PTR], function)
    failure(lambda: extism.Plugin(b"(module", functions=[host]))
    bad = extism.Function(None, "callback", [ValType.V128], [], function)
    error = failure(lambda: extism.Plugin(CALLBACK, functions=[host, bad]))
    assert (type(error), error.status) == (extism.UsageError, Status.INVALID_ARGUMENT)
    with pytest.raises(TypeError, match="must be a Function, not str"):
        extism.Plugin(CALLBACK, functions=[host, "callback"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be callable"):
        extism.Function(None, "callback", [], [], None)  # type: ignore[arg-type]
    del function, host, bad, error
    gc.collect()
    assert watched() is None
    assert alive() == before


@pytest.mark.parametrize(
    "kind", [ValueError, KeyError, Exception, RecursionError, extism.GuestError, UnicodeError]
)
def test_g06_what_a_host_function_raises_is_the_cause(kind: type[Exception]) -> None:
    raised = kind("\0 reason \ud800")

    def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        raise raised

    plugin = callback(throw)
    for _ in range(3):
        error = failure(lambda: plugin.call("run", b""))
        assert (type(error), error.status) == (extism.HostFunctionError, Status.HOST_FUNCTION)
        assert error.__cause__ is raised
        assert plugin.call("again") == b""
    later = failure(lambda: plugin.call("nope"))
    assert later.__cause__ is None


class _Text(str):
    """A text with an encoding of its own."""

    def encode(self, *_: Any, **__: Any) -> Any:
        raise ValueError("no bytes")


class _Nameless(type):
    """A type whose name cannot be asked for."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError("no name")


class _Odd(Exception, metaclass=_Nameless):
    """An exception that says what it was made with, or raises that."""

    def __str__(self) -> Any:
        if isinstance(self.args[0], BaseException):
            raise self.args[0]
        return self.args[0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("reason", "reason"),
        ("", "_Odd"),
        (_Text("reason"), "reason"),
        (ValueError("no text"), "_Odd"),
        (SystemExit(), "_Odd"),
        (7, "_Odd"),
    ],
    ids=repr,
)
def test_g06_an_exception_that_cannot_say_what_it_is_fails_the_call(said: Any, message: str) -> None:
    raised = _Odd(said)

    def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        raise raised

    host = extism.Function(None, "callback", [PTR], [PTR], throw)
    with callback(throw) as plugin, extism.Context() as context:
        for each in (plugin, context.plugin(CALLBACK, functions=[host])):
            error = failure(lambda each=each: each.call("run", b""))
            assert (type(error), error.status) == (extism.HostFunctionError, Status.HOST_FUNCTION)
            assert error.__cause__ is raised
            assert str(error).splitlines()[-1].strip() == message
            assert each.call("again") == b""


def test_g06_an_exception_without_a_traceback_fails_the_call() -> None:
    raised = ValueError("from nowhere")

    def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        if throwing:
            host_function._raised(ValueError, raised, None)
        o[0].value = i[0].value

    host = extism.Function(None, "callback", [PTR], [PTR], throw)
    with callback(throw) as plugin, extism.Context() as context:
        for each in (plugin, context.plugin(CALLBACK, functions=[host])):
            throwing = True
            error = failure(lambda each=each: each.call("run", b""))
            assert (type(error), error.status) == (extism.HostFunctionError, Status.HOST_FUNCTION)
            assert error.__cause__ is raised
            throwing = False
            assert each.call("run", b"well") == b"well"


def test_g06_a_call_at_the_end_of_the_stack_fails_or_goes_well() -> None:
    def same(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        o[0].value = i[0].value

    def call_below(frames: int, each: Any) -> bytes:
        return call_below(frames - 1, each) if frames else each.call("run", b"data")

    host = extism.Function(None, "callback", [PTR], [PTR], same)
    with callback(same) as plugin, extism.Context() as context:
        for each in (plugin, context.plugin(CALLBACK, functions=[host])):
            outcomes, before = set(), sys.getrecursionlimit()
            sys.setrecursionlimit(len(inspect.stack(0)) + 60)
            try:
                for frames in range(60):
                    try:
                        outcomes.add(call_below(frames, each))
                    except (RecursionError, extism.HostFunctionError) as error:
                        outcomes.add(type(error))
            finally:
                sys.setrecursionlimit(before)
            assert outcomes >= {b"data", RecursionError}
            assert outcomes <= {b"data", RecursionError, extism.HostFunctionError}
            # Nothing of it is left for a call to come.
            assert each.call("run", b"well") == b"well"


def test_g06_what_was_raised_elsewhere_on_the_thread_is_not_this_calls() -> None:
    def same(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        o[0].value = i[0].value

    host, elsewhere = extism.Function(None, "callback", [PTR], [PTR], same), ValueError("elsewhere")
    with callback(same) as plugin, extism.Context() as context:
        for each in (plugin, context.plugin(CALLBACK, functions=[host])):
            host_function._raised(ValueError, elsewhere, None)
            assert each.call("run", b"well") == b"well"
            assert threading.get_ident() not in host_function.raised


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_g06_what_ends_the_program_passes_through(kind: type[BaseException]) -> None:
    raised = kind()

    def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        raise raised

    plugin = callback(throw)
    with pytest.raises(type(raised)) as info:
        plugin.call("run", b"")
    assert info.value is raised
    assert plugin.call("again") == b""


def test_g06_errors_pass_through_plugins_that_call_each_other() -> None:
    def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        raise LookupError("innermost")

    inner = callback(throw)
    outer = callback(lambda p, i, o: inner.call("run", b""))
    error = failure(lambda: outer.call("run", b""))
    assert error.status == Status.HOST_FUNCTION
    assert isinstance(error.__cause__, extism.HostFunctionError)
    assert repr(error.__cause__.__cause__) == "LookupError('innermost')"


def test_g06_a_host_function_that_raises_while_the_plugin_is_made() -> None:
    module = """(module
      (import "extism:host/user" "callback" (func $callback (param i64) (result i64)))
      (func $start (drop (call $callback (i64.const 0))))
      (start $start)
      (func (export "run") (result i32) (i32.const 0)))"""

    def throw(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        raise ValueError("not now")

    host = extism.Function(None, "callback", [PTR], [PTR], throw)
    error = failure(lambda: extism.Plugin(module, functions=[host]))
    assert error.status == Status.HOST_FUNCTION
    assert repr(error.__cause__) == "ValueError('not now')"


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("text", TypeError),
        ("12", TypeError),
        (None, TypeError),
        (2.9, TypeError),
        (2.0, TypeError),
        (1 << 64, OverflowError),
        (-(1 << 63) - 1, OverflowError),
        (float("nan"), TypeError),
        (Val(ValType.F64, 1.0), TypeError),
    ],
)
def test_g06_results_of_the_wrong_kind_fail_the_call(value: Any, cause: type[Exception]) -> None:
    def wrong(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        if isinstance(value, Val):
            o[0] = value
        else:
            o[0].value = value

    error = failure(lambda: callback(wrong).call("run", b""))
    assert error.status == Status.HOST_FUNCTION
    assert type(error.__cause__) is cause


def test_g06_a_handle_that_names_no_block_is_an_error_not_memory() -> None:
    def read(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        assert p.memory_at_offset(1 << 40).length == 0
        assert bytes(p.memory(Memory(0, 0))) == b""
        assert p.input_bytes(0) == b""
        block = p.memory_at_offset(i[0])
        for bad in (Memory(1 << 40, 1), Memory(block.offset, block.length + 1), Memory(block.offset + 1, 1)):
            error = failure(lambda bad=bad: p.memory(bad)[:])
            assert error.status == Status.BAD_KERNEL_HANDLE
        assert failure(lambda: p.input_bytes(1 << 40)).status == Status.BAD_KERNEL_HANDLE
        assert failure(lambda: p.alloc(1 << 40)).status == Status.MEMORY
        p.free(Memory(1 << 40, 1))
        o[0].value = i[0].value

    assert callback(read).call("run", b"data") == b"data"


def test_a_host_function_knows_its_plugin() -> None:
    seen: list[Any] = []

    def know(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        seen.append((p.id, p.time_remaining_ms(), p.var_get("name")))
        p.var_set("name", b"value")
        assert p.var_get(b"name") == b"value"
        p.var_set("gone", "x")
        p.var_remove("gone")
        assert p.var_get("gone") is None
        p.set_error("not this")
        p.set_error("" if len(seen) == 1 else "but this")
        o[0].value = i[0].value

    plugin = callback(know)
    assert plugin.call("run", b"data") == b"data"
    assert seen == [(plugin.id, None, None)]
    assert plugin.var_get("name") == b"value"
    with pytest.raises(extism.GuestError, match="but this"):
        plugin.call("run", b"data")


def test_g07_the_current_plugin_is_dead_after_its_function() -> None:
    stash: list[Any] = []

    def keep(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        stash.extend([p, p.input_buffer(i[0]), i[0]])
        assert stash[1][:] == b"data"
        o[0].value = i[0].value

    callback(keep).call("run", b"data", host_context="context")
    plugin, buffer, value = stash
    uses = [
        lambda: plugin.alloc(1),
        lambda: plugin.free(Memory(8, 1)),
        lambda: plugin.memory(Memory(8, 1)),
        lambda: plugin.memory_at_offset(value),
        lambda: plugin.input_string(value),
        lambda: plugin.return_string(value, "x"),
        plugin.host_context,
        plugin.must_stop,
        plugin.time_remaining_ms,
        lambda: plugin.id,
        lambda: plugin.var_get("x"),
        lambda: plugin.set_error("x"),
        lambda: buffer[:],
        lambda: bytes(buffer),
        lambda: buffer.__setitem__(0, b"x"),
    ]
    for use in uses:
        error = failure(use)
        assert (type(error), error.status) == (extism.ClosedError, Status.CLOSED)


def test_memory_is_read_and_written_by_slices() -> None:
    def write(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        block = p.alloc(4)
        view = p.memory(block)
        view[:] = b"abcd"
        view[1:3] = b"BC"
        view[3] = b"D"
        assert (len(view), view[0], view[-1], list(view)) == (4, b"a", b"D", [b"a", b"B", b"C", b"D"])
        assert view == b"aBCD"
        with pytest.raises(ValueError):
            view[:] = b"too long"
        with pytest.raises(IndexError):
            view[4]
        p.free(p.alloc(10))
        o[0].value = block.offset

    assert callback(write).call("run", b"") == b"aBCD"
