"""The tests of the kit: everything it can be compiled with, and what the results do on the library of
$EXTISM_PREFIX. Prints `N passed, N failed, N skipped` as its last line.

EXTISM_PREFIX  an installed prefix: lib/libextism.so
EXTISM_CLANG   clang for Wasm; by default clang-19
EXTISM_ZIG     the words that start zig; by default zig, or python3 -m ziglang where that is installed
"""

import base64
import http.server
import importlib.util
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tests"))

import host  # noqa: E402  It is in the folder named above.

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{HERE}"]
LINKED = ["-Wl,--no-entry", "-Wl,--strip-all"]
C, CXX = ["-x", "c", "-std=c11"], ["-x", "c++", "-std=c++17", "-fno-exceptions"]
IMPLEMENTED, LIBC, ADDRESSES = "-DEXTISM_IMPLEMENTATION", "-DEXTISM_USE_LIBC", "-DEXTISM_ENABLE_LOW_LEVEL_API"


class Skipped(Exception):
    """Why a test cannot be run here."""


# --- Compilers ---


def clang():
    program = os.environ.get("EXTISM_CLANG", "clang-19")
    if shutil.which(program) is None:
        raise Skipped(f"no {program}")
    return [program]


def zig():
    if "EXTISM_ZIG" in os.environ:
        return os.environ["EXTISM_ZIG"].split()
    if shutil.which("zig"):
        return ["zig"]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang"]
    raise Skipped("no zig")


def command(compiler, libc):
    """The words that compile for Wasm, without or with a libc."""
    if compiler == "clang":
        target = ["--target=wasm32-wasi"] if libc else ["--target=wasm32", "-nostdlib"]
        return [*clang(), *target]
    target = ["wasm32-wasi"] if libc else ["wasm32-freestanding", "-nostdlib"]
    return [*zig(), "cc", "-target", *target]


def run(words):
    finished = subprocess.run(words, text=True, capture_output=True, check=False)
    if finished.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}\n{finished.stderr.strip()}")


def build(folder, name, sources, compiler="clang", libc=False, optimise="-O2", defines=()):
    """A module of `(language, source)` pairs; its bytes."""
    words = [*command(compiler, libc), optimise, *STRICT, *defines]
    objects = []
    for at, (language, source, own) in enumerate(sources):
        objects.append(str(folder / f"{name}{at}.o"))
        run([*words, *own, *language, "-c", str(HERE / source), "-o", objects[-1]])
    output = folder / f"{name}.wasm"
    reactor = ["-mexec-model=reactor"] if libc else []
    if compiler == "zig" and libc:
        reactor = ["-mexec-model=reactor", "-Wl,--export=_initialize"]
    run([*command(compiler, libc), optimise, *reactor, *LINKED, *objects, "-o", str(output)])
    return output.read_bytes()


# --- Compiling everything ---

IMPLEMENTATION = "tests/implementation.c"


def compiles(compiler, language, libc, addresses, optimise):
    """All names in one source file, with the implementation in it and in another one."""

    def test(folder):
        defines = [flag for flag, wanted in [(LIBC, libc), (ADDRESSES, addresses)] if wanted]
        options = {"compiler": compiler, "libc": libc, "optimise": optimise, "defines": defines}
        alone = build(folder, "alone", [(language, "tests/surface.c", [IMPLEMENTED])], **options)
        sources = [(language, "tests/surface.c", []), (C, IMPLEMENTATION, [])]
        together = build(folder, "together", sources, **options)
        for module in (alone, together):
            assert module.startswith(b"\0asm")
            for name in (b"__extism_bulk_load", b"__extism_bulk_store", b"another name", b"keeps"):
                assert name in module, f"no export {name}"

    return test


def combinations():
    for compiler in ("clang", "zig"):
        for language, title in ((C, "C"), (CXX, "C++")):
            for libc in (False, True):
                for addresses in (False, True):
                    parts = [compiler, title, "libc" if libc else "freestanding"]
                    name = " ".join([*parts, *(["addresses"] if addresses else [])])
                    yield f"compiles: {name}", compiles(compiler, language, libc, addresses, "-O2")
    for optimise in ("-O0", "-O1", "-O3", "-Oz"):
        yield f"compiles: clang {optimise}", compiles("clang", C, False, True, optimise)


# --- What the functions answer ---

CHECKS = [
    "input_is_read_in_bounds",
    "blocks_are_written_in_bounds",
    "copies_are_exact",
    "what_is_empty_is_nothing",
]


def answers(compiler, optimise):
    def test(folder):
        source = [(C, "tests/checks.c", [])]
        module = build(folder, "checks", source, compiler=compiler, optimise=optimise)
        plugin = host.Plugin(library(), module)
        for name in CHECKS:
            try:
                assert plugin.call(name, b"0123456789") == b""
            except host.Failure as failure:
                raise AssertionError(f"{name}: tests/checks.c:{failure.code}") from failure
        assert plugin.call("a_part_is_the_output") == b"3456"
        plugin.close()
        small = {"wasm": [module_of(module, "main")], "memory": {"max_pages": 24}}
        for name in ("an_output_without_room", "a_variable_without_room"):
            plugin = host.Plugin(library(), json.dumps(small).encode())
            try:
                plugin.call(name)
                raise AssertionError(f"{name} succeeded")
            except host.Failure as failure:
                assert "oom" in str(failure), failure
            plugin.close()

    return test


