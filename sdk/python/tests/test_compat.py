"""What programs for the published package 1.1.1 do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import Annotated, Any, Iterator, List, Tuple

import pytest
from conftest import CALLBACK, PLUGINS, ROOT, failure

import extism
from extism.extism import HOST_FN_REGISTRY, CancelHandle, CompiledPlugin

#: `run` passes its input to a function of the types in the middle, and puts out the block it answers.
MODULE = """(module
  (import "extism:host/env" "input_offset" (func $offset (result i64)))
  (import "extism:host/env" "length" (func $length (param i64) (result i64)))
  (import "extism:host/env" "output_set" (func $output (param i64 i64)))
  (import "{namespace}" "f" (func $f {type}))
  (func (export "run") (result i32) (local $block i64)
    {call}
    (call $output (local.get $block) (call $length (local.get $block)))
    i32.const 0))"""


def call_through(function: Any, type: str, call: str, namespace: str = "extism:host/user") -> Any:
    source = MODULE.format(namespace=namespace, type=type, call=call)
    with extism.Plugin(source, functions=[function]) as plugin:
        return plugin.call("run", '{"a": "é"}')


BLOCK = ("(param i64) (result i64)", "(local.set $block (call $f (call $offset)))")


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """Functions that a test registers are forgotten."""
    before = list(HOST_FN_REGISTRY)
    yield
    HOST_FN_REGISTRY[:] = before


def test_the_program_of_the_repository_runs() -> None:
    program = str(ROOT / "tests" / "published" / "sdk.py")
    done = subprocess.run(
        [sys.executable, program, str(PLUGINS)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "11 passed, 0 failed, 0 skipped", done.stdout + done.stderr


def test_public_names_are_where_they_were() -> None:
    names = """Plugin Error CurrentPlugin set_log_file set_log_custom extism_version Memory host_fn Function
    ValType Val Codec Json Pickle""".split()
    for name in names:
        assert getattr(extism, name) is getattr(extism.extism, name)
        assert name in extism.__all__
    for name in ("CancelHandle", "CompiledPlugin", "CustomLogger", "HOST_FN_REGISTRY"):
        assert hasattr(extism.extism, name)
    for name in ("ExplicitFunction", "TypeInferredFunction"):
        assert issubclass(getattr(extism.extism, name), extism.Function)


def test_plugins_are_made_and_called_as_before() -> None:
    manifest = {"wasm": [{"path": str(PLUGINS / "published.wasm")}]}
    plugin = extism.Plugin(manifest, False, {"a": "1"}, [])
    assert plugin.call("count_vowels", "this is a test", lambda output: json.loads(output))["count"] == 4
    assert plugin.call("echo", b"abc", lambda output: bytes(output)[::-1]) == b"cba"
    assert plugin.call("echo", b"abc", parse=None)[:] == b"abc"
    assert plugin.call("config", "a", host_context={"any": "thing"}) == b"1"
    assert isinstance(plugin.id, uuid.UUID)
    assert isinstance(plugin.cancel_handle(), CancelHandle)
    assert isinstance(plugin.compiled_plugin, CompiledPlugin)
    with extism.Plugin(CompiledPlugin(manifest, functions=[])) as other:
        assert other.function_exists("echo") is True
    assert extism.Error("text").args == ("text",)


def test_types_follow_from_annotations() -> None:
    @extism.host_fn(name="f")
    def text(value: str) -> str:
        return value.upper()

    @extism.host_fn(name="f")
    def data(value: bytes) -> bytes:
        return value[::-1]

    @extism.host_fn(name="f")
    def mapping(value: Annotated[dict, extism.Json]) -> Annotated[dict, extism.Json]:  # type: ignore[type-arg]
        return {**value, "b": 1}

    @extism.host_fn(name="f")
    def pickled(value: bytes) -> Annotated[Any, extism.Pickle]:
        return {1, 2}

    @extism.host_fn(name="f")
    def coded(
        value: Annotated[str, extism.Codec(lambda data: data.decode("latin1"))],
    ) -> Annotated[str, extism.Codec(lambda value: value.encode("utf-16-le"))]:
        return value

    import pickle

    given = '{"a": "é"}'
    assert call_through(text, *BLOCK) == given.upper().encode()
    assert call_through(data, *BLOCK) == given.encode()[::-1]
    assert json.loads(call_through(mapping, *BLOCK)) == {"a": "é", "b": 1}
    assert pickle.loads(call_through(pickled, *BLOCK)) == {1, 2}
    assert call_through(coded, *BLOCK) == given.encode().decode("latin1").encode("utf-16-le")
    assert text("direct") == "DIRECT"
    assert text.__name__ == "text"


def test_numbers_and_several_results() -> None:
    seen: List[Any] = []

    @extism.host_fn(name="f")
    def numbers(a: int, b: float, c: bool, block: bytes) -> Tuple[bool, bytes, float, int]:
        seen.append((a, b, c))
        return True, block, 2.5, -7

    @extism.host_fn(name="f")
    def nothing(a: int) -> None:
        seen.append(a)

    @extism.host_fn(name="f")
    def with_plugin(plugin: extism.CurrentPlugin, value: int, more: bytes) -> str:
        return f"{type(plugin).__name__} {more!r}"

    types = "(param i64 f64 i32 i64) (result i32 i64 f64 i64)"
    call = """(call $f (i64.const -5) (f64.const 0.5) (i32.const 1) (call $offset))
    (if (i64.ne (i64.const -7)) (then unreachable))
    (if (f64.ne (f64.const 2.5)) (then unreachable))
    (local.set $block)
    (if (i32.ne (i32.const 1)) (then unreachable))"""
    assert call_through(numbers, types, call) == '{"a": "é"}'.encode()
    call_through(nothing, "(param i64)", "(call $f (i64.const 3))")
    assert seen == [(-5, 0.5, True), 3]
    function = extism.extism.TypeInferredFunction(None, "f", with_plugin.func, [b"data"])
    failure(lambda: call_through(function, *BLOCK))

    def plain(plugin: extism.CurrentPlugin, value: int) -> str:
        return type(plugin).__name__

    function = extism.extism.TypeInferredFunction(None, "f", plain, [])
    assert call_through(function, *BLOCK) == b"CurrentPlugin"


def test_signatures_user_data_and_namespaces() -> None:
    seen: List[Any] = []

    @extism.host_fn(
        name="f",
        namespace="example",
        signature=([extism.ValType.PTR], [extism.ValType.PTR]),
        user_data=[b"data", object],
    )
    def explicit(plugin: Any, params: Any, results: Any, *user_data: Any) -> None:
        seen.append((repr(params[0].t), user_data))
        results[0].value = params[0].value

    @extism.host_fn(name="f", namespace="example", signature=([], []), user_data=b"one")
    def one(plugin: Any, params: Any, results: Any, *user_data: Any) -> None:
        seen.append(user_data)

    assert call_through(explicit, *BLOCK, "example") == '{"a": "é"}'.encode()
    call_through(one, "", "(call $f)", "example")
    assert seen == [("<ValType.PTR: 1>", (b"data", object)), (b"one",)]
    assert extism.ValType.I64 is extism.ValType.PTR


def test_registered_functions_are_the_default() -> None:
    @extism.host_fn()
    def callback(data: bytes) -> bytes:
        return data + b"!"

    with extism.Plugin(CALLBACK) as plugin:
        assert plugin.call("run", b"x") == b"x!"
    failure(lambda: extism.Plugin(CALLBACK, functions=[]))
    failure(lambda: extism.Plugin(CALLBACK, functions=None))

    @extism.host_fn(name="callback")
    def later(data: bytes) -> bytes:
        return data + b"?"

    with extism.Plugin(CALLBACK) as plugin:
        assert plugin.call("run", b"x") in (b"x!", b"x?")


def test_annotations_that_say_nothing_are_refused() -> None:
    with pytest.raises(TypeError, match="type annotations"):
        extism.host_fn()(lambda: None)

    def unknown(value: set) -> None:  # type: ignore[type-arg]
        pass

    def unknown_result(value: int) -> set:  # type: ignore[type-arg,empty-body]
        pass

    for function in (unknown, unknown_result):
        with pytest.raises(TypeError, match="Could not infer"):
            extism.host_fn()(function)


def test_host_context_is_any_object_or_none() -> None:
    seen: List[Any] = []

    @extism.host_fn(name="callback", signature=([extism.ValType.PTR], [extism.ValType.PTR]))
    def keep(plugin: extism.CurrentPlugin, params: List[extism.Val], results: List[extism.Val]) -> None:
        seen.append(plugin.host_context())
        results[0].value = params[0].value

    context = object()
    with extism.Plugin(CALLBACK, functions=[keep]) as plugin:
        for each in (context, None, 0, os):
            plugin.call("run", b"", host_context=each)
    assert seen == [context, None, 0, os]
