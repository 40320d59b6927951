#!/usr/bin/env python3
"""Runs a program of the pages against a plain socket, as a reader would with nc.

    run_program.py PROGRAM SCENARIO

Where the page says 127.0.0.1:9000, the tested copy of the program takes the environment variable ADDRESS, so that
tests need no fixed port.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 20


def main():
    program, scenario = sys.argv[1:]
    scenarios = {f.__name__: f for f in (echo_server, word_counter, calculator, client, echo_lines, echo_limits,
                                         echo_program, many_cores, scores_server)}
    scenarios[scenario](program)
    print(f"{scenario}: as the page says")


# --- the scenarios ---------------------------------------------------------------------------------------------------

def echo_server(program):
    with Server(program) as server:
        two_frames = b"\0\0\0\5hello" + b"\0\0\0\0"
        expect(server.ask(two_frames), two_frames)
    expect(server.output, "")


def many_cores(program):
    echo_server(program)


def word_counter(program):
    with Server(program) as server:
        expect(server.ask(b"one two  three\n\n"), b"3 words\n0 words\n")
        expect(server.ask(b"bye\nand more\n"), b"goodbye\n")
        expect(server.ask(b"no end of line"), b"")
    lines = server.output.splitlines()
    expect(lines[0], f"listening on 127.0.0.1:{server.port}")
    expect(sorted(re.sub(r":\d+: ", ": ", line) for line in lines[1:]),
           ["127.0.0.1: closed in order"] * 2 + ["127.0.0.1: the stream ended in the middle of a frame"])


def calculator(program):
    """What a reader of the README should be able to write, in under 30 lines."""
    source = Path(__file__).parent / "programs/calculator.cpp"
    expect(len(source.read_text(encoding="utf-8").splitlines()) < 30, True)
    with Server(program) as server:
        expect(server.ask(b"1 + 2\n2*3.5\n-1 - 1\n1/8\n"), b"3\n7\n-2\n0.125\n")
        expect(server.ask(b"\n1 ^ 2\nx\n").count(b"error: "), 3)


def echo_lines(program):
    with Server(program) as server:
        expect(server.ask(b"hello\nworld\n"), b"hello\nworld\n")
    expect(server.output, "")


def echo_limits(program):
    with Server(program) as server:
        expect(server.ask(b"hello\nworld\n"), b"hello\nworld\n")
        expect(server.ask(b"x" * 9000), b"")
    lines = [re.sub(r":\d+: ", ": ", line) for line in server.output.splitlines()[1:]]
    expect(lines, ["127.0.0.1: closed in order, 2 lines", "127.0.0.1: a frame is larger than the limit (max_frame), 0 lines"])


def echo_program(program):
    with Server(program) as server:
        expect(server.ask(b"hello\n"), b"hello\n")
    expect(server.output.splitlines()[1:], ["1 connections served"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = start(program, f"127.0.0.1:{taken.getsockname()[1]}")
        output, errors = running.communicate(timeout=SECONDS)
        expect((running.returncode, output), (1, ""))
        expect(errors.startswith("cannot serve: cannot listen on 127.0.0.1:"), True)


def client(program):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        running = start(program, address)
        with listening.accept()[0] as peer:
            peer.settimeout(SECONDS)
            expect(peer.makefile("rb").readline(), b"how many words are these\n")
            peer.sendall(b"5 words\n")
            peer.shutdown(socket.SHUT_WR)
            output, errors = running.communicate(timeout=SECONDS)
        expect((running.returncode, output, errors), (0, "5 words\n", ""))
        running = start(program, address)
        listening.accept()[0].close()
        output, errors = running.communicate(timeout=SECONDS)
        expect((running.returncode, output), (1, ""))
        expect(errors.startswith("no answer: "), True)
    running = start(program, address)  # nobody listens any more
    output, errors = running.communicate(timeout=SECONDS)
    expect((running.returncode, output), (1, ""))
    expect(errors.startswith("cannot connect: Connection refused"), True)


def scores_server(program):
    """The service of the tutorial, with its certificate and its client."""
    here = Path(__file__).parent
    client = Path(program).with_name("scores_client")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["sh", here / "scores/certificate.sh"], cwd=folder, stdin=subprocess.DEVNULL, check=True,
                       capture_output=True, timeout=SECONDS)
        chain, key = f"{folder}/chain.pem", f"{folder}/key.pem"

        def ask(port, *requests):
            running = start(client, f"127.0.0.1:{port}", chain, *requests)
            output, errors = running.communicate(timeout=SECONDS)
            return running.returncode, output, errors

        with Server(program, chain, key) as server:
            expect(ask(server.port, "add alice 3", "add bob 5", "add alice 4", "drop bob"),
                   (0, "3\n5\n7\nerror: expected add NAME POINTS, or get NAME\n", ""))
            expect(ask(server.port, "x" * 256, "get alice"),
                   (1, "7\n", "x" * 256 + ": a frame is larger than the limit (max_frame)\n"))
            port = server.port
        code, output, errors = ask(port, "get alice")
        expect((code, output), (1, ""))
        expect(errors, "get alice: the endpoint is failing and is not tried for now\n")
        expect(start(program, "127.0.0.1:0", "gone.pem", key).wait(SECONDS), 1)
        expect(start(client, "127.0.0.1:0").wait(SECONDS), 2)


# --- helpers ---------------------------------------------------------------------------------------------------------

def expect(found, expected):
    if found != expected:
        sys.exit(f"expected {expected!r}\n   found {found!r}")


def start(program, address, *arguments):
    return subprocess.Popen([program, *arguments], env={**os.environ, "ADDRESS": address}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Server:
    """A server program that runs for the length of a `with`, and then ends well after SIGTERM."""

    def __init__(self, program, *arguments):
        self.process = start(program, "127.0.0.1:0", *arguments)
        self.output = None

    def __enter__(self):
        deadline = time.monotonic() + SECONDS
        while (port := listening_port(self.process.pid)) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                sys.exit(f"the server does not listen: {self.process.communicate()}")
            time.sleep(0.01)
        self.port = port
        return self

    def ask(self, data):
        """Sends `data` and the end, answers all that comes back until the server's end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: peer.recv(65536), b""))

    def __exit__(self, failed, *_):
        if failed:
            self.process.kill()
        self.process.send_signal(signal.SIGTERM)
        self.output, errors = self.process.communicate(timeout=SECONDS)
        if not failed:
            expect((self.process.returncode, errors), (0, ""))


def listening_port(process):
    """The port on which a process listens, from /proc: the program itself need not print it."""
    sockets = set()
    try:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor))
            if match:
                sockets.add(match[1])
    except OSError:
        return None
    for line in Path(f"/proc/{process}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in sockets:
            return int(fields[1].split(":")[1], 16)
    return None


if __name__ == "__main__":
    main()
