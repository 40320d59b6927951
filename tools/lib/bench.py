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
    """Prints a table: the median of each candidate, and of its ratios to the first. Answers its cells.

    what        that the load measures, in nanoseconds
    cases       {name: arguments of the load}
    candidates  {name: command below the build folder}
    """
    first = next(iter(candidates))
    usual = statistics.median(distance(build) for _ in range(7))
    print(f"cores {SERVER_CORE} and {LOAD_CORE}: {usual:.0f} ns apart; {rounds} rounds of {seconds} s; "
          f"ns of {what}, and the ratio to {first} (lowest..highest)")
    found = []
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
        row = [cell(case, name, times[name], times[first]) for name in candidates]
        print(f"{case:20}  " + "  ".join(map(text_of_cell, row)), flush=True)
        found += row
    return found


def cell(case, name, times, of_first):
    ratios = [time / first for time, first in zip(times, of_first)]
    return {"case": case, "candidate": name, "ns": statistics.median(times), "ratio": statistics.median(ratios),
            "lowest": min(ratios), "highest": max(ratios), "rounds": len(times)}


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
    }


def write_json(path, suite, figures):
    """Nothing without a path."""
    if path:
        with open(path, "w") as file:
            json.dump({"suite": suite, "circumstances": circumstances(), "figures": figures}, file, indent=1)
            file.write("\n")
