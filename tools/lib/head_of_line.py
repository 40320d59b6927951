#!/usr/bin/env python3
"""Measures how late messages come over a line that loses packets, over TCP and over UDP, and draws it: see
tools/bench.sh head-of-line."""

import argparse
import math
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

import wire

FLOWS = 20  # connections, or sockets of UDP, at a time
MESSAGE = struct.Struct("!dI188x")  # when it was sent, and its number: 200 bytes in all
APART = 0.020  # seconds between the messages of a flow
WAITED = 0.010  # seconds more than the line takes: something held it back
SETTLING = 3  # seconds that what is under way has at the end


# --- two ways to have a bad line ------------------------------------------------------------------------------------


class Wire:
    """Two network namespaces with a wire between them that loses packets, whatever is in them: the kernel's own TCP
    finds out, and sends again."""

    def __init__(self, loss, delay):
        self.namespaces = []
        devices = []
        for end in (0, 1):
            wire.enter_new_namespace()
            devices.append(wire.open_end(end))
            self.namespaces.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        self.carrier = os.fork()
        if self.carrier == 0:
            wire.hurry()
            wire.Wire(loss, delay).carry(devices)
            os._exit(0)

    def open(self, kind):
        """A socket that receives, and one for each flow that sends to it."""
        wire.enter_namespace(self.namespaces[0])
        server = bind(kind, wire.ADDRESSES[0])
        wire.enter_namespace(self.namespaces[1])
        return server, [connect(kind, server.getsockname()) for _ in range(FLOWS)]

    def close(self):
        os.kill(self.carrier, signal.SIGTERM)
        os.waitpid(self.carrier, 0)


class Relay:
    """apps/impair, where there are no rights for the other: over TCP loss is the wait for what is sent again."""

    def __init__(self, loss, delay, program):
        self.command = [program, "--listen", "127.0.0.1:0", "--loss", str(loss), "--delay", f"{delay * 1000:.0f}ms"]
        self.process = None

    def open(self, kind):
        server = bind(kind, "127.0.0.1")
        name = "--tcp" if kind == socket.SOCK_STREAM else "--udp"
        target = ["--connect", "127.0.0.1:%d" % server.getsockname()[1]]
        self.close()
        self.process = subprocess.Popen([*self.command, name, *target], stdout=subprocess.PIPE, text=True)
        port = int(re.search(r":(\d+)$", self.process.stdout.readline().strip())[1])
        return server, [connect(kind, ("127.0.0.1", port)) for _ in range(FLOWS)]

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


# --- what is sent, and when it comes --------------------------------------------------------------------------------


def bind(kind, address):
    server = socket.socket(socket.AF_INET, kind)
    server.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        server.listen(FLOWS)
    else:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return server


def connect(kind, where):
    client = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    client.connect(where)
    return client


def measure(line, kind, seconds):
    """Seconds from each message's sending to its arrival; infinity for those that did not."""
    server, clients = line.open(kind)
    receivers = [server.accept()[0] for _ in clients] if kind == socket.SOCK_STREAM else [server]
    partial = {r.fileno(): b"" for r in receivers}
    late = {}  # by number
    poll = select.poll()
    for receiver in receivers:
        receiver.setblocking(False)
        poll.register(receiver, select.POLLIN)
    began = time.monotonic() + 0.2
    total = int(seconds / APART) * FLOWS
    sent = 0
    while True:
        now = time.monotonic()
        while sent < total and now >= began + sent * APART / FLOWS:
            clients[sent % FLOWS].sendall(MESSAGE.pack(now, sent))
            sent += 1
        if len(late) == total or now > began + seconds + SETTLING:
            break
        next_at = began + sent * APART / FLOWS if sent < total else now + 0.1
        for descriptor, _ in poll.poll(max(0, next_at - now) * 1000):
            content = partial[descriptor] + os.read(descriptor, 65536)
            whole = len(content) - len(content) % MESSAGE.size
            now = time.monotonic()
            for when, number in MESSAGE.iter_unpack(content[:whole]):
                late[number] = now - when
            partial[descriptor] = content[whole:]
    for each in (server, *clients, *receivers):
        each.close()
    return sorted(late.values()) + [float("inf")] * (total - len(late))


def quantile(sorted_times, share):
    return sorted_times[min(len(sorted_times) - 1, int(share * len(sorted_times)))]


def milliseconds(value):
    return "never" if value == float("inf") else f"{value * 1000:.0f} ms"


def describe(name, times):
    lost = times.count(float("inf"))
    arrived = times[:len(times) - lost]
    waited = sum(1 for t in arrived if t > arrived[0] + WAITED) / len(times)
    return (f"{name}: {len(times)} messages, {lost / len(times):.1%} never came, {waited:.1%} came more than "
            f"{milliseconds(WAITED)} late; of those that came p50 {milliseconds(quantile(arrived, 0.5))}, p99 "
            f"{milliseconds(quantile(arrived, 0.99))}, the last {milliseconds(arrived[-1])}")


# --- the picture ----------------------------------------------------------------------------------------------------

LEFT, RIGHT, TOP, BOTTOM = 90, 730, 62, 330
LONGEST = 0.24  # seconds, at the right
RAREST = 3  # 10 to the power of minus so much, at the bottom

