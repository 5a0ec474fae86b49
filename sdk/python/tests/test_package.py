"""The wheel: what is in it, what refuses to make it, and that it runs in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, SDK

WHEELS = sorted(Path(os.environ.get("EXTISM_WHEELS", "nowhere")).glob("extism-*.whl"))
needs_wheel = pytest.mark.skipif(not WHEELS, reason="EXTISM_WHEELS names no folder with a wheel")


def outside() -> dict[str, str]:
    """The environment without what points to our sources."""
    ours = ("PYTHONPATH", "EXTISM_LIBRARY", "EXTISM_PREFIX")
    return {name: value for name, value in os.environ.items() if name not in ours}


@needs_wheel
def test_the_wheel_holds_the_library_and_types() -> None:
    assert WHEELS[0].name.startswith("extism-1.42.0-py3-none-")
    names = zipfile.ZipFile(WHEELS[0]).namelist()
    for name in ("extism/py.typed", "extism/_cffi.py", "extism/extism.py", "extism/LICENSE"):
        assert name in names
    libraries = [name for name in names if name.startswith("extism/lib/")]
    assert len(libraries) == 1
    metadata = zipfile.ZipFile(WHEELS[0]).read("extism-1.42.0.dist-info/METADATA").decode()
    for line in ("Name: extism", "Version: 1.42.0", "Requires-Python: >=3.9", "Requires-Dist: cffi>=1.15"):
        assert line in metadata.splitlines()


@needs_wheel
def test_the_wheel_runs_in_an_empty_environment(tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", str(WHEELS[0])]
    subprocess.run(pip, check=True, env=outside(), timeout=300)
    program = str(SDK / "samples" / "basic" / "main.py")
    done = subprocess.run(
        [python, program], cwd=ROOT, capture_output=True, text=True, env=outside(), timeout=60
    )
    expected = (SDK / "samples" / "expected" / "basic.txt").read_text()
    assert (done.stdout, done.stderr) == (expected, "")


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        (None, "extism: EXTISM_PREFIX is not set"),
        ("empty", "extism: there is no library at "),
    ],
)
def test_no_wheel_without_the_library(tmp_path: Path, prefix: str | None, reason: str) -> None:
    pytest.importorskip("hatchling")
    environment = outside()
    if prefix is not None:
        environment["EXTISM_PREFIX"] = str(tmp_path / prefix)
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(words, cwd=SDK, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode != 0
    assert reason in done.stderr
    assert list(tmp_path.glob("*.whl")) == []
