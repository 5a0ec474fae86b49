"""The checks of the C++ SDK: `python3 check.py`, with EXTISM_PREFIX set.

Must not know: how the library was built. Invariant: the headers are used from where CMake installed them.
"""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "c"))
from harness import SAMPLES, Failed, Suite  # noqa: E402

CXX = shlex.split(os.environ.get("CXX", "c++"))
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
STRICT = ["-std=c++17", *WARNINGS]
SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
THREADS = ["-g", "-fsanitize=thread"]
TESTS = ["lifetime", "threads", "callbacks", "encoding", "unload"]


class Cpp(Suite):
    """The suite, with the headers installed beside a copy of the library."""

    def __init__(self):
        super().__init__("cpp")
        self.installed = self.build / "installed"

    def install(self):
        shutil.rmtree(self.installed, ignore_errors=True)
        build = self.build / "cmake"
        options = [f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_INSTALL_PREFIX={self.installed}"]
        layout = ["-DCMAKE_INSTALL_LIBDIR=lib", f"-DCMAKE_CXX_COMPILER={CXX[0]}", "--fresh"]
        self.run(["cmake", "-S", self.folder, "-B", build, *options, *layout])
        self.run(["cmake", "--install", build])

    def program(self, name, source, options, package="extism-cpp"):
        flags = self.flags(package, paths=[self.installed / "lib" / "pkgconfig"])
        return self.compile([*CXX, *options], name, [self.folder / source], flags)


def driver(suite):
    return suite.program("driver", "driver/driver.cpp", [*STRICT, "-O1", "-g"])


def sample(suite, name, folder, options, package="extism-cpp"):
    suite.sample(name, suite.program(f"{folder}/{name}", f"samples/{name}.cpp", options, package))


def tests(suite, name, folder, options):
    """How many test cases there were; programs of doctest say so themselves."""
    program = suite.program(f"{folder}/{name}", f"tests/{name}.cpp", options)
    arguments = []
    if name == "unload":
        shared = [*options, "-shared", "-fPIC"]
        arguments = [suite.program(f"{folder}/module.so", "tests/module.cpp", shared)]
    # The library is not built with the sanitizer of threads, which would not see its locks, and half of the
    # unwinder's where the library calls that.
    suppressions = suite.build / "suppressions.txt"
    suppressions.write_text("called_from_lib:libextism\nmutex:libgcc_s\n")
    environment = {**os.environ, "TSAN_OPTIONS": f"suppressions={suppressions}"}
    said = suite.run([program, *arguments], env=environment)
    found = re.search(r"test cases: +\d+ \| +(\d+) passed \| 0 failed \| (\d+) skipped", said)
    if not found or found[1] == "0":
        raise Failed(said)
    return int(found[1]), int(found[2])


def published(suite):
    """A program of the published SDK, without a warning of its own."""
    program = suite.program("published", "tests/published.cpp", ["-std=c++17", "-Wall", "-Werror", *SANITIZERS])
    if not suite.run([program]).startswith("ok "):
        raise Failed("the program did not end well")


def older_library(suite):
    """A library that lacks functions is refused with a text before one of them is called."""
    folder = suite.build / "older"
    source = suite.folder / "tests" / "foreign.cpp"
    for name in ["libextism.so", "libextism.so.1"]:
        suite.compile([*CXX, *STRICT, "-shared", "-fPIC"], f"older/{name}", [source], [])
    program = suite.program("older/basic", "samples/basic.cpp", [*STRICT, "-Wl,-z,lazy"])
    said = suite.run([program], fails=True, env={**os.environ, "LD_LIBRARY_PATH": str(folder)})
    if "the library is version 1.41.0, with interface 0; this program needs interface 1" not in said:
        raise Failed(said)


def headers(suite):
    """Each header can be included alone, and twice."""
    names = sorted((suite.installed / "include" / "extism").glob("*.hpp"))
    for name in names:
        source = suite.build / f"header-{name.stem}.cpp"
        source.write_text(f"#include <extism/{name.name}>\n#include <extism/{name.name}>\n")
        flags = suite.flags("extism-cpp", paths=[suite.installed / "lib" / "pkgconfig"])
        suite.run([*CXX, *STRICT, "-fsyntax-only", source, *flags])
    return len(names), 0


def compiler(suite, words):
    """Another compiler and the newest language it has."""
    flags = suite.flags("extism-cpp", paths=[suite.installed / "lib" / "pkgconfig"])
    for name in ["host_functions", "pool_and_cancel"]:
        source = suite.folder / "samples" / f"{name}.cpp"
        suite.sample(name, suite.compile([*words, *WARNINGS], f"other/{words[0]}-{name}", [source], flags))


def cmake(suite):
    build = suite.build / "consumer"
    options = [f"-DCMAKE_PREFIX_PATH={suite.prefix};{suite.installed}", f"-DCMAKE_CXX_COMPILER={CXX[0]}"]
    source = suite.folder / "tests" / "consumer"
    suite.run(["cmake", "-S", source, "-B", build, f"-DSAMPLE={suite.folder}/samples/basic.cpp", *options, "--fresh"])
    suite.run(["cmake", "--build", build])
    for target in ["extism-cpp", "extism-cpp-static"]:
        suite.sample("basic", build / f"consumer-{target}")
    if "libextism" in suite.run(["readelf", "--dynamic", build / "consumer-extism-cpp-static"]):
        raise Failed("the statically linked program needs the shared library")
    return 2, 0


def main():
    suite = Cpp()
    suite.install()
    if sys.argv[1:] == ["driver"]:
        print(driver(suite))
        return
    for name in TESTS:
        suite.add(f"tests {name}", tests, suite, name, "tests", STRICT)
        suite.add(f"tests {name}, checked", tests, suite, name, "tests-checked", [*STRICT, *SANITIZERS])
    suite.add("tests threads, threads checked", tests, suite, "threads", "tests-threads", [*STRICT, *THREADS])
    for name in SAMPLES:
        suite.add(f"sample {name}", sample, suite, name, "samples", STRICT)
        suite.add(f"sample {name}, checked", sample, suite, name, "samples-checked", [*STRICT, *SANITIZERS])
    suite.add("sample basic, static", sample, suite, "basic", "samples-static", STRICT, "extism-cpp-static")
    suite.add("program of the published SDK", published, suite)
    suite.add("an older library", older_library, suite)
    suite.add("headers", headers, suite)
    suite.add("C++20", compiler, suite, [*CXX, "-std=c++20"])
    if shutil.which("clang++"):
        suite.add("clang++", compiler, suite, ["clang++", "-std=c++17"])
    suite.add("CMake", cmake, suite)
    suite.close()


main()
