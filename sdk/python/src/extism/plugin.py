"""Plug-ins that can be called.

Must not know: how host functions run. Invariant: one thread at a time is inside of a plug-in, and what a
call has put out is copied before the next one may begin.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, Callable, Iterable, Optional, Sequence, TypeVar, Union, overload
from uuid import UUID

from ._call import NAMES, AsyncCall, Exclusive, host_context_pointer, need_stack
from ._library import NULL, buffer_bytes, ffi, lib
from ._resource import Handle
from .cancel_handle import CancelHandle
from .compiled_plugin import CompiledPlugin, compiled
from .error import as_bytes, check, check_raised, error_of, forget_raised, raised, text
from .host_function import HOST_FN_REGISTRY, Function
from .log import Level, LogSink, native_sink
from .manifest import Config, Source, config_bytes
from .options import Options

T = TypeVar("T")

#: What a plug-in takes as input: text as UTF-8, or bytes, which are not copied.
Data = Union[str, bytes, bytearray, memoryview]

# It answers with a status: a plug-in may report an error and still return 0.
_call = lib.extism_plugin_try_call
_output_length = lib.extism_plugin_output_length
# As characters, which cffi makes bytes of the fastest.
_output_data = ffi.cast("const char *(*)(ExtismPlugin *)", lib.extism_plugin_output_data)
_unpack = ffi.unpack


class Plugin(Exclusive):
    """A plug-in. Threads may share it; they then take turns.

    .. code-block:: python

        with extism.Plugin("plugin.wasm", config={"greeting": "hello"}) as plugin:
            print(plugin.call("greet", "world"))

    `plugin` is a module or manifest (bytes, a path, JSON, a dictionary) or a `CompiledPlugin`, `functions`
    the host functions it may import: all that `host_fn` made if not given, none for None. A `CompiledPlugin`
    has all this already, so that only `config` may be given with one.
    """

    def __init__(
        self,
        plugin: Union[Source, CompiledPlugin],
        wasi: bool = False,
        config: Optional[Config] = None,
        functions: Optional[Iterable[Function]] = HOST_FN_REGISTRY,
        options: Optional[Options] = None,
    ) -> None:
        super().__init__()
        self._owns_compiled_plugin = not isinstance(plugin, CompiledPlugin)
        made_from = compiled(plugin, wasi, functions, options)
        #: What it was made from.
        self.compiled_plugin: Optional[CompiledPlugin] = made_from
        out, error = ffi.new("ExtismPlugin **"), ffi.new("ExtismError **")
        with made_from._lease() as lease:
            check(lib.extism_plugin_create(lease.pointer, out, error), error)
            self._handle = Handle(out[0], lib.extism_plugin_free, lease.roots)
        if config is not None:
            self.config(config)

    @classmethod
    def _borrowed(cls, pointer: Any, compiled: CompiledPlugin, roots: Sequence[Any]) -> Plugin:
        """A plug-in of a pool, which `close` gives back."""
        plugin = cls.__new__(cls)
        Exclusive.__init__(plugin)
        plugin.compiled_plugin, plugin._owns_compiled_plugin = compiled, False
        plugin._handle = Handle(pointer, lib.extism_plugin_free, roots)
        return plugin

    def close(self) -> None:
        """Frees the plug-in when the call that runs, if one does, has ended. Closing twice is allowed."""
        super().close()
        if self._owns_compiled_plugin:
            self.compiled_plugin = None

    @overload
    def call(self, function_name: str, data: Data = b"", *, host_context: Any = None) -> bytes: ...

    @overload
    def call(
        self, function_name: str, data: Data, parse: Callable[[bytes], T], host_context: Any = None
    ) -> T: ...

    @overload
    def call(
        self, function_name: str, data: Data = b"", *, parse: Callable[[bytes], T], host_context: Any = None
    ) -> T: ...

    @overload
    def call(
        self, function_name: str, data: Data = b"", parse: None = ..., host_context: Any = None
    ) -> Any: ...

    def call(self, function_name: str, data: Data = b"", parse: Any = bytes, host_context: Any = None) -> Any:
        """Calls a function and answers what it put out, after `parse` has seen it.

        Host functions get `host_context` from `CurrentPlugin.host_context`. Raises an `Error` that says what
        went wrong; what a host function raised is its `__cause__`.
        """
        name = NAMES[function_name]
        if data.__class__ is not bytes:
            data = as_bytes(data)
        context = NULL if host_context is None else host_context_pointer(host_context)
        with self._lock:
            handle = self._handle
            if handle is None:
                self._fail_closed()
            if self._running:
                handle = None
                self._fail_busy()
            self._running = True
            if raised:
                forget_raised()
            try:
                if handle.roots:
                    need_stack()
                pointer = handle.pointer
                status = _call(pointer, name, len(name), data, len(data), context, NULL, NULL)
                if status:
                    _check_call(pointer, status)
                elif raised:
                    check_raised()
                length = _output_length(pointer)
                output = _unpack(_output_data(pointer), length) if length else b""
            finally:
                self._running = False
                # A traceback would keep the plug-in alive.
                handle = None
        if parse is bytes:
            return output
        return ffi.buffer(ffi.from_buffer(output)) if parse is None else parse(output)

    async def call_async(
        self,
        function_name: str,
        data: Data = b"",
        parse: Callable[[bytes], Any] = bytes,
        host_context: Any = None,
        *,
        executor: Optional[Executor] = None,
    ) -> Any:
        """As `call`, on a thread of the executor (None: the event loop's).

        Cancelling the task cancels the call, and ends when the call has.
        """

        def call() -> Any:
            return self.call(function_name, data, parse, host_context)

        return await AsyncCall(self, call).result(executor)

    def function_exists(self, name: str) -> bool:
        """Whether the plug-in exports a function of this name that can be called."""
        if "\0" in name:
            return False
        with self._turn() as pointer:
            return bool(lib.extism_plugin_function_exists(pointer, NAMES[name]))

    @property
    def id(self) -> UUID:
        """The identity of the plug-in, as in its log messages."""
        with self._lease() as lease:
            return UUID(bytes=ffi.unpack(ffi.cast("char *", lib.extism_plugin_id(lease.pointer)), 16))

    def cancel_handle(self) -> CancelHandle:
        """What cancels calls of this plug-in, and may outlive it."""
        with self._lease() as lease:
            return CancelHandle(lib.extism_plugin_cancel_handle(lease.pointer))

    def config(self, values: Config) -> None:
        """Merges values, or the JSON of them, into the configuration; None removes a key."""
        data = config_bytes(values)
        with self._turn() as pointer:
            if not lib.extism_plugin_config(pointer, data, len(data)):
                _check_last(pointer)

    def var_get(self, name: Union[str, bytes]) -> Optional[bytes]:
        """A copy of the value of a variable; None if there is none of this name."""
        key, out = as_bytes(name, "a name"), ffi.new("ExtismBuffer **")
        with self._turn() as pointer:
            check(lib.extism_plugin_var_get(pointer, key, len(key), out))
        return None if out[0] == NULL else buffer_bytes(out[0])

    def var_set(self, name: Union[str, bytes], value: Data) -> None:
        """Sets a variable."""
        key, data = as_bytes(name, "a name"), as_bytes(value, "a value")
        with self._turn() as pointer:
            check(lib.extism_plugin_var_set(pointer, key, len(key), data, len(data)))

    def var_remove(self, name: Union[str, bytes]) -> None:
        """Removes a variable, if there is one of this name."""
        key = as_bytes(name, "a name")
        with self._turn() as pointer:
            check(lib.extism_plugin_var_remove(pointer, key, len(key)))

    def reset(self) -> None:
        """Overwrites what the last call left in plug-in memory with zeros."""
        with self._turn() as pointer:
            if not lib.extism_plugin_reset(pointer):
                _check_last(pointer)

    def renew(self) -> None:
        """Makes the plug-in as new: memory, variables, configuration. Its identity and its log sink stay."""
        error = ffi.new("ExtismError **")
        with self._turn() as pointer:
            check(lib.extism_plugin_renew(pointer, error), error)

    def fuel_consumed(self) -> Optional[int]:
        """The fuel the last call used; None if fuel is not counted."""
        fuel = ffi.new("uint64_t *")
        with self._turn() as pointer:
            return fuel[0] if lib.extism_plugin_fuel_consumed(pointer, fuel) else None

    def allow_http_response_headers(self) -> None:
        """Lets the plug-in see the headers of HTTP responses from now on."""
        with self._turn() as pointer:
            lib.extism_plugin_allow_http_response_headers(pointer)

    def set_log_sink(self, sink: LogSink, level: Union[Level, str] = Level.INFO) -> None:
        """Sends log messages from a level on to a function or logger; None: nowhere else than before."""
        native, number = native_sink(sink), Level.of(level)
        kept = NULL if native is None else ffi.new_handle(native)
        receive = NULL if native is None else native.receive
        with self._turn() as pointer:
            check(lib.extism_plugin_set_log_sink(pointer, number, receive, kept, NULL))
            if self._handle is not None:
                # The one before is not used any more, and goes.
                self._handle.sink = kept


def _check_call(pointer: Any, status: int) -> None:
    guest_code = lib.extism_plugin_guest_code(pointer)
    raise error_of(status, text(lib.extism_plugin_error(pointer)) or f"Error code: {guest_code}", guest_code)


def _check_last(pointer: Any) -> None:
    check(lib.extism_plugin_status(pointer), message=text(lib.extism_plugin_error(pointer)))
