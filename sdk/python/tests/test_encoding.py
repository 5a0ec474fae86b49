"""Guarantees 12 to 14 and 17: bytes, texts, numbers, and what errors carry."""

from __future__ import annotations

import array
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from conftest import ECHO, PLUGINS, WAT, callback, failure

import extism
from extism import CurrentPlugin, Function, Status, Val, ValType

I32, I64, F32, F64 = ValType.I32, ValType.I64, ValType.F32, ValType.F64
PUBLISHED = PLUGINS / "published.wasm"


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"a\0b", bytes(range(256)), b"\xff\xfe", "été \U0001f980".encode(), b"x" * (64 << 20)],
    ids=lambda data: str(len(data)),
)
def test_g12_bytes_are_bytes(data: bytes) -> None:
    with extism.Plugin(ECHO, functions=[]) as plugin:
        assert plugin.call("echo", data) == data
        assert plugin.call("echo", bytearray(data)) == data
        assert plugin.call("echo", memoryview(data)) == data
        plugin.var_set("é\0", data[:1000])
        assert plugin.var_get("é\0".encode()) == data[:1000]
        assert failure(lambda: plugin.var_set(b"\xff", b"")).status == Status.INVALID_UTF8
        assert plugin.var_get("absent") is None


def test_g12_texts_and_other_buffers() -> None:
    with extism.Plugin(ECHO, functions=[]) as plugin:
        assert plugin.call("echo", "\U0001f980\0") == "\U0001f980\0".encode()
        numbers: Any = array.array("i", [1, -1])
        assert plugin.call("echo", numbers) == struct.pack("ii", 1, -1)
        assert plugin.call("echo") == b""
        assert plugin.call("echo", "7", parse=json.loads) == 7
        assert bytes(plugin.call("echo", "x", None)) == b"x"


@pytest.mark.parametrize("data", [None, 1, 1.5, ["a"], object(), {}])
def test_g12_what_is_no_bytes_is_refused(data: Any) -> None:
    with extism.Plugin(ECHO, functions=[]) as plugin:
        with pytest.raises(TypeError, match="data must be str, bytes or a buffer"):
            plugin.call("echo", data)
        with pytest.raises(TypeError, match="function name must be str"):
            plugin.call(data if not isinstance(data, (list, dict)) else None, b"")
        with pytest.raises(TypeError):
            plugin.var_set(data, b"")
    if not isinstance(data, dict):
        with pytest.raises(TypeError, match="a plug-in must be"):
            extism.Plugin(data)


@pytest.mark.parametrize("name", ["", "a\0b", "echo\0", "été", "x" * 100_000, "\ud800"])
def test_g12_names_that_name_nothing(name: str) -> None:
    with extism.Plugin(ECHO, functions=[]) as plugin:
        expected = Status.INVALID_UTF8 if name == "\ud800" else Status.FUNCTION_NOT_FOUND
        assert failure(lambda: plugin.call(name, b"")).status == expected
        with extism.Context() as context:
            assert failure(lambda: context.plugin(ECHO, functions=[]).call(name)).status == expected
        if name != "\ud800":
            assert not plugin.function_exists(name)
        assert plugin.function_exists("echo")


def test_g13_output_outlives_the_next_call() -> None:
    with extism.Plugin(ECHO, functions=[]) as plugin:
        first, view = plugin.call("echo", b"first"), plugin.call("echo", b"view", None)
        plugin.call("echo", b"second")
        plugin.reset()
    assert (first, view[:]) == (b"first", b"view")


NUMBERS: list[tuple[ValType, list[Any]]] = [
    (I32, [0, 1, -1, 2**31 - 1, -(2**31)]),
    (I64, [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]),
    (F32, [0.0, -0.0, 1.5, math.inf, -math.inf]),
    (F64, [0.1, -0.0, 1e308, 5e-324, math.inf]),
]


@pytest.mark.parametrize(("kind", "values"), NUMBERS)
def test_g14_numbers_travel_exactly(kind: ValType, values: list[Any]) -> None:
    name = ("i32", "i64", "f32", "f64")[kind.value]
    module = f"""(module
      (import "extism:host/user" "give" (func $give (result {name})))
      (import "extism:host/user" "take" (func $take (param {name})))
      (func (export "run") (result i32) (call $take (call $give)) (i32.const 0)))"""
    seen: list[Any] = []
    queue = list(values)
    functions = [
        Function(None, "give", [], [kind], lambda p, i, o: setattr(o[0], "value", queue.pop(0))),
        Function(None, "take", [kind], [], lambda p, i, o: seen.append(i[0].value)),
    ]
    with extism.Plugin(module, functions=functions) as plugin:
        for _ in values:
            plugin.call("run")
        assert [struct.pack("d", value) for value in seen] == [struct.pack("d", value) for value in values]
        if kind in (I32, I64):
            bits = 32 if kind is I32 else 64
            queue[:] = [2**bits - 1, 2**bits]
            plugin.call("run")
            assert seen[-1] == -1
            assert type(failure(lambda: plugin.call("run")).__cause__) is OverflowError


