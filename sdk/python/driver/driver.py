"""The driver of conformance/protocol.md: does with the SDK what lines of standard input say.

Must not know: any case. Invariant: one line comes back for each line, whatever happens.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import extism
from extism import CurrentPlugin, Val, ValType

FEATURES = """cancel compiled context fs fuel headers host_context http inspect limits logs namespace nested
pool precompile reenter renew stats threads vars wasi""".split()
I32, I64, F32, F64 = ValType.I32, ValType.I64, ValType.F32, ValType.F64

kept: Dict[str, Any] = {}
logs: Dict[str, List[Tuple[int, str]]] = {}
running = threading.local()


def decoded(word: str) -> Optional[bytes]:
    """The bytes of a word."""
    if word == "?":
        return None
    count, _, unit = word.rpartition("*")
    digits, times = (count, int(unit)) if count else (word, 1)
    return b"" if digits == "-" else bytes.fromhex(digits) * times


def encoded(data: Optional[bytes]) -> str:
    """The word of bytes."""
    return "?" if data is None else data.hex() or "-"


def text(word: str) -> str:
    """The text of a word; what is not UTF-8 stays as wrong as it is."""
    return (decoded(word) or b"").decode("utf-8", "surrogateescape")


def wrapped(value: int, bits: int) -> int:
    """A number as two's complement has it."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def find(name: str) -> Any:
    """What is kept under a name; the SDK's own error for what is not there."""
    if name in kept:
        return kept[name]
    raise extism.ClosedError(f"{name} is closed")


def texts(function: Callable[..., bytes]) -> Callable[..., bytes]:
    """A function of the texts of its handles."""
    return lambda plugin, *handles: function(*(plugin.input_bytes(handle) for handle in handles))


def throw(plugin: CurrentPlugin, handle: int) -> None:
    raise RuntimeError(plugin.input_bytes(handle).decode("utf-8", "replace"))


def reenter(plugin: CurrentPlugin, handle: int) -> bytes:
    try:
        running.plugin.call(plugin.input_string(handle))
        return b"0"
    except extism.Error as error:
        return str(int(error.status)).encode()


def nested(plugin: CurrentPlugin, function: int, data: int) -> bytes:
    return called(find("p2"), plugin.input_string(function), plugin.input_bytes(data))


def wait(plugin: CurrentPlugin, duration_ms: int) -> int:
    end = time.monotonic() + min(duration_ms, 10_000) / 1000
    while time.monotonic() < end and not plugin.must_stop():
        time.sleep(0.002)
    return int(plugin.must_stop())


#: The host functions of the protocol: types of arguments and results, and what they do.
CATALOGUE: Dict[str, Tuple[List[ValType], List[ValType], Callable[..., Any]]] = {
    "upper": ([I64], [I64], texts(bytes.upper)),
    "concat": ([I64, I64], [I64], texts(bytes.__add__)),
    "add_i64": ([I64, I64], [I64], lambda _, a, b: wrapped(a + b, 64)),
    "add_i32": ([I32, I32], [I32], lambda _, a, b: wrapped(a + b, 32)),
    "mul_f32": ([F32, F32], [F32], lambda _, a, b: a * b),
    "f64_id": ([F64], [F64], lambda _, a: a),
    "mix": ([I32, I64, F32, F64], [F64], lambda _, a, b, c, d: float(a) + float(b) + c + d),
    "nothing": ([], [], lambda _: None),
    "throw": ([I64], [I64], throw),
    "ctx_get": ([], [I64], lambda plugin: plugin.host_context()),
    "reenter": ([I64], [I64], reenter),
    "nested": ([I64, I64], [I64], nested),
    "wait": ([I64], [I64], wait),
    "bad_handle": ([], [I64], lambda _: 1 << 40),
}


def host_function(name: str, namespace: Optional[str]) -> extism.Function:
    """A function of the catalogue: bytes it answers become a block."""
    args, returns, function = CATALOGUE[name]

    def run(plugin: CurrentPlugin, inputs: List[Val], outputs: List[Val]) -> None:
        answer = function(plugin, *(value.value for value in inputs))
        if isinstance(answer, bytes):
            plugin.return_bytes(outputs[0], answer)
        elif answer is not None:
            outputs[0].value = answer

    return extism.Function(namespace, name, args, returns, run)


def called(plugin: Any, name: str, data: Any, context: Any = None) -> bytes:
    """Calls a plug-in that host functions of this thread can find."""
    outer, running.plugin = getattr(running, "plugin", None), plugin
    try:
        output: bytes = plugin.call(name, data, host_context=context)
        return output
    finally:
        running.plugin = outer


def settings(words: Sequence[str], name: str = "") -> Dict[str, Any]:
    """The options of a source, as arguments of everything that takes one."""
    given = [word.partition("=")[::2] for word in words]
    one = dict(given)
    limits = extism.Limits.untrusted() if one.get("limits") == "untrusted" else extism.Limits()
    for key, value in given:
        if key.startswith("limit."):
            setattr(limits, key[len("limit.") :], int(value))
    options = extism.Options(
        limits=limits,
        fuel=int(one["fuel"]) if "fuel" in one else None,
        rewrite=one.get("rewrite") != "0",
        http_response_headers=one.get("headers") == "1",
        trust_artefacts=one.get("trust") == "1",
        cache=one.get("cache") != "0",
        wasi_args=[text(value) for key, value in given if key == "arg"],
        wasi_env=dict(text(value).partition("=")[::2] for key, value in given if key == "env"),
    )
    if "log" in one:
        lines = logs.setdefault(name, [])
        options.log = lambda level, message, plugin_id: lines.append((int(level), message))
        options.log_level = extism.Level(int(one["log"]))
    namespace = text(one["namespace"]) if "namespace" in one else None
    names = one["functions"].split(",") if one.get("functions") else []
    functions = [host_function(each, namespace) for each in names]
    return {"wasi": one.get("wasi") == "1", "functions": functions, "options": options}


