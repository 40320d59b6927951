#!/usr/bin/env python3
"""Counts instructions per message with callgrind, and fails if there are more than allowed.

    instructions.py PROGRAM DEPTH LIMIT           of a message there and back, both ends
    instructions.py PROGRAM DEPTH --guards LIMIT  how many more if the server has every limit that there is, not none

The program is run twice, with more rounds the second time, so that starting and ending do not count. The count is exact
for a compiler and its library, and the limit leaves room for others.
"""

import re
import shutil
import subprocess
import sys

FEW, MANY = 200, 1200


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


def main():
    program, depth, *rest = sys.argv[1:]
    limit = int(rest[-1])
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    if rest[0] == "--guards":
        bare, guarded = (per_message(program, depth, limits) for limits in ("bare", "guarded"))
        counted = guarded - bare
        print(f"depth {depth}: {counted:.0f} instructions more with every limit ({guarded:.0f}) than with none "
              f"({bare:.0f}), {limit} allowed")
    else:
        counted = per_message(program, depth, "usual")
        print(f"depth {depth}: {counted:.0f} instructions per message, {limit} allowed")
    sys.exit(counted > limit)


main()
