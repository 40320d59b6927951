#!/usr/bin/env python3
"""Compiles a session and Asio's own kind of echo in turns, and fails if the first takes more than a third of the time.

    compile_time.py COMPILER SESSION ASIO_ECHO INCLUDE_FOLDER...
"""

import os
import statistics
import subprocess
import sys

ROUNDS, LIMIT = 5, 1 / 3


def seconds(command):
    """User time of the compiler and what it starts."""
    before = os.times().children_user
    subprocess.run(command, check=True)
    return os.times().children_user - before


def main():
    compiler, session, asio_echo, *folders = sys.argv[1:]
    command = [compiler, "-std=c++20", "-O2", "-c", "-o", os.devnull, *(f"-I{folder}" for folder in folders)]
    ratios = []
    for _ in range(ROUNDS):
        ours = seconds([*command, session])
        theirs = seconds([*command, asio_echo])
        ratios.append(ours / theirs)
        print(f"session {ours:.2f} s, Asio's echo {theirs:.2f} s: {ours / theirs:.3f}")
    ratio = statistics.median(ratios)
    print(f"median {ratio:.3f}, {LIMIT:.3f} allowed")
    sys.exit(ratio > LIMIT)


main()
