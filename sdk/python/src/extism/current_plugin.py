"""The plug-in that calls a host function, and its memory.

Must not know: which function was called. Invariant: nothing here reaches memory after the host function
has returned, or beyond a block: every access asks the library where the block is.
"""

from __future__ import annotations

from typing import Any, Iterator, Optional, Union
from uuid import UUID

from ._library import NULL, buffer_bytes, ffi, lib
from .error import CallError, ClosedError, LimitError, as_bytes, check, encoded
from .status import Status
from .value import Val


class Memory:
    """A block of plug-in memory: where it is and how long it is."""

    __slots__ = ("length", "offset")

    def __init__(self, offs: int, length: int) -> None:
        self.offset = offs
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"Memory({self.offset}, {self.length})"


class MemoryView:
    """The bytes of a block, to read and to write by slices, as long as the host function runs."""

    __slots__ = ("_memory", "_plugin")

    def __init__(self, plugin: CurrentPlugin, memory: Memory) -> None:
        self._plugin = plugin
        self._memory = memory

    def __len__(self) -> int:
        return self._memory.length

    def __getitem__(self, index: Union[int, slice]) -> bytes:
        """A copy of a part of the block; of one byte for a number."""
        return bytes(self._bytes()[index])

    def __setitem__(self, index: Union[int, slice], data: Any) -> None:
        """Writes as many bytes as the part has."""
        self._bytes()[index] = data

    def __bytes__(self) -> bytes:
        return self[:]

    def __iter__(self) -> Iterator[bytes]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (bytes, bytearray, MemoryView)) and self[:] == bytes(other)

    __hash__ = None  # type: ignore[assignment]

    def _bytes(self) -> Any:
        return self._plugin._block(self._memory)


class CurrentPlugin:
    """The plug-in that is calling a host function. It is good until that function returns.

    .. code-block:: python

        @extism.host_fn(signature=([extism.ValType.PTR], [extism.ValType.PTR]))
        def upper(plugin: extism.CurrentPlugin, params: list[extism.Val], results: list[extism.Val]) -> None:
            plugin.return_string(results[0], plugin.input_string(params[0]).upper())
    """

    __slots__ = ("pointer",)

    def __init__(self, p: Any) -> None:
        self.pointer = p

    def memory(self, mem: Memory) -> MemoryView:
        """The bytes of a block."""
        self._live()
        return MemoryView(self, mem)

    def host_context(self) -> Any:
        """What was given as `host_context` to the call, or None."""
        context = lib.extism_current_plugin_host_context(self._live())
        return None if context == NULL else ffi.from_handle(context)

    def alloc(self, size: int) -> Memory:
        """A new block of so many bytes."""
        offset = lib.extism_current_plugin_memory_alloc(self._live(), size)
        if offset == 0 and size > 0:
            raise LimitError(f"there is no room for a block of {size} bytes", Status.MEMORY)
        return Memory(offset, size)

    def free(self, mem: Memory) -> None:
        """Frees a block."""
        lib.extism_current_plugin_memory_free(self._live(), mem.offset)

    def memory_at_offset(self, offs: Union[int, Val]) -> Memory:
        """The block at an offset; of length 0 if there is none."""
        offset = _offset(offs)
        return Memory(offset, lib.extism_current_plugin_memory_length(self._live(), offset))

    def return_bytes(self, output: Val, b: Any) -> None:
        """Makes a result refer to a new block with these bytes."""
        size = len(b)
        memory = self.alloc(size)
        if size:
            self._block(memory)[:] = b
        output.value = memory.offset

    def return_string(self, output: Val, s: str) -> None:
        """Makes a result refer to a new block with this text."""
        self.return_bytes(output, encoded(s, "a result"))

    def input_buffer(self, input: Union[int, Val]) -> MemoryView:
        """The bytes an argument refers to."""
        return self.memory(self.memory_at_offset(input))

    def input_bytes(self, input: Union[int, Val]) -> bytes:
        """A copy of the bytes an argument refers to."""
        offset = _offset(input)
        return bytes(self._block(Memory(offset, -1))[:]) if offset else b""

    def input_string(self, input: Union[int, Val]) -> str:
        """The text an argument refers to."""
        return self.input_bytes(input).decode()

    @property
    def id(self) -> UUID:
        """The identity of the plug-in, as `Plugin.id`."""
        identity = ffi.new("uint8_t[16]")
        check(lib.extism_current_plugin_id(self._live(), identity))
        return UUID(bytes=bytes(ffi.buffer(identity)))

    def var_get(self, name: Union[str, bytes]) -> Optional[bytes]:
        """A copy of the value of a variable of the plug-in; None if there is none of this name."""
        key, out = as_bytes(name, "a name"), ffi.new("ExtismBuffer **")
        check(lib.extism_current_plugin_var_get(self._live(), key, len(key), out))
        return None if out[0] == NULL else buffer_bytes(out[0])

    def var_set(self, name: Union[str, bytes], value: Any) -> None:
        """Sets a variable of the plug-in."""
        key, data = as_bytes(name, "a name"), as_bytes(value, "a value")
        check(lib.extism_current_plugin_var_set(self._live(), key, len(key), data, len(data)))

    def var_remove(self, name: Union[str, bytes]) -> None:
        """Removes a variable of the plug-in, if there is one of this name."""
        key = as_bytes(name, "a name")
        check(lib.extism_current_plugin_var_remove(self._live(), key, len(key)))

    def set_error(self, message: str) -> None:
        """Sets the plug-in's error message, as if it had done so itself; an empty one clears it."""
        text = encoded(message, "a message")
        check(lib.extism_current_plugin_set_error(self._live(), text, len(text)))

    def time_remaining_ms(self) -> Optional[int]:
        """How many milliseconds the call may still take; None without a time limit."""
        remaining: int = lib.extism_current_plugin_time_remaining_ms(self._live())
        return None if remaining == (1 << 64) - 1 else remaining

    def must_stop(self) -> bool:
        """Whether the call was cancelled or its time is up: a host function that takes long should look."""
        return bool(lib.extism_current_plugin_must_stop(self._live()))

    def _live(self) -> Any:
        if self.pointer is None:
            raise ClosedError("the host function this CurrentPlugin belongs to has returned")
        return self.pointer

    def _block(self, memory: Memory) -> Any:
        """The bytes of a block as a buffer that is not to be kept; -1 stands for its whole length."""
        length = ffi.new("ExtismSize *")
        block = lib.extism_current_plugin_memory_block(self._live(), memory.offset, length)
        if memory.length > length[0] or (block == NULL and memory.offset):
            raise CallError(f"no block of plug-in memory begins at {memory.offset}", Status.BAD_KERNEL_HANDLE)
        return ffi.buffer(block, length[0] if memory.length < 0 else memory.length)


def _offset(value: Union[int, Val]) -> int:
    return int(value.value) if isinstance(value, Val) else value
