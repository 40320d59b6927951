#!/usr/bin/env python3
"""Shows that translated_pages.py sees what it is there for: each fault is planted and must be reported."""

import tempfile
import unittest
from pathlib import Path

import translated_pages

CODE = "<!-- code: a.cpp -->\n```cpp\nint x;\n```\n"
CONSOLE = "```console\n# no heading\n$ ls\n```\n"
SOUND = {
    "README.md": f"# Title\n\n[한국어](docs/ko/README.md)\n\n{CODE}\n## Use it\n\n`f()` takes 65 s; see\n"
                 "[a page](docs/page.md#part), [code](a.cpp) and [the web](https://example.org).\n\n" + CONSOLE,
    "docs/page.md": "# Page\n\n[한국어](ko/page.md), [top](../README.md)\n\n## Part\n",
    "docs/behaviour/README.md": "# Index\n\n[한국어](../ko/behaviour/README.md)\n\n"
                                "| Page | Question |\n|---|---|\n| [one](one.md) | `f`? |\n| [two](two.md) | 2? |\n",
    "docs/behaviour/one.md": "# One\n\n[한국어](../ko/behaviour/one.md)\n",
    "docs/behaviour/two.md": "# Two\n",
    "docs/ko/README.md": f"# 제목\n\n[English](../../README.md) [시작](quick-start.md)\n\n{CODE}\n## 쓰는 법\n\n"
                         "[웹](https://example.org), [코드](../../a.cpp), [페이지](page.md#부분-하나). `f()`는 65초,\n"
                         "3분이 아닙니다.\n\n" + CONSOLE,
    "docs/ko/page.md": "# 페이지\n\n[English](../page.md), [처음](README.md)\n\n## 부분 하나\n",
    "docs/ko/quick-start.md": f"# 빠른 시작\n\n{CONSOLE}\n",
    "docs/ko/behaviour/README.md": "# 목차\n\n[English](../../behaviour/README.md)\n\n"
                                   "| 페이지 | 질문 |\n|---|---|\n| [하나](one.md) | `f`? |\n",
    "docs/ko/behaviour/one.md": "# 하나\n\n[English](../../behaviour/one.md)\n",
    "docs/tutorial.md": "# Tutorial\n",
    "docs/packaging.md": "# Packages\n",
}

# (page, what stands there, what is planted instead, words of the complaint)
PLANTED = [
    ("README.md", "int x;", "int y;", "docs/ko/README.md:1: under '제목' the blocks are not those of 'Title'"),
    ("README.md", "a.cpp -->", "b.cpp -->", "the blocks are not those"),
    ("docs/ko/README.md", "$ ls", "$ ls ", "docs/ko/README.md:10: under '쓰는 법' the blocks are not"),
    ("docs/ko/README.md", CONSOLE, "", "the blocks are not those"),
    ("docs/ko/README.md", "# no heading\n", "#  no heading\n", "the blocks are not those"),
    ("docs/ko/page.md", "## 부분 하나", "### 부분 하나", "the level is not that of 'Part' in docs/page.md"),
    ("docs/page.md", "## Part", "## Part\n\n## More", "docs/ko/page.md: 2 headings, but docs/page.md has 3"),
    ("docs/ko/README.md", "page.md#부분-하나", "page.md", "missing    docs/ko/page.md#부분-하나"),
    ("docs/ko/README.md", "page.md#부분-하나", "../page.md#part", "left over  docs/page.md#part"),
    ("docs/ko/README.md", "../../a.cpp", "../../b.cpp", "missing    a.cpp"),
    ("docs/ko/README.md", "https://example.org", "https://example.com", "left over  https://example.com"),
    ("README.md", "`f()`", "`g()`", "words in `code` are not those of 'Use it' in README.md:\n  missing    g()"),
    ("README.md", "65 s", "60 s", "the numbers are not those of 'Use it' in README.md:\n  missing    60"),
    ("README.md", "[한국어](docs/ko/README.md)", "", "there is no link to docs/ko/README.md"),
    ("docs/ko/page.md", "[English](../page.md)", "", "there is no link to docs/page.md"),
    ("docs/ko/quick-start.md", "$ ls", "$ rm", "no block of README.md, docs/tutorial.md, docs/packaging.md is this one"),
    ("docs/behaviour/README.md", "`f`?", "`g`?", "missing    g"),
    ("docs/ko/behaviour/README.md", "[하나](one.md)", "하나", "missing    docs/ko/behaviour/one.md"),
]


class Tree:
    """The sound pages with some changes, in a folder that lasts as long as a `with`."""

    def __init__(self, *changes):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for name, text in SOUND.items():
            for page, there, instead in changes:
                if page == name:
                    assert there in text, f"{there} does not stand in {name}"
                    text = text.replace(there, instead)
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def complaints(self):
        return translated_pages.Checker(self.root).run()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


class TranslatedPages(unittest.TestCase):
    def test_accepts_sound_pages(self):
        with Tree() as tree:
            self.assertEqual(tree.complaints(), [])

    def test_reports_each_planted_fault(self):
        for page, there, instead, words in PLANTED:
            with self.subTest(page=page, instead=instead), Tree((page, there, instead)) as tree:
                complaints = tree.complaints()
                self.assertEqual(len(complaints), 1, complaints)
                self.assertIn(words, complaints[0])

    def test_reports_a_page_without_an_english_one(self):
        with Tree() as tree:
            tree.write("docs/ko/lonely.md", "# 혼자\n")
            self.assertEqual(tree.complaints(), ["docs/ko/lonely.md: there is no docs/lonely.md"])

    def test_an_index_gains_the_row_of_a_page_that_is_translated(self):
        with Tree(("docs/behaviour/two.md", "# Two\n", "# Two\n\n[한국어](../ko/behaviour/two.md)\n")) as tree:
            tree.write("docs/ko/behaviour/two.md", "# 둘\n\n[English](../../behaviour/two.md)\n")
            complaints = "\n".join(tree.complaints())
            self.assertIn("missing    docs/ko/behaviour/two.md", complaints)
            self.assertIn("missing    2", complaints)

    def test_copies_blocks(self):
        with Tree(("README.md", "int x;", "int y;"), ("README.md", "$ ls", "$ ls -l")) as tree:
            translated_pages.Checker(tree.root).fix()
            self.assertEqual([one for one in tree.complaints() if "quick-start" not in one], [])


if __name__ == "__main__":
    unittest.main()
