"""Pools: a bounded number of plug-ins that threads borrow.

Must not know: what borrowers do. Invariant: a plug-in that was borrowed goes back exactly once.
"""

from __future__ import annotations

import time
from typing import NamedTuple, Optional

from ._library import ffi, lib
from ._resource import Handle, Resource
from .compiled_plugin import CompiledPlugin
from .error import PoolTimeoutError, check
from .plugin import Plugin

#: How long the library waits at a time, so that a signal is not kept waiting.
_SLICE_MS = 1000


class PoolStats(NamedTuple):
    """What a pool is doing."""

    #: How many plug-ins may exist.
    instances_max: int
    #: How many exist or are being made.
    alive: int
    #: How many wait to be borrowed.
    idle: int
    #: How many threads wait for one.
    waiting: int
    #: How many were made since the pool was.
    made: int
    #: How many were replaced because they were not fit for another borrower.
    replaced: int


class Pool(Resource):
    """A bounded number of instances of a compiled plug-in.

    .. code-block:: python

        pool = extism.Pool(extism.CompiledPlugin("plugin.wasm"), instances_max=4)
        with pool.get(timeout_ms=1000) as plugin:
            plugin.call("run", data)
    """

    def __init__(self, compiled: CompiledPlugin, instances_max: int = 0) -> None:
        self.compiled_plugin = compiled
        options = ffi.new("ExtismPoolOptions *", {"instances_max": instances_max})
        options.size = ffi.sizeof("ExtismPoolOptions")
        out, error = ffi.new("ExtismPool **"), ffi.new("ExtismError **")
        with compiled._lease() as lease:
            check(lib.extism_pool_new(lease.pointer, options, out, error), error)
            self._handle = Handle(out[0], lib.extism_pool_free, lease.roots)

    def get(self, timeout_ms: Optional[int] = None) -> Plugin:
        """Borrows a plug-in, which `close` or the end of a `with` gives back; waits for one to come back.

        Raises `PoolTimeoutError` after so many milliseconds; None waits as long as it takes.
        """
        end = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        out, error = ffi.new("ExtismPlugin **"), ffi.new("ExtismError **")
        while True:
            left_ms = _SLICE_MS if end is None else max(0, round((end - time.monotonic()) * 1000))
            slice_ms = min(left_ms, _SLICE_MS)
            try:
                with self._lease() as pool:
                    check(lib.extism_pool_get(pool.pointer, slice_ms, out, error), error)
                    return Plugin._borrowed(out[0], self.compiled_plugin, pool.roots)
            except PoolTimeoutError:
                if end is None or left_ms > slice_ms:
                    continue
                raise

    def stats(self) -> PoolStats:
        """What the pool is doing now."""
        native = ffi.new("ExtismPoolStats *")
        native.size = ffi.sizeof("ExtismPoolStats")
        with self._lease() as pool:
            check(lib.extism_pool_stats(pool.pointer, native))
        return PoolStats(*(getattr(native, field) for field in PoolStats._fields))
