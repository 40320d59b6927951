#!/usr/bin/env python3
"""Checks that the code in README.md and docs/ is code that is compiled, and that links between pages lead somewhere.

    pages.py [--fix] [ROOT]     ROOT is the top of the source tree; the default is this one

A block of code stands behind a comment that names where it comes from, a whole file or a region of it:

    <!-- code: tests/docs/tasks_test.cpp#within -->
    ```cpp
    ...
    ```

and the file marks the region with a line `// [within]` and a line `// [end]` (`#` instead of `//` in CMake and shell).
Indentation that all lines have in common does not count. --fix writes the regions into the pages.

  * every block of cpp and cmake names its source and equals it;
  * no region in the files that pages name is left out, so that nothing lingers that nobody reads;
  * no line of code is longer than 100 characters;
  * a relative link leads to a file that is there, and to a heading that is there;
  * a test that SECURITY.md names, `Suite.Test`, is there.
"""

import re
import sys
import textwrap
from pathlib import Path

MUST_NAME_A_SOURCE = {"cpp", "cmake"}
WIDTH = 100

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SOURCE = re.compile(r"<!-- code: ([^\s#]+)(?:#(\w+))? -->\n\Z")
BEGIN = re.compile(r"^\s*(?://|#) \[(\w+)\]$")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", re.MULTILINE)
NAMED_TEST = re.compile(r"`([A-Z]\w+\.[A-Z]\w+)`")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


class Checker:
    def __init__(self, root, fix):
        self.root = root
        self.fix = fix
        self.complaints = []
        self.shown = {}  # file -> names of its regions that a page shows; None for the whole file

    def run(self):
        top = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
        pages = [self.root / name for name in top if (self.root / name).is_file()]
        pages += sorted((self.root / "docs").rglob("*.md"))
        for page in pages:
            self.check_code(page)
            self.check_links(page)
        self.check_tests(self.root / "SECURITY.md")
        for name, shown in sorted(self.shown.items()):
            for region in self.regions(name).keys() - shown - {None}:
                self.complaints.append(f"{name}: no page shows the region [{region}]")
        return self.complaints

    def report(self, page, text, offset, what):
        self.complaints.append(f"{page.relative_to(self.root)}:{text.count(chr(10), 0, offset) + 1}: {what}")

    # --- tests ---------------------------------------------------------------------------------------------------

    def check_tests(self, page):
        if not page.is_file():
            return
        known = {f"{match[1]}.{match[2]}" for path in (self.root / "tests").rglob("*.cpp")
                 for match in TEST.finditer(path.read_text(encoding="utf-8"))}
        text = page.read_text(encoding="utf-8")
        for match in NAMED_TEST.finditer(text):
            if match[1] not in known:
                self.report(page, text, match.start(), f"there is no test {match[1]}")

    # --- code ----------------------------------------------------------------------------------------------------

    def check_code(self, page):
        text = page.read_text(encoding="utf-8")

        def check(match):
            language, block = match.groups()
            source = SOURCE.search(text, 0, match.start())
            if source is None:
                if language in MUST_NAME_A_SOURCE:
                    self.report(page, text, match.start(), f"this block of {language} names no source")
                return match[0]
            for number, line in enumerate(block.splitlines(), 1):
                if len(line) > WIDTH:
                    self.report(page, text, match.start(), f"line {number} of this block is longer than {WIDTH}")
            code = self.code(page, text, match.start(), source[1], source[2])
            if code is None or code == block:
                return match[0]
            if not self.fix:
                self.report(page, text, match.start(), f"this block is not what stands in {source[0][10:-5]}: "
                                                       "run tools/checks/pages.py --fix")
            return f"```{language}\n{code}```"

        changed = FENCE.sub(check, text)
        if changed != text and self.fix:
            page.write_text(changed, encoding="utf-8")
            print(f"{page.relative_to(self.root)}: rewritten")

    def code(self, page, text, offset, name, region):
        if not (self.root / name).is_file():
            self.report(page, text, offset, f"{name} does not exist")
            return None
        self.shown.setdefault(name, set()).add(region)
        code = self.regions(name).get(region)
        if code is None:
            self.report(page, text, offset, f"{name} has no region [{region}]")
        return code

    def regions(self, name):
        """The regions of a file by name, and the whole of it under None."""
        lines = (self.root / name).read_text(encoding="utf-8").splitlines()
        found = {None: "\n".join(lines) + "\n"}
        region, body = None, []
        for line in lines:
            begin = BEGIN.match(line)
            if begin and begin[1] != "end":
                region, body = begin[1], []
            elif begin and region is not None:
                found[region] = textwrap.dedent("\n".join(body)).strip("\n") + "\n"
                region = None
            elif region is not None:
                body.append(line)
        return found

    # --- links ---------------------------------------------------------------------------------------------------

    def check_links(self, page):
        text = page.read_text(encoding="utf-8")
        prose = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        for match in LINK.finditer(prose):
            target, _, heading = match[1].partition("#")
            if ":" in target:
                continue
            there = (page.parent / target).resolve() if target else page
            if not there.exists():
                self.report(page, text, match.start(), f"{match[1]} leads nowhere")
            elif heading and heading not in headings(there):
                self.report(page, text, match.start(), f"{match[1]} leads to no heading")


def headings(page):
    """The names under which a page's headings are reached, as the usual hosts make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {anchor_of(title) for title in HEADING.findall(text)}


def anchor_of(title):
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def main():
    arguments = sys.argv[1:]
    fix = "--fix" in arguments
    places = [argument for argument in arguments if argument != "--fix"]
    root = Path(places[0]) if places else Path(__file__).parents[2]
    complaints = Checker(root.resolve(), fix).run()
    print("\n".join(complaints) or "pages: nothing to complain about")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