@pytest.mark.parametrize("kind", [I32, I64, F32, F64])
def test_g14_what_is_no_number_of_its_type_is_refused(kind: ValType) -> None:
    name = ("i32", "i64", "f32", "f64")[kind.value]
    module = f"""(module
      (import "extism:host/user" "give" (func $give (result {name})))
      (func (export "run") (result i32) (drop (call $give)) (i32.const 0)))"""
    queue: list[Any] = ["12", b"12", None, [1], *([2.0, 2.9, math.inf] if kind in (I32, I64) else [])]
    give = Function(None, "give", [], [kind], lambda p, i, o: setattr(o[0], "value", queue.pop(0)))
    with extism.Plugin(module, functions=[give]) as plugin:
        while queue:
            assert type(failure(lambda: plugin.call("run")).__cause__) is TypeError
        queue[:] = [7, True]
        plugin.call("run")
        plugin.call("run")


def test_g14_the_bits_of_nan_are_kept() -> None:
    def same(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        o[0].value = i[0].value

    def elsewhere(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        o[0].value = i[0].value + 1

    def many(p: CurrentPlugin, i: list[Val], o: list[Val]) -> None:
        o[0].value = sum(value.value for value in i if value.t is I32)
        o[1].value = sum(value.value for value in i if value.t is I64)

    functions = [
        Function(None, f"{name}_id", [kind], [kind], same)
        for name, kind in zip(("i32", "i64", "f32", "f64"), (I32, I64, F32, F64))
    ]
    functions.append(Function("elsewhere", "i32_id", [I32], [I32], elsewhere))
    functions.append(Function(None, "many", [I32, I64, F32, F64] * 4 + [I32], [I32, I64], many))
    with extism.Plugin(WAT / "values.wat", functions=functions) as plugin:
        for name in ("i32", "i64", "f32", "f64", "elsewhere", "many"):
            plugin.call(name)


@pytest.mark.parametrize("size", [-1, 1 << 64, "1", None, 1.5])
def test_g14_sizes_that_are_none_are_refused(size: Any) -> None:
    error = failure(lambda: callback(lambda p, i, o: p.alloc(size)).call("run", b""))
    assert error.status == Status.HOST_FUNCTION
    assert isinstance(error.__cause__, (OverflowError, TypeError))


@pytest.mark.parametrize(
    ("call", "kind", "status", "code"),
    [
        ("nope", extism.FunctionNotFoundError, Status.FUNCTION_NOT_FOUND, 0),
        ("seven", extism.GuestError, Status.GUEST_ERROR, 7),
        ("minus", extism.GuestError, Status.GUEST_ERROR, -3),
        ("error_seven", extism.GuestError, Status.GUEST_ERROR, 7),
        ("takes", extism.CallError, Status.FUNCTION_TYPE, 0),
        ("error_zero", extism.GuestError, Status.GUEST_ERROR, 0),
        ("trap", extism.TrapError, Status.TRAP_UNREACHABLE, 0),
        ("divide", extism.TrapError, Status.TRAP_ARITHMETIC, 0),
        ("bad_handle", extism.CallError, Status.BAD_KERNEL_HANDLE, 0),
        ("http", extism.DeniedError, Status.HOST_DENIED, 0),
    ],
)
def test_g17_errors_say_what_went_wrong(call: str, kind: type, status: Status, code: int) -> None:
    with extism.Plugin(WAT / "results.wat", functions=[]) as plugin, extism.Context() as context:
        for each in (plugin, context.plugin(WAT / "results.wat", functions=[])):
            error = failure(lambda each=each: each.call(call, b""))
            assert (type(error), error.status, error.guest_code) == (kind, status, code)
            assert str(error) and error.report and isinstance(error, extism.Error)


@pytest.mark.parametrize(
    ("source", "kind", "status"),
    [
        (b"", extism.LoadError, Status.NO_MODULES),
        (b"\xff\xff", extism.ModuleError, Status.MODULE_INVALID),
        ("{", extism.LoadError, Status.MANIFEST_SYNTAX),
        ({"wasm": 1}, extism.LoadError, Status.MANIFEST_FIELD),
        ({"wasm": []}, extism.LoadError, Status.NO_MODULES),
        ({"wasm": [{"path": "/does/not/exist"}]}, extism.LoadError, Status.NOT_FOUND),
        ({"wasm": [{"data": b"\0asm\1\0\0\0\xff"}]}, extism.ModuleError, Status.MODULE_INVALID),
        (b"\0asm\1\0\0\0\xff", extism.ModuleError, Status.MODULE_INVALID),
        ('(module (import "a" "b" (func)))', extism.ModuleError, Status.IMPORT_UNKNOWN),
    ],
)
def test_g17_sources_that_cannot_be_loaded(source: Any, kind: type, status: Status) -> None:
    for make in (extism.Plugin, extism.CompiledPlugin):
        error = failure(lambda make=make: make(source, functions=[]))
        assert (type(error), error.status) == (kind, status)


def test_sources_in_every_form(tmp_path: Path) -> None:
    data = PUBLISHED.read_bytes()
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"wasm": [{"path": str(PUBLISHED)}]}))
    sources: list[Any] = [
        data,
        bytearray(data),
        memoryview(data),
        str(PUBLISHED),
        PUBLISHED,
        path,
        path.read_text(),
        {"wasm": [{"data": data}]},
        {"wasm": [{"path": PUBLISHED}]},
        f'[[wasm]]\npath = "{PUBLISHED}"\n',
    ]
    for source in sources:
        with extism.Plugin(source, functions=[]) as plugin:
            assert plugin.call("echo", b"x") == b"x"
    with pytest.raises(TypeError, match="a manifest cannot hold a set"):
        extism.Plugin({"wasm": {1}})


