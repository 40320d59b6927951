#!/usr/bin/env python3
"""The tools of the benchmarks read what they should read, and refuse what they cannot do."""

import contextlib
import io
import os
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "lib"), str(ROOT / "tests" / "checks"), str(ROOT / "tests" / "cost")]

import bench  # noqa: E402
import bench_compile  # noqa: E402
import bench_count  # noqa: E402
import bench_cpu  # noqa: E402
import bench_idle  # noqa: E402
import bench_netbench  # noqa: E402
import bench_page  # noqa: E402
import header_budget  # noqa: E402
import instructions  # noqa: E402

SOCKSTAT = "sockets: used 12\nTCP: inuse 1 orphan 0 tw 7 alloc 1 mem 121\nUDP: inuse 0 mem 9\n"
SLABINFO = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount>
TCPv6                 26     26   2496   13    8 : tunables    0    0    0 : slabdata      2      2      0
TCP                   40    104   2000   13    8 : tunables    0    0    0 : slabdata      8      8      0
eventpoll_epi         10    384    128   32    1 : tunables    0    0    0 : slabdata     12     12      0
sock_inode_cache     100    266    800   19    4 : tunables    0    0    0 : slabdata     14     14      0
dentry            330077 330141    200   21    1 : tunables    0    0    0 : slabdata  15721  15721      0
"""


def refused(call, *words):
    """Whether `words` are wrong usage, said in so many words."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            call(list(words))
    except SystemExit as end:
        return end.code == 2 and "usage" in said.getvalue().lower()
    return False


class KernelMemory(unittest.TestCase):
    def test_is_the_objects_in_use_and_what_the_queues_hold(self):
        found, source = bench_idle.kernel_memory(SOCKSTAT, SLABINFO)
        self.assertEqual(found, 121 * os.sysconf("SC_PAGE_SIZE") + 40 * 2000 + 10 * 128 + 100 * (800 + 200))
        self.assertIn("slabinfo", source)

    def test_says_what_is_missing_where_slabs_may_not_be_seen(self):
        found, source = bench_idle.kernel_memory(SOCKSTAT, None)
        self.assertEqual(found, 121 * os.sysconf("SC_PAGE_SIZE"))
        self.assertIn("without the sockets", source)


class Idle(unittest.TestCase):
    def test_steps_end_with_what_was_asked_for(self):
        self.assertEqual(bench_idle.steps_up_to(19_000), [1_000, 10_000, 19_000])
        self.assertEqual(bench_idle.steps_up_to(10_000), [1_000, 10_000])
        self.assertEqual(bench_idle.steps_up_to(50), [50])

    def test_wrong_usage(self):
        self.assertTrue(refused(bench_idle.parse, "build", "--connections", "many"))
        self.assertTrue(refused(bench_idle.parse, "build", "--connections", "-1"))
        self.assertTrue(refused(bench_idle.parse, "build", "--idle", "0"))
        self.assertTrue(refused(bench_idle.parse, "build", "--candidate", "nobody"))
        self.assertEqual(bench_idle.parse(["build"]).connections, 19_000)


class Compile(unittest.TestCase):
    def test_wrong_usage(self):
        self.assertTrue(refused(bench_compile.parse, "build", "--rounds", "0"))
        self.assertTrue(refused(bench_compile.parse))

    def test_programs_are_there(self):
        for source in bench_compile.PROGRAMS.values():
            self.assertTrue((ROOT / source).exists(), source)


class Cells(unittest.TestCase):
    def test_a_ratio_is_that_of_rounds_and_not_of_medians(self):
        found = bench.cell("case", "libnet", [30, 20, 10], [10, 10, 10])
        self.assertEqual((found["ns"], found["ratio"], found["lowest"], found["highest"]), (20, 2, 1, 3))
        self.assertIn("2.000 (1.00..3.00)", bench.text_of_cell(found))

    def test_each_candidate_is_compared_with_its_own_slices_of_the_first(self):
        row = bench.cells("case", "raw", {"libnet": [(10, 11, [50])], "asio": [(100, 200, [80]), (10, 30, [90])]})
        self.assertEqual([(found["candidate"], found["ratio"], found["rounds"]) for found in row],
                         [("raw", 1, 3), ("libnet", 1.1, 1), ("asio", 2.5, 2)])
        self.assertEqual((row[0]["ns"], row[0]["apart_ns"]), (10, [50, 90]))

    def test_a_candidate_without_a_round_is_named_and_takes_no_other_with_it(self):
        row = bench.cells("case", "raw", {"libnet": [], "asio": [(10, 20, [80])]})
        self.assertEqual((row[1]["ns"], row[1]["ratio"], row[1]["rounds"]), (None, None, 0))
        self.assertIn("(the cores did not stay where they were: libnet)", bench.text_of_row("case", row))
        self.assertIn("asio", bench.text_of_row("case", row))


