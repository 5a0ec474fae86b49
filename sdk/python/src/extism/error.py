"""What goes wrong, as exceptions: one class for each kind a program may want to tell apart.

Must not know: who fails. Invariant: nothing here looks at the text of a message.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Optional, Type, Union

from ._library import ffi, lib
from .status import Status

#: What host functions and log sinks raised, by thread, until the call they belong to has ended.
raised: Dict[int, BaseException] = {}


class Error(Exception):
    """Anything the library reports. `str(error)` is the reason with its causes.

    .. code-block:: python

        try:
            plugin.call("run", data)
        except extism.GuestError as error:
            print("the plug-in said:", error, error.guest_code)
        except extism.Error as error:
            print(error.status.name, error.report)
    """

    #: The status, for programs to decide on.
    status: Status = Status.INTERNAL
    #: The code the plug-in returned or exited with; 0 if it did neither.
    guest_code: int = 0
    #: The message and every cause below it, each on lines of its own.
    report: str = ""

    def __init__(
        self,
        message: str = "",
        status: Optional[Status] = None,
        guest_code: int = 0,
        report: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        if status is not None:
            self.status = status
        self.guest_code = guest_code
        self.report = str(message) if report is None else report


class UsageError(Error):
    """1xx: the library was used in a way it cannot be."""

    status = Status.INVALID_ARGUMENT


class ClosedError(UsageError):
    """The object was closed."""

    status = Status.CLOSED


class BusyError(UsageError):
    """The plug-in is running: the call came from one of its own host functions, or would not wait."""

    status = Status.BUSY


class PoolTimeoutError(UsageError, TimeoutError):
    """The pool had no plug-in to give within the time allowed."""

    status = Status.WAIT_TIMEOUT


class LoadError(Error):
    """2xx: a manifest, or what it names, could not be loaded."""


class ModuleError(Error):
    """3xx: the module is not valid, or cannot be linked."""


class CallError(Error):
    """4xx: the call failed."""


class FunctionNotFoundError(CallError):
    """The plug-in exports no function of this name."""

    status = Status.FUNCTION_NOT_FOUND


class GuestError(CallError):
    """The plug-in reported an error, or returned or exited with a code other than 0."""

    status = Status.GUEST_ERROR


class TrapError(CallError):
    """The plug-in trapped."""

    status = Status.TRAP_OTHER


class HostFunctionError(CallError):
    """A host function raised; `__cause__` is what."""

    status = Status.HOST_FUNCTION


class LimitError(Error):
    """5xx: a limit was reached, or the call was stopped."""


class CallTimeoutError(LimitError, TimeoutError):
    """The call took longer than the plug-in's time limit."""

    status = Status.TIMEOUT


class CallCancelledError(LimitError):
    """The host cancelled the call."""

    status = Status.CANCELLED


class DeniedError(Error):
    """6xx: a policy said no."""


class InternalError(Error):
    """9xx: a fault of the library."""


_EXACT: Dict[int, Type[Error]] = {
    Status.CLOSED: ClosedError,
    Status.BUSY: BusyError,
    Status.WAIT_TIMEOUT: PoolTimeoutError,
    Status.FUNCTION_NOT_FOUND: FunctionNotFoundError,
    Status.GUEST_ERROR: GuestError,
    Status.GUEST_EXIT: GuestError,
    Status.HOST_FUNCTION: HostFunctionError,
    Status.HOST_PANIC: HostFunctionError,
    Status.TIMEOUT: CallTimeoutError,
    Status.CANCELLED: CallCancelledError,
}
_TRAPS = range(Status.TRAP_UNREACHABLE, Status.TRAP_OTHER + 1)
_BANDS: Dict[int, Type[Error]] = {
    1: UsageError,
    2: LoadError,
    3: ModuleError,
    4: CallError,
    5: LimitError,
    6: DeniedError,
    9: InternalError,
}


def error_of(status: int, message: str, guest_code: int = 0, report: Optional[str] = None) -> BaseException:
    """The exception for a status, with what a host function raised as its cause.

    What is meant to end the program (`KeyboardInterrupt`, `SystemExit`) comes back as it is.
    """
    cause = raised.pop(threading.get_ident(), None)
    if cause is not None and not isinstance(cause, Exception):
        return cause
    kind = TrapError if status in _TRAPS else _EXACT.get(status) or _BANDS.get(status // 100, Error)
    known = Status(status) if status in list(Status) else Status.INTERNAL
    error = kind(message, known, guest_code, report)
    if status == Status.HOST_FUNCTION:
        error.__cause__ = cause
    return error


def check(status: int, place: Any = None, message: str = "") -> None:
    """Raises for a status other than 0, with what the library wrote into the place for an error."""
    if status == Status.OK:
        return
    native = ffi.NULL if place is None else place[0]
    if native == ffi.NULL:
        raise error_of(status, message or text(lib.extism_status_description(status)))
    try:
        report = text(lib.extism_error_report(native))
        guest_code = lib.extism_error_guest_code(native)
    finally:
        lib.extism_error_free(native)
    raise error_of(status, report, guest_code, report)


def forget_raised() -> None:
    """Begins a call, which is not to fail for what was raised before; what is to end the program stays."""
    if isinstance(raised.get(threading.get_ident()), Exception):
        del raised[threading.get_ident()]


def check_raised() -> None:
    """Raises what a host function raised though the library says that the call went well, and what a log sink
    raised to end the program. What other threads have kept is theirs."""
    if threading.get_ident() in raised:
        check(Status.HOST_FUNCTION)


def text(native: Any) -> str:
    """A text of the library, copied; empty for none."""
    return "" if native == ffi.NULL else ffi.string(native).decode("utf-8", "replace")


def encoded(value: str, what: str) -> bytes:
    """A text the way the library takes it."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} is not valid Unicode", Status.INVALID_UTF8) from error


def as_bytes(data: Union[str, bytes, Any], what: str = "data") -> Any:
    """Bytes as they are, the UTF-8 of a text, and for other buffers a view without a copy."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return encoded(data, what)
    try:
        return ffi.from_buffer(data)
    except TypeError:
        raise TypeError(f"{what} must be str, bytes or a buffer, not {type(data).__name__}") from None
