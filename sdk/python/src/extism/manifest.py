"""What plug-ins are made from, as the bytes the library reads.

Must not know: what a manifest may say; the library does. Invariant: bytes pass through unchanged.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import Any, Mapping, Optional, Union

from .error import as_bytes, encoded

#: A Wasm module or a manifest: its bytes; a path; the text of a manifest; or a manifest as a dictionary, in
#: which modules may be given as bytes.
Source = Union[str, bytes, bytearray, memoryview, "os.PathLike[str]", Mapping[str, Any]]


def source_bytes(source: Source) -> Any:
    """The bytes of a source. A string is a path if there is a file of this name, as it always was."""
    if isinstance(source, os.PathLike) or (isinstance(source, str) and os.path.exists(source)):
        with open(source, "rb") as file:
            return file.read()
    if isinstance(source, str):
        return encoded(source, "a manifest")
    if isinstance(source, Mapping):
        return json.dumps(source, default=_base64).encode()
    return as_bytes(source, "a plug-in")


#: Configuration: strings by their keys, or JSON of the same.
Config = Union[Mapping[str, Optional[str]], bytes, bytearray]


def config_bytes(config: Config) -> Any:
    """Configuration as JSON."""
    if isinstance(config, (bytes, bytearray)):
        return as_bytes(config)
    return json.dumps(config).encode()


def _base64(value: object) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a manifest cannot hold a {type(value).__name__}")
