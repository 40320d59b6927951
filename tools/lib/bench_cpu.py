#!/usr/bin/env python3
"""Runs the benchmarks of CPU time: see tools/bench.sh."""

import argparse
import os
import sys
import tempfile

import bench


def echo(size, connections, depth):
    return [str(connections), str(depth), str(size)]


def datagrams(size, sockets, depth, segments=False):
    return [str(sockets), str(depth), str(size), str(int(segments))]


ECHO_SERVER = ["apps/tcp_echo_server", "--listen", "127.0.0.1:0", "--quiet", "--congestion", "reno"]
UDP_ECHO_SERVER = ["apps/udp_echo_server", "--listen", "127.0.0.1:0", "--quiet"]
UDP_CASES = {
    "64B 64 sockets": datagrams(64, 64, 1),
    "64B 1 socket x64": datagrams(64, 1, 64),
    "1200B 64 sockets": datagrams(1200, 64, 1),
}

# The candidates are commands below the build folder. The first is what the others are compared with.
SUITES = {
    "echo": {
        "what": "server CPU per message",
        "load": "benchmarks/echo_load",
        "cases": {
            "64B x64 depth 1": echo(64, 64, 1),
            "64B x64 depth 16": echo(64, 64, 16),
            "64B x64 depth 64": echo(64, 64, 64),
            "64B x1000 depth 1": echo(64, 1000, 1),
            "16KiB x16 depth 1": echo(16384, 16, 1),
            "64KiB x16 depth 4": echo(65536, 16, 4),
        },
        "candidates": {
            "raw": ["benchmarks/raw_epoll_echo"],
            "libnet": ECHO_SERVER,
            "guarded": [*ECHO_SERVER, "--heartbeat", "30s", "--idle-timeout", "5min", "--min-rate", "1KiB",
                        "--lifetime", "1h", "--memory-budget", "1GiB", "--max-per-address", "20000", "--accept-rate", "100000/s"],
            "batch": ["benchmarks/libnet_echo", "--batch"],
            "asio": ["benchmarks/asio_echo"],
        },
    },
    # All on one core, and the same load: what is left is what shards cost each other.
    "shards": {
        "what": "server CPU per message",
        "load": "benchmarks/echo_load",
        "cases": {
            "64B x64 depth 1": echo(64, 64, 1),
            "64B x64 depth 16": echo(64, 64, 16),
            "64B x64 depth 64": echo(64, 64, 64),
            "16KiB x16 depth 1": echo(16384, 16, 1),
        },
        "candidates": {
            "one": ECHO_SERVER + ["--threads", "1"],
            "two": ECHO_SERVER + ["--threads", "2"],
            "two-listening": ECHO_SERVER + ["--threads", "2", "--reuse-port"],
            "loop": ECHO_SERVER,
        },
    },
    "udp": {
        "what": "server CPU per datagram",
        "load": "benchmarks/udp_load",
        "cases": UDP_CASES,
        "candidates": {
            "raw": ["benchmarks/raw_udp_echo"],
            "libnet": [*UDP_ECHO_SERVER, "--plain"],
            "per-peer": [*UDP_ECHO_SERVER, "--plain", "--per-peer"],
            "asio": ["benchmarks/asio_udp_echo"],
        },
    },
    "udp-segments": {
        "what": "server CPU per datagram",
        "load": "benchmarks/udp_load",
        "cases": {
            "64B 1 socket x64": datagrams(64, 1, 64, segments=True),
            "1200B 4 sockets x32": datagrams(1200, 4, 32, segments=True),
        },
        "candidates": {
            "raw": ["benchmarks/raw_udp_echo"],
            "raw+segments": ["benchmarks/raw_udp_echo", "--segments"],
            "libnet": UDP_ECHO_SERVER,
            "per-peer": [*UDP_ECHO_SERVER, "--per-peer"],
            "asio": ["benchmarks/asio_udp_echo"],  # which knows nothing of segments, as most who use it
        },
    },
    # What it costs that each peer has a session of its own.
    "udp-peers": {
        "what": "server CPU per datagram",
        "load": "benchmarks/udp_load",
        "cases": UDP_CASES,
        "candidates": {
            "one session": [*UDP_ECHO_SERVER, "--plain"],
            "per-peer": [*UDP_ECHO_SERVER, "--plain", "--per-peer"],
        },
    },
    "tls": {
        "what": "server CPU per message",
        "load": "benchmarks/tls_echo_load",
        "cases": {
            "64B x64 depth 1": echo(64, 64, 1),
            "64B x64 depth 16": echo(64, 64, 16),
            "16KiB x16 depth 1": echo(16384, 16, 1),
            "64KiB x16 depth 4": echo(65536, 16, 4),
        },
        "candidates": {
            "raw": ["benchmarks/raw_tls_echo", "CERTIFICATE", "KEY"],
            "libnet": ["benchmarks/libnet_tls_echo", "CERTIFICATE", "KEY"],
            "batch": ["benchmarks/libnet_tls_echo", "CERTIFICATE", "KEY", "--batch"],
            "asio": ["benchmarks/asio_ssl_echo", "CERTIFICATE", "KEY"],
        },
    },
    "handshake": {
        "what": "server CPU per handshake",
        "load": "benchmarks/tls_handshake_load",
        "cases": {
            "full x16": ["full", "16"],
            "resumed x16": ["resumed", "16"],
        },
        "candidates": {
            "raw": ["benchmarks/raw_tls_echo", "CERTIFICATE", "KEY"],
            "libnet": ["benchmarks/libnet_tls_echo", "CERTIFICATE", "KEY"],
            "asio": ["benchmarks/asio_ssl_echo", "CERTIFICATE", "KEY"],
        },
    },
}

