"""The checks of the C library as a product: `python3 check.py`, with EXTISM_PREFIX set.

Must not know: how the library was built. Invariant: each way to link it is tried, from where it was installed and
after that was moved.
"""

import os
import shlex
import sys

from harness import SAMPLES, Failed, Suite, count

CC = shlex.split(os.environ.get("CC", "cc"))
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]
SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
THREADS = ["-g", "-fsanitize=thread"]
TESTS = ["lifetime", "threads", "callbacks", "encoding", "unload"]


def driver(suite):
    """Builds the conformance driver and answers where it is."""
    sources = sorted((suite.folder / "driver").glob("*.c"))
    return suite.compile([*CC, *STRICT, "-O1", "-g"], "driver", sources, suite.flags("extism"))


def sample(suite, name, package, options):
    program = f"{package}{'-checked' if options else ''}/{name}"
    source = suite.folder / "samples" / f"{name}.c"
    suite.sample(name, suite.compile([*CC, *STRICT, *options], program, [source], suite.flags(package)))


def tests(suite, name, folder, options):
    source = suite.folder / "tests" / f"{name}.c"
    program = suite.compile([*CC, *STRICT, *options], f"{folder}/{name}", [source], suite.flags("extism"))
    arguments = [copy_of_library(suite, folder), foreign(suite, folder)] if name == "unload" else []
    return count(suite.run([program, *arguments], env=environment(suite)))


def environment(suite):
    """The library is not built with the sanitizer of threads, which would not see its locks."""
    suppressions = suite.build / "suppressions.txt"
    suppressions.write_text("called_from_lib:libextism\n")
    return {**os.environ, "TSAN_OPTIONS": f"suppressions={suppressions}"}


def copy_of_library(suite, folder):
    """Another file than the one the program is linked with, so that it is loaded for itself."""
    copy = suite.build / folder / "copy.so"
    copy.write_bytes((suite.prefix / "lib" / "libextism.so").read_bytes())
    return copy


def foreign(suite, folder):
    source = suite.folder / "tests" / "foreign.c"
    return suite.compile([*CC, *STRICT, "-shared", "-fPIC"], f"{folder}/foreign.so", [source], [])


def cmake(suite, prefix, folder):
    build = suite.build / folder
    options = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DSAMPLE={suite.folder}/samples/basic.c", "--fresh"]
    suite.run(["cmake", "-S", suite.folder / "tests" / "consumer", "-B", build, *options])
    suite.run(["cmake", "--build", build])
    for library in ["extism", "static"]:
        suite.sample("basic", build / f"consumer-{library}")
    needed = suite.run(["readelf", "--dynamic", build / "consumer-static"])
    if "libextism" in needed:
        raise Failed("the statically linked program needs the shared library")
    return 2, 0


def cmake_refuses_newer(suite):
    """A version that is not there yet is not found."""
    source = suite.build / "newer"
    source.mkdir(exist_ok=True)
    text = "cmake_minimum_required(VERSION 3.13)\nproject(newer LANGUAGES C)\nfind_package(extism 99 REQUIRED)\n"
    (source / "CMakeLists.txt").write_text(text)
    words = ["cmake", "-S", source, "-B", source / "build", f"-DCMAKE_PREFIX_PATH={suite.prefix}"]
    if "compatible with requested" not in " ".join(suite.run(words, fails=True).split()):
        raise Failed("CMake gave another reason")


def moved(suite):
    """Neither pkg-config nor CMake remembers where the library was installed."""
    prefix = suite.moved_prefix()
    source = suite.folder / "samples" / "basic.c"
    for package in ["extism", "extism-static"]:
        flags = suite.flags(package, prefix=prefix)
        if any(str(suite.prefix) in flag for flag in flags):
            raise Failed(f"{package} leads back to {suite.prefix}")
        suite.sample("basic", suite.compile([*CC, *STRICT], f"moved-{package}", [source], flags))
    return cmake(suite, prefix, "cmake-moved")


def driver_answers(suite):
    """A conversation with the driver; the cases are the runner's."""
    echo = (b'{"wasm": [{"path": "fixtures/wat/echo.wat"}]}').hex()
    requests = ["HELLO 1", f"NEW p1 {echo}", f"CALL p1 {b'echo'.hex()} 6100*2", "CALL p2 61 -", "WHAT", "BYE"]
    said = suite.run([driver(suite)], input="\n".join(requests) + "\n").splitlines()
    expected = ["OK sdk=c ", "OK", "OK 61006100", "ERR 102 0 ", "CANNOT ", "OK"]
    if len(said) != len(expected) or not all(map(str.startswith, said, expected)):
        raise Failed("\n".join(said))


def main():
    suite = Suite("c")
    if sys.argv[1:] == ["driver"]:
        print(driver(suite))
        return
    for name in SAMPLES:
        suite.add(f"sample {name}", sample, suite, name, "extism", [])
        suite.add(f"sample {name}, static", sample, suite, name, "extism-static", [])
        suite.add(f"sample {name}, checked", sample, suite, name, "extism", SANITIZERS)
    for name in TESTS:
        suite.add(f"tests {name}", tests, suite, name, "tests", [])
        suite.add(f"tests {name}, checked", tests, suite, name, "tests-checked", SANITIZERS)
    suite.add("tests threads, threads checked", tests, suite, "threads", "tests-threads", THREADS)
    suite.add("CMake", cmake, suite, suite.prefix, "cmake")
    suite.add("CMake, a newer version", cmake_refuses_newer, suite)
    suite.add("moved", moved, suite)
    suite.add("driver", driver_answers, suite)
    suite.close()


main()
