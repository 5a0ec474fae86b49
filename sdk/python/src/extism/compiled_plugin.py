"""Plug-ins that are compiled once, and what can be known of a plug-in without running it.

Must not know: instances. Invariant: what is compiled belongs to one object, which threads may share.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Optional, Union

from ._library import buffer_bytes, ffi, lib
from ._resource import Handle, Resource
from .error import check
from .host_function import HOST_FN_REGISTRY, Function
from .manifest import Source, source_bytes
from .options import Options, Request


class CompiledPlugin(Resource):
    """A plug-in compiled once, from which any number of instances are made, on any thread.

    .. code-block:: python

        compiled = extism.CompiledPlugin("plugin.wasm")
        plugins = [extism.Plugin(compiled) for _ in range(10)]
    """

    def __init__(
        self,
        plugin: Source,
        wasi: bool = False,
        functions: Optional[Iterable[Function]] = HOST_FN_REGISTRY,
        options: Optional[Options] = None,
    ) -> None:
        self.functions = functions
        source = source_bytes(plugin)
        out, error = ffi.new("ExtismCompiledPlugin **"), ffi.new("ExtismError **")
        with Request(wasi, functions, options) as request:
            check(lib.extism_compile(request.native, source, len(source), out, error), error)
        self._handle = Handle(out[0], lib.extism_compiled_plugin_free, request.roots)


def compiled(
    plugin: Union[Source, CompiledPlugin],
    wasi: bool,
    functions: Optional[Iterable[Function]],
    options: Optional[Options],
) -> CompiledPlugin:
    """Compiles what is not compiled yet. What is has been made for its options, and takes no others."""
    if not isinstance(plugin, CompiledPlugin):
        return CompiledPlugin(plugin, wasi, functions, options)
    if wasi or functions is not HOST_FN_REGISTRY or options is not None:
        raise TypeError("a compiled plug-in takes config only: the rest was given when it was compiled")
    return plugin


def inspect(plugin: Source, wasi: bool = False, options: Optional[Options] = None) -> Dict[str, Any]:
    """Describes a plug-in without running it: what it exports, imports and was built with."""
    described: Dict[str, Any] = json.loads(_examine(lib.extism_inspect, plugin, wasi, options))
    return described


def precompile(plugin: Source, wasi: bool = False, options: Optional[Options] = None) -> bytes:
    """Compiles a plug-in of one module ahead of time: the module, with its machine code.

    It loads anywhere as a module, and faster where `Options.trust_artefacts` is set.
    """
    return _examine(lib.extism_precompile, plugin, wasi, options)


def _examine(function: Any, plugin: Source, wasi: bool, options: Optional[Options]) -> bytes:
    source = source_bytes(plugin)
    out, error = ffi.new("ExtismBuffer **"), ffi.new("ExtismError **")
    with Request(wasi, (), options) as request:
        check(function(request.native, source, len(source), out, error), error)
    return buffer_bytes(out[0])
