#!/usr/bin/env python3
"""Makes docs/benchmarks.md and its picture of what a run of the benchmarks showed: see tools/bench.sh page.

    bench_page.py run BUILD [--rounds N] [--seconds S]   runs them, writes docs/benchmarks.json, and makes the page
    bench_page.py make [FILE [FOLDER]]                   makes the page of what was measured before
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap

from bench_picture import draw

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SUITES = {
    "peers": ("bench_cpu.py", "peers"),
    "lonely": ("bench_cpu.py", "lonely"),
    "idle": ("bench_idle.py",),
    "compile": ("bench_compile.py",),
}


# --- what was wanted ------------------------------------------------------------------------------------------------


ENOUGH_ROUNDS = 3  # of those in which the cores stayed near each other
WIDEST = 9  # columns of a table that a page has room for


def ratio_of(suite, case, candidate):
    def look(run):
        return next((cell["ratio"] for cell in run.get(suite, []) if (cell["case"], cell["candidate"]) ==
                     (case, candidate) and cell["rounds"] >= ENOUGH_ROUNDS), None)
    return look


def user_memory_of(candidate):
    """At the largest number of connections."""
    def look(run):
        rows = [row for row in run.get("idle", {}).get("sockets", []) if row["candidate"] == candidate]
        return rows[-1]["user_bytes"] if rows else None
    return look


def compile_ratio(run):
    return run.get("compile", {}).get("times", {}).get("libnet", {}).get("ratio")


# What it is, at most how much, what was measured, how it is written.
TARGETS = [
    ("64 connections, depth 1, 64 bytes", 1.03, ratio_of("peers", "64B x64 depth 1", "libnet"), "{:.3f}"),
    ("1,000 connections, depth 1, 64 bytes", 1.07, ratio_of("peers", "64B x1000 depth 1", "libnet"), "{:.3f}"),
    ("64 connections, depth 16, 64 bytes", 1.05, ratio_of("peers", "64B x64 depth 16", "libnet"), "{:.3f}"),
    ("64 connections, depth 64, 64 bytes", 1.12, ratio_of("peers", "64B x64 depth 64", "libnet"), "{:.3f}"),
    ("the same, in batches", 1.04, ratio_of("peers", "64B x64 depth 64", "batch"), "{:.3f}"),
    ("16 connections, depth 1, 16 KiB", 1.03, ratio_of("peers", "16KiB x16 depth 1", "libnet"), "{:.3f}"),
    ("16 connections, depth 4, 64 KiB", 0.9, ratio_of("peers", "64KiB x16 depth 4", "libnet"), "{:.3f}"),
    ("one connection, depth 1, 64 bytes: p50", 1.02, ratio_of("lonely", "64B x1 depth 1", "libnet"), "{:.3f}"),
    ("the same, spinning", 0.42, ratio_of("lonely", "64B x1 depth 1", "spinning"), "{:.3f}"),
    ("an idle connection: bytes of user memory", 1536, user_memory_of("libnet"), "{:.0f}"),
    ("compiling a first server, against Asio's echo", 0.25, compile_ratio, "{:.2f}"),
]


# What the profile shows of those that are known to be missed.
VAIN_READS = (
    "Asio tries each read before it waits, and a try that comes too early finds nothing: 1.3 to 2 receives for a "
    "message where the loop by hand needs one (strace), for about 230 ns each and a turn of the loop. The loop by hand "
    "trusts a read that came up short, which misses an end that came with it.")

WHY = {
    "64 connections, depth 16, 64 bytes": VAIN_READS,
    "64 connections, depth 64, 64 bytes":
        "by callgrind a message costs about 200 instructions at each end: 29 to find the frame, 27 to frame the answer, "
        "the others for the coroutine that asks for one message after the other, its deadlines and its counters.",
    "16 connections, depth 1, 16 KiB": VAIN_READS,
    "an idle connection: bytes of user memory":
        "over streams in memory (massif) a session with every deadline and a heartbeat holds 920 bytes of connection, "
        "584 of the session's coroutine, 424 of the server's around it, 216 of its task in the group, and about 250 of "
        "budget, heartbeat and what else there is one of for each; over TCP Asio's socket comes on top.",
    "compiling a first server, against Asio's echo":
        "of the 84,000 lines that the compiler sees (GCC 12) 71,000 are the standard library's, 7,900 those of Boost's "
        "result and 4,700 libnet's: what libnet could leave out is small beside what it cannot.",
}


def table(titles, rows):
    return ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|",
            *("| " + " | ".join(cells) + " |" for cells in rows)]


def judge(figure, target):
    if figure is None:
        return "not measured"
    return "reached" if figure <= target else f"missed by {100 * (figure / target - 1):.0f} %"


def table_of_targets(run):
    rows = []
    for what, target, look, form in TARGETS:
        figure = look(run)
        shown = form.format(figure) if figure is not None else "-"
        rows.append([what, f"{target:g}", shown, judge(figure, target)])
    return table(["What", "Target, at most", "Measured", ""], rows)


def reasons(run):
    """A line for each target that was missed and of which is known why."""
    return [f"- {what[0].upper()}{what[1:]}: {WHY[what]}" for what, target, look, _ in TARGETS
            if what in WHY and (look(run) or 0) > target]


# --- what was measured ----------------------------------------------------------------------------------------------


def table_of_ratios(cells):
    """A column for each candidate, a row for each case; the other way round if there are more than a page is wide."""
    candidates = list(dict.fromkeys(cell["candidate"] for cell in cells))
    first = candidates[0]
    rows = []
    for case in dict.fromkeys(cell["case"] for cell in cells):
        row = {cell["candidate"]: cell for cell in cells if cell["case"] == case}
        shown = [f"{row[first]['ns'] / 1000:.3f}"] + [f"{row[name]['ratio']:.2f}" if name in row else "-"
                                                      for name in candidates[1:]]
        second = row[candidates[1]]
        rows.append([case, str(row[first]["rounds"]), *shown, f"{second['lowest']:.2f} to {second['highest']:.2f}"])
    head = ["", "Rounds", f"{first}, us", *candidates[1:], f"{candidates[1]}, in single rounds"]
    if len(head) > WIDEST:
        head, *rows = zip(head, *rows)
    return table(head, rows)


def microseconds(nanoseconds, digits=1):
    return f"{nanoseconds / 1000:.{digits}f} us"


def table_of_sockets(rows):
    return table(
        ["", "Connections", "User memory", "Kernel memory", "CPU", "p50", "p99"],
        ([row["candidate"], f"{row['connections']:,}", f"{row['user_bytes']:.0f} B ({row['mean_user_bytes']:.0f} B)",
          f"{row['kernel_bytes']:.0f} B", f"{row['cpu_share'] * 100:.2f} %", microseconds(row["p50_ns"], 0),
          microseconds(row["p99_ns"], 0)] for row in rows))


def table_of_sessions(rows):
    return table(
        ["Sessions", "Memory of one", "Opening", "A heartbeat", "An echo of one that is active, p50", "p99"],
        ([f"{row['sessions']:,}", f"{row['bytes_of_session']} B",
          *(microseconds(row[what]) for what in ("open_ns", "heartbeat_ns", "echo_p50_ns", "echo_p99_ns"))]
         for row in rows))


def table_of_compiling(found):
    names = {"asio": "Asio's echo", "libnet": "libnet's first server", "session": "a file with a session"}
    times = table(["", "Seconds", "Against Asio's echo"],
                  ([names[name], f"{figures['seconds']:.2f}", f"{figures['ratio']:.2f}"]
                   for name, figures in found["times"].items()))
    sizes = "; ".join(f"{name} {size / 1024:,.0f} KiB" for name, size in found["bytes"].items())
    return [*times, "", f"Programs, stripped: {sizes}."]


# --- the page -------------------------------------------------------------------------------------------------------


def circumstances(found):
    named = [found["processor"], f"{found['cores']} cores", found["kernel"], found["compiler"],
             found["boost"] and f"Boost {found['boost']}", found["commit"] and f"commit {found['commit']}",
             found["day"]]
    text = "; ".join(str(name) for name in named if name)
    if found["load"] > 1.5 * found["cores"]:
        text += f". **The machine was busy** (load {found['load']:.1f}): these figures are no measurement"
    return text + "."


def wrapped(line):
    """Tables, pictures and titles stay as they are."""
    if line[:1] in ("|", "!", "#"):
        return line
    return textwrap.fill(line, 110, break_long_words=False, break_on_hyphens=False,
                         subsequent_indent="  " if line.startswith("- ") else "")


def section(title, *paragraphs):
    return ["", f"## {title}", *[line for paragraph in paragraphs if paragraph for line in ("", *paragraph)]]


def page(run):
    lines = ["# What libnet costs", "",
             "Made by `tools/bench.sh page` of what it measured ([benchmarks.json](benchmarks.json)), so that anyone "
             "can make it again:", "", circumstances(run["circumstances"]), "",
             "CPU time is that of the server for each echoed message, as a ratio to a loop written by hand on epoll "
             "with the same wire format (`raw`). Server and load have a core each, and the candidates take turns; what "
             "stands here are medians of ratios, over the rounds in which the two cores were near each other all the "
             f"time; with fewer than {ENOUGH_ROUNDS} of these a target counts as not measured. `libnet` has every protection "
             "on that it has unless told otherwise, `guarded` all that there are."]
    lines += section("What was wanted", table_of_targets(run),
                     ["Allocations and `epoll_ctl` of a message are 0, and timers are set by the second and not by the "
                      "message; that, and the instructions of a message, are tests (`ctest -L cost`, `SystemCalls`)."],
                     reasons(run))
    if run.get("peers"):
        lines += section("Beside others", ["![CPU time of a message, against epoll by hand](pictures/benchmarks.svg)"],
                         table_of_ratios(run["peers"]),
                         ["None of the others has deadlines but `beast` and `asio+timer`. Those that gather replies "
                          "(`libnet`, `io_uring`, `libuv`, `libevent`, `go`, `tokio`, `netty`) need one write for all "
                          "that came with one read; at depth 16 and 64 that makes the difference."])
    if run.get("lonely"):
        lines += section("One client alone", ["The median of its round trips. It is bound by falling asleep and waking "
                                              "up, for everybody who does."], table_of_ratios(run["lonely"]))
    idle = run.get("idle", {})
    if idle.get("sockets"):
        lines += section("Idle connections", table_of_sockets(idle["sockets"]),
                         ["User memory is the server's alone; in brackets the mean while heartbeats pass, each of "
                          f"which takes buffers for a second. Kernel memory: {idle['sockets'][0]['kernel_source']}. "
                          "libnet has heartbeats and every deadline, and asks each client once while its CPU is "
                          "measured; the others do nothing then. The latencies are those of one active client."])
    if idle.get("sessions"):
        lines += section("Sessions over streams in memory", table_of_sessions(idle["sessions"]))
    if run.get("compile"):
        lines += section("Compiling", table_of_compiling(run["compile"]))
    return "\n".join(map(wrapped, lines)) + "\n"


def make(source, folder):
    run = json.loads(pathlib.Path(source).read_text())
    folder = pathlib.Path(folder)
    (folder / "pictures").mkdir(exist_ok=True)
    (folder / "benchmarks.md").write_text(page(run))
    if run.get("peers"):
        (folder / "pictures" / "benchmarks.svg").write_text(draw(run["peers"]))


def run_all(build, options):
    """One document of all suites; the circumstances are those of the first."""
    tools = os.path.dirname(os.path.abspath(__file__))
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        for suite, (program, *words) in SUITES.items():
            written = os.path.join(folder, suite + ".json")
            flags = options if program == "bench_cpu.py" else []
            subprocess.run([sys.executable, os.path.join(tools, program), *words, build, *flags, "--json", written],
                           check=True)
            found = json.loads(pathlib.Path(written).read_text())
            measured.setdefault("circumstances", found["circumstances"])
            measured[suite] = found["figures"]
    (DOCS / "benchmarks.json").write_text(json.dumps(measured, indent=1) + "\n")


def main(words):
    parser = argparse.ArgumentParser(prog="tools/bench.sh page", add_help=False)
    what = parser.add_subparsers(dest="what", required=True)
    running = what.add_parser("run")
    running.add_argument("build")
    running.add_argument("--rounds", type=int, default=7)
    running.add_argument("--seconds", type=float, default=1.5)
    making = what.add_parser("make")
    making.add_argument("source", nargs="?", default=DOCS / "benchmarks.json")
    making.add_argument("folder", nargs="?", default=DOCS)
    arguments = parser.parse_args(words)
    if arguments.what == "run":
        run_all(arguments.build, ["--rounds", str(arguments.rounds), "--seconds", str(arguments.seconds)])
        make(DOCS / "benchmarks.json", DOCS)
    else:
        make(arguments.source, arguments.folder)


if __name__ == "__main__":
    main(sys.argv[1:])
