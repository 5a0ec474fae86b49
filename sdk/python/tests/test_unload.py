"""Guarantees 16 and 18: the library that is loaded, and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import HERE, SPIN, callback

import extism


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Signals that interrupt, also where a shell that runs in the background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "PYTHONPATH": f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
            **environment,
        },
    )


def compiled(folder: Path, text: str) -> str:
    """A library made from C."""
    source, library = folder / "fake.c", folder / "libextism.so"
    source.write_text(text)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return str(library)


def test_g16_a_library_that_is_missing_is_named() -> None:
    done = run("import extism", EXTISM_LIBRARY="/does/not/exist.so")
    assert done.returncode == 1
    assert "ImportError: the Extism library cannot be loaded: " in done.stderr
    assert "/does/not/exist.so" in done.stderr
    assert "set EXTISM_LIBRARY" in done.stderr


def test_g16_something_that_is_no_library_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "libextism.so"
    text.write_text("not a library")
    assert (
        "ImportError: the Extism library cannot be loaded"
        in run("import extism", EXTISM_LIBRARY=str(text)).stderr
    )
    other = compiled(tmp_path, "int something(void) { return 1; }")
    done = run("import extism", EXTISM_LIBRARY=other)
    assert f"ImportError: {other} is not the Extism library" in done.stderr


@pytest.mark.parametrize("interface", ["", "int extism_abi_version(void) { return 0; }"])
def test_g16_a_library_with_an_older_interface_is_refused(tmp_path: Path, interface: str) -> None:
    old = compiled(tmp_path, f'const char *extism_version(void) {{ return "1.41.0"; }} {interface}')
    done = run("import extism", EXTISM_LIBRARY=old)
    assert f"{old} is Extism 1.41.0 with interface 0; this package needs interface 1" in done.stderr


def test_g16_the_library_may_be_somewhere_else() -> None:
    from extism import _library

    bundled = Path(_library.__file__).parent / "lib" / _library.file_name()
    path = os.environ.get("EXTISM_LIBRARY") or str(bundled)
    done = run("import extism; print(extism.extism_version())", EXTISM_LIBRARY=path)
    assert done.stdout.strip() == extism.extism_version() == extism.__version__ == "1.42.0"


def test_g16_the_library_can_be_loaded_again_by_another_import() -> None:
    program = """
import sys, extism
plugin = extism.Plugin('(module (func (export "f") (result i32) (i32.const 0)))', functions=[])
for name in [name for name in sys.modules if name.split(".")[0] == "extism"]:
    del sys.modules[name]
import extism as again
assert again is not extism
other = again.Plugin('(module (func (export "f") (result i32) (i32.const 0)))', functions=[])
plugin.call("f"); other.call("f"); plugin.close(); other.call("f")
print("ok")
"""
    done = run(program)
    assert (done.stdout, done.stderr) == ("ok\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_g18_faults_are_still_the_interpreters() -> None:
    program = """
import ctypes, faulthandler, extism
faulthandler.enable()
source = '(module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))'
plugin = extism.Plugin(source, functions=[])
for _ in range(3):
    try:
        plugin.call("f")
    except extism.TrapError as error:
        print(error.status.name, flush=True)
ctypes.string_at(0)
"""
    done = run(program)
    assert done.stdout == "TRAP_MEMORY\n" * 3
    assert done.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in done.stderr


@pytest.mark.usefixtures("interrupts")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_g18_an_interrupt_reaches_a_host_function_and_the_program() -> None:
    def interrupt(p: extism.CurrentPlugin, i: list[extism.Val], o: list[extism.Val]) -> None:
        signal.raise_signal(signal.SIGINT)
        while True:
            pass

    plugin = callback(interrupt)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            plugin.call("run", b"")
    assert plugin.call("again") == b""


@pytest.mark.usefixtures("interrupts")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_g18_an_interrupt_during_a_call_ends_the_program_when_the_call_ends() -> None:
    with extism.Plugin(SPIN, functions=[]) as plugin:

        def interrupt() -> None:
            while not plugin._running:
                pass
            os.kill(os.getpid(), signal.SIGINT)
            while plugin._running:
                plugin.cancel()

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            plugin.call("spin")
        thread.join()
