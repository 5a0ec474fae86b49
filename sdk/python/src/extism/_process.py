"""What happens to calls when the interpreter exits, and when the process is forked.

Must not know: how a call is made. Invariant: no call is left running that could come back into an interpreter
that is gone.
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from typing import Any, Protocol


class Caller(Protocol):
    """What runs calls: a plug-in."""

    _running: bool

    def cancel(self) -> bool: ...

    def _forked(self) -> None: ...


#: Every object that can run a call.
callers: weakref.WeakSet[Any] = weakref.WeakSet()

#: How long the exit of the interpreter waits for calls that threads have left running.
_EXIT_WAIT_S = 2.0


class Process:
    """What is true of the process as a whole."""

    exiting = False


def _at_exit() -> None:
    """Ends calls of threads that were left behind: none may come back into an interpreter that is gone."""
    Process.exiting = True
    deadline = time.monotonic() + _EXIT_WAIT_S
    while time.monotonic() < deadline:
        running = [caller for caller in list(callers) if caller._running]
        if not running:
            return
        for caller in running:
            caller.cancel()
        time.sleep(0.001)


def _after_fork_in_child() -> None:
    """Calls of other threads are gone together with the threads."""
    for caller in list(callers):
        caller._forked()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
