#!/usr/bin/env python3
"""Counts what servers spend, exactly and on any machine: see tools/bench.sh."""

import argparse
import collections
import contextlib
import glob
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

import bench
import bench_cpu

CANDIDATES = {
    "echo": {
        "raw": ["benchmarks/raw_epoll_echo"],
        "libnet": bench_cpu.ECHO_SERVER,
        "batch": ["benchmarks/libnet_echo", "--batch"],
        "asio": ["benchmarks/asio_echo"],
        "beast": ["benchmarks/beast_echo"],
        "asio+timer": ["benchmarks/asio_timer_echo"],
        "libuv": ["benchmarks/libuv_echo"],
        "libevent": ["benchmarks/libevent_echo"],
    },
    "tls": {
        "raw": ["benchmarks/raw_tls_echo"],
        "libnet": ["benchmarks/libnet_tls_echo"],
        "asio": ["benchmarks/asio_ssl_echo"],
    },
    "udp": {
        "raw": ["benchmarks/raw_udp_echo"],
        "libnet": [*bench_cpu.UDP_ECHO_SERVER, "--plain"],
        "per-peer": [*bench_cpu.UDP_ECHO_SERVER, "--plain", "--per-peer"],
        "asio": ["benchmarks/asio_udp_echo"],
    },
}

# size, depth, rounds
PLAIN_MESSAGES = {
    "64B depth 1": (64, 1, 200),
    "64B depth 16": (64, 16, 50),
    "64B depth 64": (64, 64, 20),
    "16KiB depth 1": (16384, 1, 40),
    "64KiB depth 4": (65536, 4, 10),
}
MESSAGES = {
    "64B depth 1": (64, 1, 200),
    "64B depth 16": (64, 16, 100),
    "16KiB depth 1": (16384, 1, 40),
    "64KiB depth 4": (65536, 4, 10),
}
HANDSHAKES = {"full handshake": False, "resumed handshake": True}

# sockets, depth, rounds
DATAGRAMS = {
    "64B 1 socket depth 1": (1, 1, 1000),
    "64B 1 socket depth 64": (1, 64, 50),
    "64B 64 sockets": (64, 1, 50),
}

CONNECTIONS = 8
WARM_UP = 20  # until buffers are as large as they will be
VISITS = 40


def client_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect_plain(port):
    transport = socket.create_connection(("127.0.0.1", port))
    transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return transport


def connect(context, port, session=None):
    return context.wrap_socket(connect_plain(port), session=session)


