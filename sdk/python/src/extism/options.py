"""What a host chooses for a plug-in.

Must not know: any default; what is left out is the library's affair. Invariant: what an operation is lent
lives as long as the operation, and what it keeps is in the roots.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Union

from . import _native
from ._library import ffi, lib
from .error import check, encoded, error_of
from .host_function import Function, native_functions
from .log import Level, LogSink, native_sink
from .status import Status

#: The value of a limit that does not limit.
UNLIMITED = _native.EXTISM_UNLIMITED


@dataclass
class Limits:
    """Every bound of a plug-in, in milliseconds, bytes or pieces; None is the library's default.

    .. code-block:: python

        limits = extism.Limits(call_time_ms_max=500)
        limits = extism.Limits.untrusted()
        limits.memory_bytes_max = 16 << 20
    """

    call_time_ms_max: Optional[int] = None
    memory_bytes_max: Optional[int] = None
    kernel_bytes_max: Optional[int] = None
    blocks_max: Optional[int] = None
    table_elements_max: Optional[int] = None
    instances_max: Optional[int] = None
    memories_max: Optional[int] = None
    tables_max: Optional[int] = None
    stack_bytes_max: Optional[int] = None
    call_depth_max: Optional[int] = None
    output_bytes_max: Optional[int] = None
    error_bytes_max: Optional[int] = None
    log_line_bytes_max: Optional[int] = None
    log_call_bytes_max: Optional[int] = None
    log_call_lines_max: Optional[int] = None
    vars_bytes_max: Optional[int] = None
    vars_count_max: Optional[int] = None
    var_name_bytes_max: Optional[int] = None
    http_response_bytes_max: Optional[int] = None
    http_header_bytes_max: Optional[int] = None
    http_redirects_max: Optional[int] = None
    http_requests_max: Optional[int] = None
    manifest_bytes_max: Optional[int] = None
    modules_max: Optional[int] = None
    module_bytes_max: Optional[int] = None
    download_time_ms_max: Optional[int] = None

    @classmethod
    def default(cls) -> Limits:
        """The limits of plug-ins that are trusted, spelled out."""
        return cls._filled(lib.extism_limits_default)

    @classmethod
    def untrusted(cls) -> Limits:
        """The limits for plug-ins nobody has read: 30 s, 256 MiB and so on."""
        return cls._filled(lib.extism_limits_untrusted)

    @classmethod
    def _filled(cls, fill: Any) -> Limits:
        native = _filled_limits(fill)
        return cls(**{each.name: getattr(native, each.name) for each in fields(cls)})

    def _to_native(self) -> Any:
        native = _filled_limits(lib.extism_limits_default)
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None:
                setattr(native, each.name, value)
        return native


def _filled_limits(fill: Any) -> Any:
    native = ffi.new("ExtismLimits *")
    native.size = ffi.sizeof("ExtismLimits")
    check(fill(native))
    return native


@dataclass
class Options:
    """Everything a host can choose beside WASI and host functions.

    .. code-block:: python

        options = extism.Options(limits=extism.Limits.untrusted(), fuel=1_000_000)
        plugin = extism.Plugin(source, options=options)
    """

    #: Bounds; a manifest may ask for less.
    limits: Optional[Limits] = None
    #: Fuel for each call, 1 or more; None does not count.
    fuel: Optional[int] = None
    #: Fuel for making an instance; None: as `fuel`.
    fuel_for_start: Optional[int] = None
    #: Whether the plug-in sees the headers of HTTP responses.
    http_response_headers: bool = False
    #: Whether machine code in precompiled artefacts is used: only for files nobody else can write.
    trust_artefacts: bool = False
    #: Whether compiled code is kept for the next time the same module is loaded.
    cache: bool = True
    #: Keep compiled code on disk as this file of the engine says.
    cache_config: Optional[str] = None
    #: False: calls for kernel memory stay calls. The results are the same; the fuel a call uses is not.
    rewrite: bool = True
    #: Whether a plug-in with WASI writes to the standard output and error of the process.
    wasi_output: bool = False
    #: Arguments a plug-in with WASI sees.
    wasi_args: Sequence[str] = ()
    #: Environment variables a plug-in with WASI sees.
    wasi_env: Mapping[str, str] = field(default_factory=dict)
    #: Where its log messages go beside the process's log: True and a logger stand for `logging`.
    log: LogSink = None
    #: From which level on.
    log_level: Union[Level, str] = Level.INFO

    def _flags(self) -> int:
        chosen = (
            (self.wasi_output, _native.EXTISM_OPTION_WASI_OUTPUT),
            (self.http_response_headers, _native.EXTISM_OPTION_HTTP_RESPONSE_HEADERS),
            (self.trust_artefacts, _native.EXTISM_OPTION_TRUST_ARTEFACTS),
            (not self.cache, _native.EXTISM_OPTION_NO_CACHE),
            (not self.rewrite, _native.EXTISM_OPTION_NO_REWRITE),
        )
        return sum(flag for is_chosen, flag in chosen if is_chosen)


def _fuel(value: Optional[int], name: str) -> int:
    """0 is how the library is told not to count, which nobody means who gives no fuel."""
    if value == 0:
        raise error_of(Status.INVALID_ARGUMENT, f"{name} is 1 or more; None does not count")
    return value or 0


class Request:
    """Options the way the library takes them, for the length of a `with`."""

    def __init__(
        self, wasi: bool, functions: Optional[Iterable[Function]], options: Optional[Options]
    ) -> None:
        options = Options() if options is None else options
        self._kept: List[Any] = []
        #: What has to live as long as what is made with these options.
        self.roots: List[Any] = []
        self.native = native = ffi.new("ExtismOptions *")
        native.size = ffi.sizeof("ExtismOptions")
        native.flags = options._flags() | (_native.EXTISM_OPTION_WASI if wasi else 0)
        native.fuel = _fuel(options.fuel, "fuel")
        native.fuel_for_start = _fuel(options.fuel_for_start, "fuel_for_start")
        if options.limits is not None:
            native.limits = self._keep(options.limits._to_native())
        if options.cache_config is not None:
            native.cache_config = self._text(options.cache_config, "the cache configuration")
        native.wasi_args, native.n_wasi_args = self._texts(options.wasi_args, "an argument")
        variables = [f"{name}={value}" for name, value in options.wasi_env.items()]
        native.wasi_env, native.n_wasi_env = self._texts(variables, "a variable")
        sink = native_sink(options.log)
        native.log_level = Level.of(options.log_level)
        if sink is not None:
            self.roots.append(ffi.new_handle(sink))
            native.log_sink, native.log_user_data = sink.receive, self.roots[0]
        # Nothing below raises with something that would have to be released.
        self._functions = native_functions(functions or (), self.roots)
        native.functions = self._keep(ffi.new("const ExtismFunction *[]", self._functions))
        native.n_functions = len(self._functions)

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *_: object) -> None:
        for function in self._functions:
            lib.extism_function_free(function)

    def _keep(self, native: Any) -> Any:
        self._kept.append(native)
        return native

    def _text(self, value: str, what: str) -> Any:
        return self._keep(ffi.new("char[]", encoded(value, what)))

    def _texts(self, values: Iterable[str], what: str) -> Any:
        texts = [self._text(value, what) for value in values]
        return self._keep(ffi.new("const char *[]", texts)), len(texts)