STYLE = """
    .page { fill: #ffffff; stroke: #c8d0da; }
    .grid { stroke: #dde3ea; }
    .name { fill: #1a2430; font-size: 16px; font-weight: 600; }
    .text { fill: #445160; font-size: 13px; }
    .right { text-anchor: end; }
    .middle { text-anchor: middle; }
    .tcp { stroke: #b45309; }
    .udp { stroke: #1d5fb4; }
    .curve { fill: none; stroke-width: 2.5; }
    .tcp-name { fill: #b45309; font-size: 14px; font-weight: 600; }
    .udp-name { fill: #1d5fb4; font-size: 14px; font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #161b22; stroke: #39424e; }
      .grid { stroke: #2c343e; }
      .name { fill: #e6edf3; }
      .text { fill: #aab6c3; }
      .tcp { stroke: #f0a04b; }
      .udp { stroke: #6cabf7; }
      .tcp-name { fill: #f0a04b; }
      .udp-name { fill: #6cabf7; }
    }
"""


def x_of(seconds):
    return LEFT + (RIGHT - LEFT) * min(seconds, LONGEST) / LONGEST


def y_of(share):
    decades = -math.log10(max(share, 10 ** -RAREST))
    return TOP + (BOTTOM - TOP) * decades / RAREST


def curve(times):
    """How many are not there yet, at each moment, of those that were sent."""
    points = [(x_of(0), y_of(1))]
    for step in range(1, 401):
        moment = LONGEST * step / 400
        share = sum(1 for t in times if t > moment) / len(times)
        if share < 10 ** -RAREST:
            break
        points.append((x_of(moment), y_of(share)))
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def draw(results, subtitle):
    tcp, udp = results["TCP"], results["UDP"]
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 390" role="img" font-family="system-ui, sans-serif">',
        "  <title>How late messages come over a line that loses packets</title>",
        f"  <desc>{describe('Over TCP', tcp)}. {describe('Over UDP', udp)}.</desc>",
        f"  <style>{STYLE}  </style>",
        '  <rect class="page" x="0.5" y="0.5" width="759" height="389" rx="8"/>',
        '  <text class="name" x="24" y="28">Messages that are not there yet</text>',
        f'  <text class="text" x="24" y="47">{subtitle}</text>',
    ]
    for decade in range(RAREST + 1):
        y = y_of(10 ** -decade)
        lines.append(f'  <path class="grid" d="M{LEFT} {y:.1f} L{RIGHT} {y:.1f}"/>')
        lines.append(f'  <text class="text right" x="{LEFT - 8}" y="{y + 4:.1f}">{100 * 10 ** -decade:g} %</text>')
    for step in range(7):
        x = x_of(LONGEST * step / 6)
        lines.append(f'  <path class="grid" d="M{x:.1f} {TOP} L{x:.1f} {BOTTOM}"/>')
        lines.append(f'  <text class="text middle" x="{x:.1f}" y="{BOTTOM + 20}">{LONGEST / 6 * step * 1000:.0f} ms'
                     "</text>")
    lines.append(f'  <text class="text middle" x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 42}">after they were sent</text>')
    for name, times in results.items():
        lines.append(f'  <path class="curve {name.lower()}" d="{curve(times)}"/>')
    lost = udp.count(float("inf")) / len(udp)
    lines.append(f'  <text class="udp-name right" x="{RIGHT - 6}" y="{y_of(lost) - 8:.1f}">'
                 f"UDP: {100 * lost:.1f} % never come, nobody waits for them</text>")
    waited = sum(1 for t in tcp if t > tcp[0] + WAITED) / len(tcp)
    lines.append(f'  <text class="tcp-name" x="{x_of(quantile(tcp, 0.99)) + 14:.1f}" y="{y_of(0.007):.1f}">'
                 f"TCP: all come, {100 * waited:.1f} % wait for one that was lost</text>")
    return "\n".join([*lines, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("build")
    parser.add_argument("--through", choices=("wire", "impair"))
    parser.add_argument("--loss", type=float, default=2, metavar="PERCENT")
    parser.add_argument("--delay", type=float, default=20, metavar="MS")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--svg", metavar="FILE")
    arguments = parser.parse_args()
    through = arguments.through or ("wire" if os.geteuid() == 0 and os.path.exists("/dev/net/tun") else "impair")
    loss, delay = arguments.loss / 100, arguments.delay / 1000
    line = Wire(loss, delay) if through == "wire" else Relay(loss, delay, f"{arguments.build}/apps/impair")
    wire.hurry()
    try:
        results = {name: measure(line, kind, arguments.seconds)
                   for name, kind in (("TCP", socket.SOCK_STREAM), ("UDP", socket.SOCK_DGRAM))}
    finally:
        line.close()
    for name, times in results.items():
        print(describe(name, times))
    if arguments.svg:
        subtitle = (f"{FLOWS} flows, a message of {MESSAGE.size} bytes every {APART * 1000:.0f} ms in each; the line "
                    f"takes {arguments.delay:.0f} ms and loses {arguments.loss:g} % of the packets")
        with open(arguments.svg, "w") as picture:
            picture.write(draw(results, subtitle))


if __name__ == "__main__":
    sys.exit(main())
