"""Types are complete: of the package, and for programs that use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SDK

PROGRAM = """
from __future__ import annotations

import json
from typing import Annotated, Any

import extism
from extism import CurrentPlugin, Val, ValType


@extism.host_fn()
def greet(who: str, times: int) -> Annotated[dict[str, Any], extism.Json]:
    return {"hello": who * times}


@extism.host_fn(name="raw", signature=([ValType.PTR], [ValType.PTR]))
def raw(plugin: CurrentPlugin, params: list[Val], results: list[Val]) -> None:
    plugin.return_string(results[0], plugin.input_string(params[0]))


def sink(level: extism.Level, message: str, plugin_id: object) -> None:
    reveal_type(level.logging)


options = extism.Options(limits=extism.Limits.untrusted(), log=sink, fuel=5)
functions: list[extism.Function] = [greet, raw]
with extism.Plugin("plugin.wasm", True, {"a": None}, functions, options=options) as plugin:
    reveal_type(plugin.call("f", b""))
    reveal_type(plugin.call("f", "", parse=json.loads))
    reveal_type(plugin.call("f", "", lambda output: len(output)))
    reveal_type(plugin.var_get("x"))
with extism.Context() as context:
    reveal_type(context.plugin({"wasm": []}))
    reveal_type(extism.Pool(extism.CompiledPlugin(b"")).get(5))
    reveal_type(extism.inspect(b""))
try:
    pass
except extism.GuestError as error:
    reveal_type(error.status)
async def main() -> None:
    await plugin.call_async("f")
"""

WRONG = """
import extism
extism.Plugin(5)
extism.Plugin(b"", functions=["f"])
extism.Plugin(b"").call("f", 5)
extism.Options(fuel="much")
extism.set_log_file("x", "loud")
"""


def mypy(tmp_path: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mypy")
    words = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *paths]
    # From elsewhere, so that the installed package is found and not the source.
    return subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, timeout=600, env=dict(os.environ)
    )


def test_programs_of_users_have_types(tmp_path: Path) -> None:
    program, wrong = tmp_path / "program.py", tmp_path / "wrong.py"
    program.write_text(PROGRAM)
    wrong.write_text(WRONG)
    done = mypy(tmp_path, str(program))
    assert done.returncode == 0, done.stdout
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed type" in line]
    short = [each.replace("builtins.", "").replace("typing.", "") for each in revealed]
    assert short == [
        "int",
        "bytes",
        "Any",
        "int",
        "bytes | None",
        "extism.context.ContextPlugin",
        "extism.plugin.Plugin",
        "dict[str, Any]",
        "extism.status.Status",
    ]
    done = mypy(tmp_path, str(wrong))
    assert done.stdout.splitlines()[-1].startswith("Found 5 errors"), done.stdout


def test_the_samples_have_types(tmp_path: Path) -> None:
    for sample in (SDK / "samples").glob("*/main.py"):
        done = mypy(tmp_path, str(sample))
        assert done.returncode == 0, done.stdout
