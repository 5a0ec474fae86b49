"""Values that travel between plug-in and host.

Must not know: functions. Invariant: a number that does not fit its type is refused, never cut.
"""

from __future__ import annotations

import operator
from enum import Enum
from typing import Any, Union


class ValType(Enum):
    """The types of Wasm values. `PTR` is another name of `I64`, for offsets of blocks."""

    I32 = 0
    PTR = 1
    I64 = 1
    F32 = 2
    F64 = 3
    V128 = 4
    FUNC_REF = 5
    EXTERN_REF = 6


class Val:
    """A value and its type."""

    __slots__ = ("t", "value")

    def __init__(self, t: ValType, v: Any) -> None:
        self.t = t
        self.value: Any = v

    def __repr__(self) -> str:
        return f"Val({self.t}, {self.value})"

    def _assign(self, v: Any) -> None:
        self.value = v


#: Types by their number, with the field of the union that holds a value.
TYPES = (ValType.I32, ValType.I64, ValType.F32, ValType.F64)
FIELDS = ("i32", "i64", "f32", "f64")


def fitting(number: int, value: Any) -> Union[int, float]:
    """A value for a result of the type with this number; unsigned integers mean the same bits."""
    if number > 1:
        # A text is no number, whatever `float` makes of it.
        return float(+value)
    whole = operator.index(value)
    bits = 32 if number == 0 else 64
    return whole - (1 << bits) if 1 << (bits - 1) <= whole < 1 << bits else whole
