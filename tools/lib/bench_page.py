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
import textwrap

import bench_cpu
import bench_netbench
from bench_count import text_of_calls
from bench_picture import draw

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SUITES = {
    "peers": ("bench_cpu.py", "peers"),
    "lonely": ("bench_cpu.py", "lonely"),
    "shards": ("bench_cpu.py", "shards"),
    "udp": ("bench_cpu.py", "udp"),
    "udp-segments": ("bench_cpu.py", "udp-segments"),
    "udp-peers": ("bench_cpu.py", "udp-peers"),
    "netbench": ("bench_netbench.py",),
    "idle": ("bench_idle.py",),
    "compile": ("bench_compile.py",),
    "echo-count": ("bench_count.py", "echo"),
    "udp-count": ("bench_count.py", "udp"),
}
IN_ROUNDS = ("bench_cpu.py", "bench_netbench.py")  # which have --rounds and --seconds


# --- what was wanted ------------------------------------------------------------------------------------------------


ENOUGH_ROUNDS = 3  # of those in which the cores stayed where they were
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


# How two shards come by their clients, and which candidate that is.
SHARED = (("one of which accepts", "two"), ("which listen each", "two-listening"))

# What it is, at most how much, what was measured, how it is written.
TARGETS = [
    ("64 connections, depth 1, 64 bytes", 1.03, ratio_of("peers", "64B x64 depth 1", "libnet"), "{:.3f}"),
    ("1,000 connections, depth 1, 64 bytes", 1.07, ratio_of("peers", "64B x1000 depth 1", "libnet"), "{:.3f}"),
    ("64 connections, depth 16, 64 bytes", 1.05, ratio_of("peers", "64B x64 depth 16", "libnet"), "{:.3f}"),
    ("64 connections, depth 64, 64 bytes", 1.12, ratio_of("peers", "64B x64 depth 64", "libnet"), "{:.3f}"),
    ("64 connections, depth 64, 64 bytes, in batches", 1.04, ratio_of("peers", "64B x64 depth 64", "batch"), "{:.3f}"),
    ("16 connections, depth 1, 16 KiB", 1.03, ratio_of("peers", "16KiB x16 depth 1", "libnet"), "{:.3f}"),
    ("16 connections, depth 4, 64 KiB", 0.9, ratio_of("peers", "64KiB x16 depth 4", "libnet"), "{:.3f}"),
    ("one connection, depth 1, 64 bytes: p50", 1.02, ratio_of("lonely", "64B x1 depth 1", "libnet"), "{:.3f}"),
    ("one connection, depth 1, 64 bytes, spinning: p50", 0.42, ratio_of("lonely", "64B x1 depth 1", "spinning"),
     "{:.3f}"),
    *(("two shards on one core, " + which + f", against one: 64 connections, depth {depth}", 1.05,
       ratio_of("shards", f"64B x64 depth {depth}", candidate), "{:.3f}")
      for which, candidate in SHARED for depth in (1, 64)),
    ("UDP, 64 sockets, 64 bytes", 1.03, ratio_of("udp", "64B 64 sockets", "libnet"), "{:.3f}"),
    ("UDP, one socket with 64 under way, 64 bytes", 1.03, ratio_of("udp", "64B 1 socket x64", "libnet"), "{:.3f}"),
    ("UDP, the same in segments (GSO, GRO), against the loop by hand without", 0.25,
     ratio_of("udp-segments", "64B 1 socket x64", "libnet"), "{:.3f}"),
    ("UDP, a session for each peer, against one session: 64 sockets", 1.15,
     ratio_of("udp-peers", "64B 64 sockets", "per-peer"), "{:.3f}"),
    ("netbench itself, depth 1, against the loop by hand", 1.2, ratio_of("netbench", "64B x64 depth 1", "netbench"),
     "{:.3f}"),
    ("netbench itself, depth 16, against the loop by hand", 1.2, ratio_of("netbench", "64B x64 depth 16", "netbench"),
     "{:.3f}"),
    ("netbench itself, depth 64, against the loop by hand", 1.2, ratio_of("netbench", "64B x64 depth 64", "netbench"),
     "{:.3f}"),
    ("an idle connection: bytes of user memory", 1536, user_memory_of("libnet"), "{:.0f}"),
    ("compiling a first server, against Asio's echo", 0.25, compile_ratio, "{:.2f}"),
]


