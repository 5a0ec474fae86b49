"""Builds, lints, tests and runs what is here, in an environment below the project's `target` folder.

Usage: python3 check.py build | lint | test [words for pytest] | driver | docs

EXTISM_PREFIX names the folder the library is installed in; without it, it is `target/prefix`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "target" / "sdk-python"
WHEELS = OUT / "wheel"
TOOLS = ["cffi>=1.15", "hatchling>=1.24", "mypy>=1.11", "pytest>=8", "ruff>=0.6", "pdoc>=14"]


def python(environment: Path) -> str:
    """The interpreter of an environment."""
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def run(*words: str) -> None:
    """Runs a command here; the first that fails ends everything."""
    code = subprocess.run(words, cwd=HERE, check=False).returncode
    if code:
        sys.exit(code)


def environment() -> Path:
    """The environment with our tools, made anew when their list changes."""
    mark = hashlib.sha256("\n".join([sys.version, *TOOLS]).encode()).hexdigest()[:16]
    folder = OUT / "venv"
    stamp = folder / mark
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        run(python(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS)
        stamp.touch()
    return folder


def build() -> None:
    """Builds the wheel and installs it."""
    folder = environment()
    shutil.rmtree(WHEELS, ignore_errors=True)
    pip = [python(folder), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(WHEELS), ".")
    wheels = [str(wheel) for wheel in WHEELS.glob("*.whl")]
    run(*pip, "install", "--no-deps", "--force-reinstall", *wheels)


def main() -> None:
    """Does what the first word says."""
    os.environ.setdefault("EXTISM_PREFIX", str(ROOT / "target" / "prefix"))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    command, words = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("help", [])
    if command == "build":
        build()
        return
    folder = OUT / "venv" if command == "driver" else environment()
    here = python(folder)
    if command == "lint":
        run(here, "-m", "ruff", "check", "--no-cache", ".")
        run(here, "-m", "ruff", "format", "--no-cache", "--check", ".")
        run(here, "-m", "mypy", "--cache-dir", str(OUT / "mypy"), "src/extism")
    elif command == "test":
        os.environ["EXTISM_WHEELS"] = str(WHEELS)
        run(here, "-m", "pytest", *words)
    elif command == "driver":
        os.execv(here, [here, str(HERE / "driver" / "driver.py"), *words])
    elif command == "docs":
        run(here, "-m", "pdoc", "--output-directory", str(OUT / "docs"), "extism")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