@contextlib.contextmanager
def asleep(process):
    """So that what is sent meanwhile comes together, on any machine."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def receive(connection, expected):
    got = bytearray()
    while len(got) < len(expected):
        part = connection.recv(len(expected) - len(got))
        if not part:
            sys.exit("the server closed the connection")
        got += part
    if got != expected:
        sys.exit("an echo differs from what was sent")


class Echoes:
    """Rounds in which every connection sends `depth` messages at once, and then reads the answers."""

    def __init__(self, server, size, depth, rounds):
        self.batch = (struct.pack(">I", size) + b"m" * size) * depth
        self.rounds = rounds
        self.units = rounds * CONNECTIONS * depth
        self.connections = [self.connect(server.port) for _ in range(CONNECTIONS)]
        self.server = server.process.pid
        self.run(WARM_UP)

    @staticmethod
    def connect(port):
        return connect(client_context(), port)

    def send(self):
        for connection in self.connections:
            connection.sendall(self.batch)

    def run(self, rounds=None):
        for _ in range(rounds or self.rounds):
            self.send()
            for connection in self.connections:
                receive(connection, self.batch)


class PlainEchoes(Echoes):
    """The same without TLS. The server sleeps while messages are sent, so that they come together."""

    @staticmethod
    def connect(port):
        return connect_plain(port)

    def send(self):
        with asleep(self.server):
            super().send()


class Datagrams:
    """Rounds in which every socket sends `depth` datagrams, and then reads the answers. The server sleeps meanwhile,
    so that they come together."""

    def __init__(self, server, sockets, depth, rounds):
        self.rounds = rounds
        self.depth = depth
        self.units = rounds * sockets * depth
        self.sockets = []
        for _ in range(sockets):
            self.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self.sockets[-1].connect(("127.0.0.1", server.port))
            self.sockets[-1].settimeout(10)
        self.server = server.process.pid
        self.run(WARM_UP)

    def run(self, rounds=None):
        datagram = b"d" * 64
        for _ in range(rounds or self.rounds):
            with asleep(self.server):
                for each in self.sockets:
                    for _ in range(self.depth):
                        each.send(datagram)
            for each in self.sockets:
                for _ in range(self.depth):
                    if each.recv(65536) != datagram:
                        sys.exit("an echo differs from what was sent")


class Handshakes:
    """Connections that shake hands, echo one message and close, one after the other."""

    def __init__(self, server, resumed):
        self.context = client_context()
        self.port = server.port
        self.units = VISITS
        self.session = None
        self.visit()
        self.resumed = resumed
        self.run(5)

    def visit(self, session=None):
        message = struct.pack(">I", 64) + b"m" * 64
        connection = connect(self.context, self.port, session)
        if connection.session_reused != (session is not None):
            sys.exit("a handshake was not of its kind")
        connection.sendall(message)
        receive(connection, message)
        self.session = self.session or connection.session
        connection.unwrap().close()

    def run(self, visits=VISITS):
        for _ in range(visits):
            self.visit(self.session if self.resumed else None)


ALLOCATORS = ("malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign")


def allocations(counts):
    """How often the program asked the heap for memory, by what callgrind wrote of calls: those between the heap's own
    functions are left out."""
    names, caller, callee, asked = {}, "", "", 0
    for line in counts.splitlines():
        function = re.match(r"(c?)fn=\((\d+)\)(?: (.*))?$", line)
        if function:
            named = names.setdefault(function[2], function[3])  # the first time with its name, then by number
            caller, callee = (caller, named) if function[1] else (named, callee)
        elif line.startswith("calls=") and plain(callee) in ALLOCATORS and not of_heap(caller):
            asked += int(line[len("calls="):].split()[0])
    return asked


def plain(function):
    """Without what the compiler puts behind a name (.constprop.0), and callgrind behind a recursion ('2)."""
    return re.sub(r"[.'].*", "", function)


def of_heap(function):
    return plain(function) in ALLOCATORS or function.startswith("_mid_memalign")


def spent_outside_the_kernel(command, work):
    """Instructions and allocations of the server itself, for one unit of work."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "counts")
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        with Server([*valgrind, *command]) as server:
            doing = work(server)
            control(server, "--zero")
            doing.run()
            control(server, "--dump")
            dumps = [open(path).read() for path in glob.glob(out + ".*")]
        instructions = sum(int(re.search(r"^totals: (\d+)", dump, re.M)[1]) for dump in dumps)
        return instructions / doing.units, sum(map(allocations, dumps)) / doing.units


def control(server, order):
    subprocess.run(["callgrind_control", order, str(server.process.pid)], check=True, capture_output=True)


def system_calls(command, work):
    """Name to calls for one unit of work; what found nothing counts as `name (nothing)` besides."""
    with tempfile.NamedTemporaryFile("r") as trace, Server(command) as server:
        doing = work(server)
        tracing = subprocess.Popen(["strace", "-f", "-o", trace.name, "-p", str(server.process.pid)],
                                   stderr=subprocess.PIPE, text=True)
        tracing.stderr.readline()  # it has attached
        time.sleep(0.2)
        doing.run()
        tracing.terminate()
        tracing.wait()
        return {name: calls / doing.units for name, calls in calls_of(trace).most_common()}


def calls_of(trace):
    """Of strace's lines. A wait that was interrupted because we stopped the server is ours and not the server's."""
    counted = collections.Counter()
    for line in trace:
        name = re.match(r"\d+ +(\w+)\(", line)
        if name and "EINTR" not in line:
            counted[name[1]] += 1
            if "EAGAIN" in line:
                counted[f"{name[1]} (nothing)"] += 1
    return counted


class Server(bench.Server):
    """Not pinned, since nothing is timed."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(re.search(r":(\d+)$", self.process.stdout.readline().strip())[1])


def works_of(suite):
    """What there is to count, by name: each makes its work out of a server."""
    if suite == "udp":
        return {name: lambda server, case=case: Datagrams(server, *case) for name, case in DATAGRAMS.items()}
    if suite == "echo":
        return {name: lambda server, case=case: PlainEchoes(server, *case) for name, case in PLAIN_MESSAGES.items()}
    works = {name: lambda server, case=case: Echoes(server, *case) for name, case in MESSAGES.items()}
    return works | {name: lambda server, resumed=resumed: Handshakes(server, resumed)
                    for name, resumed in HANDSHAKES.items()}


def count(command, work):
    """What one unit of work costs."""
    instructions, allocated = spent_outside_the_kernel(command, work)
    return {"instructions": instructions, "allocations": allocated, "calls": system_calls(command, work)}


def text_of_calls(calls):
    return ", ".join(f"{name} {times:.2f}" for name, times in calls.items() if times >= 0.005)


def parse(words):
    parser = argparse.ArgumentParser(prog="tools/bench.sh", add_help=False)
    parser.add_argument("suite", choices=CANDIDATES)
    suite = parser.parse_args(words[:1]).suite
    parser.add_argument("build")
    parser.add_argument("--case", action="append", choices=works_of(suite))
    parser.add_argument("--candidate", action="append", choices=CANDIDATES[suite])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json")
    return parser.parse_args(words)


def main():
    arguments = parse(sys.argv[1:])
    works = works_of(arguments.suite)
    if arguments.list:
        print("\n".join(works))
        return
    print("for each message, datagram or handshake: instructions of the server outside the kernel, their ratio to raw, "
          "its allocations, and its system calls")
    candidates = {name: command for name, command in CANDIDATES[arguments.suite].items()
                  if name == "raw" or name in (arguments.candidate or CANDIDATES[arguments.suite])}
    candidates = bench_cpu.without_missing(arguments.build, candidates)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        certificate = bench.make_certificate(folder) if arguments.suite == "tls" else []
        for case in arguments.case or works:
            first = None
            for name, (program, *options) in candidates.items():
                spent = count([os.path.join(arguments.build, program), *certificate, *options], works[case])
                first = first or spent["instructions"]
                spent = {"case": case, "candidate": name, "ratio": spent["instructions"] / first, **spent}
                print(f"{case:22} {name:10} {spent['instructions']:9.0f} {spent['ratio']:6.3f} "
                      f"{spent['allocations']:6.2f}  {text_of_calls(spent['calls'])}", flush=True)
                figures.append(spent)
    bench.write_json(arguments.json, f"{arguments.suite}-count", figures)


if __name__ == "__main__":
    main()