# What the profile shows of those that are known to be missed.
INSTRUCTIONS = (
    "at depth 1 a message takes 908 instructions outside the kernel, 189 in the loop by hand (callgrind, 8 connections "
    "whose messages come together); 100 of them are Asio's. With 64 connections, of which 36 come together, these are "
    "811: the coroutine (164), finding the frame and handing it out (107), writing (81), beginning a wait with its "
    "deadlines (70), the others in pieces of at most 60. After a system call the processor has to fetch them anew, 83 "
    "lines of code for 19. The system calls are those of the loop by hand but for an `epoll_wait` and an `epoll_ctl` "
    "a turn.")

SHARDS = (
    "two threads take turns on the core, and each serves its half of the connections: one wait finds half as many "
    "messages (strace, 8 connections at depth 1: 0.63 `epoll_wait` for a message, 0.38 with one shard), and between "
    "the turns lies a change of threads.")
UDP_INSTRUCTIONS = (
    "outside the kernel a datagram costs 390 instructions (callgrind, 64 that come together), 33 in the loop by hand, "
    "which does not look at whom it answers; in both one call receives all 64 and one sends them.")
NETBENCH = (
    "a netbench connection is one of libnet's, with what that costs beside the loop by hand. By callgrind at depth 64 a "
    "message takes 184 instructions, 56 in the loop by hand: 54 to compare the echo and record its latency, 47 to find "
    "it, 51 to send the next.")

