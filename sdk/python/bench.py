"""Times calls through this package and through the published one, in turn, on the same machine and plug-in.

Usage: python3 check.py bench [--json] [--rounds N] [--seconds S]

Each round starts a process for each package, so that neither sees the other. A row is the median of rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = ROOT / "bench" / "plugins" / "published.wasm"
PUBLISHED = ["extism==1.1.1"]
#: Function, input, and the longest a call through this package should take, in microseconds.
ROWS: Dict[str, Any] = {
    "no-op": ("noop", b"", 1.5),
    "count_vowels": ("count_vowels", b"this is a test", 2.0),
    "echo 64 KiB": ("echo", b"x" * (64 << 10), 25.0),
    "echo 1 MiB": ("echo", b"x" * (1 << 20), 400.0),
}


def measure(seconds: float) -> Dict[str, float]:
    """Microseconds for a call of each row, with the package this interpreter has."""
    import extism

    plugin = extism.Plugin(PLUGIN.read_bytes(), functions=[])
    found = {}
    for row, (function, data, _) in ROWS.items():
        count, best = 1, float("inf")
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            begin = time.perf_counter()
            for _ in range(count):
                output = plugin.call(function, data)
            took = time.perf_counter() - begin
            if took < 0.02:
                count *= 2
            else:
                best = min(best, took / count)
        assert function != "echo" or output == data
        found[row] = best * 1e6
    return found


def published() -> str:
    """An interpreter that has the published package."""
    folder = ROOT / "target" / "sdk-python" / "published"
    python = str(folder / "bin" / "python")
    if not Path(python).exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PUBLISHED], check=True)
    return python


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each row of each round")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(arguments.seconds)))
        return
    pythons = {"published": published(), "ours": sys.executable}
    rounds: Dict[str, List[Dict[str, float]]] = {name: [] for name in pythons}
    for _ in range(arguments.rounds):
        for name, python in pythons.items():
            words = [python, __file__, "--worker", "--seconds", str(arguments.seconds)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            rounds[name].append(json.loads(done.stdout))
    rows = []
    for row, (_, _, target) in ROWS.items():
        us = {name: statistics.median(each[row] for each in found) for name, found in rounds.items()}
        ratio = us["published"] / us["ours"]
        rows.append({"row": row, **us, "ratio": ratio, "target": target, "met": us["ours"] <= target})
    if arguments.json:
        print(json.dumps({"unit": "us", "rows": rows}))
        return
    print("| row | published | ours | ratio | target | met |\n| --- | --- | --- | --- | --- | --- |")
    for each in rows:
        print(
            f"| {each['row']} | {each['published']:.1f} µs | {each['ours']:.2f} µs | {each['ratio']:.1f} × "
            f"| ≤ {each['target']} µs | {'yes' if each['met'] else 'no'} |"
        )


if __name__ == "__main__":
    main()
