"""Gives a plug-in functions of the host: here a store it keeps a total in."""

import json
from typing import Dict

import extism

# snippet: host_function
store: Dict[str, bytes] = {}


@extism.host_fn()
def kv_read(key: str) -> bytes:
    return store.get(key, b"")


@extism.host_fn()
def kv_write(key: str, value: bytes) -> None:
    store[key] = value


with extism.Plugin("examples/plugins/kv.wasm", functions=[kv_read, kv_write]) as plugin:
    for text in ("Hello, World!", "Once more"):
        print(plugin.call("count_vowels", text, parse=json.loads))
print(store)
# end snippet


@extism.host_fn(name="kv_read")
def fails(key: str) -> bytes:
    raise LookupError(f"there is no {key}")


with extism.Plugin("examples/plugins/kv.wasm", functions=[fails, kv_write]) as plugin:
    try:
        plugin.call("count_vowels", "Hello")
    except extism.HostFunctionError as error:
        print(error.status.name, "because of", repr(error.__cause__))
