#!/usr/bin/env python3
"""Counts instructions per message with callgrind, and fails if there are more than recorded, and 2 % on top.

    instructions.py PROGRAM COMPILER NAME     one of those in recorded.json: depth 1, of a message there and back, both
                                              ends; all limits, how many more with every limit than with none
    instructions.py PROGRAM COMPILER --record all of them: writes recorded.json

The program is run twice, with more rounds the second time, so that starting and ending do not count. The count is the
same in every run; it depends on the compiler, so each has figures of its own. Without them, those of a compiler that
is known count, with a fifth on top.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

FEW, MANY = 200, 1200
TOLERANCE, TOLERANCE_OF_STRANGERS = 0.02, 0.2
RECORDED = pathlib.Path(__file__).with_name("recorded.json")

# Depth and limits; of two of them, the difference.
MEASURED = {
    "depth 1": [("1", "usual")],
    "depth 16": [("16", "usual")],
    "depth 64": [("64", "usual")],
    "depth 1, guarded": [("1", "guarded")],
    "all limits": [("1", "guarded"), ("1", "bare")],
}


def instructions(*command):
    ran = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
                         capture_output=True, text=True)
    counted = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or not counted:
        sys.exit(f"callgrind failed:\n{ran.stdout}{ran.stderr}")
    return int(counted[1])


def per_message(program, depth, limits):
    counted = instructions(program, depth, str(MANY), limits) - instructions(program, depth, str(FEW), limits)
    return counted / ((MANY - FEW) * int(depth))


def measure(program, name):
    counts = [per_message(program, *how) for how in MEASURED[name]]
    return round(counts[0] - sum(counts[1:]))


def allowed(recorded, compiler, name):
    """How many, and by whose figures."""
    known = recorded.get(compiler)
    if known and name in known:
        return known[name] * (1 + TOLERANCE), f"{known[name]} recorded for {compiler}"
    most = max(figures[name] for figures in recorded.values() if name in figures)
    return most * (1 + TOLERANCE_OF_STRANGERS), f"{most} recorded, but for another compiler"


def verdict(name, counted, limit, source):
    """What to say, and whether it fails."""
    said = f"{name}: {counted} instructions per message, {limit:.0f} allowed ({source})"
    if counted > limit:
        return said + ("\nLook at where they are with `valgrind --tool=callgrind` and callgrind_annotate. If there "
                       "have to be more:\n    cmake --build --preset release --target record_instructions\nand say in the "
                       "commit what they are for."), True
    return said, False


def record(program, compiler):
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    recorded[compiler] = {name: measure(program, name) for name in MEASURED}
    RECORDED.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
    print(f"{RECORDED}: {compiler}: {recorded[compiler]}")


def main(program, compiler, what):
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return 77
    if what == "--record":
        record(program, compiler)
        return 0
    said, fails = verdict(what, measure(program, what), *allowed(json.loads(RECORDED.read_text()), compiler, what))
    print(said)
    return int(fails)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