class Machine:
    """Slices on a machine that changes: each takes as long as `slowness` says at its time."""

    COST = {"one": 100, "other": 110}

    def __init__(self, slowness, distances=(80,)):
        self.slowness = slowness
        self.distances = distances
        self.slices = []
        self.probes = 0

    def take(self, which):
        self.slices.append(which)
        return self.COST[which] * self.slowness(len(self.slices) - 1)

    def probe(self):
        self.probes += 1
        return self.distances[min(self.probes, len(self.distances)) - 1]

    def ratio(self):
        found = bench.mirrored(self.take, "one", "other", self.probe)
        return found and found[1] / found[0]


class Mirrored(unittest.TestCase):
    def test_a_machine_that_becomes_steadily_slower_does_so_for_both(self):
        machine = Machine(lambda slices: 1 + 0.2 * slices)
        self.assertAlmostEqual(machine.ratio(), 1.1)
        self.assertEqual(machine.slices, ["one", "other", "other", "one"])

    def test_what_is_taken_while_the_cores_move_counts_for_nobody(self):
        moved = Machine(lambda slices: 2 if slices > 1 else 1, [80, 82, 81, 400])
        self.assertIsNone(moved.ratio())
        self.assertEqual(len(moved.slices), 3)  # the others would be in vain

    def test_cores_that_stay_far_from_each_other_are_a_place_to_measure_at(self):
        self.assertAlmostEqual(Machine(lambda slices: 2, [400, 420, 390, 405, 410]).ratio(), 1.1)

    def test_a_pair_is_taken_again_and_at_last_given_up(self):
        class Started:
            def __init__(self, *_):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

        attempts = []
        spared = bench.Server, bench.mirrored, bench.slice_of
        try:
            bench.Server, bench.slice_of = Started, lambda *_: 1.0
            bench.mirrored = lambda *_: attempts.append(1)
            candidate = bench.Candidate(["program"])
            self.assertIsNone(bench.pair("build", "load", [], candidate, candidate, 1))
            self.assertEqual(len(attempts), bench.ATTEMPTS)
        finally:
            bench.Server, bench.mirrored, bench.slice_of = spared


class Cpu(unittest.TestCase):
    def test_what_compiles_while_it_runs_is_warmed_up_and_there(self):
        for name in bench_cpu.WARM_UP:
            self.assertIn(name, bench_cpu.SUITES["peers"]["candidates"])

    def test_every_suite_has_something_to_compare(self):
        for name, suite in bench_cpu.SUITES.items():
            self.assertGreaterEqual(len(suite["candidates"]), 2, name)
            self.assertTrue(suite["cases"], name)


class Netbench(unittest.TestCase):
    RUN = '{"messages": 1000, "wrong": 0, "errors": {}, "server_cpu_seconds": 0.005, "own_cpu_seconds": 0.006}'

    def test_costs_are_those_of_a_message(self):
        server, own = bench_netbench.costs(self.RUN)
        self.assertAlmostEqual(server, 5000)
        self.assertAlmostEqual(own, 6000)

    def test_a_run_with_errors_measures_nothing(self):
        for wrong in (self.RUN.replace("{}", '{"closed": 1}'), self.RUN.replace("1000", "0"),
                      self.RUN.replace('"wrong": 0', '"wrong": 1')):
            with self.assertRaises(SystemExit):
                bench_netbench.costs(wrong)

    def test_cores_that_differ_count_for_both_alike(self):
        slow_core_0 = {0: 2, 1: 1}

        def take(server_core, load_core):
            return [100 * slow_core_0[server_core], 120 * slow_core_0[load_core]]

        server, own, distances = bench_netbench.exchanged(take, lambda: 80)
        self.assertAlmostEqual(own / server, 1.2)
        self.assertEqual(len(distances), 3)
        self.assertIsNone(bench_netbench.exchanged(take, iter([80, 80, 300]).__next__))

    def test_wrong_usage(self):
        self.assertTrue(refused(bench_netbench.parse, "build", "--rounds", "0"))
        self.assertTrue(refused(bench_netbench.parse, "build", "--seconds", "-1"))
        self.assertTrue(refused(bench_netbench.parse, "build", "--case", "nothing"))


