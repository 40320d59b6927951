#!/usr/bin/env python3
"""What Doxygen reads in place of the headers.

    header_filter.py FROM TO    writes the headers below FROM to TO

Doxygen finds the declarations; what the comments say is rendered by docstring.py, since the house style (columns of
Errors, Cancel, Cost, and pictures of bytes) means nothing to Doxygen. So each comment is marked as verbatim. Lines keep
their numbers, and

  * a comment stands for all declarations of its paragraph: those after the first are marked SAME;
  * copying, moving and destroying need no comment: they are marked SPECIAL unless they have one;
  * specialisations of what belongs to others are left out.
"""

import re
import sys
from pathlib import Path

SAME = "=same="
SPECIAL = "=special="

DOC = re.compile(r"^(\s*)///(?!<)(.*)$")
TRAILING = re.compile(r"^(.*?)(\s*)///<(.*)$")
SPECIAL_MEMBER = re.compile(
    r"\s*(?:explicit )?(?:(\w+)\((?:const )?\1(?:<[\w, ]+>)? ?&&?(?: ?\w+)?\)|\w+(?:<[\w, ]+>)?& operator=\("
    r"(?:const )?\w+(?:<[\w, ]+>)?[ &]|(?:virtual )?~\w+\(\))")
SCOPE = re.compile(r"^(?:template <.*> )?(?:inline )?(?:class|struct|union|enum|namespace)\b[^;()]*\{$")
FOREIGN = re.compile(r"^struct (?:boost|std)::.*\{\};$")
NO_DECLARATION = re.compile(r"^\s*(?:[}#)]|(?:public|private|protected):|//)")


def filtered(lines):
    out = []
    state = "none"      # none, commented: a comment was read, inside: a declaration has begun, ended: and has ended
    declaration = ""
    for number, line in enumerate(lines):
        if FOREIGN.match(line):
            out[-1] = ""  # template <>
            out.append("")
            continue
        comment = DOC.match(line)
        if comment:
            out.append(verbatim(lines, number, comment))
            state, declaration = "commented", ""
            continue
        if not line.strip():
            out.append(line)
            state = state if state == "inside" else "none"
            continue
        trailing = TRAILING.match(line)
        code = trailing[1] if trailing else re.sub(r"\s*//(?!/).*$", "", line)
        if not NO_DECLARATION.match(line) and not trailing and state in ("none", "ended"):
            if SPECIAL_MEMBER.match(line):
                line = mark(line, SPECIAL)
                state = "none" if state == "none" else state
            elif state == "ended":
                line, state, declaration = mark(line, SAME), "inside", ""
        if state == "commented" and not NO_DECLARATION.match(line):
            state = "inside"
        elif state == "ended" and NO_DECLARATION.match(line):
            state = "none"
        if state == "inside":
            declaration = f"{declaration} {code.strip()}".strip()
            if SCOPE.match(declaration):
                state, declaration = "none", ""
            elif balanced(declaration) and declaration.endswith((";", "}", ",")):
                state, declaration = "ended", ""
        out.append(trailing_verbatim(lines, number, trailing) if trailing else line)
    return out


def mark(line, what):
    indent = re.match(r"\s*", line)[0]
    return f"{indent}/** @verbatim {what} @endverbatim */ {line.lstrip()}"


def balanced(code):
    code = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'', "", code)
    return all(code.count(a) == code.count(b) for a, b in ("()", "{}"))


def verbatim(lines, number, comment):
    """A line of a comment before a declaration: the first opens, the last closes."""
    text = comment[2]
    if number == 0 or not DOC.match(lines[number - 1]):
        text = " @verbatim" + text
    if number + 1 == len(lines) or not DOC.match(lines[number + 1]):
        text += " @endverbatim"
    return f"{comment[1]}///{text}"


def trailing_verbatim(lines, number, trailing):
    """The same of a comment behind a declaration, which goes on below it."""
    text = trailing[3]
    if trailing[1].strip():
        text = " @verbatim" + text
    following = TRAILING.match(lines[number + 1]) if number + 1 < len(lines) else None
    if following is None or following[1].strip():
        text += " @endverbatim"
    return f"{trailing[1]}{trailing[2]}///<{text}"


def main():
    origin, target = map(Path, sys.argv[1:])
    for header in origin.rglob("*.hpp"):
        path = target / header.relative_to(origin)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(filtered(header.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
