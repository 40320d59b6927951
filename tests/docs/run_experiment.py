#!/usr/bin/env python3
"""Runs an experiment of docs/behaviour, and checks what its page says of it.

    run_experiment.py [--fix] NAME PROGRAMS     docs/behaviour/experiments/NAME.sh with the programs in that folder

A page shows what an experiment prints in blocks, step by step; a step begins with a line `# title`:

    <!-- output: experiments/NAME.sh -->
    ```console
    # title
    ...
    ```

  * every step stands in one page, once, and no other does;
  * what is shown has the shape of what is printed: all but numbers, times and blanks is the same;
  * a step that prints "left out: " and why is not compared;
  * the numbers are as experiment_claims.py wants them, which is what the text of the page says.

--fix writes what was printed into the page. Exit code 77: the experiment cannot run here.
"""

import re
import subprocess
import sys
from pathlib import Path

import experiment_claims

PAGES = Path(__file__).resolve().parents[2] / "docs/behaviour"
SECONDS = 90
CANNOT_RUN_HERE = 77

BLOCK = re.compile(r"^<!-- output: experiments/(\w+)\.sh -->\n```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"^# (.+)$", re.MULTILINE)
TIME = re.compile(r"\b\d+(\.\d+)?(us|ms|sec|min|s)+\b")
NUMBER = re.compile(r"\d+(\.\d+)?")
TIMER_THAT_IS_DUE = re.compile(r"(timer:\(\w+,)(?=,)")     # ss leaves out a time of zero


def main():
    fix = "--fix" in sys.argv
    name, programs = [argument for argument in sys.argv[1:] if argument != "--fix"]
    printed = steps_of(run(name, programs))
    page, shown = page_of(name)
    if fix:
        write(page, name, printed)
    else:
        compare(page, shown, printed)
    try:
        getattr(experiment_claims, name)(
            {title: "\n".join(lines) for title, lines in printed.items() if not left_out(lines)})
    except experiment_claims.Wrong as wrong:
        sys.exit(f"{text_of(printed)}\n{page.name} says otherwise: {wrong}")
    print(f"{name}: as {page.name} says")


def run(name, programs):
    script = PAGES / "experiments" / f"{name}.sh"
    ended = subprocess.run([script, programs], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           timeout=SECONDS, check=False)
    if ended.returncode == CANNOT_RUN_HERE:
        print(ended.stderr)
        sys.exit(CANNOT_RUN_HERE)
    if ended.returncode != 0 or ended.stderr:
        sys.exit(f"{name}.sh ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout


def steps_of(text):
    """The lines of each step by its title, in order."""
    parts = STEP.split(text)
    titles = parts[1::2]
    assert len(titles) == len(set(titles)), f"two steps are called the same: {titles}"
    return {title: [line.rstrip() for line in body.strip("\n").split("\n")] for title, body in zip(titles, parts[2::2])}


def text_of(steps):
    return "\n\n".join("\n".join([f"# {title}", *lines]) for title, lines in steps.items()) + "\n"


def page_of(name):
    """The page that shows this experiment, and the steps that it shows."""
    for page in sorted(PAGES.glob("*.md")):
        blocks = [block for script, block in BLOCK.findall(page.read_text(encoding="utf-8")) if script == name]
        if blocks:
            return page, steps_of("\n".join(blocks))
    sys.exit(f"no page in {PAGES} shows what experiments/{name}.sh prints")


def compare(page, shown, printed):
    if list(shown) != list(printed):
        sys.exit(f"{page.name} shows the steps {list(shown)}\nbut there are {list(printed)}")
    for title, lines in printed.items():
        if left_out(lines):
            continue
        for number, (there, here) in enumerate(zip(padded(shown[title], lines), padded(lines, shown[title]))):
            if shape(there) != shape(here):
                sys.exit(f"{text_of(printed)}\n{page.name}, step '{title}', line {number + 1}:\n"
                         f"  shown   {there}\n  printed {here}")


def left_out(lines):
    """Whether this step needs what is not here; the script says so in its place."""
    return lines[0].startswith("left out: ")


def padded(lines, others):
    return lines + [""] * (len(others) - len(lines))


def shape(line):
    """What must not differ from run to run."""
    return " ".join(NUMBER.sub("N", TIME.sub("T", TIMER_THAT_IS_DUE.sub(r"\g<1>T", line))).split())


def write(page, name, printed):
    def block(match):
        if match[1] != name:
            return match[0]
        steps = {title: lines if left_out(printed[title]) else printed[title]
                 for title, lines in steps_of(match[2]).items()}
        return f"<!-- output: experiments/{name}.sh -->\n```console\n{text_of(steps)}```"

    page.write_text(BLOCK.sub(block, page.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{page.name}: rewritten")


if __name__ == "__main__":
    main()
