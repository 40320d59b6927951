#!/usr/bin/env python3
"""Fails if <libnet/libnet.hpp> brings more text into a file than its budget: what a session costs to compile, in a
figure that is the same on every machine. The standard library's headers do not count; each compiler has its own.

    header_budget.py COMPILER INCLUDE_FOLDER...

Above the budget, look at what was added: a header that only a source file needs belongs there. If it has to be, raise
the budget here, and say in the commit what it is for.
"""

import re
import subprocess
import sys

# Lines that are not empty, after preprocessing: 5,208 and, of Boost 1.81, 5,903 when this was written.
BUDGET = {"libnet": 5_250, "boost": 6_500}


def lines_by_origin(preprocessed):
    counted = {"libnet": 0, "boost": 0, "others": 0}
    origin = "others"
    for line in preprocessed.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            found = re.findall(r"/(libnet|boost)/", marker[1])
            origin = found[-1] if found else "others"
        elif line.strip():
            counted[origin] += 1
    return counted


def main(compiler, *folders):
    command = [compiler, "-std=c++20", "-E", "-x", "c++", "-", *(f"-I{folder}" for folder in folders)]
    preprocessed = subprocess.run(command, input="#include <libnet/libnet.hpp>\n", capture_output=True, text=True,
                                  check=True).stdout
    counted = lines_by_origin(preprocessed)
    over = False
    for origin, budget in BUDGET.items():
        print(f"{origin}: {counted[origin]} lines, {budget} allowed")
        over = over or counted[origin] > budget
    if over:
        print(__doc__.split("\n\n")[-1])
    if counted["libnet"] == 0:
        sys.exit("nothing of libnet was found, so this says nothing")
    return over


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