WHY = {
    "64 connections, depth 1, 64 bytes": INSTRUCTIONS,
    "1,000 connections, depth 1, 64 bytes": INSTRUCTIONS,
    "64 connections, depth 16, 64 bytes": INSTRUCTIONS,
    "64 connections, depth 64, 64 bytes":
        "by callgrind a message costs 150 instructions, 56 in the loop by hand: 40 to find the frame and to frame the "
        "answer, the others for the coroutine that awaits one message after the other.",
    "64 connections, depth 64, 64 bytes, in batches":
        "by callgrind (`tools/bench.sh echo-count`) a message costs 75 instructions in batches and 150 one by one; "
        "the loop by hand needs 56, and knows no other framing, no deadline and no limit.",
    "16 connections, depth 1, 16 KiB": INSTRUCTIONS,
    "16 connections, depth 4, 64 KiB":
        "nearly all that such a message costs is the kernel's copying in and out, which is the same for both. Outside "
        "the kernel there is nothing left to save: 900 instructions, 65,740 in the loop by hand, which copies from "
        "one buffer to the other (callgrind).",
    "one connection, depth 1, 64 bytes: p50":
        "two system calls more for each message: an `epoll_wait` for the loop's own epoll, and an `epoll_ctl` by which "
        "Asio waits for that anew.",
    "one connection, depth 1, 64 bytes, spinning: p50":
        "the target comes from a machine on which the round trip took 53 us asleep and 20 us spinning. Spinning spares "
        "the server's sleep and nothing else: the client sleeps in any case, and the less it costs to fall asleep and "
        "to wake up, the less is spared.",
    **{f"two shards on one core, {which}, against one: 64 connections, depth {depth}": SHARDS
       for which, _ in SHARED for depth in (1, 64)},
    "UDP, 64 sockets, 64 bytes": UDP_INSTRUCTIONS,
    "UDP, one socket with 64 under way, 64 bytes": UDP_INSTRUCTIONS,
    "UDP, the same in segments (GSO, GRO), against the loop by hand without":
        "with 64 bytes a loop by hand that lets the kernel cut and join takes more than a quarter itself, see below; "
        "with 1,200 bytes libnet stays below it, too.",
    "UDP, a session for each peer, against one session: 64 sockets":
        "each datagram is copied for the session of its peer, which is found by its address and woken up: 970 "
        "instructions with 64 peers, 390 with one session (callgrind).",
    "netbench itself, depth 1, against the loop by hand": NETBENCH,
    "netbench itself, depth 16, against the loop by hand": NETBENCH,
    "netbench itself, depth 64, against the loop by hand": NETBENCH,
    "an idle connection: bytes of user memory":
        "by malloc's own sizes 680 bytes are the connection, 368 the session's coroutine, 208 its task, 160 the stream, "
        "and 48 each what it has of the memory budget and of the heartbeat.",
    "compiling a first server, against Asio's echo":
        "of the 70,000 lines that the compiler sees (GCC 12) 59,000 are the standard library's, 5,900 those of Boost's "
        "result and 5,200 libnet's. The headers alone of the standard library that a server's interface needs "
        "(functions, strings, times, shared pointers) and of Boost's result take 0.19 of the time of Asio's echo.",
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
    """A line for each reason why a target was missed, as far as it is known: targets of the same reason share one."""
    missed = {}
    for what, target, look, _ in TARGETS:
        if what in WHY and (look(run) or 0) > target:
            missed.setdefault(WHY[what], []).append(what)
    lines = [f"{'; '.join(whats)}: {why}" for why, whats in missed.items()]
    return [f"- {line[0].upper()}{line[1:]}" for line in lines]


# --- what was measured ----------------------------------------------------------------------------------------------


def table_of_ratios(cells):
    """A column for each candidate, a row for each case; the other way round if there are more than a page is wide."""
    first, *others = dict.fromkeys(cell["candidate"] for cell in cells)
    rows = []
    for case in dict.fromkeys(cell["case"] for cell in cells):
        row = {cell["candidate"]: cell for cell in cells if cell["case"] == case and cell["rounds"]}
        if row:
            shown = [f"{row[name]['ratio']:.2f}" if name in row else "-" for name in others]
            second = row.get(others[0])
            rows.append([case, rounds_of(row, others), f"{row[first]['ns'] / 1000:.3f}", *shown,
                         f"{second['lowest']:.2f} to {second['highest']:.2f}" if second else "-"])
    head = ["", "Rounds", f"{first}, us", *others, f"{others[0]}, in single rounds"]
    if len(head) > WIDEST:
        head, *rows = zip(head, *rows)
    return table(head, rows)


def rounds_of(row, others):
    """Those of the candidates that are compared: `7`, or `5 to 7` if some have more than others."""
    counted = [row[name]["rounds"] if name in row else 0 for name in others]
    return str(max(counted)) if min(counted) == max(counted) else f"{min(counted)} to {max(counted)}"


def cases_of(suite):
    return list(bench_netbench.CASES if suite == "netbench" else bench_cpu.SUITES[suite]["cases"])


def dropped(suite, cells):
    """Which cases have no round, or too few, since the cores did not stay where they were: a sentence each, or none."""
    _, *others = dict.fromkeys(cell["candidate"] for cell in cells)
    rounds = {(cell["case"], cell["candidate"]): cell["rounds"] for cell in cells}
    said = []
    for what, holds in (("no steady round", lambda count: count == 0),
                        (f"fewer than {ENOUGH_ROUNDS} steady rounds", lambda count: 0 < count < ENOUGH_ROUNDS)):
        named = []
        for case in cases_of(suite):
            lacking = [name for name in others if holds(rounds.get((case, name), 0))]
            if lacking:
                named.append(case if lacking == others else f"{case} ({', '.join(lacking)})")
        if named:
            said.append(f"With {what}: {'; '.join(named)}.")
    return said


def apart(cells):
    """How far the cores were from each other, where that was written down: a sentence, or none."""
    distances = [distance for cell in cells for distance in cell.get("apart_ns", [])]
    return [f"The cores were {min(distances):.0f} to {max(distances):.0f} ns apart."] if distances else []


def ratios(run, suite, *paragraphs):
    """The table of a suite and what is to be said of it; or that it was not measured."""
    if not run.get(suite):
        return [["Not measured."]]
    said = " ".join([*apart(run[suite]), *dropped(suite, run[suite])])
    return [table_of_ratios(run[suite]), [said] if said else None, *paragraphs]


def table_of_counts(rows):
    return table(["", "", "Instructions", "Ratio", "Allocations", "System calls"],
                 ([row["case"], row["candidate"], f"{row['instructions']:,.0f}", f"{row['ratio']:.2f}",
                   f"{row['allocations']:.2f}", text_of_calls(row["calls"])] for row in rows))


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


def measured_later(later):
    """Suites that were measured again, when the others were not."""
    if not later:
        return ""
    told = "; ".join(f"{suite} ({'commit ' + found['commit'] + ', ' if found['commit'] else ''}{found['day']})"
                     for suite, found in sorted(later.items()))
    return f" Measured again since then, without the others: {told}."


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
             "can make it again:", "", circumstances(run["circumstances"]) + measured_later(run.get("later")), "",
             "CPU time is that of the server for each echoed message, as a ratio to a loop written by hand on epoll "
             f"with the same wire format (`raw`). {run['circumstances']['method']} With fewer than {ENOUGH_ROUNDS} "
             "rounds a target counts as not measured. `libnet` has every protection on that it has unless told "
             "otherwise, `guarded` all that there are."]
    lines += section("What was wanted", table_of_targets(run),
                     ["Allocations of a message are 0, `epoll_ctl` is called once a turn of the loop, however many messages it has, "
                      "and timers are set by the second; that, and the instructions of a message, are tests (`ctest -L cost`, "
                      "`SystemCalls`)."],
                     reasons(run))
    if run.get("peers"):
        lines += section("Beside others", ["![CPU time of a message, against epoll by hand](pictures/benchmarks.svg)"],
                         *ratios(run, "peers"),
                         ["None of the others has deadlines but `beast` and `asio+timer`. Those that gather replies "
                          "(`libnet`, `io_uring`, `libuv`, `libevent`, `go`, `tokio`, `netty`) need one write for all "
                          "that came with one read; at depth 16 and 64 that makes the difference."])
    lines += section("One client alone", ["The median of its round trips. It is bound by falling asleep and waking "
                                          "up, for everybody who does."], *ratios(run, "lonely"))
    lines += section("Shards that share a core", [
        "What shards cost each other, where they gain nothing: all on one core, under the same load, as a ratio to one "
        "shard. `two` has one acceptor that hands out, `two-listening` a listening socket each, `loop` no shards."],
        *ratios(run, "shards"))
    lines += section("UDP", ["CPU time of the server for each echoed datagram. The loop by hand uses `recvmmsg` and "
                             "`sendmmsg`; `per-peer` has a session for each peer."], *ratios(run, "udp"))
    lines += section("UDP in segments", [
        "The client sends many datagrams as one and takes them as one (GSO, GRO). `raw` and `asio` do not, "
        "`raw+segments` and libnet do the same on their side."], *ratios(run, "udp-segments"))
    lines += section("A UDP session for each peer", ["Beside a server of libnet's with one session for all."],
                     *ratios(run, "udp-peers"))
    lines += section("netbench itself", [
        "Its own CPU time for each message, beside that of the loop by hand which it talks to (`server`), both as the "
        "kernel counts them in the same seconds. In each round the two change cores. netbench has the system's "
        "congestion control, the loop by hand `reno`."], *ratios(run, "netbench"))
    lines += section("What is counted for a message", [
        "Instructions of the server outside the kernel and its allocations (callgrind), and its system calls (strace), "
        "for each message over TCP on 8 connections whose messages come together. They hardly depend on how "
        "busy a machine is. `(nothing)` are those of a name that found nothing."],
        table_of_counts(run["echo-count"]) if run.get("echo-count") else ["Not measured."],
        ["The same for each datagram over UDP:"] if run.get("udp-count") else None,
        table_of_counts(run["udp-count"]) if run.get("udp-count") else None)
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


