"""Logs of a plug-in and of the process."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from conftest import WAT

import extism
from extism import Level

LOG = (WAT / "log.wat").read_bytes()


def test_a_function_receives_messages_from_a_level_on() -> None:
    seen: list[tuple[Level, str, UUID]] = []
    options = extism.Options(log=lambda *each: seen.append(each), log_level="warn")
    with extism.Plugin(LOG, functions=[], options=options) as plugin:
        plugin.call("info", "quiet")
        plugin.call("error", "été \0 \U0001f980")
        (level, message, plugin_id), *more = seen
        assert (level, plugin_id, more) == (Level.ERROR, plugin.id, [])
        assert message.startswith("été ") and message.endswith(" \U0001f980")
        plugin.set_log_sink(lambda level, message, plugin_id: seen.append((level, message, plugin_id)))
        plugin.call("info", "heard")
        assert seen[-1][:2] == (Level.INFO, "heard")
        plugin.set_log_sink(None)
        plugin.call("error", "unheard")
        assert len(seen) == 2


@pytest.mark.parametrize("sink", [True, logging.getLogger("mine")])
def test_messages_go_to_logging(sink: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    name = "extism.plugin" if sink is True else "mine"
    with extism.Plugin(LOG, functions=[], options=extism.Options(log=sink)) as plugin:
        plugin.call("info", "100 %s")
        plugin.call("error", "bad")
        records = [
            (each.name, each.levelno, each.getMessage(), getattr(each, "plugin_id", None))
            for each in caplog.records
        ]
        identity = str(plugin.id)
    assert records == [
        (name, logging.INFO, "100 %s", identity),
        (name, logging.ERROR, "bad", identity),
    ]


def test_a_sink_that_raises_does_not_fail_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

    def broken(level: Level, message: str, plugin_id: UUID) -> None:
        raise ValueError(message)

    with extism.Plugin(LOG, functions=[], options=extism.Options(log=broken)) as plugin:
        assert plugin.call("info", "no") == b""
    assert [repr(each.exc_value) for each in unraisable] == ["ValueError('no')"]
    unraisable.clear()


def test_a_sink_that_ends_the_program_does() -> None:
    def interrupted(level: Level, message: str, plugin_id: UUID) -> None:
        raise KeyboardInterrupt

    with extism.Plugin(LOG, functions=[], options=extism.Options(log=interrupted)) as plugin:
        with pytest.raises(KeyboardInterrupt):
            plugin.call("info", "x")
        plugin.set_log_sink(None)
        assert plugin.call("info", "x") == b""


def test_a_sink_may_refer_to_its_plugin() -> None:
    errors: list[extism.Error] = []

    def reenter(level: Level, message: str, plugin_id: UUID) -> None:
        with pytest.raises(extism.BusyError) as info:
            plugin.call("info", "again")
        errors.append(info.value)

    plugin = extism.Plugin(LOG, functions=[])
    plugin.set_log_sink(reenter)
    plugin.call("info", "x")
    assert len(errors) == 1


@pytest.mark.parametrize("sink", ["stderr", 1, object()])
def test_what_is_no_sink_is_refused(sink: Any) -> None:
    with pytest.raises(TypeError, match="a log sink must be"):
        extism.Plugin(LOG, options=extism.Options(log=sink))
    with extism.Plugin(LOG, functions=[]) as plugin, pytest.raises(ValueError, match="is not a level"):
        plugin.set_log_sink(print, "loud")


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_log_of_the_process_goes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = f"""
import extism
print(extism.set_log_file({str(path)!r}, "info"), extism.set_log_file("stdout"))
extism.Plugin({LOG!r}, functions=[]).call("info", "hello")
"""
    assert run(program) == "True False\n"
    assert "hello" in path.read_text()


def test_the_log_of_the_process_is_kept_until_it_is_drained() -> None:
    program = f"""
import extism
lines = []
logger = extism.set_log_custom(lines.append, "info")
extism.Plugin({LOG!r}, functions=[]).call("info", "hello")
assert lines == []
logger.drain()
assert "hello" in lines[-1] and lines[-1].endswith("\\n"), lines
logger.set_callback(lambda line: print("second", line.count("again")))
extism.Plugin({LOG!r}, functions=[]).call("info", "again")
del logger
print("end")
"""
    assert run(program).splitlines()[-2:] == ["second 1", "end"]
