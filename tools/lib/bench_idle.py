#!/usr/bin/env python3
"""Measures what idle connections cost: see tools/bench.sh idle."""

import argparse
import json
import os
import re
import subprocess
import sys
import time

import bench

CONNECTIONS, SESSIONS = 19_000, 1_000_000
SMALLER = (1_000, 10_000)  # beside the largest number, so that it shows whether the cost of one stays the same
WARM_UP = 100  # connections by which is taken what is taken once for all
SPARE = 300  # descriptors that a server has for other things, and the warm-up
UNTIL_BUFFERS_ARE_BACK = 3.0  # seconds
ROUND_TRIPS = 2.0  # seconds in which one client is active

# Slabs of a connection, both ends of it, and of the entries that epoll has.
SLABS = ("TCP", "sock_inode_cache", "filp", "eventpoll_epi", "eventpoll_pwq")
SLAB_OF_EACH_SOCKET = "dentry"  # too busy to be counted by itself


def commands(connections, idle):
    """libnet has every deadline, and asks each client once while the processor's time is taken."""
    every_protection = ["--heartbeat", f"{idle:g}s", "--idle-timeout", "1h", "--min-rate", "1KiB", "--lifetime", "24h",
                        "--memory-budget", "1GiB", "--max-per-address", "100000", "--accept-rate", "1000000/s",
                        "--max-connections", str(connections + 1000)]
    return {
        "libnet": ["apps/tcp_echo_server", "--listen", "127.0.0.1:0", "--quiet", *every_protection],
        "raw": ["benchmarks/raw_epoll_echo", "--release-buffers"],
        "asio": ["benchmarks/asio_echo"],
        "beast": ["benchmarks/beast_echo"],
        "go": ["benchmarks/go_echo"],
    }


