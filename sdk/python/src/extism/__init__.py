"""Extism for Python: software made programmable with plug-ins compiled to WebAssembly.

.. code-block:: python

    import extism

    with extism.Plugin("plugin.wasm") as plugin:
        print(plugin.call("greet", "world"))
"""

from . import extism as extism
from .cancel_handle import CancelHandle
from .compiled_plugin import CompiledPlugin, inspect, precompile
from .context import Context, ContextPlugin
from .current_plugin import CurrentPlugin, Memory, MemoryView
from .error import (
    BusyError,
    CallCancelledError,
    CallError,
    CallTimeoutError,
    ClosedError,
    DeniedError,
    Error,
    FunctionNotFoundError,
    GuestError,
    HostFunctionError,
    InternalError,
    LimitError,
    LoadError,
    ModuleError,
    PoolTimeoutError,
    TrapError,
    UsageError,
)
from .host_function import HOST_FN_REGISTRY, Codec, Function, Json, Pickle, host_fn
from .log import CustomLogger, Level, set_log_custom, set_log_file
from .options import UNLIMITED, Limits, Options
from .plugin import Plugin
from .pool import Pool, PoolStats
from .status import Status
from .value import Val, ValType
from .version import Stats, extism_version, stats

__version__ = "1.42.0"

__all__ = [
    "HOST_FN_REGISTRY",
    "UNLIMITED",
    "BusyError",
    "CallCancelledError",
    "CallError",
    "CallTimeoutError",
    "CancelHandle",
    "ClosedError",
    "Codec",
    "CompiledPlugin",
    "Context",
    "ContextPlugin",
    "CurrentPlugin",
    "CustomLogger",
    "DeniedError",
    "Error",
    "Function",
    "FunctionNotFoundError",
    "GuestError",
    "HostFunctionError",
    "InternalError",
    "Json",
    "Level",
    "LimitError",
    "Limits",
    "LoadError",
    "Memory",
    "MemoryView",
    "ModuleError",
    "Options",
    "Pickle",
    "Plugin",
    "Pool",
    "PoolStats",
    "PoolTimeoutError",
    "Stats",
    "Status",
    "TrapError",
    "UsageError",
    "Val",
    "ValType",
    "extism_version",
    "host_fn",
    "inspect",
    "precompile",
    "set_log_custom",
    "set_log_file",
    "stats",
]
