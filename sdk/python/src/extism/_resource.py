"""Owners of native objects.

Must not know: which objects. Invariant: a native object is freed exactly once, and not while a thread is
inside a function of the library with it: whoever uses it holds its handle, and the last one lets go. What the
library has a pointer to lives as long as the handle, by references the garbage collector sees, so that a host
function may refer to its plug-in.
"""

from __future__ import annotations

import weakref
from typing import Any, Callable, NoReturn, Optional, Sequence, TypeVar

from .error import ClosedError

Self = TypeVar("Self", bound="Resource")


class Handle:
    """A native object, freed when nobody holds the handle any more, from whatever thread that is.

    Nothing is freed at the exit of the interpreter: there is nobody left to care, and threads that were
    left behind may still be inside of the library.
    """

    __slots__ = ("__weakref__", "pointer", "roots", "sink")

    def __init__(self, pointer: Any, free: Callable[[Any], None], roots: Sequence[Any] = ()) -> None:
        self.pointer = pointer
        #: What the library's pointers to objects of Python stand for.
        self.roots = roots
        #: The log sink that was set last.
        self.sink: Any = None
        weakref.finalize(self, free, pointer).atexit = False


class Lease:
    """Holds a handle for the length of a `with`, and nothing of it in tracebacks afterwards."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Handle) -> None:
        self._handle: Optional[Handle] = handle

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle = None

    @property
    def pointer(self) -> Any:
        """The native object."""
        return None if self._handle is None else self._handle.pointer

    @property
    def roots(self) -> Sequence[Any]:
        """What the library has pointers to."""
        return () if self._handle is None else self._handle.roots


class Resource:
    """What has to be closed: by `close()`, by the end of a `with`, or else by the garbage collector."""

    _handle: Optional[Handle] = None

    def close(self) -> None:
        """Frees the native object as soon as nobody uses it. Closing twice is allowed."""
        self._handle = None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._handle is None

    def _lease(self) -> Lease:
        handle = self._handle
        if handle is None:
            self._fail_closed()
        return Lease(handle)

    def _fail_closed(self) -> NoReturn:
        raise ClosedError(f"the {type(self).__name__} is closed")

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} can be neither copied nor pickled")
