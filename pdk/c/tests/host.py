"""A host for the tests: the few functions of libextism that they need, called through ctypes."""

import ctypes
import os
import pathlib

I64 = 1


class Value(ctypes.Structure):
    class Number(ctypes.Union):
        _fields_ = [("i32", ctypes.c_int32), ("i64", ctypes.c_int64), ("f64", ctypes.c_double)]

    _fields_ = [("type", ctypes.c_int), ("number", Number)]


Callback = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.POINTER(Value),
    ctypes.c_uint64,
    ctypes.POINTER(Value),
    ctypes.c_uint64,
    ctypes.c_void_p,
)


def load(prefix):
    """The library of an installed prefix."""
    name = {"nt": "bin/extism.dll"}.get(os.name, "lib/libextism.so")
    path = pathlib.Path(prefix) / name
    library = ctypes.CDLL(str(path if path.exists() else path.with_suffix(".dylib")))
    pointer, size = ctypes.c_void_p, ctypes.c_uint64
    for function, result, arguments in [
        ("plugin_new", pointer, [ctypes.c_char_p, size, pointer, size, ctypes.c_bool, pointer]),
        ("plugin_free", None, [pointer]),
        ("plugin_call", ctypes.c_int32, [pointer, ctypes.c_char_p, ctypes.c_char_p, size]),
        ("plugin_error", ctypes.c_char_p, [pointer]),
        ("plugin_output_length", size, [pointer]),
        ("plugin_output_data", pointer, [pointer]),
        (
            "function_new",
            pointer,
            [ctypes.c_char_p, pointer, size, pointer, size, Callback, pointer, pointer],
        ),
        ("function_free", None, [pointer]),
        ("current_plugin_memory", pointer, [pointer]),
        ("current_plugin_memory_length", size, [pointer, size]),
        ("current_plugin_memory_alloc", size, [pointer, size]),
    ]:
        found = getattr(library, "extism_" + function)
        found.restype, found.argtypes = result, arguments
    return library


class Failure(Exception):
    """A call that failed; `code` is its code."""

    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code = code


class Plugin:
    """A plug-in. Host functions, by name, take texts and give one: `{"upper": (1, 1, bytes.upper)}` with how
    many handles each takes and gives."""

    def __init__(self, library, manifest, functions=None):
        self.library = library
        self.functions = [self._function(*item) for item in (functions or {}).items()]
        pointers = (ctypes.c_void_p * len(self.functions))(*[made for made, _ in self.functions])
        message = ctypes.c_char_p()
        self.plugin = library.extism_plugin_new(
            manifest, len(manifest), pointers, len(self.functions), True, ctypes.byref(message)
        )
        if not self.plugin:
            raise Failure(-1, message.value.decode())

    def _function(self, name, described):
        takes, gives, body = described

        def call(plugin, inputs, _n_inputs, outputs, _n_outputs, _data):
            answer = body(*[self._read(plugin, inputs[at].number.i64) for at in range(takes)])
            if gives:
                outputs[0].number.i64 = self._write(plugin, answer)

        callback = Callback(call)
        types = (ctypes.c_int * 4)(I64, I64, I64, I64)
        made = self.library.extism_function_new(
            name.encode(), types, takes, types, gives, callback, None, None
        )
        return made, callback

    def _read(self, plugin, handle):
        memory = self.library.extism_current_plugin_memory(plugin)
        length = self.library.extism_current_plugin_memory_length(plugin, handle)
        return ctypes.string_at(memory + handle, length)

    def _write(self, plugin, text):
        if not text:
            return 0
        handle = self.library.extism_current_plugin_memory_alloc(plugin, len(text))
        ctypes.memmove(self.library.extism_current_plugin_memory(plugin) + handle, text, len(text))
        return handle

    def call(self, function, data=b""):
        """The output; raises `Failure` for another code than 0."""
        library = self.library
        code = library.extism_plugin_call(self.plugin, function.encode(), data, len(data))
        if code != 0:
            raise Failure(code, (library.extism_plugin_error(self.plugin) or b"").decode())
        output = library.extism_plugin_output_data(self.plugin)
        return ctypes.string_at(output, library.extism_plugin_output_length(self.plugin))

    def close(self):
        self.library.extism_plugin_free(self.plugin)
        for made, _ in self.functions:
            self.library.extism_function_free(made)
