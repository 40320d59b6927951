#!/usr/bin/env python3
"""Makes the site: build.py XML TARGET, from the top of the source tree. tools/docs.sh calls it."""

import fnmatch
import json
import re
import shutil
import sys
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import navigation  # noqa: E402
import pages  # noqa: E402
import symbols  # noqa: E402
from reference import Reference  # noqa: E402

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


class Site:
    def __init__(self, xml, target):
        self.target = Path(target)
        include = ROOT / "libnet/include"
        headers = {str(path.relative_to(include / "libnet")) for path in (include / "libnet").rglob("*.hpp")}
        about = {header: symbols.about(include / "libnet" / header) for header in headers}
        self.reference = Reference(symbols.read(xml, include), about)
        self.sources = {f"libnet/include/libnet/{header}" for header in headers}
        self.frame = (HERE / "frame.html").read_text(encoding="utf-8")
        text = (include / "libnet/version.hpp").read_text(encoding="utf-8")
        self.version = ".".join(re.findall(r"VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text))
        self.sections = self.find_pages()

    def find_pages(self):
        """The navigation with all files in place; what is in no section ends the run."""
        there = {str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))}
        named = {page for _, entries in navigation.SECTIONS for page, _ in entries}
        sections, left = [], set(there)
        for title, entries in navigation.SECTIONS:
            found = []
            for pattern, short in entries:
                if "*" in pattern:
                    found += [(page, None) for page in in_order(fnmatch.filter(left - named, pattern))]
                    left -= {page for page, _ in found}
                elif pattern in there or pattern == "reference":
                    found.append((pattern, short))
            left -= {page for page, _ in found}
            sections.append((title, found))
        if left:
            sys.exit(f"in no section of tools/site/navigation.py: {', '.join(sorted(left))}")
        return [section for section in sections if section[1]]

    def source_link(self, source):
        if not (ROOT / source).is_file():
            sys.exit(f"a page links to {source}, which is no file")
        self.sources.add(source)
        return f"source/{source}.html"

    def build(self):
        renderer = pages.Renderer(ROOT, self.reference.link_of_pages, self.source_link)
        made = {}
        for _, entries in self.sections:
            for source, _ in entries:
                if source != "reference":
                    made[source] = renderer.page(source)
        self.titles = {source: page.title for source, page in made.items()}
        everything = [*made.values(), *self.reference.pages()]
        self.write_search(everything)
        everything += [pages.source_page(ROOT, source) for source in sorted(self.sources)]
        for page in everything:
            self.write(page)
        shutil.copytree(ROOT / "docs/pictures", self.target / "pictures", dirs_exist_ok=True)
        for name in ("site.css", "site.js"):
            shutil.copy(HERE / name, self.target / name)
        return len(everything)

    def write(self, page):
        path = self.target / page.target
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {"language": "ko" if page.target.startswith("ko/") else "en", "title": escape(page.title),
                  "root": pages.relative(page.target, ".") + "/", "body": page.body,
                  "navigation": self.navigation(page), "contents": contents(page),
                  "version": self.version}
        text = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], self.frame)
        path.write_text(text, encoding="utf-8")

    def navigation(self, page):
        out = []
        for title, entries in self.sections:
            items = []
            for source, short in entries:
                target = "reference/index.html" if source == "reference" else navigation.place(source)
                name = short or self.titles[source]
                here = ' aria-current="page"' if target == page.target else ""
                items.append(f'<li><a href="{pages.relative(page.target, target)}"{here}>{escape(name)}</a></li>')
            korean = ' lang="ko"' if entries[0][0].startswith("docs/ko/") else ""
            out.append(f"<h2{korean}>{escape(title)}</h2><ul{korean}>{''.join(items)}</ul>")
        return "\n".join(out)

    def write_search(self, everything):
        """One line for each heading and each public name: page, anchor, title of the page, heading, text."""
        entries = [[page.target, anchor, page.title, heading, " ".join(text.split())[:3000]]
                   for page in everything for anchor, heading, text in page.sections]
        text = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        (self.target / "search.js").write_text(f"window.searchEntries = [\n{text}\n];\n", encoding="utf-8")


def in_order(found):
    """As the README of their folder names them; others behind, by name."""
    def place(page):
        overview = (ROOT / page).parent / "README.md"
        at = overview.read_text(encoding="utf-8").find(f"({Path(page).name})") if overview.is_file() else -1
        return at < 0, at, page
    return sorted(found, key=place)


def contents(page):
    levels = [(level, anchor, text) for level, anchor, text in page.headings if level in (2, 3)]
    if len(levels) < 2:
        return ""
    items = "".join(f'<li{sub(level)}><a href="#{anchor}">{escape(text).replace("_", "_<wbr>")}</a></li>'
                    for level, anchor, text in levels)
    return f'<nav class="contents" aria-label="On this page"><h2>On this page</h2><ul>{items}</ul></nav>'


def sub(level):
    return ' class="sub"' if level == 3 else ""


if __name__ == "__main__":
    print(f"{Site(sys.argv[1], sys.argv[2]).build()} pages in {sys.argv[2]}")