def run_all(build, options, chosen):
    """One document of all suites; the circumstances are those of the first. What each has found stays in the build's
    page/, and where one fails the others are run all the same. Answers which failed. Where some are chosen, the
    others stay as they were measured before."""
    tools = os.path.dirname(os.path.abspath(__file__))
    folder = pathlib.Path(build) / "page"
    folder.mkdir(exist_ok=True)
    measured = json.loads((DOCS / "benchmarks.json").read_text()) if chosen else {}
    failed = []
    for suite, (program, *words) in SUITES.items():
        if chosen and suite not in chosen:
            continue
        written = folder / (suite + ".json")
        written.unlink(missing_ok=True)
        flags = options if program in IN_ROUNDS else []
        run = subprocess.run([sys.executable, os.path.join(tools, program), *words, build, *flags, "--json", written])
        if run.returncode != 0 or not written.exists():
            failed.append(suite)
            continue
        found = json.loads(written.read_text())
        measured.setdefault("circumstances", found["circumstances"])
        measured[suite] = found["figures"]
        if chosen:
            of_suite = {what: found["circumstances"][what] for what in ("commit", "day")}
            measured.setdefault("later", {})[suite] = of_suite
    if measured:
        (DOCS / "benchmarks.json").write_text(json.dumps(measured, indent=1) + "\n")
        make(DOCS / "benchmarks.json", DOCS)
    return failed


def main(words):
    parser = argparse.ArgumentParser(prog="tools/bench.sh page", add_help=False)
    what = parser.add_subparsers(dest="what", required=True)
    running = what.add_parser("run")
    running.add_argument("build")
    running.add_argument("--rounds", type=int, default=7)
    running.add_argument("--seconds", type=float, default=1.5)
    running.add_argument("--suite", action="append", choices=SUITES, default=[])
    making = what.add_parser("make")
    making.add_argument("source", nargs="?", default=DOCS / "benchmarks.json")
    making.add_argument("folder", nargs="?", default=DOCS)
    arguments = parser.parse_args(words)
    if arguments.what == "run":
        failed = run_all(arguments.build, ["--rounds", str(arguments.rounds), "--seconds", str(arguments.seconds)],
                         arguments.suite)
        if failed:
            sys.exit(f"not measured, since it failed: {', '.join(failed)}")
    else:
        make(arguments.source, arguments.folder)


if __name__ == "__main__":
    main(sys.argv[1:])
