#!/usr/bin/env python3
"""Checks that the Korean pages say what the English ones say, as far as that can be seen without knowing Korean.

    translated_pages.py [--fix] [ROOT]     ROOT is the top of the source tree; the default is this one

docs/ko/README.md is README.md in Korean, and docs/ko/NAME.md is docs/NAME.md. Such a page has the headings of its
English page, in the same order and of the same levels, and under each of them

  * the same blocks of code and console output, so that what is compiled and run for one page is true of both;
  * links to the same places, in Korean where there is a Korean page;
  * the same words in `code`, and the numbers of the English text.

Under their titles the two pages lead to each other. A page of GATHERED has no English page of its own: its blocks are
those of several. An index, README.md of a folder in docs/, may leave out rows for pages that are not translated yet.

--fix copies the blocks of the English pages into the Korean ones, after tools/checks/pages.py or run_experiment.py
have renewed them there.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tools/checks"))
from pages import LINK, anchor_of

KOREAN = Path("docs/ko")
GATHERED = {KOREAN / "quick-start.md": ["README.md", "docs/tutorial.md", "docs/packaging.md"]}

BLOCK = re.compile(r"(?:^<!-- [^\n]* -->\n)?^```\w*\n.*?^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Section:
    level: int
    title: str
    line: int
    blocks: list
    links: list  # as they are written
    words: set  # those in `code`
    numbers: set


class Checker:
    def __init__(self, root):
        self.root = root
        self.complaints = []
        self.pages = sorted(page.relative_to(root) for page in (root / KOREAN).rglob("*.md"))

    def run(self):
        for page in self.pages:
            if page in GATHERED:
                self.check_gathered(page)
            elif (self.root / original(page)).is_file():
                self.check_pair(page, original(page))
            else:
                self.complaints.append(f"{page}: there is no {original(page)}")
        return self.complaints

    def report(self, page, section, what):
        self.complaints.append(f"{page}:{section.line}: under '{section.title}' {what}")

    def check_gathered(self, page):
        known = {block for name in GATHERED[page] for section in self.sections(Path(name)) for block in section.blocks}
        for section in self.sections(page):
            for block in section.blocks:
                if block not in known:
                    self.report(page, section, f"no block of {', '.join(GATHERED[page])} is this one:\n{block}")

    def check_pair(self, page, english):
        here, there = self.sections(page), self.sections(english)
        for section, meant in zip(here, there):
            if section.level != meant.level:
                self.report(page, section, f"the level is not that of '{meant.title}' in {english}")
                return
        if len(here) != len(there):
            self.complaints.append(f"{page}: {len(here)} headings, but {english} has {len(there)}")
            return
        for section, meant in zip(here, there):
            self.check_section(page, english, section, meant)
        self.check_languages(page, english, here[0], there[0])

    def check_section(self, page, english, section, meant):
        def lacks(what, missing, left_over):
            if missing or left_over:
                self.report(page, section, f"the {what} are not those of '{meant.title}' in {english}:"
                            + "".join(f"\n  missing    {one}" for one in sorted(missing))
                            + "".join(f"\n  left over  {one}" for one in sorted(left_over)))

        if section.blocks != meant.blocks:
            self.report(page, section, f"the blocks are not those of '{meant.title}' in {english}: "
                                       "run tests/docs/translated_pages.py --fix")
        found = {resolved(page, link) for link in section.links} - {str(gathered) for gathered in GATHERED}
        expected = {self.in_korean(resolved(english, link)) for link in meant.links}
        found.discard(str(english))  # from one language to the other
        expected.discard(str(page))
        lacks("links", expected - found, found - expected)
        lacks("words in `code`", meant.words - section.words, section.words - meant.words)
        lacks("numbers", meant.numbers - section.numbers, ())

    def check_languages(self, page, english, title, english_title):
        for near, far, section in ((page, english, title), (english, page, english_title)):
            if str(far) not in (resolved(near, link) for link in section.links):
                self.report(near, section, f"there is no link to {far}")

    def in_korean(self, target):
        """Where a Korean page should lead when the English one leads to `target`."""
        name, _, anchor = target.partition("#")
        page = translation(Path(name))
        if page not in self.pages:
            return target
        if not anchor:
            return str(page)
        titles = [anchor_of(section.title) for section in self.sections(Path(name))]
        titles_here = [anchor_of(section.title) for section in self.sections(page)]
        index = titles.index(anchor) if anchor in titles else len(titles_here)
        return f"{page}#{titles_here[index] if index < len(titles_here) else anchor}"

    # --- reading -------------------------------------------------------------------------------------------------

    def sections(self, page):
        text = self.text(page)
        prose = BLOCK.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        headings = list(HEADING.finditer(prose))
        ends = [heading.start() for heading in headings[1:]] + [len(text)]
        return [section(text, prose, heading, end) for heading, end in zip(headings, ends)]

    def text(self, page):
        """A page, of which an index has no rows for pages that are not translated."""
        lines = (self.root / page).read_text(encoding="utf-8").splitlines(keepends=True)
        if page.name == "README.md" and translation(page) in self.pages:
            lines = [line for line in lines if not line.startswith("|") or self.is_translated(page, line)]
        return "".join(lines)

    def is_translated(self, index, row):
        neighbours = [index.parent / link for link in LINK.findall(row) if re.fullmatch(r"[\w-]+\.md", link)]
        return all(translation(page) in self.pages for page in neighbours)

    # --- mending -------------------------------------------------------------------------------------------------

    def fix(self):
        for page in self.pages:
            if page not in GATHERED and (self.root / original(page)).is_file():
                self.copy_blocks(page)

    def copy_blocks(self, page):
        path = self.root / page
        text = path.read_text(encoding="utf-8")
        blocks = BLOCK.findall(self.text(original(page)))
        if len(BLOCK.findall(text)) != len(blocks):
            return
        remaining = iter(blocks)
        fixed = BLOCK.sub(lambda _: next(remaining), text)
        if fixed != text:
            path.write_text(fixed, encoding="utf-8")
            print(f"{page}: rewritten")


def section(text, prose, heading, end):
    words = prose[heading.start():end]
    return Section(level=len(heading[1]), title=heading[2], line=text.count("\n", 0, heading.start()) + 1,
                   blocks=BLOCK.findall(text[heading.start():end]),
                   links=LINK.findall(words),
                   words={" ".join(word.split()) for word in CODE.findall(words)},
                   numbers=set(NUMBER.findall(CODE.sub("", LINK.sub("]", words)))))


def original(page):
    """README.md for docs/ko/README.md, docs/NAME.md for docs/ko/NAME.md."""
    name = page.relative_to(KOREAN)
    return name if name == Path("README.md") else KOREAN.parent / name


def translation(page):
    """The opposite of original(), whether there is such a page or not."""
    if page.is_relative_to(KOREAN):
        return None
    return KOREAN / (page.relative_to(KOREAN.parent) if page.is_relative_to(KOREAN.parent) else page)


def resolved(page, link):
    """A link as a path from the root, with its heading."""
    if ":" in link:
        return link
    target, hash_sign, anchor = link.partition("#")
    parts = []
    for part in (page.parent / target if target else page).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) + hash_sign + anchor


def main():
    arguments = sys.argv[1:]
    places = [argument for argument in arguments if argument != "--fix"]
    checker = Checker((Path(places[0]) if places else Path(__file__).parents[2]).resolve())
    if "--fix" in arguments:
        checker.fix()
    complaints = checker.run()
    print("\n".join(complaints) or f"{len(checker.pages)} Korean pages: nothing to complain about")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