CALLGRIND = """fn=(1) echo(int)
10 200
cfn=(2) operator new(unsigned long)
calls=40 0
10 900
cfn=(4) memalign
calls=3 0
fn=(2)
20 100
cfn=(3) malloc
calls=40 0
fn=(3)
30 10
cfn=(6) _int_malloc
calls=2 0
fn=(4)
40 10
cfn=(5) _mid_memalign.constprop.0
calls=3 0
fn=(5)
50 10
cfn=(3)
calls=3 0
totals: 5000
"""

STRACE = """7 epoll_wait(4, [], 128, -1) = -1 EINTR (Interrupted system call)
7 --- SIGCONT {si_signo=SIGCONT, si_code=SI_USER, si_pid=1, si_uid=0} ---
7 epoll_wait(4, [{events=EPOLLIN}], 128, -1) = 1
7 recvfrom(5, "m", 65536, 0, NULL, NULL) = 68
7 recvfrom(5, 0x5581, 65536, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)
"""


class Count(unittest.TestCase):
    def test_allocations_are_what_the_program_asked_for_and_not_what_the_heap_asked_itself(self):
        self.assertEqual(bench_count.allocations(CALLGRIND), 43)

    def test_system_calls_in_vain_count_twice_and_those_that_we_interrupt_not_at_all(self):
        self.assertEqual(bench_count.calls_of(STRACE.splitlines()),
                         {"epoll_wait": 1, "recvfrom": 2, "recvfrom (nothing)": 1})

    def test_wrong_usage(self):
        self.assertTrue(refused(bench_count.parse, "nothing", "build"))
        self.assertTrue(refused(bench_count.parse, "echo", "build", "--candidate", "nobody"))
        self.assertTrue(refused(bench_count.parse, "udp", "build", "--case", "16KiB depth 1"))


def cell(case, candidate, ratio, rounds=7):
    return {"case": case, "candidate": candidate, "ns": 5000 * ratio, "ratio": ratio, "lowest": ratio - 0.02,
            "highest": ratio + 0.02, "rounds": rounds}


def idle(connections, user_bytes):
    return {"candidate": "libnet", "connections": connections, "user_bytes": user_bytes, "mean_user_bytes": 1600,
            "kernel_bytes": 7000, "kernel_source": "slabs", "cpu_share": 0.01, "p50_ns": 50_000, "p99_ns": 90_000}


RUN = {
    "circumstances": {"processor": "a processor", "cores": 2, "kernel": "Linux 6", "compiler": "c++ 12", "boost": None,
                      "commit": "0123abc", "day": "2026-01-01", "load": 0.1, "method": "Taken with care."},
    "peers": [cell("64B x64 depth 1", "raw", 1), cell("64B x64 depth 1", "libnet", 1.02),
              cell("64B x64 depth 1", "asio", 1.33), cell("64B x64 depth 16", "raw", 1),
              cell("64B x64 depth 16", "libnet", 1.26), cell("64B x64 depth 16", "asio", 421)],
    "idle": {"sockets": [idle(1000, 99.4), idle(19000, 1500.4)], "sessions": []},
}


