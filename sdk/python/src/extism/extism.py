"""The names of the package once more, where programs for the published package look for them."""

from ._library import ffi as _ffi
from ._library import lib as _lib
from .cancel_handle import CancelHandle
from .compiled_plugin import CompiledPlugin
from .current_plugin import CurrentPlugin, Memory
from .error import Error
from .host_function import (
    HOST_FN_REGISTRY,
    Codec,
    ExplicitFunction,
    Function,
    Json,
    Pickle,
    TypeInferredFunction,
    host_fn,
)
from .log import CustomLogger, set_log_custom, set_log_file
from .plugin import Plugin
from .value import Val, ValType
from .version import extism_version

__all__ = [
    "HOST_FN_REGISTRY",
    "CancelHandle",
    "Codec",
    "CompiledPlugin",
    "CurrentPlugin",
    "CustomLogger",
    "Error",
    "ExplicitFunction",
    "Function",
    "Json",
    "Memory",
    "Pickle",
    "Plugin",
    "TypeInferredFunction",
    "Val",
    "ValType",
    "_ffi",
    "_lib",
    "extism_version",
    "host_fn",
    "set_log_custom",
    "set_log_file",
]
