#!/usr/bin/env python3
"""Counts what servers spend, exactly and on any machine: see tools/bench.sh."""

import argparse
import collections
import glob
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

CANDIDATES = {
    "tls": {
        "raw": ["benchmarks/raw_tls_echo"],
        "libnet": ["benchmarks/libnet_tls_echo"],
        "asio": ["benchmarks/asio_ssl_echo"],
    },
    "udp": {
        "raw": ["benchmarks/raw_udp_echo"],
        "libnet": ["apps/udp_echo_server", "--listen", "127.0.0.1:0", "--quiet", "--plain"],
        "per-peer": ["apps/udp_echo_server", "--listen", "127.0.0.1:0", "--quiet", "--plain", "--per-peer"],
        "asio": ["benchmarks/asio_udp_echo"],
    },
}

# size, depth, rounds
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


def connect(context, port, session=None):
    transport = socket.create_connection(("127.0.0.1", port))
    transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(transport, session=session)


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
        self.connections = [connect(client_context(), server.port) for _ in range(CONNECTIONS)]
        self.run(WARM_UP)

    def run(self, rounds=None):
        for _ in range(rounds or self.rounds):
            for connection in self.connections:
                connection.sendall(self.batch)
            for connection in self.connections:
                receive(connection, self.batch)


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
            os.kill(self.server, signal.SIGSTOP)
            for each in self.sockets:
                for _ in range(self.depth):
                    each.send(datagram)
            os.kill(self.server, signal.SIGCONT)
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


def instructions(command, work):
    """Of the server itself, without the kernel, for one unit of work."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "counts")
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        with Server([*valgrind, *command]) as server:
            doing = work(server)
            control(server, "--zero")
            doing.run()
            control(server, "--dump")
            counted = [int(re.search(r"^totals: (\d+)", open(path).read(), re.M)[1])
                       for path in glob.glob(out + ".*")]
        return sum(counted) / doing.units


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
        counted = collections.Counter()
        for line in trace:
            name = re.match(r"\d+ +(\w+)\(", line)
            if name:
                counted[name[1]] += 1
                if "EAGAIN" in line:
                    counted[f"{name[1]} (nothing)"] += 1
        return {name: calls / doing.units for name, calls in counted.most_common()}


class Server(bench.Server):
    """Not pinned, since nothing is timed."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(re.search(r":(\d+)$", self.process.stdout.readline().strip())[1])


def works_of(suite):
    """What there is to count, by name: each makes its work out of a server."""
    if suite == "udp":
        return {name: lambda server, case=case: Datagrams(server, *case) for name, case in DATAGRAMS.items()}
    works = {name: lambda server, case=case: Echoes(server, *case) for name, case in MESSAGES.items()}
    return works | {name: lambda server, resumed=resumed: Handshakes(server, resumed)
                    for name, resumed in HANDSHAKES.items()}


def main():
    suite = sys.argv[1]
    works, candidates = works_of(suite), CANDIDATES[suite]
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("build")
    parser.add_argument("--case", action="append", choices=works)
    parser.add_argument("--candidate", action="append", choices=candidates)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args(sys.argv[2:])
    if arguments.list:
        print("\n".join(works))
        return
    print("for each message, datagram or handshake: instructions of the server outside the kernel, their ratio to raw, "
          "and its system calls")
    with tempfile.TemporaryDirectory() as folder:
        certificate = bench.make_certificate(folder) if suite == "tls" else []
        for case in arguments.case or works:
            first = None
            for name, (program, *options) in candidates.items():
                if name != "raw" and name not in (arguments.candidate or candidates):
                    continue
                command = [os.path.join(arguments.build, program), *certificate, *options]
                spent = instructions(command, works[case])
                first = first or spent
                calls = system_calls(command, works[case])
                shown = ", ".join(f"{call} {times:.2f}" for call, times in calls.items() if times >= 0.005)
                print(f"{case:22} {name:8} {spent:9.0f} {spent / first:6.3f}  {shown}", flush=True)


main()