class Page(unittest.TestCase):
    def test_says_what_was_reached_what_was_missed_and_what_nobody_measured(self):
        text = bench_page.page(RUN)
        self.assertIn("| 64 connections, depth 1, 64 bytes | 1.03 | 1.020 | reached |", text)
        self.assertIn("| 64 connections, depth 16, 64 bytes | 1.05 | 1.260 | missed by 20 % |", text)
        self.assertIn("| an idle connection: bytes of user memory | 1536 | 1500 | reached |", text)
        self.assertIn("| compiling a first server, against Asio's echo | 0.25 | - | not measured |", text)
        self.assertIn("commit 0123abc", text)
        self.assertNotIn("The machine was busy", text)

    def test_names_what_was_measured_later(self):
        later = {"idle": {"commit": "4567def", "day": "2026-01-02"}, "compile": {"commit": None, "day": "2026-01-03"}}
        text = " ".join(bench_page.page({**RUN, "later": later}).split())
        self.assertIn("Measured again since then, without the others: compile (2026-01-03); "
                      "idle (commit 4567def, 2026-01-02).", text)
        self.assertNotIn("Measured again", bench_page.page(RUN))

    def test_judges_nothing_by_too_few_rounds(self):
        few = {**RUN, "peers": [cell("64B x64 depth 1", "raw", 1, 2), cell("64B x64 depth 1", "libnet", 1.2, 2)]}
        self.assertIn("| 64 connections, depth 1, 64 bytes | 1.03 | - | not measured |", bench_page.page(few))
        self.assertIn("| 64B x64 depth 1 | 2 | 5.000 | 1.20 | 1.18 to 1.22 |", bench_page.page(few))

    def test_many_candidates_are_rows(self):
        many = [cell(case, name, 1, 7) for case in ("64B x64 depth 1", "64B x64 depth 16")
                for name in ("raw", "libnet", *"abcdefg")]
        text = bench_page.page({**RUN, "peers": many})
        self.assertIn("|  | 64B x64 depth 1 | 64B x64 depth 16 |\n|---|---|---|\n| Rounds | 7 | 7 |", text)
        self.assertIn("| g | 1.00 | 1.00 |", text)

    def test_says_how_it_was_measured(self):
        self.assertIn("Taken with care.", bench_page.page(RUN))

    def test_names_what_was_dropped(self):
        cells = [cell("64B 64 sockets", "raw", 1), cell("64B 64 sockets", "libnet", 1.01),
                 cell("64B 64 sockets", "asio", 1.4, 2),
                 *bench.cells("64B 1 socket x64", "raw", {"libnet": [(10, 11, [80])] * 7, "asio": []}),
                 *bench.cells("1200B 64 sockets", "raw", {"libnet": [], "asio": []})]
        text = " ".join(bench_page.page({**RUN, "udp": cells}).split())
        self.assertIn("With no steady round: 64B 1 socket x64 (asio); 1200B 64 sockets.", text)
        self.assertIn("With fewer than 3 steady rounds: 64B 64 sockets (asio).", text)
        self.assertIn("The cores were 80 to 80 ns apart.", text)
        self.assertIn("| 64B 1 socket x64 | 0 to 7 | 0.010 | 1.10 | - | 1.10 to 1.10 |", text)

    def test_names_a_case_that_a_run_says_nothing_of(self):
        self.assertEqual(bench_page.dropped("lonely", [cell("64B x1 depth 1", "raw", 1),
                                                       cell("64B x1 depth 1", "libnet", 1)]), [])
        text = " ".join(bench_page.page(RUN).split())
        self.assertIn("With no steady round: 64B x64 depth 64;", text)

    def test_judges_udp_shards_and_netbench(self):
        run = {**RUN, "netbench": [cell("64B x64 depth 16", "server", 1), cell("64B x64 depth 16", "netbench", 1.3)],
               "shards": [cell("64B x64 depth 1", "one", 1), cell("64B x64 depth 1", "two", 1.04)],
               "udp-segments": [cell("64B 1 socket x64", "raw", 1), cell("64B 1 socket x64", "libnet", 0.09)],
               "udp-peers": [cell("64B 64 sockets", "one session", 1), cell("64B 64 sockets", "per-peer", 1.2)]}
        text = bench_page.page(run)
        for row in ("| netbench itself, depth 16, against the loop by hand | 1.2 | 1.300 | missed by 8 % |",
                    "| two shards on one core, one of which accepts, against one: 64 connections, depth 1 | 1.05 | 1.040 | reached |",
                    "loop by hand without | 0.25 | 0.090 | reached |",
                    "against one session: 64 sockets | 1.15 | 1.200 | missed by 4 % |",
                    "| UDP, 64 sockets, 64 bytes | 1.03 | - | not measured |"):
            self.assertIn(row, text)
        self.assertIn("- Netbench itself, depth 16", text)

    def test_shows_what_was_counted(self):
        counted = {"case": "64B depth 1", "candidate": "asio", "instructions": 3785.4, "ratio": 20.0,
                   "allocations": 1.5, "calls": {"recvfrom": 2.0, "epoll_wait": 0.37, "close": 0.001}}
        self.assertIn("| 64B depth 1 | asio | 3,785 | 20.00 | 1.50 | recvfrom 2.00, epoll_wait 0.37 |",
                      bench_page.page({**RUN, "echo-count": [counted]}))

    def test_every_target_is_measured_by_a_suite_and_has_a_reason_if_missed(self):
        for what, *_ in bench_page.TARGETS:
            self.assertIn(what, bench_page.WHY)
        self.assertEqual(len(bench_page.WHY), len(bench_page.TARGETS))

    def test_every_target_looks_at_a_case_and_a_candidate_that_there_are(self):
        suites = {name: (suite["cases"], suite["candidates"]) for name, suite in bench_cpu.SUITES.items()}
        suites["netbench"] = (bench_netbench.CASES, ["netbench"])
        full = {name: [cell(case, candidate, 0.5) for case in cases for candidate in candidates]
                for name, (cases, candidates) in suites.items() if name in bench_page.SUITES}
        full |= {"idle": {"sockets": [idle(1000, 99)]}, "compile": {"times": {"libnet": {"ratio": 0.2}}}}
        for what, _, look, _ in bench_page.TARGETS:
            self.assertIsNotNone(look(full), what)

    def test_says_why_of_what_was_missed_and_of_nothing_else(self):
        self.assertNotIn("massif", bench_page.page(RUN))
        self.assertIn("- An idle connection: bytes of user memory: by malloc's own sizes",
                      bench_page.page({**RUN, "idle": {"sockets": [idle(19000, 3000)]}}))

    def test_says_that_a_busy_machine_measures_nothing(self):
        self.assertIn("The machine was busy", bench_page.circumstances({**RUN["circumstances"], "load": 7.0}))

    def test_the_picture_is_well_formed_and_shows_every_candidate(self):
        picture = xml.etree.ElementTree.fromstring(bench_page.draw(RUN["peers"]))
        shown = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual(shown.count("libnet"), 2)
        self.assertIn("421.00", shown)
        without = [*RUN["peers"], *bench.cells("64B x64 depth 1", "raw", {"netty": []})[1:]]
        self.assertNotIn(">netty<", bench_page.draw(without))
        for bar in picture.iter("{http://www.w3.org/2000/svg}rect"):
            self.assertLessEqual(float(bar.get("x")) + float(bar.get("width")), 760)