def test_config_and_variables() -> None:
    manifest = {"wasm": [{"path": str(PUBLISHED)}], "config": {"a": "1"}}
    with extism.Plugin(manifest, config={"b": "é"}, functions=[]) as plugin:
        assert (plugin.call("config", "a"), plugin.call("config", "b")) == (b"1", "é".encode())
        plugin.config({"a": None, "b": "2"})
        assert (plugin.call("config", "a"), plugin.call("config", "b")) == (b"", b"2")
        error = failure(lambda: plugin.config({"a": 1}))  # type: ignore[dict-item]
        assert isinstance(error, extism.LoadError)
        assert failure(lambda: plugin.config(b"{")).status == Status.MANIFEST_SYNTAX
        plugin.call("var_set", "key=value")
        assert plugin.var_get("key") == b"value"
        plugin.var_remove("key")
        plugin.var_remove("key")
        assert plugin.var_get("key") is None
        plugin.var_set("key", b"")
        assert plugin.var_get("key") == b""
        plugin.renew()
        assert (plugin.var_get("key"), plugin.call("config", "a")) == (None, b"1")


def test_limits_fuel_and_options() -> None:
    default, untrusted = extism.Limits.default(), extism.Limits.untrusted()
    assert (default.call_time_ms_max, untrusted.call_time_ms_max) == (extism.UNLIMITED, 30_000)
    assert default.memory_bytes_max == extism.UNLIMITED
    untrusted.output_bytes_max = 3
    options = extism.Options(limits=untrusted, fuel=10_000, cache=False, rewrite=False)
    with extism.Plugin(ECHO, functions=[], options=options) as plugin:
        assert plugin.call("echo", b"abc") == b"abc"
        fuel = plugin.fuel_consumed()
        assert fuel is not None and 0 < fuel < 10_000
        error = failure(lambda: plugin.call("echo", b"abcd"))
        assert (type(error), error.status) == (extism.LimitError, Status.OUTPUT)
    with extism.Plugin(ECHO, functions=[]) as plugin:
        assert plugin.fuel_consumed() is None
        with pytest.raises(TypeError, match="takes config only"):
            extism.Plugin(plugin.compiled_plugin, options=options)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        extism.Plugin(ECHO, options=extism.Options(limits=extism.Limits(blocks_max=-1)))
    wasi = extism.Options(wasi_args=["a", "b c"], wasi_env={"NAME": "value=1"})
    with extism.Plugin(PLUGINS / "published_wasi.wasm", wasi=True, functions=[], options=wasi) as plugin:
        assert b"b c" in plugin.call("arguments")
        assert b"NAME" in plugin.call("environment") and b"value=1" in plugin.call("environment")


def test_no_fuel_at_all_is_refused() -> None:
    for options in (extism.Options(fuel=0), extism.Options(fuel=5, fuel_for_start=0)):
        error = failure(lambda options=options: extism.Plugin(ECHO, options=options))
        assert (type(error), error.status) == (extism.UsageError, Status.INVALID_ARGUMENT)
        assert "None does not count" in str(error)


def test_limits_are_the_fields_of_the_library() -> None:
    from dataclasses import fields

    native = extism.extism._ffi.typeof("ExtismLimits").fields
    assert [each.name for each in fields(extism.Limits)] == [name for name, _ in native][1:]


def test_inspecting_and_compiling_ahead_of_time() -> None:
    described = extism.inspect(PUBLISHED)
    assert "count_vowels" in json.dumps(described)
    artefact = extism.precompile(ECHO)
    for trust in (False, True):
        options = extism.Options(trust_artefacts=trust)
        with extism.Plugin(artefact, functions=[], options=options) as plugin:
            assert plugin.call("echo", b"x") == b"x"
    assert failure(lambda: extism.inspect(b"\0asm")).status == Status.MODULE_INVALID
    assert failure(lambda: extism.precompile({"wasm": []})).status == Status.NO_MODULES
