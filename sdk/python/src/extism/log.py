"""Logs: of one plug-in, into `logging` or a function, and of the whole process.

Must not know: what is logged. Invariant: a sink that raises does not end a call, unless what it raises is
meant to end the program.
"""

from __future__ import annotations

import logging
import sys
import threading
from enum import IntEnum
from types import SimpleNamespace
from typing import Any, Callable, Literal, Optional, Union
from uuid import UUID

from ._library import NULL, ffi, lib
from .error import encoded, raised

LevelName = Literal["trace", "debug", "info", "warn", "error"]


class Level(IntEnum):
    """The level of a log message."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4

    @property
    def logging(self) -> int:
        """The level of the module `logging`; trace is 5."""
        return max(int(self) * 10, 5)

    @classmethod
    def of(cls, value: Union[Level, str, int]) -> Level:
        """The level of a name or a number."""
        try:
            return cls[value.upper()] if isinstance(value, str) else cls(value)
        except (KeyError, ValueError):
            raise ValueError(f"{value!r} is not a level: one of trace, debug, info, warn, error") from None


#: A function that takes a level, a message and the plug-in's identity.
LogFunction = Callable[[Level, str, UUID], object]

#: Where log messages of a plug-in go: a function, a logger, or True for the logger "extism.plugin".
LogSink = Union[None, bool, logging.Logger, LogFunction]


class _Sink:
    """A sink the library holds a pointer to."""

    __slots__ = ("deliver",)

    def __init__(self, deliver: LogFunction) -> None:
        self.deliver = deliver

    @property
    def receive(self) -> Any:
        return _receive


def native_sink(sink: LogSink) -> Optional[_Sink]:
    """A sink as something to root; None for none."""
    if sink is None or sink is False:
        return None
    if sink is True:
        sink = logging.getLogger("extism.plugin")
    if isinstance(sink, logging.Logger):
        return _Sink(_into_logger(sink))
    if not callable(sink):
        raise TypeError(f"a log sink must be a function or a logger, not {type(sink).__name__}")
    return _Sink(sink)


def _into_logger(logger: logging.Logger) -> LogFunction:
    def deliver(level: Level, message: str, plugin_id: UUID) -> None:
        logger.log(level.logging, "%s", message, extra={"plugin_id": str(plugin_id)})

    return deliver


def _sink_raised(kind: Any, error: Any, traceback: Any) -> None:
    if isinstance(error, Exception):
        hook: Any = sys.unraisablehook
        hook(
            SimpleNamespace(
                exc_type=kind,
                exc_value=error,
                exc_traceback=traceback,
                err_msg="Exception ignored in a log sink",
                object=None,
            )
        )
    else:
        raised[threading.get_ident()] = error


def _deliver(user_data: Any, plugin_id: Any, level: int, message: Any, length: int) -> None:
    sink: _Sink = ffi.from_handle(user_data)
    text = ffi.unpack(message, length).decode("utf-8", "replace")
    sink.deliver(Level(level), text, UUID(bytes=ffi.unpack(ffi.cast("char *", plugin_id), 16)))


_receive: Any = ffi.callback("ExtismLogSinkFunctionType", _deliver, onerror=_sink_raised)


def _level(level: Optional[str]) -> Any:
    return NULL if level is None else encoded(level, "a log level")


def set_log_file(file: str, level: Optional[LevelName] = None) -> bool:
    """Sends the log of the process to a file, "stdout" or "stderr", from a level on.

    Once per process, this or `set_log_custom`. False after that, or if the file cannot be opened.
    """
    return bool(lib.extism_log_file(encoded(file, "a file name"), _level(level)))


class CustomLogger:
    """Fetches the log of the process, which the library keeps until then."""

    def __init__(self, f: Callable[[str], object]) -> None:
        self.callback: Any = None
        self.set_callback(f)

    def set_callback(self, f: Callable[[str], object]) -> None:
        """Puts another function in the place of the one that gets the lines."""

        def callback(line: Any, length: int) -> None:
            f(ffi.unpack(line, length).decode("utf-8", "replace"))

        self.callback = ffi.callback("ExtismLogDrainFunctionType", callback)

    def drain(self) -> None:
        """Passes every line that was kept to the function."""
        if self.callback is not None:
            lib.extism_log_drain(self.callback)

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.drain()


def set_log_custom(f: Callable[[str], object], level: Optional[LevelName] = None) -> CustomLogger:
    """Keeps the log of the process, from a level on, for `CustomLogger.drain`. Once per process."""
    lib.extism_log_custom(_level(level))
    return CustomLogger(f)
