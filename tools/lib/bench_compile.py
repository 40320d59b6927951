#!/usr/bin/env python3
"""Measures what a first session costs to compile, and how large its program is: see tools/bench.sh compile."""

import argparse
import operator
import os
import statistics
import subprocess
import sys
import tempfile

import bench

# The server of the README's first page, the same with Asio alone, and a file with no more than a session.
PROGRAMS = {"asio": "tests/benchmarks/asio_echo.cpp", "libnet": "tests/consumers/main.cpp",
            "session": "tests/cost/session.cpp"}
FLAGS = ["-std=c++20", "-O2", "-Ilibnet/include", "-DBOOST_ASIO_NO_DEPRECATED"]
SHARED_FLAGS = ["-DLIBNET_ASIO_SHARED"]


def seconds_of(command):
    """User time of the compiler and what it starts: it depends less on what else runs."""
    before = os.times().children_user
    subprocess.run(command, check=True)
    return os.times().children_user - before


def compile_in_turns(compiler, rounds):
    """{program: seconds, one for each round}."""
    times = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, source in PROGRAMS.items():
            times[name].append(seconds_of([compiler, *FLAGS, "-c", source, "-o", os.devnull]))
    return times


def size_of(compiler, name, flags, libraries, folder):
    """Bytes of the stripped program."""
    program = os.path.join(folder, name)
    subprocess.run([compiler, *FLAGS, *flags, PROGRAMS[name], *libraries, "-s", "-Wl,--gc-sections", "-o", program],
                   check=True)
    return os.path.getsize(program)


def sizes(compiler, build, shared_build):
    static_library = os.path.join(build, "libnet/libnet-asio.a")
    shared_library = os.path.join(shared_build, "libnet/libnet-asio.so")
    with tempfile.TemporaryDirectory() as folder:
        found = {"asio": size_of(compiler, "asio", [], [], folder)}
        if os.path.exists(static_library):
            found["libnet, static"] = size_of(compiler, "libnet", [], [static_library], folder)
        if os.path.exists(shared_library):
            found["libnet, shared"] = size_of(compiler, "libnet", SHARED_FLAGS, [shared_library], folder)
            stripped = os.path.join(folder, "stripped.so")
            subprocess.run(["strip", "-o", stripped, shared_library], check=True)
            found["its shared library"] = os.path.getsize(stripped)
    return found


def check_size(compiler, build, budget):
    """What ctest runs: how large a program becomes is the same in every run."""
    size = sizes(compiler, build, "nowhere").get("libnet, static")
    if size is None:
        sys.exit(f"there is no libnet-asio.a in {build}/libnet")
    print(f"{PROGRAMS['libnet']} with the static library, stripped: {size} bytes, {budget} allowed")
    if size > budget:
        sys.exit("Above the budget, look at what was added with nm --size-sort -C. If it has to be, raise the budget\n"
                 "in tests/cost/CMakeLists.txt, and say in the commit what it is for.")


def parse(words):
    parser = argparse.ArgumentParser(prog="tools/bench.sh compile", add_help=False)
    parser.add_argument("build")
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--shared-build", default="build/debian")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size-budget", type=int)
    parser.add_argument("--json")
    arguments = parser.parse_args(words)
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    return arguments


def main():
    arguments = parse(sys.argv[1:])
    if arguments.size_budget is not None:
        check_size(arguments.compiler, arguments.build, arguments.size_budget)
        return
    times = compile_in_turns(arguments.compiler, arguments.rounds)
    found = {name: {"seconds": statistics.median(taken), "ratio": statistics.median(map(operator.truediv, taken,
                                                                                        times["asio"]))}
             for name, taken in times.items()}
    print(f"{arguments.compiler} -O2, {arguments.rounds} rounds: median of its user time, and ratio to Asio's echo")
    for name, source in PROGRAMS.items():
        print(f"{name:8} {found[name]['seconds']:5.2f} s {found[name]['ratio']:6.3f}  {source}")
    size = sizes(arguments.compiler, arguments.build, arguments.shared_build)
    print("bytes of the program, stripped: " + "; ".join(f"{name} {size:,}" for name, size in size.items()))
    bench.write_json(arguments.json, "compile", {"times": found, "bytes": size})


if __name__ == "__main__":
    main()
