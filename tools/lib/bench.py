"""What the benchmarks have in common: servers and loads on a core each. See tools/bench.sh."""

import os
import re
import signal
import statistics
import subprocess
import sys

SERVER_CORE, LOAD_CORE = 0, 1


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


class Server:
    """A candidate on its core, with the port that it has chosen."""

    def __init__(self, build, command):
        command = [os.path.join(build, command[0]), *command[1:]]
        one_core = {**os.environ, "GOMAXPROCS": "1"}
        self.process = subprocess.Popen(pinned(SERVER_CORE, command), stdout=subprocess.PIPE, text=True, env=one_core)
        line = self.process.stdout.readline()
        self.port = re.search(r":(\d+)$", line.strip()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def make_certificate(folder):
    """Self-signed, P-256: what the TLS candidates are started with."""
    paths = [os.path.join(folder, name) for name in ("certificate.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30",
                    "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


def distance(build):
    probe = [os.path.join(build, "benchmarks/cache_distance"), str(SERVER_CORE), str(LOAD_CORE)]
    return float(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)


def sample(build, command, load, arguments, seconds):
    with Server(build, command) as server:
        load = [os.path.join(build, load), server.port, str(server.process.pid), *arguments, str(seconds)]
        ran = subprocess.run(pinned(LOAD_CORE, load), capture_output=True, text=True, timeout=60 + 4 * seconds)
        if ran.returncode != 0:
            sys.exit(f"the load failed: {ran.stderr.strip()}")
        return float(ran.stdout.split()[0])


def steady_sample(build, command, load, arguments, seconds, usual):
    """One sample during which the cores stayed as near to each other as usual."""
    for _ in range(5):
        before = distance(build)
        taken = sample(build, command, load, arguments, seconds)
        after = distance(build)
        if max(before, after) < 1.3 * usual:
            return taken
    return None


def compare(build, what, load, cases, candidates, rounds, seconds):
    """Prints a table: the median of each candidate, and of its ratios to the first.

    cases       {name: arguments of the load}
    candidates  {name: command below the build folder}
    """
    first = next(iter(candidates))
    usual = statistics.median(distance(build) for _ in range(7))
    print(f"cores {SERVER_CORE} and {LOAD_CORE}: {usual:.0f} ns apart; {rounds} rounds of {seconds} s; "
          f"ns of server CPU per {what}, and the ratio to {first} (lowest..highest)")
    for case, arguments in cases.items():
        times = {name: [] for name in candidates}
        for _ in range(rounds):
            taken = {name: steady_sample(build, command, load, arguments, seconds, usual)
                     for name, command in candidates.items()}
            if all(t is not None for t in taken.values()):
                for name in candidates:
                    times[name].append(taken[name])
        if not times[first]:
            print(f"{case:20}  the cores did not stay near each other")
            continue
        cells = []
        for name in candidates:
            text = f"{name} {statistics.median(times[name]):8.0f}"
            if name != first:
                ratios = [t / r for t, r in zip(times[name], times[first])]
                text += f" {statistics.median(ratios):6.3f} ({min(ratios):.2f}..{max(ratios):.2f})"
            cells.append(text)
        print(f"{case:20}  " + "  ".join(cells), flush=True)