# One client alone, whose echoes are bound by falling asleep and waking up.
SUITES["lonely"] = {
    "what": "a round trip (p50)",
    "load": "benchmarks/lonely_load",
    "cases": {"64B x1 depth 1": ["64"]},
    "candidates": {
        "raw": ["benchmarks/raw_epoll_echo"],
        "libnet": ECHO_SERVER,
        "spinning": ["benchmarks/libnet_echo", "--spin"],
        "asio": ["benchmarks/asio_echo"],
    },
}

# What others offer, on the same wire format and with the same load. None of them has a deadline but beast and
# asio+timer; io_uring, libuv, libevent, go, tokio and netty gather replies, as libnet does.
SUITES["peers"] = {
    **SUITES["echo"],
    "candidates": {
        "raw": ["benchmarks/raw_epoll_echo"],
        "libnet": SUITES["echo"]["candidates"]["libnet"],
        "guarded": SUITES["echo"]["candidates"]["guarded"],
        "batch": SUITES["echo"]["candidates"]["batch"],
        "io_uring": ["benchmarks/io_uring_echo"],
        "asio": ["benchmarks/asio_echo"],
        "beast": ["benchmarks/beast_echo"],
        "asio+timer": ["benchmarks/asio_timer_echo"],
        "libuv": ["benchmarks/libuv_echo"],
        "libevent": ["benchmarks/libevent_echo"],
        "go": ["benchmarks/go_echo"],
        "tokio": ["benchmarks/tokio_echo"],
        "netty": ["benchmarks/netty_echo"],
    },
}


# Seconds that a candidate runs for before it is measured: a machine that compiles while it runs needs some, the others
# have what their load warms up for.
WARM_UP = {"netty": 5.0}


def without_missing(build, candidates):
    """Leaves out, with a word, what could not be built here."""
    there = {name: command for name, command in candidates.items() if os.path.exists(os.path.join(build, command[0]))}
    for name in candidates.keys() - there.keys():
        print(f"{name} is left out: there is no {candidates[name][0]}", file=sys.stderr)
    return there


def with_certificate(command, certificate, key):
    return [{"CERTIFICATE": certificate, "KEY": key}.get(word, word) for word in command]


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("build")
    suite = SUITES[parser.parse_known_args()[0].suite]
    parser.add_argument("--rounds", type=bench.positive(int), default=bench.ROUNDS)
    parser.add_argument("--seconds", type=bench.positive(float), default=bench.SECONDS)
    parser.add_argument("--case", action="append", choices=suite["cases"])
    parser.add_argument("--candidate", action="append", choices=suite["candidates"])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(suite["cases"]))
        return
    cases = {name: suite["cases"][name] for name in arguments.case or suite["cases"]}
    with tempfile.TemporaryDirectory() as folder:
        certificate = bench.make_certificate(folder) if suite["load"].startswith("benchmarks/tls") else ["", ""]
        candidates = {name: with_certificate(command, *certificate) for name, command in suite["candidates"].items()
                      if name == next(iter(suite["candidates"])) or name in (arguments.candidate or suite["candidates"])}
        candidates = {name: bench.Candidate(command, WARM_UP.get(name, 0))
                      for name, command in without_missing(arguments.build, candidates).items()}
        if len(candidates) < 2:
            parser.error(f"there is nothing to compare {next(iter(candidates))} with")
        figures = bench.compare(arguments.build, suite["what"], suite["load"], cases, candidates,
                                arguments.rounds, arguments.seconds)
        bench.write_json(arguments.json, arguments.suite, figures)


if __name__ == "__main__":
    main()
