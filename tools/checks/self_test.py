#!/usr/bin/env python3
"""Shows that the checks of this folder see what they are there for: each violation is planted and must be reported."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECKS = Path(__file__).parent
sys.path.insert(0, str(CHECKS.parent / "site"))
sys.dont_write_bytecode = True

import symbols  # noqa: E402

INCLUDE = "libnet/include/libnet/"
SOURCE = "libnet/src/"

# A small tree without a fault.
SOUND = {
    INCLUDE + "libnet.hpp": "#include <libnet/version.hpp>\n#include <libnet/core/error.hpp>\n"
                            "#include <libnet/framing/raw.hpp>\n#include <libnet/policy/limits.hpp>\n"
                            "#include <libnet/runtime/task.hpp>\n#include <libnet/transport/tcp.hpp>\n"
                            "#include <libnet/session/connection.hpp>\n",
    INCLUDE + "version.hpp": "",
    INCLUDE + "asio.hpp": "#include <boost/asio/awaitable.hpp>\n#include <libnet/session/connection.hpp>\n",
    INCLUDE + "asio/adopt.hpp": "#include <boost/asio/post.hpp>\n#include <libnet/asio.hpp>\n",
    INCLUDE + "core/error.hpp": "#include <system_error>\n// Says when: clock::now() is never called here.\n"
                                'inline auto text = "time(0) and <boost/asio.hpp>"; inline int big = 1\'000;\n',
    INCLUDE + "framing/raw.hpp": "#include <libnet/core/error.hpp>\n",
    INCLUDE + "policy/limits.hpp": "#include <libnet/core/error.hpp>\n#include <chrono>\n"
                                   "inline int lifetime(int x) { return x; }\n",
    INCLUDE + "runtime/task.hpp": "#include <libnet/core/error.hpp>\n#include <libnet/runtime/detail/frame.hpp>\n",
    INCLUDE + "runtime/detail/frame.hpp": "",
    INCLUDE + "transport/tcp.hpp": "#include <libnet/runtime/task.hpp>\n",
    INCLUDE + "transport/tls.hpp": "#include <libnet/transport/tcp.hpp>\n",
    INCLUDE + "session/connection.hpp": "#include <libnet/transport/tcp.hpp>\n#include <libnet/framing/raw.hpp>\n",
    INCLUDE + "testing/simulation.hpp": "#include <libnet/session/connection.hpp>\n",
    SOURCE + "core/error.cpp": "#include <libnet/core/error.hpp>\n",
    SOURCE + "runtime/loop.hpp": "#include <boost/asio/io_context.hpp>\n",
    SOURCE + "runtime/task.cpp": '#include <libnet/asio.hpp>\n#include "loop.hpp"\nauto t = steady::now();\n',
    SOURCE + "transport/tls.cpp": "#include <openssl/ssl.h>\n",
    SOURCE + "session/server.cpp": '#include "runtime/loop.hpp"\n',
    SOURCE + "testing/simulation.cpp": "#include <libnet/testing/simulation.hpp>\n#include <libnet/asio.hpp>\n",
    "apps/echo/server.cpp": "#include <libnet/libnet.hpp>\n#include <libnet/asio.hpp>\n",
}

# (file, line planted at its end, words of the complaint)
PLANTED = [
    (INCLUDE + "core/error.hpp", "#include <libnet/framing/raw.hpp>", "core (floor 0) includes framing (floor 1)"),
    (INCLUDE + "framing/raw.hpp", "#include <libnet/policy/limits.hpp>", "framing (floor 1) includes policy"),
    (INCLUDE + "runtime/task.hpp", "  #  include  <libnet/transport/tcp.hpp>", "runtime (floor 2) includes transport"),
    (INCLUDE + "transport/tcp.hpp", "#include <libnet/session/connection.hpp>", "transport (floor 3) includes session"),
    (SOURCE + "runtime/task.cpp", "#include <libnet/session/connection.hpp>", "runtime (floor 2) includes session"),
    (SOURCE + "core/error.cpp", '#include "runtime/loop.hpp"', "core (floor 0) includes runtime (floor 2)"),
    (SOURCE + "core/error.cpp", '#include "../runtime/loop.hpp"', "core (floor 0) includes runtime (floor 2)"),
    (INCLUDE + "session/connection.hpp", "#include <libnet/testing/simulation.hpp>", "nobody includes testing/"),
    (SOURCE + "session/server.cpp", "#include <libnet/testing/simulation.hpp>", "nobody includes testing/"),
    (INCLUDE + "runtime/task.hpp", "#include <boost/asio/io_context.hpp>", "includes no <boost/asio/io_context.hpp>"),
    (INCLUDE + "testing/simulation.hpp", "#include <boost/asio/post.hpp>", "includes no <boost/asio/post.hpp>"),
    (INCLUDE + "transport/tls.hpp", "#include <openssl/ssl.h>", "includes no <openssl/ssl.h>"),
    (INCLUDE + "session/connection.hpp", "#include <boost/beast/core.hpp>", "includes no <boost/beast/core.hpp>"),
    (INCLUDE + "session/connection.hpp", "#include <libnet/asio.hpp>", "no public header includes the bridge"),
    (INCLUDE + "session/connection.hpp", "#include <libnet/asio/adopt.hpp>", "no public header includes the bridge"),
    (INCLUDE + "asio/adopt.hpp", "#include <boost/beast/core.hpp>", "belongs in protocol/ only"),
    (SOURCE + "core/error.cpp", "#include <libnet/asio/adopt.hpp>", "is pure and includes no bridge"),
    (INCLUDE + "session/connection.hpp", "#include <libnet/libnet.hpp>", "is for users"),
    (SOURCE + "session/server.cpp", "#include <libnet/libnet.hpp>", "is for users"),
    (INCLUDE + "session/connection.hpp", '#include "runtime/loop.hpp"', "includes public headers as <libnet/...>"),
    (INCLUDE + "session/connection.hpp", "#include <runtime/loop.hpp>", "includes public headers as <libnet/...>"),
    (INCLUDE + "session/connection.hpp", '#include "../core/error.hpp"', "includes public headers as <libnet/...>"),
    (INCLUDE + "session/connection.hpp", "#include <libnet/session/gone.hpp>", "does not exist"),
    (SOURCE + "transport/tcp.cpp", "#include <openssl/ssl.h>", "belongs in tls* files only"),
    (SOURCE + "transport/tcp.cpp", "#include <boost/asio/ssl/stream.hpp>", "belongs in tls* files only"),
    (SOURCE + "session/server.cpp", "#include <boost/beast/core.hpp>", "belongs in protocol/ only"),
    (SOURCE + "core/error.cpp", "#include <boost/asio/error.hpp>", "is pure and includes no"),
    (SOURCE + "core/error.cpp", "#include <libnet/asio.hpp>", "is pure and includes no bridge"),
    (SOURCE + "framing/raw.cpp", "#include <sys/socket.h>", "is pure and includes no <sys/socket.h>"),
    (INCLUDE + "policy/limits.hpp", "#include <random>", "is pure and includes no <random>"),
    (INCLUDE + "policy/limits.hpp", "auto t = std::chrono::steady_clock::now ();", "reads a clock"),
    (INCLUDE + "policy/limits.hpp", "auto seed = std::random_device{}();", "reads a clock or a random source"),
    (SOURCE + "policy/limits.cpp", "auto t = std::time(nullptr);", "reads a clock"),
    (INCLUDE + "odds/ends.hpp", "", "belongs to no floor"),
    (INCLUDE + "more.hpp", "", "belongs to no floor"),
    (SOURCE + "loose.cpp", "", "belongs to no floor"),
    (SOURCE + "runtime/task.cpp", "#include <boost/asio.hpp>", "include the narrow headers"),
    ("apps/echo/server.cpp", "#include <boost/asio.hpp>", "include the narrow headers"),
    ("tests/unit/some_test.cpp", "#include <boost/asio.hpp>", "include the narrow headers"),
]


class Tree:
    """The sound tree on disk, with changes."""

    def __init__(self, planted=(), files=SOUND):
        self.folder = tempfile.TemporaryDirectory()
        files = dict(files)
        for name, line in planted:
            files[name] = files.get(name, "") + line + "\n"
        for name, text in files.items():
            path = Path(self.folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def check(self, script):
        with self.folder:
            return self.run(script)

    def run(self, script, *arguments):
        return subprocess.run([sys.executable, CHECKS / script, *arguments, self.folder.name],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


class Floors(unittest.TestCase):
    def test_accepts_a_sound_tree(self):
        result = Tree().check("floors.py")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_reports_each_planted_violation(self):
        for name, line, words in PLANTED:
            with self.subTest(file=name, line=line):
                result = Tree([(name, line)]).check("floors.py")
                self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
                self.assertIn(name + ":", result.stdout)
                self.assertIn(words, result.stdout)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)


class Umbrella(unittest.TestCase):
    UMBRELLA = INCLUDE + "libnet.hpp"

    def assert_complaint(self, planted, words):
        result = Tree(planted).check("umbrella.py")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(words, result.stdout)

    def test_accepts_a_sound_tree(self):
        result = Tree().check("umbrella.py")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_misses_a_new_header(self):
        self.assert_complaint([(INCLUDE + "session/client.hpp", "")], "lacks <libnet/session/client.hpp>")

    def test_refuses_what_needs_more_than_the_library(self):
        for header in ("transport/tls.hpp", "testing/simulation.hpp", "asio.hpp", "runtime/detail/frame.hpp"):
            with self.subTest(header=header):
                self.assert_complaint([(self.UMBRELLA, f"#include <libnet/{header}>")],
                                      f"must not include <libnet/{header}>")

    def test_refuses_a_header_twice(self):
        self.assert_complaint([(self.UMBRELLA, "#include <libnet/core/error.hpp>")], "twice")


class Pages(unittest.TestCase):
    CODE = "tests/docs/some_test.cpp"
    SOUND_PAGES = [
        (CODE, "void f()\n{\n    // [call]\n    g(1);\n\n    h(2);\n    // [end]\n}"),
        ("tests/consumers/CMakeLists.txt", "# [link]\nlink()\n# [end]"),
        ("docs/other.md", "# Other\n\n## A heading, `too`"),
        ("README.md", "# Title\n\n[here](#title), [there](docs/other.md#a-heading-too), [code](" + CODE + ")\n\n"
                      "<!-- code: " + CODE + "#call -->\n```cpp\ng(1);\n\nh(2);\n```\n\n"
                      "<!-- code: tests/consumers/CMakeLists.txt#link -->\n```cmake\nlink()\n```\n\n"
                      "```sh\nls [nothing](gone.md)\n```"),
    ]

    def check(self, *planted):
        return Tree([*self.SOUND_PAGES, *planted]).check("pages.py")

    def test_accepts_sound_pages(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_reports_each_planted_violation(self):
        whole = f"<!-- code: {self.CODE} -->\n```cpp\n"
        for name, text, words in [
            ("README.md", "```cpp\nint x;\n```", "README.md:20: this block of cpp names no source"),
            ("README.md", "```cmake\nlink()\n```", "this block of cmake names no source"),
            ("README.md", f"<!-- code: {self.CODE}#call -->\n```cpp\ng(2);\n```", "is not what stands in"),
            ("README.md", whole + "g(1);\n```", "is not what stands in"),
            ("README.md", f"<!-- code: {self.CODE}#gone -->\n```cpp\n```", "has no region [gone]"),
            ("README.md", "<!-- code: gone.cpp -->\n```cpp\n```", "gone.cpp does not exist"),
            ("README.md", "[x](docs/gone.md)", "docs/gone.md leads nowhere"),
            ("SECURITY.md", "`Peer.DoesNoHarm`", "there is no test Peer.DoesNoHarm"),
            ("README.md", "[x](docs/other.md#gone)", "leads to no heading"),
            ("docs/other.md", "[x](README.md)", "docs/other.md:4: README.md leads nowhere"),
            ("docs/design/new.md", "```cpp\n```", "names no source"),
            (self.CODE, "// [lonely]\n// [end]", "no page shows the region [lonely]"),
        ]:
            with self.subTest(file=name, text=text):
                result = self.check((name, text))
                self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
                self.assertIn(words, result.stdout)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)

    def test_reports_a_line_that_is_too_long(self):
        line = "int x;" + " " * 90 + "// x"
        wide = ("tests/docs/wide.cpp", line + " y")
        page = ("docs/wide.md", f"<!-- code: tests/docs/wide.cpp -->\n```cpp\n{line} y\n```")
        self.assertIn("longer than 100", self.check(wide, page).stdout)

    def test_writes_the_code_into_the_page(self):
        page = ("docs/new.md", f"Before.\n\n<!-- code: {self.CODE}#call -->\n```cpp\nold\n```\n\nAfter.")
        tree = Tree([*self.SOUND_PAGES, page])
        with tree.folder:
            for arguments in (["--fix"], []):
                result = tree.run("pages.py", *arguments)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            fixed = (Path(tree.folder.name) / "docs/new.md").read_text(encoding="utf-8")
        self.assertEqual(fixed, page[1].replace("old\n", "g(1);\n\nh(2);\n") + "\n")


class Defaults(unittest.TestCase):
    """In a copy of the public headers, since the sections of the page are those of the library."""

    def setUp(self):
        top = CHECKS.parents[1]
        headers = {str(path.relative_to(top)): path.read_text(encoding="utf-8") for path in (top / INCLUDE).rglob("*.hpp")}
        self.tree = Tree(files={**headers, "docs/defaults.md": (top / "docs/defaults.md").read_text(encoding="utf-8")})
        self.addCleanup(self.tree.folder.cleanup)

    def change(self, name, before, after):
        path = Path(self.tree.folder.name) / name
        text = path.read_text(encoding="utf-8")
        self.assertIn(before, text)
        path.write_text(text.replace(before, after, 1), encoding="utf-8")

    def assert_complaint(self, words):
        result = self.tree.run("defaults.py")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(words, result.stdout)

    def test_accepts_what_is_there(self):
        self.assertEqual(self.tree.run("defaults.py").returncode, 0)

    def test_sees_another_default_and_writes_it(self):
        self.change(INCLUDE + "session/connection.hpp", "send_timeout = std::chrono::seconds(10)",
                    "send_timeout = std::chrono::minutes(7)")
        self.assert_complaint("run tools/checks/defaults.py --fix")
        self.assertEqual(self.tree.run("defaults.py", "--fix").returncode, 0)
        page = (Path(self.tree.folder.name) / "docs/defaults.md").read_text(encoding="utf-8")
        self.assertIn("| `send_timeout` | 7 min |", page)

    def test_sees_a_new_field(self):
        self.change(INCLUDE + "session/pool.hpp", "struct pool_options {", "struct pool_options {\n    int extra = 3;\n")
        self.assert_complaint("run tools/checks/defaults.py --fix")

    def test_sees_a_struct_without_a_place(self):
        self.change(INCLUDE + "session/pool.hpp", "struct pool_options {",
                    "struct odd_options {\n    int extra = 3;\n};\n\nstruct pool_options {")
        self.assert_complaint("odd_options is in no section")

    def test_sees_that_a_struct_is_gone(self):
        self.change(INCLUDE + "session/pool.hpp", "struct pool_options {", "struct pool_settings {")
        self.assert_complaint("there is no struct pool_options")


class SiteLinks(unittest.TestCase):
    HEAD = '<link href="site.css"><h1 id="top">x</h1>'
    SOUND_SITE = [
        ("site.css", ""),
        ("index.html", HEAD + '<a href="#top"></a><a href="deep/page.html#here"></a><a href="https://example.org"></a>'),
        ("deep/page.html", '<p id="here"><a href="../index.html"></a><img src="../site.css" alt="a picture"></p>'),
    ]

    def check(self, *planted):
        return Tree([*self.SOUND_SITE, *planted], files={}).check("site_links.py")

    def test_accepts_a_sound_site(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_reports_each_planted_violation(self):
        for text, words in [
            ('<a href="gone.html">', "deep/page.html:2: gone.html leads nowhere"),
            ('<a href="../index.html#gone">', "../index.html#gone leads to no anchor"),
            ('<a href="#gone">', "#gone leads to no anchor"),
            ('<a href="../../outside.html">', "leads nowhere"),
            ('<img src="gone.svg" alt="x">', "gone.svg leads nowhere"),
            ('<img src="../site.css">', "has no description"),
            ('<script src="https://example.org/x.js"></script>', "is fetched from the network"),
            ('<p id="here">', "two elements are called here"),
        ]:
            with self.subTest(text=text):
                result = self.check(("deep/page.html", text))
                self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
                self.assertIn(words, result.stdout)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)

    def test_reports_a_folder_without_pages(self):
        self.assertIn("no pages", Tree(files={"site.css": ""}).check("site_links.py").stdout)


class HeaderFilter(unittest.TestCase):
    def filtered(self, *lines):
        with tempfile.TemporaryDirectory() as folder:
            origin, target = Path(folder) / "origin", Path(folder) / "target"
            (origin / "core").mkdir(parents=True)
            (origin / "core/x.hpp").write_text("\n".join(lines), encoding="utf-8")
            subprocess.run([sys.executable, CHECKS.parent / "site/header_filter.py", origin, target], check=True)
            found = (target / "core/x.hpp").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(found), len(lines))  # Doxygen's complaints name the right line
        return found

    def test_a_comment_stands_for_its_paragraph_and_no_more(self):
        found = self.filtered("struct s {", "    /// Both.", "    int first(int a,", "              int b);", "    int second;",
                              "", "    int third;", "};")
        self.assertIn("=same=", found[4])
        self.assertEqual(found[6], "    int third;")
        self.assertEqual(found[2:4], ["    int first(int a,", "              int b);"])

    def test_a_comment_of_a_class_is_not_that_of_its_members(self):
        self.assertEqual(self.filtered("/// A class.", "class s {", "public:", "    int first();")[3], "    int first();")

    def test_copying_and_moving_need_no_comment_unless_they_have_one(self):
        found = self.filtered("struct s {", "    s(s&& other) noexcept;", "", "    ~s();", "", "    /// Cancels.",
                              "    s& operator=(s other);", "};")
        self.assertIn("=special=", found[1])
        self.assertIn("=special=", found[3])
        self.assertNotIn("=special=", found[6])


class Declarations(unittest.TestCase):
    def shown(self, kind, *lines):
        text = "\n".join(lines)
        return symbols.tidy(text[:symbols.end_of(text, kind)], kind)

    def test_parameters_stand_below_each_other_without_the_macro(self):
        self.assertEqual(self.shown("function", "LIBNET_ASIO_DECL void flip(bytes content,",
                                    "                           const bits& which) noexcept;"),
                         "void flip(bytes content,\n          const bits& which) noexcept")
        self.assertEqual(self.shown("function", "LIBNET_ASIO_DECL result<reading>", "read(bytes beginning);"),
                         "result<reading>\nread(bytes beginning)")

    def test_a_concept_ends_with_its_own_bracket(self):
        self.assertEqual(self.shown("concept", "concept framing = requires(F& f) {", "    {", "        f.decode()",
                                    "    } -> std::same_as<decoded>;", "};", "", "}  // namespace libnet"),
                         "concept framing = requires(F& f) {\n    {\n        f.decode()\n"
                         "    } -> std::same_as<decoded>;\n}")

    def test_a_variable_is_one_line(self):
        self.assertEqual(self.shown("variable", "    std::string", "        text;"), "std::string text")

    def test_a_header_says_what_it_is_for(self):
        with tempfile.TemporaryDirectory() as folder:
            header = Path(folder) / "x.hpp"
            for text, about in (("#pragma once\n\n#include <a>\n\n/// Both\n/// ways.\nnamespace x {\n", "Both\nways."),
                                ("#pragma once\n\n/// At the end.\n", "At the end."),
                                ("namespace x {\n\n/// A class.\nclass y;\n", ""),
                                ("/// A class.\nclass y;\n", "")):
                header.write_text(text, encoding="utf-8")
                self.assertEqual(symbols.about(header), about)


if __name__ == "__main__":
    unittest.main()
