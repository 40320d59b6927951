#!/usr/bin/env python3
"""Counts instructions per message with callgrind, and fails if there are more than allowed.

    instructions.py PROGRAM DEPTH LIMIT

The program is run twice, with more rounds the second time, so that starting and ending do not count. The count is both
ends' of a message there and back, exact for a compiler and its library, and the limit leaves room for others.
"""

import re
import shutil
import subprocess
import sys

FEW, MANY = 200, 1200


def instructions(program, depth, rounds):
    ran = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, depth, str(rounds)],
                         capture_output=True, text=True)
    counted = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or not counted:
        sys.exit(f"callgrind failed:\n{ran.stdout}{ran.stderr}")
    return int(counted[1])


def main():
    program, depth, limit = sys.argv[1:]
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        sys.exit(77)
    counted = instructions(program, depth, MANY) - instructions(program, depth, FEW)
    each = counted / ((MANY - FEW) * int(depth))
    print(f"depth {depth}: {each:.0f} instructions per message, {limit} allowed")
    sys.exit(each > int(limit))


main()
