"""Functions of the host that plug-ins may import.

Must not know: plug-ins. Invariant: what a host function raises becomes the failure of the call, and never
unwinds through the library.
"""

from __future__ import annotations

import functools
import json
import pickle
import threading
from typing import (
    Any,
    Callable,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from ._library import NULL, ffi, lib
from ._process import Process
from .current_plugin import CurrentPlugin
from .error import CallCancelledError, UsageError, encoded, raised
from .value import FIELDS, TYPES, Val, ValType, fitting


class Json:
    """Marks a parameter or result that travels as JSON: `Annotated[dict, extism.Json]`."""


class Pickle:
    """Marks a parameter or result that travels pickled: `Annotated[Thing, extism.Pickle]`.

    Unpickling runs code of whoever made the bytes: only for plug-ins that are as trusted as the program.
    """


class Codec:
    """Marks a parameter (bytes to value) or result (value to bytes) that a function of yours translates.

    .. code-block:: python

        ShiftJis = Annotated[str, extism.Codec(lambda data: data.decode("shift_jis"))]
    """

    def __init__(self, codec: Callable[[Any], Any]) -> None:
        self.codec = codec


class Function:
    """A host function with the low-level signature `f(plugin, params, results, *user_data)`."""

    def __init__(
        self,
        namespace: Optional[str],
        name: str,
        args: Iterable[ValType],
        returns: Iterable[ValType],
        f: Callable[..., Any],
        *user_data: Any,
    ) -> None:
        if not callable(f):
            raise TypeError(f"a host function must be callable, not {type(f).__name__}")
        self.namespace = namespace
        self.name = name
        self.args: List[int] = [ValType(each).value for each in args]
        self.returns: List[int] = [ValType(each).value for each in returns]
        self.f = f
        self.user_data: Tuple[Any, ...] = user_data

    def _run(self, plugin: CurrentPlugin, inputs: Any, outputs: Any) -> None:
        """Runs the function with native values."""
        params = [
            Val(TYPES[number], getattr(inputs[index].v, FIELDS[number]))
            for index, number in enumerate(self.args)
        ]
        results = [Val(TYPES[number], 0) for number in self.returns]
        self.f(plugin, params, results, *self.user_data)
        for index, (number, result) in enumerate(zip(self.returns, results)):
            if result.t.value != number:
                raise TypeError(f"result {index} is {result.t} but was declared {TYPES[number]}")
            setattr(outputs[index].v, FIELDS[number], fitting(number, result.value))


class ExplicitFunction(Function):
    """A host function whose Wasm types were given."""

    def __init__(
        self,
        namespace: Optional[str],
        name: str,
        args: Iterable[ValType],
        returns: Iterable[ValType],
        func: Callable[..., Any],
        user_data: Sequence[Any],
    ) -> None:
        super().__init__(namespace, name, args, returns, func, *user_data)
        self.func = func
        functools.update_wrapper(self, func)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.func(*args, **kwargs)


class TypeInferredFunction(ExplicitFunction):
    """A host function whose Wasm types follow from its annotations."""

    def __init__(
        self,
        namespace: Optional[str],
        name: str,
        func: Callable[..., Any],
        user_data: Sequence[Any],
    ) -> None:
        hints = get_type_hints(func, include_extras=True)
        if not hints:
            raise TypeError(
                "Host function must include Python type annotations or explicitly list arguments."
            )
        returned = hints.pop("return", None)
        with_plugin = next(iter(hints.values()), None) is CurrentPlugin
        params = [_conversion(hints[each], f"argument {each}") for each in list(hints)[int(with_plugin) :]]
        if returned is None or returned is type(None):
            results = []
        elif get_origin(returned) is tuple:
            results = [_conversion(each, "a result") for each in get_args(returned)]
        else:
            results = [_conversion(returned, "the result")]
        is_tuple = get_origin(returned) is tuple

        def convert(plugin: CurrentPlugin, inputs: List[Val], outputs: List[Val], *more: Any) -> None:
            values = [each.load(plugin, slot) for each, slot in zip(params, inputs)]
            answer = func(*([plugin] if with_plugin else []), *values, *more)
            answers = answer if is_tuple else (answer,)
            if len(answers) != len(outputs) and (is_tuple or outputs):
                raise TypeError(f"{len(outputs)} results were declared, {len(answers)} came back")
            for each, slot, value in zip(results, outputs, answers):
                each.store(plugin, slot, value)

        super().__init__(
            namespace, name, [each.type for each in params], [each.type for each in results], func, user_data
        )
        self.f = convert


class _Conversion(NamedTuple):
    """How a value of Python travels as a value of Wasm."""

    type: ValType
    load: Callable[[CurrentPlugin, Val], Any]
    store: Callable[[CurrentPlugin, Val, Any], None]


def _store_number(_: CurrentPlugin, slot: Val, value: Any) -> None:
    slot.value = value


def _through_bytes(load: Callable[[bytes], Any], store: Callable[[Any], Any]) -> _Conversion:
    return _Conversion(
        ValType.I64,
        lambda plugin, slot: load(plugin.input_bytes(slot)),
        lambda plugin, slot, value: plugin.return_bytes(slot, store(value)),
    )


def _bytes_like(value: Any) -> Any:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"the result must be bytes, not {type(value).__name__}")
    return value


