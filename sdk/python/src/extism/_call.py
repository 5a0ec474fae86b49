"""What calls have in common, whoever owns the plug-in: names, one thread at a time, the event loop.

Must not know: how a plug-in is called. Invariant: a task that is cancelled ends after its call, and cancels
no other call.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Executor
from typing import Any, Callable, Dict, List, NoReturn, Optional

from ._library import ffi
from ._process import callers
from ._resource import Handle, Resource
from .cancel_handle import CancelHandle
from .error import BusyError, CallCancelledError, ClosedError, encoded

#: How many names are kept.
_NAMES_MAX = 1024


class _Names(Dict[str, bytes]):
    def __missing__(self, name: str) -> bytes:
        data = encoded(name, "a function name")
        if len(self) >= _NAMES_MAX:
            self.clear()
        self[name] = data
        return data


#: Names of functions the way the library takes them.
NAMES = _Names()

#: Plug-ins that were running in other threads at a fork. Freeing them would wait for ever.
_lost: List[Handle] = []


class Exclusive(Resource):
    """A resource that one thread at a time is inside of. A second one waits; a call of the plug-in from
    one of its own host functions raises `BusyError`."""

    cancel_handle: Callable[[], CancelHandle]

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._running = False
        self._was_lost = False
        callers.add(self)

    def close(self) -> None:
        """Frees the plug-in when the call that runs, if one does, has ended. Closing twice is allowed."""
        with self._lock:
            self._handle = None

    def cancel(self) -> bool:
        """Cancels the call that runs now, if one does. False if the plug-in is closed."""
        return not self.closed and self.cancel_handle().cancel()

    def _turn(self) -> Turn:
        return Turn(self)

    def _fail_closed(self) -> NoReturn:
        if self._was_lost:
            raise ClosedError("the plug-in was in use by another thread when the process was forked")
        super()._fail_closed()

    def _fail_busy(self) -> NoReturn:
        raise BusyError("the plug-in is running: a host function cannot use the plug-in that calls it")

    def _forked(self) -> None:
        if self._lock.acquire(blocking=False):
            self._lock.release()
        elif self._handle is not None:
            _lost.append(self._handle)
            self._handle, self._was_lost, self._running = None, True, False
            self._lock = threading.RLock()


class Turn:
    """A thread's turn with an exclusive resource."""

    __slots__ = ("_handle", "_lock", "_owner")

    def __init__(self, owner: Exclusive) -> None:
        self._owner = owner
        self._handle: Optional[Handle] = None

    def __enter__(self) -> Any:
        owner = self._owner
        self._lock = owner._lock
        self._lock.acquire()
        self._handle = owner._handle
        if self._handle is None or owner._running:
            failed = owner._fail_closed if self._handle is None else owner._fail_busy
            self.__exit__()
            failed()
        return self._handle.pointer

    def __exit__(self, *_: object) -> None:
        self._handle = None
        self._lock.release()


def need_stack(frames: int = 4) -> None:
    """Raises a `RecursionError` where a host function could neither begin nor say so, which is success to the
    library."""
    if frames:
        need_stack(frames - 1)


def host_context_pointer(context: Any) -> Any:
    """A pointer that stands for a context as long as it is kept."""
    return ffi.NULL if context is None else ffi.new_handle(context)


class AsyncCall:
    """A call on a worker thread that an event loop waits for."""

    def __init__(self, plugin: Exclusive, call: Callable[[], Any]) -> None:
        self._plugin = plugin
        self._call = call
        # Guards the three below. The plug-in's lock is held all the time `_running` is set, so that what
        # is cancelled meanwhile is this call.
        self._mutex = threading.Lock()
        self._cancelled = False
        self._begun = False
        self._running = False

    async def result(self, executor: Optional[Executor]) -> Any:
        """What the call answers; a task that is cancelled meanwhile waits until the call has ended."""
        context = contextvars.copy_context()
        future = asyncio.get_running_loop().run_in_executor(executor, context.run, self._run)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._cancel()
            if not self._begun:
                future.cancel()
            while not future.done():
                try:
                    # A cancel is lost while the library has not begun with the call, so it is repeated.
                    await asyncio.wait([future], timeout=0.01)
                except asyncio.CancelledError:
                    pass
                self._cancel()
            if not future.cancelled():
                future.exception()
            raise

    def _run(self) -> Any:
        self._set_begun()
        lock = self._plugin._lock
        while not lock.acquire(timeout=0.05):
            self._stop_if_cancelled()
        try:
            with self._mutex:
                self._stop_if_cancelled()
                self._running = True
            try:
                return self._call()
            finally:
                with self._mutex:
                    self._running = False
        finally:
            lock.release()

    def _set_begun(self) -> None:
        with self._mutex:
            self._stop_if_cancelled()
            self._begun = True

    def _stop_if_cancelled(self) -> None:
        if self._cancelled:
            raise CallCancelledError("the call was cancelled before it began")

    def _cancel(self) -> None:
        with self._mutex:
            self._cancelled = True
            if self._running:
                self._plugin.cancel()