def library():
    prefix = os.environ.get("EXTISM_PREFIX")
    if not prefix:
        raise Skipped("EXTISM_PREFIX does not say where the library is")
    return host.load(prefix)


def conformance(compiler, language):
    """The 24 functions: the suite runs those of clang's C, the others are compiled only."""

    def test(folder):
        source = [(language, "conformance/conformance.c", [])]
        module = build(folder, "conformance", source, compiler=compiler)
        text = (HERE / "conformance/conformance.c").read_text(encoding="utf-8")
        names = re.findall(r"EXTISM_EXPORTED_FUNCTION\((\w+)\)", text)
        assert len(names) == 24 and all(name.encode() in module for name in names)

    return test


def module_of(module, name):
    return {"name": name, "data": base64.b64encode(module).decode()}


# --- The examples ---


def test_count_vowels(folder):
    module = build(folder, "plugin", [(C, "examples/count_vowels.c", [])], libc=True)
    manifest = {"wasm": [module_of(module, "main")], "config": {"vowels": "xyz"}}
    plugin = host.Plugin(library(), json.dumps(manifest).encode())
    assert plugin.call("count_vowels", b"xyzzy") == b'{"count":5,"total":5,"vowels":"xyz"}'
    assert plugin.call("count_vowels", b"x\0y") == b'{"count":2,"total":7,"vowels":"xyz"}'
    assert plugin.call("count_vowels", b"") == b'{"count":0,"total":7,"vowels":"xyz"}'
    plugin.close()
    for vowels in ('a"', "a\\", "a" * 65):
        plugin = host.Plugin(library(), json.dumps({**manifest, "config": {"vowels": vowels}}).encode())
        try:
            raise AssertionError(plugin.call("count_vowels", b"a"))
        except host.Failure as failure:
            assert failure.code == 1 and "these vowels" in str(failure), failure
        plugin.close()


def test_kv(folder):
    module = build(folder, "plugin", [(C, "examples/kv.c", [])], libc=True)
    store = {}
    functions = {
        "kv_read": (1, 1, lambda key: store.get(key, b"")),
        "kv_write": (2, 0, store.__setitem__),
    }
    plugin = host.Plugin(library(), module, functions)
    assert plugin.call("count_vowels", b"Hello World") == b'{"count":3,"total":3}'
    assert plugin.call("count_vowels", b"a\0aa") == b'{"count":3,"total":6}'
    assert store == {b"count-vowels": struct.pack("<I", 6)}
    plugin.close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/found" else 404)
        self.end_headers()
        self.wfile.write(b"hello from " + self.path.encode())

    def log_message(self, *_):
        pass


def test_http(folder):
    module = build(folder, "plugin", [(C, "examples/http.c", [])])
    manifest = {"wasm": [module_of(module, "main")], "allowed_hosts": ["127.0.0.1"]}
    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        plugin = host.Plugin(library(), json.dumps(manifest).encode())
        url = f"http://127.0.0.1:{server.server_port}"
        assert plugin.call("fetch", f"{url}/found".encode()) == b"hello from /found"
        written = f'{url}/found","method":"DELETE'
        bad = [(f"{url}/lost", "did not answer"), ("x" * 2049, "too long"), (written, "in no URL")]
        for refused, words in bad:
            try:
                plugin.call("fetch", refused.encode())
                raise AssertionError(f"{refused} was fetched")
            except host.Failure as failure:
                assert failure.code == 1 and words in str(failure), failure
        plugin.close()
        server.shutdown()


def test_host_call(folder):
    module = build(folder, "plugin", [(C, "examples/host_call.c", [])])
    functions = {"translate": (1, 1, lambda text: text.replace(b"Hello", b"Bonjour"))}
    plugin = host.Plugin(library(), module, functions)
    assert plugin.call("greet", b"Ada") == b"Bonjour, Ada!"
    plugin.close()


# --- Running them ---


def tests():
    yield from combinations()
    for compiler, optimise in (("clang", "-O0"), ("clang", "-O2"), ("clang", "-Oz"), ("zig", "-O2")):
        yield f"answers: {compiler} {optimise}", answers(compiler, optimise)
    for compiler, language, title in (("clang", C, "C"), ("clang", CXX, "C++"), ("zig", C, "C")):
        yield f"conformance: {compiler} {title}", conformance(compiler, language)
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            yield name.removeprefix("test_"), test


def main():
    passed = failed = skipped = 0
    for name, test in tests():
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
                passed += 1
            except Skipped as reason:
                skipped += 1
                print(f"skipped {name}: {reason}")
            except (AssertionError, host.Failure) as error:
                failed += 1
                print(f"FAILED {name}: {error}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