_CONVERSIONS = {
    str: _through_bytes(bytes.decode, lambda value: encoded(value, "the result")),
    bytes: _through_bytes(bytes, _bytes_like),
    int: _Conversion(ValType.I64, lambda _, slot: slot.value, _store_number),
    float: _Conversion(ValType.F64, lambda _, slot: slot.value, _store_number),
    bool: _Conversion(ValType.I32, lambda _, slot: bool(slot.value), _store_number),
}
_JSON = _through_bytes(json.loads, lambda value: json.dumps(value).encode())
_PICKLE = _through_bytes(pickle.loads, pickle.dumps)


def _conversion(hint: Any, what: str) -> _Conversion:
    for item in getattr(hint, "__metadata__", ()):
        if item is Json or isinstance(item, Json):
            return _JSON
        if item is Pickle or isinstance(item, Pickle):
            return _PICKLE
        if isinstance(item, Codec):
            return _through_bytes(item.codec, item.codec)
    known = _CONVERSIONS.get(hint) if isinstance(hint, type) else None
    if known is None:
        raise TypeError(f"Could not infer the type of {what}")
    return known


#: Every function made by `host_fn`: what plug-ins get that are made without a list.
HOST_FN_REGISTRY: List[Function] = []


def host_fn(
    name: Optional[str] = None,
    namespace: Optional[str] = None,
    signature: Optional[Tuple[List[ValType], List[ValType]]] = None,
    user_data: Union[bytes, Sequence[Any], None] = None,
) -> Callable[[Callable[..., Any]], ExplicitFunction]:
    """Makes a function a host function, and registers it for plug-ins made without a list of functions.

    Without a signature its types follow from the annotations: `str`, `bytes` and `Annotated` with `Json`,
    `Pickle` or `Codec` travel in plug-in memory (I64); `int` is I64, `float` F64, `bool` I32; several results
    are a `Tuple`. A first parameter `CurrentPlugin` gets the calling plug-in. With a signature the function
    is `f(plugin, params, results, *user_data)`.

    .. code-block:: python

        @extism.host_fn()
        def greet(who: str) -> str:
            return f"hello {who}"
    """
    more = [user_data] if isinstance(user_data, (bytes, str)) else list(user_data or ())

    def decorate(func: Callable[..., Any]) -> ExplicitFunction:
        chosen = name or func.__name__
        function = (
            TypeInferredFunction(namespace, chosen, func, more)
            if signature is None
            else ExplicitFunction(namespace, chosen, signature[0], signature[1], func, more)
        )
        HOST_FN_REGISTRY.append(function)
        return function

    return decorate


def native_functions(functions: Iterable[Function], roots: List[Any]) -> List[Any]:
    """Native objects for functions, which the caller frees; all or none. They live as long as the roots."""
    natives: List[Any] = []
    try:
        for function in functions:
            if not isinstance(function, Function):
                raise TypeError(f"a host function must be a Function, not {type(function).__name__}")
            natives.append(_native_function(function, roots))
    except BaseException:
        for native in natives:
            lib.extism_function_free(native)
        raise
    return natives


def _native_function(function: Function, roots: List[Any]) -> Any:
    name = encoded(function.name, "the name of a host function")
    namespace = None if function.namespace is None else encoded(function.namespace, "a namespace")
    args, returns = function.args, function.returns
    handle = ffi.new_handle(function)
    native = lib.extism_function_new(name, args, len(args), returns, len(returns), _dispatch, handle, NULL)
    if native == NULL:
        raise UsageError(f"the host function {function.name} has a type that is not I32, I64, F32 or F64")
    roots.append(handle)
    if namespace is not None:
        lib.extism_function_set_namespace(native, namespace)
    return native


def _raised(_: Any, error: Any, traceback: Any, fail: Any = lib.extism_current_plugin_fail) -> None:
    """Makes the call fail with what a host function raised, or its type if it cannot say what it is."""
    # First of all: a call that ends while something is kept has failed, even if the library is not told.
    raised[threading.get_ident()] = error
    # Not `__name__`, which a metaclass may answer for.
    name: str = type.__dict__["__name__"].__get__(type(error))
    try:
        message = str.encode(str(error) or name, "utf-8", "replace")
    except BaseException:
        message = name.encode("utf-8", "replace")
    current = traceback.tb_frame.f_locals.get("current", NULL) if traceback else NULL
    fail(current, message, len(message))


def _run(current: Any, inputs: Any, _n: int, outputs: Any, _m: int, user_data: Any) -> None:
    if Process.exiting:
        raise CallCancelledError("the interpreter is exiting")
    plugin = CurrentPlugin(current)
    try:
        function: Function = ffi.from_handle(user_data)
        function._run(plugin, inputs, outputs)
    finally:
        plugin.pointer = None


_dispatch: Any = ffi.callback("ExtismFunctionType", _run, onerror=_raised)
