"""Times calls through the package that the interpreter has, and prints a line of JSON.

Usage: python bench.py ROW MILLISECONDS     measures a row in loops of that length

`cargo xtask bench Python` runs it with this package and with the published one, in turn, and has the targets.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Dict, Tuple

import extism

PLUGIN = Path(__file__).resolve().parent.parent.parent / "bench" / "plugins" / "published.wasm"
#: Function and input.
ROWS: Dict[str, Tuple[str, bytes]] = {
    "no-op, Python": ("noop", b""),
    "count_vowels, Python": ("count_vowels", b"this is a test"),
    "echo 64 KiB, Python": ("echo", b"x" * (64 << 10)),
    "echo 1 MiB, Python": ("echo", b"x" * (1 << 20)),
}
#: How many loops are timed; the fastest counts.
SAMPLES = 20


def seconds(plugin: extism.Plugin, function: str, data: bytes, count: int) -> float:
    """How long so many calls take."""
    begin = time.perf_counter()
    for _ in range(count):
        output = plugin.call(function, data)
    took = time.perf_counter() - begin
    assert function != "echo" or output == data
    return took


def main() -> None:
    """Measures the row."""
    row, sample = sys.argv[1], float(sys.argv[2]) / 1000
    function, data = ROWS[row]
    plugin = extism.Plugin(PLUGIN.read_bytes(), functions=[])
    count = 1
    while seconds(plugin, function, data, count) < sample:
        count *= 2
    best = min(seconds(plugin, function, data, count) for _ in range(SAMPLES))
    print(json.dumps({"row": row, "ns": best / count * 1e9}))


if __name__ == "__main__":
    main()
