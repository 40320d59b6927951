#!/usr/bin/env python3
"""Runs the echo benchmark: see tools/bench.sh."""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys

SERVER_CORE, LOAD_CORE = 0, 1

# name: (bytes, connections, depth)
CASES = {
    "64B x64 depth 1": (64, 64, 1),
    "64B x64 depth 16": (64, 64, 16),
    "64B x64 depth 64": (64, 64, 64),
    "64B x1000 depth 1": (64, 1000, 1),
    "16KiB x16 depth 1": (16384, 16, 1),
    "64KiB x16 depth 4": (65536, 16, 4),
}

# name: command below the build folder. The first is what the others are compared with.
CANDIDATES = {
    "raw": ["benchmarks/raw_epoll_echo"],
    "libnet": ["apps/tcp_echo_server", "--listen", "127.0.0.1:0", "--quiet", "--congestion", "reno"],
    "guarded": ["apps/tcp_echo_server", "--listen", "127.0.0.1:0", "--quiet", "--congestion", "reno",
                "--heartbeat", "30s", "--idle-timeout", "5min", "--min-rate", "1KiB", "--lifetime", "1h",
                "--memory-budget", "1GiB", "--max-per-address", "20000", "--accept-rate", "100000/s"],
    "batch": ["benchmarks/libnet_echo", "--batch"],
    "asio": ["benchmarks/asio_echo"],
}


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


class Server:
    """A candidate on its core, with the port that it has chosen."""

    def __init__(self, build, command):
        command = [os.path.join(build, command[0]), *command[1:]]
        self.process = subprocess.Popen(pinned(SERVER_CORE, command), stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = re.search(r":(\d+)$", line.strip()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def distance(build):
    probe = [os.path.join(build, "benchmarks/cache_distance"), str(SERVER_CORE), str(LOAD_CORE)]
    return float(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)


def sample(build, command, case, seconds):
    size, connections, depth = CASES[case]
    with Server(build, command) as server:
        load = [os.path.join(build, "benchmarks/echo_load"), server.port, str(server.process.pid),
                str(connections), str(depth), str(size), str(seconds)]
        ran = subprocess.run(pinned(LOAD_CORE, load), capture_output=True, text=True, timeout=60 + 4 * seconds)
        if ran.returncode != 0:
            sys.exit(f"the load failed: {ran.stderr.strip()}")
        return float(ran.stdout.split()[0])


def steady_sample(build, command, case, seconds, usual):
    """One sample during which the cores stayed as near to each other as usual."""
    for _ in range(5):
        before = distance(build)
        taken = sample(build, command, case, seconds)
        after = distance(build)
        if max(before, after) < 1.3 * usual:
            return taken
    return None


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--candidate", action="append", choices=CANDIDATES)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CASES))
        return
    names = ["raw", *(n for n in CANDIDATES if n != "raw" and n in (arguments.candidate or CANDIDATES))]
    usual = statistics.median(distance(arguments.build) for _ in range(7))
    print(f"cores {SERVER_CORE} and {LOAD_CORE}: {usual:.0f} ns apart; {arguments.rounds} rounds of "
          f"{arguments.seconds} s; ns of server CPU per message, and the ratio to raw (lowest..highest)")
    for case in arguments.case or CASES:
        times = {name: [] for name in names}
        for _ in range(arguments.rounds):
            taken = {n: steady_sample(arguments.build, CANDIDATES[n], case, arguments.seconds, usual) for n in names}
            if all(t is not None for t in taken.values()):
                for name in names:
                    times[name].append(taken[name])
        if not times["raw"]:
            print(f"{case:20}  the cores did not stay near each other")
            continue
        cells = []
        for name in names:
            text = f"{name} {statistics.median(times[name]):8.0f}"
            if name != "raw":
                ratios = [t / r for t, r in zip(times[name], times["raw"])]
                text += f" {statistics.median(ratios):6.3f} ({min(ratios):.2f}..{max(ratios):.2f})"
            cells.append(text)
        print(f"{case:20}  " + "  ".join(cells), flush=True)


main()
