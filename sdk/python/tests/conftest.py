"""What the tests share: plug-ins, and the closing line."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import extism

HERE = Path(__file__).resolve().parent
SDK = HERE.parent
ROOT = SDK.parent.parent
WAT = ROOT / "fixtures" / "wat"
PLUGINS = ROOT / "fixtures" / "plugins"

ECHO = (WAT / "echo.wat").read_bytes()
CALLBACK = (WAT / "callback.wat").read_bytes()
SPIN = b'(module (func (export "spin") (result i32) (loop (br 0)) unreachable))'
PTR = extism.ValType.PTR


def callback(function: Callable[..., Any], **more: Any) -> extism.Plugin:
    """A plug-in whose `run` gives its input to a function `f(plugin, params, results)`."""
    host = extism.Function(None, "callback", [PTR], [PTR], function)
    return extism.Plugin(CALLBACK, functions=[host], **more)


def failure(call: Callable[[], object]) -> extism.Error:
    """The error a call raises."""
    with pytest.raises(extism.Error) as info:
        call()
    return info.value


def alive() -> tuple[int, int, int]:
    """How many plug-ins, compiled plug-ins and host functions there are, once garbage is gone."""
    gc.collect()
    return extism.stats()[:3]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """A test that leaves native objects behind fails."""
    before = alive()
    yield
    assert alive() == before


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The line every runner of this project ends with."""
    stats = terminalreporter.stats
    count = {name: len(stats.get(name, [])) for name in ("passed", "failed", "error", "skipped")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")