class Instructions(unittest.TestCase):
    RECORDED = {"GNU 12.2 x86_64": {"depth 1": 1000}, "Clang 16.0 x86_64": {"depth 1": 1100}}

    def test_two_per_cent_are_allowed(self):
        limit, source = instructions.allowed(self.RECORDED, "GNU 12.2 x86_64", "depth 1")
        self.assertFalse(instructions.verdict("depth 1", 1020, limit, source)[1])
        said, fails = instructions.verdict("depth 1", 1021, limit, source)
        self.assertTrue(fails)
        self.assertIn("record_instructions", said)

    def test_a_compiler_without_figures_has_more_room(self):
        limit, source = instructions.allowed(self.RECORDED, "GNU 99.1 x86_64", "depth 1")
        self.assertAlmostEqual(limit, 1320)
        self.assertIn("another compiler", source)


class HeaderBudget(unittest.TestCase):
    def test_lines_belong_to_the_file_that_the_preprocessor_names(self):
        text = ('# 1 "<stdin>"\n# 1 "/work/boost/libnet/include/libnet/a.hpp" 1\nint a;\n\nint b;\n'
                '# 1 "/usr/include/boost/config.hpp" 1\nint c;\n# 1 "/usr/include/c++/12/vector" 1 3\nint d;\nint e;\n')
        self.assertEqual(header_budget.lines_by_origin(text), {"libnet": 2, "boost": 1, "others": 2})

    def test_a_file_above_the_budget_fails(self):
        spent, header_budget.BUDGET = header_budget.BUDGET, {"libnet": 10, "boost": 10_000}
        try:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                self.assertTrue(header_budget.main("c++", str(ROOT / "libnet" / "include")))
            self.assertIn("raise the budget", " ".join(said.getvalue().split()))
        finally:
            header_budget.BUDGET = spent


if __name__ == "__main__":
    unittest.main()
