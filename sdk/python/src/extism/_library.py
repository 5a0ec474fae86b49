"""Finds and loads the native library.

Must not know: what its functions are used for. Invariant: after the import `lib` is a library with the
interface of this package, or the import has failed with a reason a reader understands.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Tuple

from . import _native


def _declarations() -> Any:
    """The compiled form of the declarations that the wheel has; in a source tree they are parsed."""
    try:
        from ._cffi import ffi  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        from cffi import FFI  # type: ignore[import-untyped, unused-ignore]

        ffi = FFI()
        ffi.cdef(_native.CDEF)
    return ffi


def file_name() -> str:
    """The name of the library's file on this system."""
    if sys.platform == "win32":
        return "extism.dll"
    return "libextism.dylib" if sys.platform == "darwin" else "libextism.so"


def find() -> str:
    """`EXTISM_LIBRARY` if it is set, else the library of the wheel, else what the system finds."""
    override = os.environ.get("EXTISM_LIBRARY")
    if override:
        return override
    bundled = os.path.join(os.path.dirname(__file__), "lib", file_name())
    return bundled if os.path.exists(bundled) else file_name()


def load(path: str) -> Any:
    """Opens a library and checks that it has the interface this package was written for."""
    try:
        library = ffi.dlopen(path)
    except OSError as error:
        raise ImportError(
            f"the Extism library cannot be loaded: {error}; install a wheel of this package, "
            f"install the library, or set EXTISM_LIBRARY to the path of {file_name()}"
        ) from error
    version, interface = _versions(library)
    if version is None:
        raise ImportError(f"{path} is not the Extism library")
    if interface < _native.EXTISM_ABI_VERSION:
        raise ImportError(
            f"{path} is Extism {version} with interface {interface}; this package needs interface "
            f"{_native.EXTISM_ABI_VERSION}, which Extism has from 1.42.0 on"
        )
    return library


def _versions(library: Any) -> Tuple[Any, int]:
    # What a function that is missing raises depends on the form the declarations have.
    missing = (AttributeError, getattr(ffi, "error", AttributeError))
    try:
        version = ffi.string(library.extism_version()).decode()
    except missing:
        return None, 0
    try:
        return version, int(library.extism_abi_version())
    except missing:
        # The libraries before this interface had a number do not have the function.
        return version, 0


ffi: Any = _declarations()
lib: Any = load(find())
NULL: Any = ffi.NULL


def buffer_bytes(native: Any) -> bytes:
    """The bytes of a buffer of the library, which is freed."""
    try:
        return bytes(ffi.buffer(lib.extism_buffer_data(native), lib.extism_buffer_length(native)))
    finally:
        lib.extism_buffer_free(native)
