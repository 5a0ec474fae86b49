"""Cancelling a running call from elsewhere.

Must not know: the plug-in. Invariant: a handle may outlive its plug-in, and then cancels nothing.
"""

from __future__ import annotations

from typing import Any

from ._library import lib


class CancelHandle:
    """Cancels the calls of one plug-in, from any thread.

    .. code-block:: python

        handle = plugin.cancel_handle()
        threading.Timer(1.0, handle.cancel).start()
        plugin.call("takes_long", data)  # raises CallCancelledError
    """

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer

    def cancel(self) -> bool:
        """Cancels the call that runs now, if one does. False if the plug-in is gone."""
        return bool(lib.extism_plugin_cancel(self.pointer))
