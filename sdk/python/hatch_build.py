"""What goes into the wheel beside the sources: the native library, and what is made from the declarations.

Must not know: how the library is built. Invariant: a wheel without the library is never made.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent


def library() -> Path:
    """The library of the prefix that EXTISM_PREFIX names."""
    prefix = os.environ.get("EXTISM_PREFIX")
    if not prefix:
        sys.exit("extism: EXTISM_PREFIX is not set; it names the folder the Extism library is installed in")
    names = {"win32": "bin/extism.dll", "darwin": "lib/libextism.dylib"}
    path = Path(prefix, names.get(sys.platform, "lib/libextism.so"))
    if not path.is_file():
        sys.exit(f"extism: there is no library at {path}; EXTISM_PREFIX is {prefix}")
    return path.resolve()


def platform() -> str:
    """The platform in the wheel's tag; EXTISM_WHEEL_PLATFORM where the library runs on more than this one."""
    chosen = os.environ.get("EXTISM_WHEEL_PLATFORM") or sysconfig.get_platform()
    return chosen.replace("-", "_").replace(".", "_")


class Wheel(BuildHookInterface):
    """Adds what is not in the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        made = Path(tempfile.mkdtemp())
        (made / "py.typed").touch()
        self._declarations(made / "_cffi.py")
        native = library()
        # The name under which the library is looked for, not the one with its version.
        name = "extism.dll" if sys.platform == "win32" else "libextism" + native_suffix()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform()}"
        added = build_data["force_include"]
        added[str(native)] = f"extism/lib/{name}"
        added[str(made / "py.typed")] = "extism/py.typed"
        added[str(made / "_cffi.py")] = "extism/_cffi.py"
        licence = HERE.parent.parent / "LICENSE"
        if licence.exists():
            added[str(licence)] = "extism/LICENSE"

    def _declarations(self, path: Path) -> None:
        """Compiles the declarations, so that nothing has to be parsed when the package is imported."""
        from cffi import FFI

        spec = importlib.util.spec_from_file_location("_native", HERE / "src/extism/_native.py")
        assert spec is not None and spec.loader is not None
        native = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(native)
        ffi = FFI()
        ffi.cdef(native.CDEF)
        ffi.set_source("extism._cffi", None)
        ffi.emit_python_code(str(path))


def native_suffix() -> str:
    """How the names of libraries end."""
    return ".dylib" if sys.platform == "darwin" else ".so"


def get_build_hook() -> type[BuildHookInterface]:
    """What the build backend asks for."""
    return Wheel