class Holder:
    """The other end of idle connections, in a process of its own."""

    def __init__(self, build, port, connections):
        self.process = subprocess.Popen(
            bench.pinned(bench.LOAD_CORE, [os.path.join(build, "benchmarks/idle_load"), port, str(connections)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "open":
            raise SystemExit("the connections could not be opened")

    def check(self):
        if self.process.poll() is not None:
            raise SystemExit("the connections were not held")

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def slabs_in_use(text):
    """{name: (objects, size of one)} of /proc/slabinfo."""
    return {name: (int(objects), int(size))
            for name, objects, size in re.findall(r"^(\S+)\s+(\d+)\s+\d+\s+(\d+)\s", text, re.M)}


def kernel_memory(sockstat, slabinfo):
    """Bytes that TCP's sockets take in the kernel, and how that is known. `slabinfo` may be None."""
    pages = int(re.search(r"^TCP:.*\bmem (\d+)", sockstat, re.M)[1])
    queues = pages * os.sysconf("SC_PAGE_SIZE")
    slabs = slabs_in_use(slabinfo or "")
    if "sock_inode_cache" not in slabs:
        return queues, "sockstat alone: queues, without the sockets themselves; /proc/slabinfo is for root"
    objects = sum(count * size for count, size in (slabs.get(name, (0, 0)) for name in SLABS))
    names = slabs["sock_inode_cache"][0] * slabs.get(SLAB_OF_EACH_SOCKET, (0, 0))[1]
    return queues + objects + names, "slabinfo and sockstat, both ends"


def kernel_memory_now():
    slabinfo = open("/proc/slabinfo").read() if os.access("/proc/slabinfo", os.R_OK) else None
    return kernel_memory(open("/proc/net/sockstat").read(), slabinfo)


def memory_while_idle(process, seconds):
    """The least, which is that between heartbeats, and the mean: each takes buffers for a second."""
    samples = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        samples.append(bench.private_memory(process))
        time.sleep(max(0.0, min(0.5, until - time.monotonic())))
    return min(samples), sum(samples) / len(samples)


def round_trips(build, port):
    load = [os.path.join(build, "benchmarks/lonely_load"), port, "0", "64", str(ROUND_TRIPS)]
    out = subprocess.run(bench.pinned(bench.LOAD_CORE, load), check=True, capture_output=True, text=True).stdout
    return tuple(float(number) for number in re.match(r"(\d+) ns_p50 (\d+) ns_p99", out).groups())


def measure_sockets(build, name, command, steps, idle):
    """One server, and more and more connections."""
    with bench.Server(build, command) as server:
        process = server.process.pid
        holders = [Holder(build, server.port, WARM_UP)]
        time.sleep(UNTIL_BUFFERS_ARE_BACK)
        user_before, (kernel_before, source) = bench.private_memory(process), kernel_memory_now()
        held = 0
        for connections in steps:
            holders.append(Holder(build, server.port, connections - held))
            held = connections
            time.sleep(UNTIL_BUFFERS_ARE_BACK)
            kernel = kernel_memory_now()[0] - kernel_before
            began, spent = time.monotonic(), bench.cpu_time(process)
            least, mean = memory_while_idle(process, idle)
            share = (bench.cpu_time(process) - spent) / 1e9 / (time.monotonic() - began)
            p50, p99 = round_trips(build, server.port)
            for holder in holders:
                holder.check()
            yield {"candidate": name, "connections": connections, "user_bytes": (least - user_before) / connections,
                   "mean_user_bytes": (mean - user_before) / connections, "kernel_bytes": kernel / connections,
                   "kernel_source": source, "cpu_share": share, "p50_ns": p50, "p99_ns": p99}
        for holder in holders:
            holder.end()


def measure_sessions(build, count):
    out = subprocess.run([os.path.join(build, "benchmarks/idle_sessions"), str(count)], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def steps_up_to(most):
    return [count for count in SMALLER if count < most] + [most]


def over_sockets(arguments):
    most = min(arguments.connections, bench.raise_descriptor_limit() - SPARE)
    if most < arguments.connections:
        print(f"{most} connections instead of {arguments.connections}: there are no more descriptors (ulimit -n)")
    found = []
    print(f"over TCP, each connection has echoed 64 bytes; then idle for {arguments.idle:g} s (of libnet each is asked "
          "once in that time for a sign of life). For each of them: bytes of user memory (the least, and the mean "
          "while heartbeats pass), and of the kernel's")
    for name, command in commands(most, arguments.idle).items():
        if arguments.candidate and name not in arguments.candidate:
            continue
        if not os.path.exists(os.path.join(arguments.build, command[0])):
            print(f"{name} is left out: there is no {command[0]}", file=sys.stderr)
            continue
        for row in measure_sockets(arguments.build, name, command, steps_up_to(most), arguments.idle):
            print(f"{name:7} {row['connections']:9,} connections  user {row['user_bytes']:6.0f} (mean "
                  f"{row['mean_user_bytes']:6.0f})  "
                  f"kernel {row['kernel_bytes']:6.0f}  CPU {row['cpu_share'] * 100:5.2f} %  "
                  f"one that is active: p50 {row['p50_ns'] / 1000:5.1f} us, p99 {row['p99_ns'] / 1000:6.1f} us",
                  flush=True)
            found.append(row)
    if found:
        print(f"kernel memory: {found[0]['kernel_source']}")
    return found


def over_memory(arguments):
    found = []
    print("over streams in memory, with every deadline and a heartbeat; for each session:")
    for count in steps_up_to(arguments.sessions):
        row = measure_sessions(arguments.build, count)
        print(f"{count:17,} sessions     user {row['bytes_of_session']:6}  after heartbeats "
              f"{row['bytes_after_heartbeats']:6}  (and a stream {row['bytes_of_stream']})  opening "
              f"{row['open_ns']:6} ns, heartbeat {row['heartbeat_ns']:6} ns, one that is active: p50 "
              f"{row['echo_p50_ns']:6} ns, p99 {row['echo_p99_ns']:6} ns", flush=True)
        found.append(row)
    return found


def parse(words):
    parser = argparse.ArgumentParser(prog="tools/bench.sh idle", add_help=False)
    parser.add_argument("build")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--idle", type=float, default=10)
    parser.add_argument("--candidate", action="append", choices=commands(0, 1))
    parser.add_argument("--json")
    arguments = parser.parse_args(words)
    if arguments.connections < 0 or arguments.sessions < 0 or arguments.idle <= 0:
        parser.error("there are at least 0 of them, and they are idle for longer than 0 s")
    return arguments


def main():
    arguments = parse(sys.argv[1:])
    sockets = over_sockets(arguments) if arguments.connections else []
    sessions = over_memory(arguments) if arguments.sessions else []
    bench.write_json(arguments.json, "idle", {"sockets": sockets, "sessions": sessions})


if __name__ == "__main__":
    main()
