"""Runs the checks of an SDK that is compiled: builds programs against an installed library and runs them.

Must not know: what is checked. Invariant: nothing is written outside the folder of build products, and every
check that was named is counted in the closing line.
"""

import concurrent.futures
import contextlib
import http.server
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = ["basic", "host_functions", "config_and_vars", "http", "pool_and_cancel"]
SECONDS_MAX = 120
# How much of what a program printed is shown if it failed.
TEXT_MAX = 4000


class Failed(Exception):
    """A check that did not hold; the text says what happened."""


class Suite:
    """The checks of one SDK."""

    def __init__(self, name):
        self.folder = ROOT / "sdk" / name
        self.build = ROOT / "target" / f"sdk-{name}"
        self.build.mkdir(parents=True, exist_ok=True)
        prefix = os.environ.get("EXTISM_PREFIX", ROOT / "target" / "prefix")
        self.prefix = Path(prefix).resolve()
        if not (self.prefix / "lib").is_dir():
            sys.exit(f"{self.prefix}: there is no installed library; set EXTISM_PREFIX")
        self.checks = []
        self.passed = self.failed = self.skipped = 0

    def add(self, name, function, *arguments):
        """A check: passes unless the function raises `Failed`. It may answer (passed, skipped) for many tests."""
        self.checks.append((name, function, arguments))

    def run(self, words, fails=False, **settings):
        """Runs a program at the root and answers what it printed."""
        settings = {"cwd": ROOT, "text": True, "timeout": SECONDS_MAX, **settings}
        words = [str(word) for word in words]
        try:
            ended = subprocess.run(words, capture_output=True, **settings)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{shlex.join(words)}: not done after {late.timeout} s") from None
        if (ended.returncode != 0) != fails:
            said = ended.stdout + ended.stderr
            raise Failed(f"{shlex.join(words)}: {ended.returncode}\n{said[:TEXT_MAX]}")
        return ended.stdout + (ended.stderr if fails else "")

    def flags(self, package, *more, prefix=None, paths=()):
        """What pkg-config says for a package, as words."""
        prefix = prefix or self.prefix
        path = os.pathsep.join(map(str, [*paths, prefix / "lib" / "pkgconfig"]))
        # The shared library stands where no loader looks by itself.
        words = ["pkg-config", "--cflags", "--libs", *more, package]
        said = self.run(words, env={**os.environ, "PKG_CONFIG_PATH": path})
        return shlex.split(said) + [f"-Wl,-rpath,{prefix / 'lib'}"]

    def compile(self, words, program, sources, flags):
        """Builds a program and answers where it is."""
        program = self.build / program
        program.parent.mkdir(parents=True, exist_ok=True)
        self.run([*words, "-o", program, *sources, *flags])
        return program

    def sample(self, name, program):
        """Compares what a sample prints with what is expected. The HTTP sample gets an address as its argument."""
        expected = (self.folder / "samples" / "expected" / f"{name}.txt").read_text()
        with web_server() if name == "http" else contextlib.nullcontext([]) as arguments:
            printed = self.run([program, *arguments])
        if printed != expected:
            raise Failed(f"{program} printed\n{printed}and not\n{expected}")

    def moved_prefix(self):
        """The installation in another place, with nothing left of the first."""
        moved = self.build / "moved"
        shutil.rmtree(moved, ignore_errors=True)
        shutil.copytree(self.prefix, moved, symlinks=True, copy_function=os.link)
        return moved

    def close(self):
        """Runs the checks, two at a time and more on larger machines, and ends with the closing line."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            started = [(name, pool.submit(run, *args)) for name, run, args in self.checks]
            for name, check in started:
                try:
                    passed, skipped = check.result() or (1, 0)
                    self.passed, self.skipped = self.passed + passed, self.skipped + skipped
                    print(f"ok {name}", flush=True)
                except Failed as failure:
                    self.failed += 1
                    print(f"FAILED {name}\n{failure}", flush=True)
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)


def count(printed):
    """The tests of a program that printed `ok name` and `skip name: reason` lines."""
    passed = re.findall(r"^ok \w+$", printed, re.MULTILINE)
    skipped = re.findall(r"^skip \w+: .+$", printed, re.MULTILINE)
    if not passed:
        raise Failed(f"no test ran:\n{printed}")
    return len(passed), len(skipped)


@contextlib.contextmanager
def web_server():
    """A server on a loopback port that answers every request with the same text."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"hello from the server\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield [f"http://127.0.0.1:{server.server_port}/"]
        finally:
            server.shutdown()
            thread.join()
