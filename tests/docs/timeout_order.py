#!/usr/bin/env python3
"""Checks the table of docs/limits.md that has the timeouts of client, balancer and server side by side.

    timeout_order.py [ROOT]     ROOT is the top of the source tree; the default is this one

  * What it says of the balancer, `timeout NAME` with a time or "not set", is so in docs/deploying/haproxy.cfg.
  * What it says of libnet is so in docs/defaults.md, which is made from the headers.
  * The times stand in the order that the last column demands, or it says "not so by default".
"""

import re
import sys
from pathlib import Path

HEADING = "## From the client to the server\n"
SIDES = ("client", "balancer", "server")
SECONDS = {"ms": 0.001, "s": 1, "min": 60}

# The struct that each field of the table belongs to.
STRUCTS = {
    "call_options::timeout": "call_options", "connect_timeout": "connect_options", "handshake_timeout": "tls_options",
    "header_timeout": "proxy_protocol", "lending.idle_timeout": "lending_options", "heartbeat.interval": "heartbeat",
    "first_frame_timeout": "connection_options", "idle_timeout": "connection_options",
    "close_timeout": "connection_options", "drain_timeout": "server_options",
}
BESIDE = "connect_timeout"    # a time of the table that is in no order: it ends at the balancer

TIME = r"(\d+) (ms|s|min)\b"
OURS = re.compile(rf"`([a-z_:.]+)` {TIME}")
THEIRS = re.compile(rf"`timeout ([a-z-]+)`(?: {TIME}|, (not set))")


def main():
    complaints = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(complaints) or "the timeouts are as the table says")
    sys.exit(1 if complaints else 0)


def check(root):
    rows = table((root / "docs/limits.md").read_text(encoding="utf-8"))
    balancer = (root / "docs/deploying/haproxy.cfg").read_text(encoding="utf-8")
    defaults = (root / "docs/defaults.md").read_text(encoding="utf-8")
    complaints = [] if len(rows) > 4 else ["docs/limits.md: there is no such table"]
    for row in rows:
        text = " | ".join(row)
        complaints += wrong_of_the_balancer(text, balancer) + wrong_of_ours(text, defaults) + wrong_order(row)
    return [f"docs/limits.md: {complaint}" for complaint in complaints]


def table(page):
    """The rows, each a list of its cells."""
    section = page.partition(HEADING)[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def wrong_of_the_balancer(text, configuration):
    complaints = []
    for name, number, unit, unset in THEIRS.findall(text):
        there = re.search(rf"^\s*timeout {name} (\S+)$", configuration, re.MULTILINE)
        here = None if unset else number + unit
        if here != (there and there[1]):
            complaints.append(f"`timeout {name}` is {here or 'not set'}, and {there and there[1]} in haproxy.cfg")
    retries = re.search(r"`retries (\d+)`.*: (\d+) s", text)
    if retries and (int(retries[2]) != 2 * int(retries[1]) + 1 or f"retries {retries[1]}\n" not in configuration):
        complaints.append(f"{retries[0]} is no sum of the attempts and the pauses between them in haproxy.cfg")
    return complaints


def wrong_of_ours(text, defaults):
    complaints = []
    for name, number, unit in OURS.findall(text):
        struct, field = STRUCTS.get(name, ""), re.split(r"::|\.", name)[-1]
        part = defaults.partition(f"### {struct}\n")[2].partition("\n### ")[0]
        row = re.search(rf"^\| [^|]*`{field}`.*$", part, re.MULTILINE)
        if not struct or not row or f"{number} {unit}" not in row[0]:
            complaints.append(f"`{name}` {number} {unit} is not what docs/defaults.md has")
    return complaints


def wrong_order(row):
    """Every time of a side has to be below every time of the next one."""
    order = row[-1]
    times = {side: times_of(cell) for side, cell in zip(SIDES, row[1:4])}
    sides = [side for side in re.split(r" < |,", order) if times.get(side.strip())]
    holds = all(max(times[lesser]) < min(times[greater]) for lesser, greater in zip(sides, sides[1:]))
    if holds == ("not so by default" in order):
        return [f"'{row[0]}': {order} is not what the times of this row say"]
    return []


def times_of(cell):
    sums = re.search(rf": {TIME}$", cell)    # "..., four times: 7 s"
    named = [(number, unit) for name, number, unit in re.findall(rf"`([^`]+)` {TIME}", cell) if name != BESIDE]
    return [int(number) * SECONDS[unit] for number, unit in ([sums.groups()] if sums else named)]


if __name__ == "__main__":
    main()
