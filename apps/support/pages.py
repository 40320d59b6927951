#!/usr/bin/env python3
"""Makes a man page and completions for bash, zsh and fish of what a program's --help says.

    pages.py PROGRAM VERSION FOLDER

writes FOLDER/man/PROGRAM.1, FOLDER/bash/PROGRAM, FOLDER/zsh/_PROGRAM and FOLDER/fish/PROGRAM.fish. The date of the
page is that of SOURCE_DATE_EPOCH, if it is set.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

NAME_AND_HELP = re.compile(r"^  (\S.*?)(?:\s{2,}(\S.*))?$")
RELATION = re.compile(r"\s*\b(Excludes|Needs): (\S+(?: --\S+)*)")
CHOICE = re.compile(r"^([a-z0-9]+)\s{2,}\S")


@dataclass
class Option:
    names: list  # "-h", "--help"; or the name of an argument without a flag
    value: str  # what it takes, with its default: "NAME=length4"
    help: list = field(default_factory=list)  # lines

    def choices(self):
        kind = self.value.split("=")[0].split(" ")[0]
        if re.fullmatch(r"[a-z]+(\|[a-z]+)+", kind):
            return kind.split("|")
        return [match[1] for match in map(CHOICE.match, self.help) if match] if kind == "NAME" else []

    def about(self):
        """Its help in one line."""
        return next((line for line in self.help if not line.startswith(("Not tog", "Only tog"))), "")

    def takes_file(self):
        return self.value.startswith("PATH")


@dataclass
class Help:
    summary: str
    description: list  # lines
    usage: str
    groups: list  # (heading, options)
    examples: list  # lines

    def options(self):
        return [option for _, group in self.groups for option in group if option.names[0].startswith("-")]


def read_help(text, program):
    """The text in CLI11's form: a description, the usage, groups of options, and examples."""
    before, rest = text.split("\nUsage: ", 1)
    usage, rest = rest.split("\n", 1)
    description = before.strip().splitlines()
    found = Help(re.split(r"(?<=\.)\s", " ".join(description), maxsplit=1)[0].rstrip("."), description,
                 re.sub(r"^\S+", program, usage), [], [])
    blocks = re.split(r"\n+(?=\S)", rest.strip("\n"))
    for block in blocks:
        heading, *lines = block.splitlines()
        lines = [line for line in lines if line]
        is_group = heading == "Positionals:" or (lines and lines[0].startswith("  -"))
        if is_group and not found.examples:
            found.groups.append((heading.rstrip(":"), read_options(lines)))
        else:
            found.examples += block.splitlines()
    return found


def read_options(lines):
    options = []
    for line in lines:
        if line.startswith("   "):
            options[-1].help.append(line.strip())
            continue
        match = NAME_AND_HELP.match(line)
        names, _, value = match[1].partition(" ")
        words = {"Excludes": "Not together with", "Needs": "Only together with"}
        relations = [f"{words[kind]} {others}." for kind, others in RELATION.findall(value)]
        options.append(Option(names.split(","), RELATION.sub("", " " + value).strip(), relations))
        if match[2]:
            options[-1].help.append(match[2])
    return options


# --- the man page ----------------------------------------------------------------------------------------------------

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def man_page(program, version, found):
    now = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    out = [f'.TH {program.upper()} 1 {time.strftime("%Y-%m-%d", now)} "libnet {version}" "libnet"',
           ".SH NAME", f"{roff(program)} \\- {roff(found.summary[0].lower() + found.summary[1:])}",
           ".SH SYNOPSIS", f".B {roff(program)}", roff(found.usage.partition(" ")[2]),
           ".SH DESCRIPTION", *map(roff, found.description)]
    for heading, options in found.groups:
        out.append(f'.SH "{("ARGUMENTS" if heading == "Positionals" else heading).upper()}"')
        for option in options:
            names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option.names)
            out += [".TP", names + (f" \\fI{roff(option.value)}\\fR" if option.value else "")]
            rows = [CHOICE.match(line) is not None for line in option.help]
            for line, row in zip(option.help, rows):
                out += [".br", roff(line)] if row else [roff(line)]
    if found.examples:
        out += [".SH EXAMPLES", ".nf", *(roff(line) or "\\&" for line in found.examples), ".fi"]
    return "\n".join(out) + "\n"


# --- completions -----------------------------------------------------------------------------------------------------

def bash(program, found):
    cases = []
    for option in found.options():
        if option.value:
            answer = (f'COMPREPLY=($(compgen -W "{" ".join(option.choices())}" -- "$word"))' if option.choices()
                      else 'COMPREPLY=($(compgen -f -- "$word"))' if option.takes_file() else "COMPREPLY=()")
            cases.append(f'        {"|".join(option.names)}) {answer}; return ;;')
    flags = " ".join(name for option in found.options() for name in option.names)
    function = "_" + re.sub(r"\W", "_", program)
    return "\n".join([f"# bash completion of {program}, made from its --help", f"{function}() {{",
                      '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
                      '    case "$before" in', *cases, "    esac",
                      f'    COMPREPLY=($(compgen -W "{flags}" -- "$word"))', "}",
                      f"complete -F {function} {program}", ""])


def in_quotes(text):
    return text.replace("'", "’")


def zsh(program, found):
    lines = [f"#compdef {program}", "_arguments \\"]
    for option in found.options():
        about = re.sub(r"([\[\]:\\])", r"\\\1", in_quotes(option.about()))
        action = (f":value:({' '.join(option.choices())})" if option.choices() else
                  ":file:_files" if option.takes_file() else ":value:" if option.value else "")
        lines += [f"    '{name}[{about}]{action}' \\" for name in option.names]
    return "\n".join([*lines, "    '*:argument:'", ""])


def fish(program, found):
    lines = [f"complete -c {program} -f"]
    for option in found.options():
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        takes = ("" if not option.value else f" -x -a '{' '.join(option.choices())}'" if option.choices()
                 else " -r -F" if option.takes_file() else " -x")
        about = in_quotes(option.about()).replace("\\", "\\\\")
        lines.append(f"complete -c {program} {names}{takes} -d '{about}'")
    return "\n".join([*lines, ""])


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    path, version, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    text = subprocess.run([path, "--help"], capture_output=True, text=True, check=True, timeout=20).stdout
    program = path.name
    found = read_help(text, program)
    for place, content in ((f"man/{program}.1", man_page(program, version, found)),
                           (f"bash/{program}", bash(program, found)), (f"zsh/_{program}", zsh(program, found)),
                           (f"fish/{program}.fish", fish(program, found))):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
