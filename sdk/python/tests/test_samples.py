"""Every sample prints what is expected."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT, SDK

SAMPLES = sorted(path.parent.name for path in (SDK / "samples").glob("*/main.py"))


def test_the_samples_are_those_of_every_sdk() -> None:
    assert SAMPLES == ["basic", "config_and_vars", "host_functions", "http", "pool_and_cancel"]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_prints_what_is_expected(name: str) -> None:
    program = str(SDK / "samples" / name / "main.py")
    done = subprocess.run([sys.executable, program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    expected = (SDK / "samples" / "expected" / f"{name}.txt").read_text()
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)
