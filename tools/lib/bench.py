"""What the benchmarks have in common: servers and loads on a core each. See tools/bench.sh."""

import json
import os
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import time

SERVER_CORE, LOAD_CORE = 0, 1
ROUNDS, SECONDS = 7, 1.5  # unless told otherwise


def positive(kind):
    """For argparse: a number above 0."""
    def number(text):
        if kind(text) <= 0:
            raise ValueError(text)
        return kind(text)
    return number


def pinned(core, command):
    return ["taskset", "-c", str(core), *command]


class Server:
    """A candidate on its core, with the port that it has chosen."""

    def __init__(self, build, command, core=None):
        core = SERVER_CORE if core is None else core
        command = [os.path.join(build, command[0]), *command[1:]]
        one_core = {**os.environ, "GOMAXPROCS": "1"}
        self.process = subprocess.Popen(pinned(core, command), stdout=subprocess.PIPE, text=True, env=one_core)
        line = self.process.stdout.readline()
        self.port = re.search(r":(\d+)$", line.strip()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def private_memory(process):
    """In bytes: what is this process's alone and in no file."""
    with open(f"/proc/{process}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    raise SystemExit("smaps_rollup says nothing of Pss_Anon")


def cpu_time(process):
    """In nanoseconds, of all threads."""
    threads = f"/proc/{process}/task"
    return sum(int(open(f"{threads}/{thread}/schedstat").read().split()[0]) for thread in os.listdir(threads))


def raise_descriptor_limit():
    """To what this process and those it starts may have; answers how many that is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def make_certificate(folder):
    """Self-signed, P-256: what the TLS candidates are started with."""
    paths = [os.path.join(folder, name) for name in ("certificate.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30",
                    "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


METHOD = (
    "Server and load have a core each. In each round a candidate and the first of the table are started anew and "
    "measured in four slices, first, candidate, candidate, first: a machine that becomes slower or faster meanwhile "
    "does so for both. Between the slices a probe tells how far the two cores are from each other; slices between "
    "which that changed are taken again. Who compiles while it runs (netty) does so for some seconds before. "
    "What stands here are medians of the rounds' ratios.")

SAME_DISTANCE = 1.3  # the largest of several distances, at most, as a ratio to the least
ATTEMPTS = 5


def distance(build):
    """In nanoseconds: how far the two cores are from each other now."""
    probe = [os.path.join(build, "benchmarks/cache_distance"), str(SERVER_CORE), str(LOAD_CORE)]
    return float(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)


def slice_of(build, server, load, arguments, seconds):
    """What the load says of the server, in nanoseconds."""
    load = [os.path.join(build, load), server.port, str(server.process.pid), *arguments, f"{seconds:g}"]
    ran = subprocess.run(pinned(LOAD_CORE, load), capture_output=True, text=True, timeout=60 + 4 * seconds)
    if ran.returncode != 0:
        sys.exit(f"the load failed: {ran.stderr.strip()}")
    return float(ran.stdout.split()[0])


def stayed(distances):
    """Whether the cores were as far from each other all the time, near or not."""
    return max(distances) < SAME_DISTANCE * min(distances)


def mirrored(take, one, other, probe):
    """Slices of one, other, other, one. Answers the means of both and the distances of the cores around the slices.

    What changes as steadily as time goes counts for both alike, since their slices have the same middle. What
    changes at once, as the place of a core does, shows in the distances: then there is nothing to compare.
    """
    distances, taken = [probe()], []
    for which in (one, other, other, one):
        taken.append(take(which))
        distances.append(probe())
        if not stayed(distances):
            return None
    return (taken[0] + taken[3]) / 2, (taken[1] + taken[2]) / 2, distances


def pair(build, load, arguments, one, other, seconds):
    """Both commands, on servers started for it, by slices of half the seconds. Nothing if the cores did not stay."""
    for _ in range(ATTEMPTS):
        with Server(build, one.command) as first, Server(build, other.command) as second:
            for server, candidate in ((first, one), (second, other)):
                if candidate.warm_up:
                    slice_of(build, server, load, arguments, candidate.warm_up)
            found = mirrored(lambda server: slice_of(build, server, load, arguments, seconds / 2), first, second,
                             lambda: distance(build))
            if found:
                return found
    return None


class Candidate:
    """A command below the build folder, and for how many seconds it has to run before it is as fast as it gets."""

    def __init__(self, command, warm_up=0):
        self.command = command
        self.warm_up = warm_up


def compare(build, what, load, cases, candidates, rounds, seconds):
    """Prints a line for each case: the median of each candidate, and of its ratios to the first. Answers its cells.

    what        that the load measures, in nanoseconds
    cases       {name: arguments of the load}
    candidates  {name: Candidate}
    """
    first, *others = candidates
    print(f"{rounds} rounds of {seconds} s each; ns of {what}, and the ratio to {first} (lowest..highest)")
    found = []
    for case, arguments in cases.items():
        pairs = {name: [] for name in others}
        for _ in range(rounds):
            for name in others:
                pairs[name].append(pair(build, load, arguments, candidates[first], candidates[name], seconds))
        row = cells(case, first, {name: list(filter(None, taken)) for name, taken in pairs.items()})
        print(text_of_row(case, row), flush=True)
        found += row
    return found


def cells(case, first, pairs):
    """One of the first, of all its slices, and one of each that it was paired with. `pairs`: {name: (time of the first,
    time of this one, distances of the cores)}."""
    every = [each for taken in pairs.values() for each in taken]
    of_first = [time for time, _, _ in every]
    return [cell(case, first, of_first, of_first, [d for *_, distances in every for d in distances])] + [
        cell(case, name, [mine for _, mine, _ in taken], [firsts for firsts, _, _ in taken],
             [d for *_, distances in taken for d in distances]) for name, taken in pairs.items()]


def cell(case, name, times, of_first, distances=()):
    """What was found of a candidate. Without rounds there are no figures, but it is there: it was dropped."""
    found = {"case": case, "candidate": name, "ns": None, "ratio": None, "lowest": None, "highest": None,
             "rounds": len(times)}
    if times:
        ratios = [time / first for time, first in zip(times, of_first)]
        found |= {"ns": statistics.median(times), "ratio": statistics.median(ratios), "lowest": min(ratios),
                  "highest": max(ratios)}
    if distances:
        found["apart_ns"] = [min(distances), max(distances)]
    return found


def text_of_row(case, row):
    text = f"{case:20}  " + "  ".join(text_of_cell(each) for each in row if each["rounds"])
    dropped = [each["candidate"] for each in row if not each["rounds"]]
    if dropped:
        text += f"  (the cores did not stay where they were: {', '.join(dropped)})"
    if "apart_ns" in row[0]:
        nearest, farthest = row[0]["apart_ns"]
        text += f"  cores {nearest:.0f} to {farthest:.0f} ns apart"
    return text


def text_of_cell(found):
    text = f"{found['candidate']} {found['ns']:8.0f}"
    if found["ratio"] != 1 or found["lowest"] != found["highest"]:
        text += f" {found['ratio']:6.3f} ({found['lowest']:.2f}..{found['highest']:.2f})"
    return text


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0].strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def circumstances():
    """Where and of what figures were taken."""
    model = re.search(r"^model name\s*:\s*(.*)$", open("/proc/cpuinfo").read(), re.M)
    boost = re.search(r"\"(\S+)\"$", first_line("sh", "-c", "echo '#include <boost/version.hpp>\nBOOST_LIB_VERSION'"
                                                 " | c++ -E -x c++ - | tail -n 1") or "")
    commit = first_line("git", "rev-parse", "--short=12", "HEAD")
    changed = commit and first_line("git", "status", "--porcelain", "--untracked-files=no")
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": f"{platform.system()} {platform.release()}",
        "compiler": first_line("c++", "--version"),
        "boost": boost[1].replace("_", ".") if boost else None,
        "commit": f"{commit} and changes" if changed else commit,
        "day": time.strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
        "method": METHOD,
    }


def write_json(path, suite, figures):
    """Nothing without a path."""
    if path:
        with open(path, "w") as file:
            json.dump({"suite": suite, "circumstances": circumstances(), "figures": figures}, file, indent=1)
            file.write("\n")
