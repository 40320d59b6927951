#!/usr/bin/env python3
"""Shows that page_commands.py sees what it is there for: each fault is planted and must be reported."""

import tempfile
import unittest
from pathlib import Path

import page_commands

PAGE = "docs/page.md"
SAYS = "build/dev/apps/says"    # the sample program: says its arguments, a line each, and then nothing for long

SOUND = f"""# Page

```sh
# A comment; what follows is one command.
echo one two \\
    three >file
cat file
```

```console
$ {SAYS} 'listening on port 9000' 'token abc123' 'opened 1' &
listening on port 8000
token 77ff...
$ echo 77ff... && echo at 2026-01-01 10:00:00, 1,024 bytes
77ff...
at 2027-12-31 09:08:07, 5 bytes
$ cat file; echo last
one two three
last
```

```console
$ touch excused && false
```

<!-- code: somewhere.sh -->
```sh
false
```

```text
not a command
```
"""

EXCUSED = [(PAGE, "touch excused", "is a sample")]

# (what stands there, what is planted instead, words of the complaint)
PLANTED = [
    ("cat file\n```", "cat nothing\n```", "docs/page.md:7: 'cat nothing' ended with 1"),
    ("listening on port 8000", "listens on port 8000", "listens on port 8000\n    but the background said"),
    ("token 77ff...", "token 77ff... is long", "token 77ff... is long\n    but the background said"),
    ("one two three\nlast", "one two\nlast", "page.md:17: 'cat file; echo last' is not followed by\n    one two\n"),
    ("5 bytes", "5 kilobytes", "5 kilobytes"),
    ("at 2027-12-31", "on 2027-12-31", "on 2027-12-31"),
    ("one two three\nlast", "one two three", "'cat file; echo last' printed what the page does not show\n    last"),
    ("'opened 1' &", "'opened 1' --fail &", "' --fail' ended with 3"),
    ("<!-- code: somewhere.sh -->\n", "", "'false' ended with 1"),
    ("```text", "```console", "docs/page.md:32: this block has no command"),
    ("cat file\n```", "sleep 60\n```", "docs/page.md:7: 'sleep 60' ended with nothing after 5 s"),
]


class Tree:
    """The sound page with a change, in a folder that lasts as long as a `with`."""

    def __init__(self, there="", instead=""):
        assert there in SOUND, f"{there} does not stand in the page"
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for name in ("docs/ko", "programs"):
            (self.root / name).mkdir(parents=True)
        (self.root / PAGE).write_text(SOUND.replace(there, instead), encoding="utf-8")
        (self.root / "docs/ko/page.md").write_text("```sh\nfalse\n```\n", encoding="utf-8")
        program = self.root / "programs/says"
        program.write_text('#!/bin/bash\nfor each; do [ "$each" != --fail ] || exit 3; echo "$each"; done; '
                           'exec sleep 60\n', encoding="utf-8")
        program.chmod(0o755)

    def complaints(self, excused=tuple(EXCUSED), before=None, shorter=()):
        return page_commands.Checker(self.root, self.root / "programs", excused, before, shorter).run()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


class PageCommands(unittest.TestCase):
    def setUp(self):
        self.patience = page_commands.SECONDS, page_commands.SECONDS_TO_SAY
        page_commands.SECONDS, page_commands.SECONDS_TO_SAY = 5, 0.5

    def tearDown(self):
        page_commands.SECONDS, page_commands.SECONDS_TO_SAY = self.patience

    def expect(self, complaints, *words):
        self.assertEqual(len(complaints), len(words), complaints)
        for complaint, word in zip(complaints, words):
            self.assertIn(word, complaint)

    def test_accepts_a_sound_page(self):
        with Tree() as tree:
            self.assertEqual(tree.complaints(), [])

    def test_reports_each_planted_fault(self):
        for there, instead, words in PLANTED:
            with self.subTest(instead=instead), Tree(there, instead) as tree:
                self.expect(tree.complaints(), words)

    def test_a_block_is_run_or_excused(self):
        with Tree() as tree:
            self.expect(tree.complaints(excused=[]), "'touch excused && false' ended with 1")

    def test_an_excuse_has_a_block_and_a_reason(self):
        with Tree() as tree:
            self.expect(tree.complaints([*EXCUSED, (PAGE, "nothing", "is not there")]),
                        "docs/page.md: no block begins with 'nothing', which is excused: is not there")
            self.expect(tree.complaints([(PAGE, "touch excused", "")]), "is excused without a reason")

    def test_what_is_done_before_and_made_shorter_belongs_to_something(self):
        with Tree() as tree:
            self.expect(tree.complaints(before={(PAGE, "nothing"): "true"}),
                        "no block begins with 'nothing', before which")
            self.expect(tree.complaints(shorter=[("nothing", "")]), "no command has 'nothing'")

    def test_something_is_done_before(self):
        with Tree("cat file\n```", "cat other\n```") as tree:
            self.assertEqual(tree.complaints(before={(PAGE, "echo one"): "touch other"}), [])

    def test_a_command_is_made_shorter(self):
        with Tree("cat file\n```", "cat other\n```") as tree:
            self.assertEqual(tree.complaints(shorter=[("other", "file")]), [])

    def test_a_program_that_is_started_again_was_stopped(self):
        again = f"```console\n$ {SAYS} again &\nopened 1\n```\n"
        with Tree("```text", again + "\n```text") as tree:
            self.expect(tree.complaints(), "is not followed by\n    opened 1")


if __name__ == "__main__":
    unittest.main()