def source(word: str) -> bytes:
    """The bytes of a word that has to have some."""
    return decoded(word) or b""


class Requests:
    """One method for each request; what it answers follows `OK`."""

    def hello(self, version: str) -> str:
        library = extism.extism_version()
        return f"sdk=python version={extism.__version__} library={library} features={','.join(FEATURES)}"

    def compile(self, name: str, word: str, *options: str) -> None:
        kept[name] = extism.CompiledPlugin(source(word), **settings(options, name))

    def new(self, name: str, word: str, *options: str) -> None:
        if word[0] == "c" and word[1:].isdigit():
            logs[name] = logs.get(word, [])
            kept[name] = extism.Plugin(find(word))
        else:
            kept[name] = extism.Plugin(source(word), **settings(options, name))

    def inspect(self, word: str, *options: str) -> str:
        chosen = settings(options)
        found = extism.inspect(source(word), chosen["wasi"], chosen["options"])
        return encoded(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode())

    def precompile(self, word: str, *options: str) -> str:
        chosen = settings(options)
        return encoded(extism.precompile(source(word), chosen["wasi"], chosen["options"]))

    def call(self, name: str, function: str, data: str, *options: str) -> str:
        plugin, chosen = find(name), dict(word.partition("=")[::2] for word in options)
        after_ms = int(chosen.get("cancel_ms", 0))
        timer = threading.Timer(after_ms / 1000, plugin.cancel_handle().cancel) if after_ms else None
        if timer is not None:
            timer.start()
        try:
            return encoded(called(plugin, text(function), source(data), decoded(chosen.get("context", "?"))))
        finally:
            if timer is not None:
                timer.cancel()

    def exists(self, name: str, function: str) -> str:
        return str(int(find(name).function_exists(text(function))))

    def config(self, name: str, word: str) -> None:
        find(name).config(source(word))

    def var(self, name: str, verb: str, key: str, *value: str) -> Optional[str]:
        answer = getattr(find(name), f"var_{verb}")(source(key), *map(source, value))
        return encoded(answer) if verb == "get" else None

    def reset(self, name: str) -> None:
        find(name).reset()

    def renew(self, name: str) -> None:
        find(name).renew()

    def cancel(self, name: str) -> None:
        find(name).cancel()

    def headers(self, name: str) -> None:
        find(name).allow_http_response_headers()

    def id(self, name: str) -> str:
        return encoded(find(name).id.bytes)

    def fuel(self, name: str) -> str:
        fuel = find(name).fuel_consumed()
        return "?" if fuel is None else str(fuel)

    def logs(self, name: str) -> str:
        lines, logs[name][:] = list(logs.setdefault(name, [])), []
        return " ".join(f"{level}:{encoded(message.encode())}" for level, message in lines)

    def context(self, name: str) -> None:
        kept[name] = extism.Context()

    def ctxnew(self, name: str, word: str, *options: str) -> str:
        plugin = find(name).plugin(source(word), **settings(options, name))
        kept[f"{name}/{plugin.number}"] = plugin
        return str(plugin.number)

    def ctxupdate(self, name: str, number: str, word: str, *options: str) -> None:
        find(f"{name}/{number}").update(source(word), **settings(options, name))

    def ctxcall(self, name: str, number: str, *words: str) -> str:
        return self.call(f"{name}/{number}", *words)

    def ctxexists(self, name: str, number: str, function: str) -> str:
        return self.exists(f"{name}/{number}", function)

    def ctxconfig(self, name: str, number: str, word: str) -> None:
        self.config(f"{name}/{number}", word)

    def ctxfree(self, name: str, number: str) -> None:
        find(f"{name}/{number}").close()

    def ctxreset(self, name: str) -> None:
        find(name).reset()

    def pool(self, name: str, compiled: str, instances_max: str) -> None:
        kept[name] = extism.Pool(find(compiled), int(instances_max))

    def get(self, pool: str, name: str, timeout_ms: str) -> None:
        kept[name] = find(pool).get(int(timeout_ms))

    def poolstats(self, name: str) -> str:
        return " ".join(map(str, find(name).stats()))

    def threads(self, name: str, threads: str, calls: str, function: str, data: str) -> str:
        compiled = find(name)

        def work(_: int) -> List[bytes]:
            with extism.Plugin(compiled) as plugin:
                return [called(plugin, text(function), source(data)) for _ in range(int(calls))]

        with ThreadPoolExecutor(int(threads)) as executor:
            outputs = [each for some in executor.map(work, range(int(threads))) for each in some]
        if len(set(outputs)) != 1:
            raise RuntimeError("the outputs differ")
        return f"{len(outputs)} {encoded(outputs[0])}"

    def free(self, name: str) -> None:
        if name in kept:
            kept[name].close()

    def gc(self) -> None:
        while gc.collect():
            pass

    def stats(self) -> str:
        return " ".join(map(str, extism.stats()[:4]))

    def bye(self) -> None:
        pass


def answer(words: List[str]) -> str:
    """The reply to a request."""
    request = getattr(Requests(), words[0].lower(), None)
    if request is None:
        return f"CANNOT there is no {words[0]}"
    try:
        found = request(*words[1:])
    except extism.Error as error:
        return f"ERR {int(error.status)} {error.guest_code} {encoded(str(error).encode())}"
    except Exception as error:
        return f"ERR 0 0 {encoded(repr(error).encode())}"
    return f"OK {found}" if found else "OK"


for line in sys.stdin:
    sys.stdout.write(answer(line.split()) + "\n")
    sys.stdout.flush()
    if line.startswith("BYE"):
        break
