#!/usr/bin/env python3
"""Checks the man pages and completions of programs against what their --help says.

    app_pages.py PAGES PROGRAM...       PAGES is the folder that apps/support/pages.py has written

Every flag is in the page and in each completion; mandoc and man find nothing to complain about; bash, asked for
completions as when somebody presses Tab, answers every flag, and the names that a flag takes.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

FLAG = re.compile(r"^  (-\S+)", re.MULTILINE)
NAMES = re.compile(r"^  (--\S+) ([a-z]+(?:\|[a-z]+)+)=", re.MULTILINE)


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


def completions(script, program, *words):
    """What bash offers for the last of these words."""
    quoted = " ".join(f"'{word}'" for word in (program, *words))
    function = "_" + re.sub(r"\W", "_", program)
    return output_of("bash", "-c", f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; {function}; "
                                   'printf "%s\\n" "${COMPREPLY[@]}"; complete -p ' + program).splitlines()


def check(pages, path):
    program = path.name
    said = output_of(path, "--help")
    flags = {flag for names in FLAG.findall(said) for flag in names.split(",")}
    if len(flags) < 5:
        yield f"found only {sorted(flags)} in its --help"
    page = pages / f"man/{program}.1"
    for complaint in output_of("mandoc", "-Tlint", "-Wwarning", page).splitlines():
        yield complaint
    shown = output_of("env", "MANWIDTH=200", "LC_ALL=C.UTF-8", "man", "--warnings", "-l", page)
    shown = re.sub(".\b", "", shown)
    files = {"the page as man shows it": shown, "zsh": (pages / f"zsh/_{program}").read_text(),
             "fish": re.sub(r" -([ls]) (\S+)", lambda m: (" --" if m[1] == "l" else " -") + m[2],
                            (pages / f"fish/{program}.fish").read_text())}
    for name, text in files.items():
        for flag in sorted(flags):
            if not re.search(rf"(?<![-\w]){re.escape(flag)}(?![-\w])", text):
                yield f"{flag} is missing in {name}"
    script = pages / f"bash/{program}"
    offered = completions(script, program, "-")
    yield from (f"bash does not offer {flag}" for flag in sorted(flags - set(offered)))
    for flag, names in NAMES.findall(said):
        if set(names.split("|")) - set(completions(script, program, flag, "")):
            yield f"bash does not offer {names} for {flag}"
    for shell, made in (("zsh", pages / f"zsh/_{program}"), ("fish", pages / f"fish/{program}.fish")):
        if shutil.which(shell):
            yield from output_of(shell, "-n", made).splitlines()


def main():
    pages, programs = Path(sys.argv[1]), list(map(Path, sys.argv[2:]))
    complaints = [f"{path.name}: {what}" for path in programs for what in check(pages, path)]
    print("\n".join(complaints) or f"pages of {len(programs)} programs: nothing to complain about")
    return 1 if complaints or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
