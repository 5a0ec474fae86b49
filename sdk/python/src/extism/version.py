"""The library about itself.

Must not know: plug-ins. Invariant: every number comes from the library.
"""

from __future__ import annotations

from typing import NamedTuple

from ._library import ffi, lib
from .error import check, text


class Stats(NamedTuple):
    """How many native objects are alive in this process."""

    plugins: int
    compiled_plugins: int
    host_functions: int
    cancel_handles: int
    log_lines_dropped: int


def extism_version() -> str:
    """The version of the library, such as "1.42.0"."""
    return text(lib.extism_version())


def stats() -> Stats:
    """Counts what is alive now."""
    native = ffi.new("ExtismStats *")
    native.size = ffi.sizeof("ExtismStats")
    check(lib.extism_stats(native))
    return Stats(*(getattr(native, field) for field in Stats._fields))
