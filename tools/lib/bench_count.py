#!/usr/bin/env python3
"""Counts what the TLS servers spend, exactly and on any machine: see tools/bench.sh."""

import argparse
import collections
import glob
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

import bench

CANDIDATES = {
    "raw": ["benchmarks/raw_tls_echo"],
    "libnet": ["benchmarks/libnet_tls_echo"],
    "asio": ["benchmarks/asio_ssl_echo"],
}

# size, depth, rounds
CASES = {
    "64B depth 1": (64, 1, 200),
    "64B depth 16": (64, 16, 100),
    "16KiB depth 1": (16384, 1, 40),
    "64KiB depth 4": (65536, 4, 10),
}
HANDSHAKES = {"full handshake": False, "resumed handshake": True}

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

    def __init__(self, port, size, depth, rounds):
        self.batch = (struct.pack(">I", size) + b"m" * size) * depth
        self.rounds = rounds
        self.units = rounds * CONNECTIONS * depth
        self.connections = [connect(client_context(), port) for _ in range(CONNECTIONS)]
        self.run(WARM_UP)

    def run(self, rounds=None):
        for _ in range(rounds or self.rounds):
            for connection in self.connections:
                connection.sendall(self.batch)
            for connection in self.connections:
                receive(connection, self.batch)


class Handshakes:
    """Connections that shake hands, echo one message and close, one after the other."""

    def __init__(self, port, resumed):
        self.context = client_context()
        self.port = port
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
            doing = work(server.port)
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
        doing = work(server.port)
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


def main():
    works = {name: lambda port, case=case: Echoes(port, *case) for name, case in CASES.items()}
    works |= {name: lambda port, resumed=resumed: Handshakes(port, resumed) for name, resumed in HANDSHAKES.items()}
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("build")
    parser.add_argument("--case", action="append", choices=works)
    parser.add_argument("--candidate", action="append", choices=CANDIDATES)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(works))
        return
    print("for each message, or handshake: instructions of the server outside the kernel, their ratio to raw, and "
          "its system calls")
    with tempfile.TemporaryDirectory() as folder:
        certificate = bench.make_certificate(folder)
        for case in arguments.case or works:
            first = None
            for name, (program, *options) in CANDIDATES.items():
                if name != "raw" and name not in (arguments.candidate or CANDIDATES):
                    continue
                command = [os.path.join(arguments.build, program), *certificate, *options]
                spent = instructions(command, works[case])
                first = first or spent
                calls = system_calls(command, works[case])
                shown = ", ".join(f"{call} {times:.2f}" for call, times in calls.items() if times >= 0.005)
                print(f"{case:18} {name:7} {spent:9.0f} {spent / first:6.3f}  {shown}", flush=True)


main()
