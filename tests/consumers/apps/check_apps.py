#!/usr/bin/env python3
"""Checks the sample programs where they are installed.

    check_apps.py PREFIX        PREFIX has bin/ and share/, as the component `apps` or the package libnet-asio-tools

  * each program starts, and finds its libraries;
  * each has a man page and completions for three shells, and nothing else is there that is none of a program's;
  * if the TCP echo server and its client are among them, the one answers the other and stops when it is told to.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 20
PAGES = {
    "share/man/man1": "{}.1",
    "share/bash-completion/completions": "{}",
    "share/zsh/site-functions": "_{}",
    "share/fish/vendor_completions.d": "{}.fish",
}


def main():
    prefix = Path(sys.argv[1])
    programs = sorted(path.name for path in (prefix / "bin").iterdir())
    expect("some program", bool(programs), True)
    for program in programs:
        usage = output(prefix / "bin" / program, "--help")
        expect(f"what {program} --help says", "Usage: " in usage, True)
    for folder, form in PAGES.items():
        files = sorted(path.name for path in (prefix / folder).iterdir())
        expect(f"the files of {folder}", files, sorted(form.format(program) for program in programs))
    if {"tcp_echo_server", "tcp_echo_client"} <= set(programs):
        echoes(prefix / "bin/tcp_echo_server", prefix / "bin/tcp_echo_client")
    print(f"{', '.join(programs)}: as they should be")


def echoes(server, client):
    with subprocess.Popen([server, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as running:
        try:
            address = re.fullmatch(r"listening on (\S+)\n", running.stdout.readline())[1]
            expect(f"what {client.name} says", output(client, "--connect", address, "hello"), "echo: hello\n")
        finally:
            running.send_signal(signal.SIGTERM)
        expect(f"how {server.name} ended", running.wait(SECONDS), 0)


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS,
                          check=False, env={**os.environ, "LD_LIBRARY_PATH": ""})
    expect(f"{' '.join(map(str, command))}: {done.stderr.strip()}: the exit code", done.returncode, 0)
    return done.stdout


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}\n   found {found!r}")


if __name__ == "__main__":
    main()
