#!/usr/bin/env python3
"""Measures the branch coverage of some source folders after the tests of a coverage build have run.

    branch_coverage.py BUILD_DIR MINIMUM_PERCENT FOLDER...      for example: build/coverage 95 libnet/src/framing

Asks gcov itself. Branches that only an exception takes are left out (the compiler makes one of every call), and a
branch of a template or an inline function counts as taken if it was taken in any instantiation or source file.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def gcov_reports(build_dir):
    """What gcov says about each object file that has run."""
    gcov = os.environ.get("GCOV", "gcov")
    for data in sorted(build_dir.rglob("*.gcda")):
        output = subprocess.run([gcov, "--json-format", "--branch-probabilities", "--stdout", data.resolve()],
                                cwd=build_dir, check=True, capture_output=True, text=True).stdout
        for line in output.splitlines():
            if line.strip():
                yield json.loads(line)


def branches_of(build_dir, folders):
    """Per file and line: how often each branch was taken, for each number of branches that gcov saw there."""
    taken = defaultdict(lambda: defaultdict(dict))
    for report in gcov_reports(build_dir):
        start = Path(report.get("current_working_directory", "."))
        for file in report["files"]:
            path = (start / file["file"]).resolve()
            if not any(folder in path.parents for folder in folders):
                continue
            for line in file["lines"]:
                counts = [branch["count"] for branch in line["branches"] if not branch["throw"]]
                # Instantiations may differ in their branches (if constexpr): those are kept apart by their number.
                known = taken[path][line["line_number"]].get(len(counts), [0] * len(counts))
                taken[path][line["line_number"]][len(counts)] = [a + b for a, b in zip(known, counts)]
    return taken


def main():
    if len(sys.argv) < 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    build_dir, minimum = Path(sys.argv[1]), float(sys.argv[2])
    root = Path(__file__).parents[2].resolve()
    folders = [(root / folder).resolve() for folder in sys.argv[3:]]

    total = covered = 0
    for path, lines in sorted(branches_of(build_dir, folders).items()):
        counts = [(number, count) for number, shapes in sorted(lines.items())
                  for shape in shapes.values() for count in shape]
        missed = sorted({number for number, count in counts if count == 0})
        taken = sum(1 for _, count in counts if count > 0)
        total += len(counts)
        covered += taken
        share = 100.0 * taken / len(counts) if counts else 100.0
        lines_missed = "  not all taken in lines " + ", ".join(map(str, missed)) if missed else ""
        print(f"{share:6.1f} %  {taken:4}/{len(counts):<4}  {path.relative_to(root)}{lines_missed}")

    if total == 0:
        print("no branches were measured: did the tests of the coverage build run?")
        return 1
    share = 100.0 * covered / total
    print(f"branch coverage {share:.1f} % ({covered} of {total}), at least {minimum:g} % is asked for")
    return 0 if share >= minimum else 1


if __name__ == "__main__":
    sys.exit(main())
