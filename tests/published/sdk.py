"""The official Python SDK, unchanged, on this project's library.

Run by `cargo xtask published` in an environment where the SDK is installed and its native library was replaced.
Usage: sdk.py PLUGINS, the folder that holds published.wasm and published_host.wasm.
"""

import json
import sys
import threading
import time
import traceback
from pathlib import Path

import extism

PLUGINS = Path(sys.argv[1])


def manifest(name="published", **more):
    return {"wasm": [{"path": str(PLUGINS / f"{name}.wasm")}], **more}


def text_of(call):
    try:
        call()
    except extism.Error as error:
        return str(error)
    raise AssertionError("an error was expected")


def test_version():
    assert extism.extism_version().split(".")[0] == "1", extism.extism_version()


def test_plugin_and_output():
    with extism.Plugin(manifest(), functions=[]) as plugin:
        assert plugin.function_exists("count_vowels") and not plugin.function_exists("nope")
        assert plugin.id.version == 4
        for total in (4, 8):
            report = json.loads(plugin.call("count_vowels", "this is a test"))
            assert report == {"count": 4, "total": total, "vowels": "aAeEiIoOuU"}, report
        assert plugin.call("echo", b"\x00\xff" * 100_000) == b"\x00\xff" * 100_000
        assert plugin.call("echo", b"") == b""


def test_inline_data_by_base64():
    data = (PLUGINS / "published.wasm").read_bytes()
    plugin = extism.Plugin({"wasm": [{"data": data}]}, functions=[])
    assert plugin.call("echo", "x") == b"x"
    assert extism.Plugin(data, functions=[]).call("echo", "x") == b"x"


def test_config():
    plugin = extism.Plugin(manifest(config={"a": "1"}), functions=[], config={"b": "2"})
    assert (plugin.call("config", "a"), plugin.call("config", "b")) == (b"1", b"2")


def test_variables():
    plugin = extism.Plugin(manifest(), functions=[])
    plugin.call("var_set", b"key=value")
    assert plugin.call("var_get", "key") == b"value"
    plugin.call("var_remove", "key")
    assert plugin.call("var_get", "key") == b""


def test_host_functions():
    @extism.host_fn(namespace="extism:host/user")
    def hello_world(text: str) -> str:
        return f"hello {text}"

    @extism.host_fn(
        name="add",
        namespace="extism:host/user",
        signature=([extism.ValType.I64, extism.ValType.I64], [extism.ValType.I64]),
        user_data=[40],
    )
    def add(current, inputs, outputs, data):
        outputs[0].value = inputs[0].value + inputs[1].value + data

    plugin = extism.Plugin(manifest("published_host"), functions=[hello_world, add])
    assert plugin.call("call_host", "world") == b"hello world"
    assert plugin.call("add_host", "-3 5") == b"42"


def test_host_context():
    seen = []

    @extism.host_fn(name="hello_world", namespace="extism:host/user",
                    signature=([extism.ValType.I64], [extism.ValType.I64]))
    def hello_world(current, inputs, outputs):
        seen.append(current.host_context())
        outputs[0].value = inputs[0].value

    @extism.host_fn(namespace="extism:host/user")
    def add(a: int, b: int) -> int:
        return a + b

    plugin = extism.Plugin(manifest("published_host"), functions=[hello_world, add])
    plugin.call("call_host", "x", host_context="context")
    assert seen == ["context"], seen


def test_error_texts():
    plugin = extism.Plugin(manifest(), functions=[])
    assert text_of(lambda: plugin.call("fail", "the reason")) == "the reason"
    assert "Function not found" in text_of(lambda: plugin.call("nope", ""))
    denied = text_of(lambda: plugin.call("http_get", "http://127.0.0.1:1/"))
    assert "error while executing at wasm backtrace" in denied, denied
    assert "HTTP request to http://127.0.0.1:1/ is not allowed" in denied, denied
    assert "No wasm files specified" in text_of(lambda: extism.Plugin({"wasm": []}, functions=[]))
    unknown = text_of(lambda: extism.Plugin(manifest("published_host"), functions=[]))
    assert "unknown import" in unknown, unknown


def test_timeout():
    plugin = extism.Plugin(manifest(timeout_ms=50), functions=[])
    assert text_of(lambda: plugin.call("infinite_loop", "")) == "timeout"
    assert plugin.call("echo", "x") == b"x"


def test_cancel():
    plugin = extism.Plugin(manifest(), functions=[])
    handle = plugin.cancel_handle()
    done = threading.Event()

    def keep_cancelling():
        # A cancel before the call has begun is lost, so it is repeated until the call has ended.
        while not done.is_set():
            handle.cancel()
            time.sleep(0.001)

    thread = threading.Thread(target=keep_cancelling)
    thread.start()
    text = text_of(lambda: plugin.call("infinite_loop", ""))
    done.set()
    thread.join()
    assert "timeout" in text, text
    assert plugin.call("echo", "x") == b"x"


def test_compiled_plugin():
    compiled = extism.extism.CompiledPlugin(manifest(), functions=[])
    plugins = [extism.Plugin(compiled) for _ in range(3)]
    del compiled
    for number, plugin in enumerate(plugins):
        plugin.call("var_set", f"n={number}")
    assert [plugin.call("var_get", "n") for plugin in plugins] == [b"0", b"1", b"2"]


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    failed = 0
    for name, test in tests:
        try:
            test()
        except BaseException:
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc()
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return failed != 0


sys.exit(main())
