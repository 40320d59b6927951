#!/usr/bin/env python3
"""Measures what netbench itself costs: its CPU time for a message beside that of the echo by hand on epoll which it
talks to. See tools/bench.sh netbench."""

import argparse
import json
import os
import subprocess
import sys

import bench

SERVER = ["benchmarks/raw_epoll_echo"]
CONNECTIONS, SIZE = 64, 64
CASES = {"64B x64 depth 1": 1, "64B x64 depth 16": 16, "64B x64 depth 64": 64}


def command(build, port, server, depth, seconds):
    return [os.path.join(build, "apps/netbench"), "--connect", f"127.0.0.1:{port}", "--connections", str(CONNECTIONS),
            "--size", str(SIZE), "--depth", str(depth), "--duration", f"{seconds * 1000:.0f}ms", "--warm-up",
            f"{seconds * 250:.0f}ms", "--server-pid", str(server), "--json", "--quiet"]


def costs(said):
    """Nanoseconds for a message, of the server and of netbench, by what netbench has written of a run."""
    run = json.loads(said)
    if run["wrong"] or run["errors"] or not run["messages"]:
        raise SystemExit(f"netbench has nothing to measure: {run['messages']} messages, {run['wrong']} of them wrong, "
                         f"errors {run['errors']}")
    return [run[whose] * 1e9 / run["messages"] for whose in ("server_cpu_seconds", "own_cpu_seconds")]


def slice_on(build, depth, seconds, server_core, load_core):
    with bench.Server(build, SERVER, server_core) as server:
        load = command(build, server.port, server.process.pid, depth, seconds)
        return costs(subprocess.run(bench.pinned(load_core, load), check=True, capture_output=True, text=True).stdout)


def exchanged(take, probe):
    """Two slices, between which server and netbench change cores, so that a faster core favours neither. Answers the
    means of both, and the distances of the cores; nothing if those changed."""
    distances, taken = [probe()], []
    for cores in ((bench.SERVER_CORE, bench.LOAD_CORE), (bench.LOAD_CORE, bench.SERVER_CORE)):
        taken.append(take(*cores))
        distances.append(probe())
        if not bench.stayed(distances):
            return None
    return sum(server for server, _ in taken) / 2, sum(own for _, own in taken) / 2, distances


def measure(build, depth, seconds):
    for _ in range(bench.ATTEMPTS):
        found = exchanged(lambda *cores: slice_on(build, depth, seconds / 2, *cores), lambda: bench.distance(build))
        if found:
            return found
    return None


def parse(words):
    parser = argparse.ArgumentParser(prog="tools/bench.sh netbench", add_help=False)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=bench.positive(int), default=bench.ROUNDS)
    parser.add_argument("--seconds", type=bench.positive(float), default=bench.SECONDS)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json")
    return parser.parse_args(words)


def main():
    arguments = parse(sys.argv[1:])
    if arguments.list:
        print("\n".join(CASES))
        return
    print(f"{arguments.rounds} rounds of {arguments.seconds} s; ns of CPU per message, of the loop by hand and of "
          "netbench, and the ratio (lowest..highest)")
    figures = []
    for case in arguments.case or CASES:
        taken = [measure(arguments.build, CASES[case], arguments.seconds) for _ in range(arguments.rounds)]
        row = bench.cells(case, "server", {"netbench": [found for found in taken if found]})
        print(bench.text_of_row(case, row), flush=True)
        figures += row
    bench.write_json(arguments.json, "netbench", figures)


if __name__ == "__main__":
    main()
