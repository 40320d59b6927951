#!/usr/bin/env python3
"""Runs the commands that the pages show, in their order, and compares what comes out with what the pages say.

    page_commands.py PROGRAMS [PAGE]...     PROGRAMS is the folder of the sample programs; without pages: all of them

Every block of `sh`, `bash`, `shell` and `console` in README.md, CONTRIBUTING.md, SECURITY.md and docs/ is run, unless

  * it stands behind a comment that names its source or the experiment whose output it is: pages.py and
    run_experiment.py see to those;
  * EXCUSED says why it cannot be run here. An excuse that excuses nothing is a complaint, so none outlives its block.

The blocks of a page are run as by a reader in one terminal, in a folder that is empty but for build/dev/apps:

  * What a command in the foreground prints is what the page shows below it, no more and no less. Where a block shows
    no output at all it has to succeed, and prints what it likes.
  * What is shown and does not come from there is said by a program in the background before long. Of those a page may
    leave lines out: they tell of every connection.
  * Numbers, times and dates may differ. `5d2f...` stands for anything; where a later command of the page has the same
    word, it is given what stood there.
  * A program in the background goes on until the page ends, or until a later block starts the same program again.

All of it happens in namespaces of its own for the network and processes, so that ports are free and no one else's
process is meant. Exit code 77: there are none here, or a program that the pages use is missing.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30         # that a command may take
SECONDS_TO_SAY = 5   # that the background may take to say what is shown
CANNOT_RUN_HERE = 77
NEEDED = ("bash", "ip", "nc", "nstat", "openssl", "pidof", "ss", "unshare")

BUILDS = "builds with a compiler, for minutes"
# (page, how its first command begins, why it is not run here)
EXCUSED = [
    ("README.md", "tools/demo.sh", BUILDS + "; tools/test.sh --all runs the demos"),
    ("README.md", "printf 'one two three", "asks the reader's own program: docs.program_word_counter does so"),
    ("README.md", "apt-get install", "installs packages, as root and from the network"),
    ("CONTRIBUTING.md", "cmake --preset dev", BUILDS + ", and runs these tests"),
    ("docs/behaviour/README.md", "docs/behaviour/experiments/", "is run by docs.experiment_send_is_not_delivery"),
    ("docs/packaging.md", "cmake --preset debian", BUILDS + "; consumer.debian makes the packages"),
    ("docs/packaging.md", "cmake --preset release", BUILDS + "; consumer.apps installs the programs"),
    ("docs/packaging.md", "vcpkg install", "needs vcpkg; consumer.vcpkg runs the port with stand-ins for it"),
    ("docs/pool.md", "tools/demo.sh pool", BUILDS + "; tools/test.sh --all runs the demos"),
    ("docs/restarting.md", "install -m 755", "needs root and a systemd that runs the machine"),
    ("docs/restarting.md", "install -D -m 644", "needs root and a systemd that runs the machine"),
    ("docs/tcp-or-udp.md", "tools/bench.sh", BUILDS + ", and measures for minutes"),
    ("docs/tls.md", "certbot renew", "needs certbot, its authority and root"),
    ("docs/tuning.md", "prlimit --pid", "the limits are the machine's"),
    ("docs/tuning.md", "ss -ltn", "the queue overflows in docs.experiment_syn_backlog"),
    ("docs/tuning.md", "tcp_echo_client hello", "is brought about by docs.symptoms, in a network with eight ports"),
    ("docs/tuning.md", "ss -lunm", "needs a flood of datagrams, and counts what the machine drops"),
    ("docs/tutorial.md", "nc 127.0.0.1 9000", "is typed by hand: docs.program_echo_lines asks the same"),
    ("docs/tutorial.md", "printf 'hello", "asks the reader's own program: docs.program_echo_limits does so"),
    ("docs/tutorial.md", "cmake -B build", "builds the reader's own program: consumer.readme does all of it"),
]

# (page, how the first command begins): what a reader has done before.
BEFORE = {
    ("docs/benchmarking.md", "netbench --merge"):
        "for each in one two; do netbench --duration 100ms --connections 2 --json > $each.json; done",
    ("docs/troubleshooting.md", "ls "): "tcp_echo_server &",
    ("docs/tuning.md", "ss -tno"): "tcp_echo_server & sleep 0.5; nc 127.0.0.1 9000 & sleep 0.5",
}

# In commands: what would take long, or does not belong to a test.
SHORTER = [
    (r"netbench --connections 64", "netbench --duration 1s --connections 64"),
    (r"--rate 20000 --duration 30s", "--rate 500 --duration 1s"),
    (r"--count 10000 --rate 5000", "--count 1000 --rate 5000"),
    (r"\bsleep 10\b", "sleep 0.1"),
    (r"/run/(?=\w+\.takeover)", "./"),
]

BLOCK = re.compile(r"^```(sh|bash|shell|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHECKED_ELSEWHERE = re.compile(r"<!-- (?:code|output): [^>]+ -->\n\Z")
IN_BACKGROUND = re.compile(r"\s*&\s*(?:#.*)?\Z")
ANYTHING = re.compile(r"\w+\.\.\.")
VARIES = re.compile(r"(?P<anything>\w+\.\.\.)|(?P<date>\d{4}-\d\d-\d\d [\d:]+)|(?P<number>\d[\d,]*(?:\.\d+)?)")
VARIES_AS = {"anything": "(.+)", "date": r"\d{4}-\d\d-\d\d [\d:]+", "number": r"\d[\d,]*(?:\.\d+)?"}


def main():
    if "IN_OWN_NAMESPACES" not in os.environ:
        go_into_namespaces()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    programs, *pages = sys.argv[1:]
    checker = Checker(ROOT, Path(programs).resolve(), EXCUSED, BEFORE, SHORTER)
    complaints = checker.run([str(Path(page).resolve().relative_to(ROOT)) for page in pages])
    print("\n".join(complaints) or f"{checker.commands} commands of {checker.blocks} blocks do what the pages say")
    sys.exit(1 if complaints else 0)


def go_into_namespaces():
    namespaces = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        namespaces += ["--user", "--map-root-user"]
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing or subprocess.run(["unshare", *namespaces, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print(f"not here: {', '.join(missing)}" if missing else f"unshare {' '.join(namespaces)} is not allowed here")
        sys.exit(CANNOT_RUN_HERE)
    os.environ["IN_OWN_NAMESPACES"] = "yes"
    os.execvp("unshare", ["unshare", *namespaces, sys.executable, *sys.argv])


class Checker:
    def __init__(self, root, programs, excused=(), before=None, shorter=()):
        self.root = root
        self.programs = programs
        self.excused = excused
        self.before = before or {}
        self.shorter = shorter
        self.complaints = []
        self.used = set()    # of excused, before and shorter
        self.blocks = self.commands = 0

    def run(self, only=()):
        top = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
        pages = [name for name in top if (self.root / name).is_file()]
        pages += sorted(str(path.relative_to(self.root)) for path in (self.root / "docs").rglob("*.md")
                        if path.relative_to(self.root).parts[1] != "ko")    # its blocks are those of other pages
        for page in only or pages:
            self.run_page(page)
        if not only:
            self.look_for_what_is_left_over()
        return self.complaints

    def look_for_what_is_left_over(self):
        for page, command, why in self.excused:
            if (page, command) not in self.used:
                self.complaints.append(f"{page}: no block begins with '{command}', which is excused: {why}")
            if not why:
                self.complaints.append(f"{page}: '{command}' is excused without a reason")
        for page, command in self.before.keys() - self.used:
            self.complaints.append(f"{page}: no block begins with '{command}', before which something is done")
        for pattern, _ in self.shorter:
            if pattern not in self.used:
                self.complaints.append(f"no command has '{pattern}', which would be made shorter")

    def run_page(self, page):
        text = (self.root / page).read_text(encoding="utf-8")
        found = [match for match in BLOCK.finditer(text) if not CHECKED_ELSEWHERE.search(text, 0, match.start())]
        blocks = []
        for match in found:
            line = text.count("\n", 0, match.start()) + 2
            steps = steps_of(match[2], match[1] == "console", line)
            if not steps:
                self.complaints.append(f"{page}:{line}: this block has no command")
            elif not self.is_listed(page, steps[0].command, [each[:2] for each in self.excused]):
                blocks.append(steps)
        if not blocks:
            return
        with tempfile.TemporaryDirectory() as folder, Terminal(folder, self.programs) as terminal:
            for steps in blocks:
                self.blocks += 1
                try:
                    self.run_block(page, steps, terminal)
                except Wrong as wrong:
                    self.complaints.append(f"{page}:{wrong}")
                if terminal.is_stuck:
                    break

    def is_listed(self, page, command, those):
        for key in those:
            if key[0] == page and command.startswith(key[1]):
                self.used.add(key)
                return key
        return None

    def run_block(self, page, steps, terminal):
        terminal.stop([step.program() for step in steps if step.background])
        key = self.is_listed(page, steps[0].command, self.before)
        if key:
            terminal.run(self.before[key])
        shows_output = any(step.shown for step in steps)
        for step in steps:
            self.commands += 1
            command = self.made_shorter(terminal.known(step.command))
            if step.background:
                step.process = terminal.start(step.program(), command)
                printed = []
            else:
                code, printed = terminal.run(command)
                if terminal.is_stuck or (code != 0 and not step.shown):
                    raise Wrong(step, f"ended with {code}", printed)
            missing = [line for line in step.shown if not terminal.take(line, printed)]
            terminal.wait_for_lines(step, missing)
            if shows_output and printed:
                raise Wrong(step, "printed what the page does not show", printed)
        for step in steps:
            if step.background and terminal.has_ended(step.process):
                code, _ = terminal.run(f"wait {step.process}")
                if code != 0:
                    raise Wrong(step, f"ended with {code}", terminal.background())

    def made_shorter(self, command):
        for pattern, instead in self.shorter:
            command, times = re.subn(pattern, instead, command)
            if times:
                self.used.add(pattern)
        return command


class Wrong(Exception):
    def __init__(self, step, what, lines):
        super().__init__("\n    ".join([f"{step.line}: '{step.command}' {what}", *lines]))


class Step:
    """A command, and the lines that a page shows below it."""

    def __init__(self, line, command):
        self.line = line
        self.background = IN_BACKGROUND.search(command) is not None
        self.command = IN_BACKGROUND.sub("", command)
        self.shown = []

    def program(self):
        return Path(self.command.split()[0]).name


def steps_of(block, is_console, number):
    """In a console a command follows `$ `, and the rest is output; elsewhere all but comments are commands."""
    steps, unfinished = [], None
    for line in block.splitlines():
        if unfinished is not None:
            unfinished += "\n" + line
        elif is_console and not line.startswith("$ "):
            if steps:
                steps[-1].shown.append(line)
        elif line.strip() and not line.startswith("#"):
            unfinished, began = line.removeprefix("$ ") if is_console else line, number
        if unfinished is not None and not unfinished.endswith("\\"):
            steps.append(Step(began, unfinished))
            unfinished = None
        number += 1
    return steps


class Terminal:
    """A shell in a folder of its own, what it has started in the background, and what that has said."""

    def __init__(self, folder, programs):
        self.folder = Path(folder)
        self.words = {}      # `5d2f...` -> what stood there
        self.started = []    # in the background: (program, what it says, process)
        self.files = 0
        self.is_stuck = False    # in a command that does not end
        (self.folder / "build/dev").mkdir(parents=True)
        (self.folder / "build/dev/apps").symlink_to(programs)
        path = f"{programs}:{os.environ['PATH']}"
        self.shell = subprocess.Popen(["bash"], cwd=folder, stdin=subprocess.PIPE, text=True, start_new_session=True,
                                      env={**os.environ, "PATH": path, "LC_ALL": "C", "NSTAT_HISTORY": self.new_file()})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop([program for program, *_ in self.started])
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.stdin.close()
        self.shell.wait()

    # --- commands ----------------------------------------------------------------------------------------------------

    def run(self, command):
        """In the foreground: its exit code and its lines."""
        output, status = self.new_file(), self.new_file()
        self.say(f"{{ {command}\n}} </dev/null >{output} 2>&1; echo $? >{status}")
        ended = wait_until(lambda: status.is_file() and status.read_text(encoding="ascii").strip())
        self.is_stuck = not ended
        return (int(ended) if ended else f"nothing after {SECONDS} s", self.lines(output))

    def start(self, program, command):
        """In the background: `$!` is its process, and what it says is in a file."""
        output, status = self.new_file(), self.new_file()
        said_before = len(self.background())
        self.say(f"{command} </dev/null >{output} 2>&1 &\necho $! >{status}")
        process = wait_until(lambda: status.is_file() and status.read_text(encoding="ascii").strip())
        self.started.append((program, output, int(process)))
        wait_until(lambda: len(self.background()) > said_before, SECONDS_TO_SAY)    # it listens, or is noticed
        self.wait_until_it_waits(int(process))
        return int(process)

    def wait_until_it_waits(self, process):
        """A program that has said that it listens may have more to do; nobody types the next command as fast."""
        sleeps = []

        def is_seen_asleep():
            sleeps.append(self.state(process) in "SZ")
            return all(sleeps[-5:]) and len(sleeps) >= 5

        wait_until(is_seen_asleep, SECONDS_TO_SAY)

    def has_ended(self, process):
        return self.state(process) == "Z"

    @staticmethod
    def state(process):
        try:
            return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return "Z"

    def stop(self, programs):
        """Ends those of the background that are called so, as a reader does before starting them again."""
        for program, output, process in [one for one in self.started if one[0] in programs]:
            try:
                os.kill(process, signal.SIGTERM)
                wait_until(lambda which=process: self.has_ended(which))
            except ProcessLookupError:
                pass
            self.started.remove((program, output, process))

    def say(self, text):
        self.shell.stdin.write(text + "\n")
        self.shell.stdin.flush()

    def new_file(self):
        self.files += 1
        return self.folder / f".said-{self.files}"

    @staticmethod
    def lines(path):
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    # --- what they say -----------------------------------------------------------------------------------------------

    def known(self, command):
        """With the words that stood where the page shows `5d2f...`."""
        return ANYTHING.sub(lambda word: self.words.get(word[0], word[0]), command)

    def background(self):
        return [line for _, output, _ in self.started for line in self.lines(output)]

    def wait_for_lines(self, step, shown):
        if not wait_until(lambda: not self.missing(shown), SECONDS_TO_SAY):
            raise Wrong(step, "is not followed by",
                        [*self.missing(shown), "but the background said", *self.background()])

    def missing(self, shown):
        said = self.background()
        return [line for line in shown if not self.take(line, said)]

    def take(self, shown, lines):
        """Takes the line that a page shows so out of those that were printed, and remembers its words."""
        pattern = pattern_of(shown)
        for line in lines:
            match = pattern.fullmatch(" ".join(line.split()))
            if match:
                lines.remove(line)
                self.words.update(zip(ANYTHING.findall(shown), match.groups()))
                return True
        return False


def pattern_of(shown):
    """What a line has to be like where a page shows this one."""
    like, end = "", 0
    shown = " ".join(shown.split())
    for match in VARIES.finditer(shown):
        like += re.escape(shown[end:match.start()]) + VARIES_AS[match.lastgroup]
        end = match.end()
    return re.compile(like + re.escape(shown[end:]))


def wait_until(is_so, seconds=None):
    deadline = time.monotonic() + (SECONDS if seconds is None else seconds)
    while not (found := is_so()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


if __name__ == "__main__":
    main()
