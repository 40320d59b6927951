#!/usr/bin/env python3
"""A wire between two network namespaces that delays and loses packets, whatever is in them, so that the kernel's own
TCP has to cope. Each end is a TUN device; a process carries packets between them. Needs /dev/net/tun, and root in its
network namespace, but no netem.

    wire.py [--delay MS] [--loss PERCENT] [--lose N,...] [--lose-every N]
            [--rate MBIT] [--queue PACKETS]

One end, 10.9.0.1, is in the network namespace where it is started, and the other, 10.9.0.2, in a new one, which is that
of this process: nsenter --net=/proc/PID/ns/net. It says "ready" when packets can pass, and runs until it is ended.
SIGUSR1: it is cut, and carries nothing ("cut"); SIGUSR2: it is mended ("mended").
"""

import argparse
import collections
import ctypes
import fcntl
import heapq
import os
import random
import select
import signal
import struct
import subprocess
import time

ADDRESSES = ("10.9.0.1", "10.9.0.2")

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


# --- its ends -------------------------------------------------------------------------------------------------------


def open_end(number):
    """The TUN device that is this end of the wire, in the network namespace that we are in."""
    device = open_device("wire")
    for command in (f"addr add {ADDRESSES[number]} peer {ADDRESSES[1 - number]} dev wire", "link set wire up",
                    "link set lo up"):
        subprocess.run(["ip", *command.split()], check=True)
    return device


def open_device(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def enter_new_namespace():
    check(libc().unshare(CLONE_NEWNET))


def enter_namespace(descriptor):
    check(libc().setns(descriptor, CLONE_NEWNET))


def libc():
    return ctypes.CDLL(None, use_errno=True)


def check(status):
    if status != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# --- what it does to packets ----------------------------------------------------------------------------------------


class Wire:
    """What is to be carried from one end to the other arrives in the order in which it left, `delay` seconds later, or
    not at all. Losses are by chance, `loss`; or `lose` has the numbers of the packets with data that are lost on the way
    from the first end; or each `lose_every`th packet with data is lost, in either direction. So many bits as `rate`
    leave in a second, and `queue` packets wait, in either direction."""

    def __init__(self, loss=0.0, delay=0.0, lose=(), lose_every=None, rate=None, queue=100):
        self.loss, self.delay, self.rate, self.queue = loss, delay, rate, queue
        self.lose, self.lose_every = lose, lose_every
        self.is_cut = False
        self.chance = random.Random(1)
        self.with_data = [0, 0]  # packets so far, from either end
        self.waiting = (collections.deque(), collections.deque())  # when they will have been sent, of those that are not yet, from either end
        self.under_way = []  # when, number, where to, content
        self.number = 0

    def carry(self, devices):
        while True:
            wait = max(0, self.under_way[0][0] - time.monotonic()) if self.under_way else None
            readable, _, _ = select.select(devices, [], [], wait)
            for device in readable:
                end = devices.index(device)
                self.take(end, devices[1 - end], os.read(device, 65536), time.monotonic())
            while self.under_way and self.under_way[0][0] <= time.monotonic():
                os.write(self.under_way[0][2], heapq.heappop(self.under_way)[3])

    def take(self, end, to, packet, now):
        if self.loses(end, packet):
            return
        sent = self.sent(self.waiting[end], len(packet), now)
        if sent is not None:
            self.number += 1
            heapq.heappush(self.under_way, (sent + self.delay, self.number, to, packet))

    def loses(self, end, packet):
        if self.is_cut:
            return True
        if has_data(packet):
            self.with_data[end] += 1
            if end == 0 and self.with_data[0] in self.lose:
                return True
            if self.lose_every and self.with_data[end] % self.lose_every == 0:
                return True
        return self.chance.random() < self.loss

    def sent(self, waiting, size, now):
        """When its last bit will have left; None where the queue is full."""
        if self.rate is None:
            return now
        while waiting and waiting[0] <= now:
            waiting.popleft()
        if len(waiting) > self.queue:
            return None
        waiting.append((waiting[-1] if waiting else now) + size * 8 / self.rate)
        return waiting[-1]


def has_data(packet):
    """Of TCP or UDP over IPv4."""
    protocol, header = packet[9], (packet[0] & 15) * 4
    if protocol == 6:
        header += (packet[header + 12] >> 4) * 4
    elif protocol == 17:
        header += 8
    return packet[0] >> 4 == 4 and len(packet) > header


def hurry():
    """A busy machine shall not be taken for a bad line."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--loss", type=float, default=0)
    parser.add_argument("--lose", type=lambda text: [int(number) for number in text.split(",")], default=())
    parser.add_argument("--lose-every", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--queue", type=int, default=100)
    arguments = parser.parse_args()
    wire = Wire(arguments.loss / 100, arguments.delay / 1000, arguments.lose, arguments.lose_every,
                arguments.rate and arguments.rate * 1e6, arguments.queue)

    def when(signal_number, is_cut, text):
        def set_it(*_):
            wire.is_cut = is_cut
            print(text, flush=True)
        signal.signal(signal_number, set_it)

    when(signal.SIGUSR1, True, "cut")
    when(signal.SIGUSR2, False, "mended")
    here = open_end(0)
    enter_new_namespace()
    devices = [here, open_end(1)]
    hurry()
    print("ready", flush=True)
    wire.carry(devices)


if __name__ == "__main__":
    main()
