"""Contexts, which own plug-ins: the interface of Extism 0.1.

Must not know: how plug-ins are compiled. Invariant: a context outlives the operations on its plug-ins.
"""

from __future__ import annotations

import weakref
from typing import Any, Callable, Iterable, Optional, Sequence, Union

from ._call import NAMES, AsyncCall, Exclusive, host_context_pointer, need_stack
from ._library import buffer_bytes, ffi, lib
from ._resource import Handle, Resource
from .cancel_handle import CancelHandle
from .compiled_plugin import CompiledPlugin, compiled
from .error import FunctionNotFoundError, as_bytes, check, check_raised, error_of, forget_raised, text
from .host_function import HOST_FN_REGISTRY, Function
from .manifest import Config, Source, config_bytes
from .options import Options
from .plugin import Data, Plugin
from .status import Status


class Context(Resource):
    """Owns plug-ins: they are freed with it at the latest.

    .. code-block:: python

        with extism.Context() as context:
            plugin = context.plugin({"wasm": [{"path": "plugin.wasm"}]}, wasi=True)
            print(plugin.call("greet", "world"))
    """

    def __init__(self) -> None:
        self._handle = Handle(lib.extism_context_new(), lib.extism_context_free)
        self._plugins: weakref.WeakSet[ContextPlugin] = weakref.WeakSet()

    def plugin(
        self,
        manifest: Union[Source, CompiledPlugin],
        wasi: bool = False,
        config: Optional[Config] = None,
        functions: Optional[Iterable[Function]] = HOST_FN_REGISTRY,
        options: Optional[Options] = None,
    ) -> ContextPlugin:
        """Makes a plug-in in the context. The arguments are those of `Plugin`."""
        made_from = compiled(manifest, wasi, functions, options)
        out, error = ffi.new("int32_t *"), ffi.new("ExtismError **")
        with self._lease() as context, made_from._lease() as lease:
            check(lib.extism_context_plugin_create(context.pointer, lease.pointer, out, error), error)
            plugin = ContextPlugin(self, out[0], lease.roots)
        self._plugins.add(plugin)
        try:
            if config is not None:
                plugin.config(config)
        except BaseException:
            plugin.close()
            raise
        return plugin

    def reset(self) -> None:
        """Frees the plug-ins of the context, each when its call has ended."""
        for plugin in list(self._plugins):
            plugin.close()
        with self._lease() as context:
            lib.extism_context_reset(context.pointer)

    def close(self) -> None:
        """Frees the context and its plug-ins, each when its call has ended. Closing twice is allowed."""
        for plugin in list(self._plugins):
            plugin.close()
        super().close()


class ContextPlugin(Exclusive):
    """A plug-in of a context. Threads may share it; they then take turns."""

    def __init__(self, context: Context, number: int, roots: Sequence[Any]) -> None:
        super().__init__()
        self.context = context
        #: The number of the plug-in in its context.
        self.number = number
        self._handle = context._handle
        self._roots = roots

    def close(self) -> None:
        """Frees the plug-in. Closing twice is allowed."""
        with self._lock:
            handle, self._handle = self._handle, None
            if handle is not None:
                lib.extism_context_plugin_free(handle.pointer, self.number)

    def update(
        self,
        manifest: Union[Source, CompiledPlugin],
        wasi: bool = False,
        config: Optional[Config] = None,
        functions: Optional[Iterable[Function]] = HOST_FN_REGISTRY,
        options: Optional[Options] = None,
    ) -> None:
        """Puts another plug-in in the place of this one. If that fails, the old one stays."""
        made_from = compiled(manifest, wasi, functions, options)
        if config is not None:
            # Whether the library takes it is seen with a plug-in that does nothing else.
            with Plugin(b"(module)", functions=()) as trial:
                trial.config(config)
        error = ffi.new("ExtismError **")
        with self._turn() as context, made_from._lease() as lease:
            check(lib.extism_context_plugin_replace(context, self.number, lease.pointer, error), error)
            self._roots = lease.roots
            if config is not None:
                self.config(config)

    def call(
        self,
        function_name: str,
        data: Data = b"",
        parse: Optional[Callable[[bytes], Any]] = bytes,
        host_context: Any = None,
    ) -> Any:
        """As `Plugin.call`."""
        if "\0" in function_name:
            raise FunctionNotFoundError(f"no function can be called whose name has a NUL: {function_name!r}")
        name, given = NAMES[function_name], as_bytes(data)
        kept = host_context_pointer(host_context)
        # Whatever the call does to this object, what the library has pointers to lives until it has ended.
        roots = self._roots
        with self._turn() as context:
            self._running = True
            forget_raised()
            try:
                need_stack()
                code = lib.extism_context_plugin_call(context, self.number, name, given, len(given), kept)
                # A plug-in may report an error and still return 0.
                if code or lib.extism_context_status(context, self.number):
                    _check(context, self.number, code)
                check_raised()
                # Copied by the library: another thread may free the plug-in now that the call is over.
                copied = ffi.new("ExtismBuffer **")
                check(lib.extism_context_plugin_output(context, self.number, copied))
                output = buffer_bytes(copied[0])
            finally:
                self._running = False
                del roots
        return output if parse is None else parse(output)

    async def call_async(self, function_name: str, data: Data = b"", host_context: Any = None) -> bytes:
        """As `Plugin.call_async`."""

        def call() -> Any:
            return self.call(function_name, data, bytes, host_context)

        output: bytes = await AsyncCall(self, call).result(None)
        return output

    def function_exists(self, name: str) -> bool:
        """Whether the plug-in exports a function of this name that can be called."""
        if "\0" in name:
            return False
        with self._turn() as context:
            return bool(lib.extism_context_plugin_function_exists(context, self.number, NAMES[name]))

    def config(self, values: Config) -> None:
        """Merges values, or the JSON of them, into the configuration; None removes a key."""
        data = config_bytes(values)
        with self._turn() as context:
            if not lib.extism_context_plugin_config(context, self.number, data, len(data)):
                _check(context, self.number)

    def cancel_handle(self) -> CancelHandle:
        """What cancels calls of this plug-in, and may outlive it."""
        with self._lease() as lease:
            return CancelHandle(lib.extism_context_plugin_cancel_handle(lease.pointer, self.number))


def _check(context: Any, number: int, code: int = 0) -> None:
    """Raises the last error of a plug-in of a context."""
    # Copied before the next question, which may put another text in its place.
    message = text(lib.extism_context_error(context, number)) or f"Error code: {code}"
    status = lib.extism_context_status(context, number)
    guest_code = code if status in (Status.GUEST_ERROR, Status.GUEST_EXIT) else 0
    raise error_of(status, message, guest_code)
