"""What the pages of docs/behaviour say of their experiments, as far as numbers go.

A function for each experiment; it is given the text of each step by the step's title, and raises Wrong. Tolerances are
wide: the machine may be busy, and another kernel has other defaults.
"""

import re


class Wrong(Exception):
    pass


def send_is_not_delivery(steps):
    stopped = steps["A message to a program that is stopped"]
    check(queues(stopped), [(0, 0), (8, 0)])
    check("Connection reset by peer" in steps["The program dies and has not read it"], True)

    accepted = {}
    for title in ("A reader that never reads", "The same with small buffers"):
        (_, waiting), (unread, _) = queues(steps[title])
        accepted[title] = number("bytes accepted: ", steps[title])
        expect(unread > 4096, f"{unread} bytes in the reader's Recv-Q")
        expect(waiting > 4096, f"{waiting} bytes in the sender's Send-Q")
        expect(abs(accepted[title] - waiting - unread) <= 65536,
               f"{accepted[title]} bytes accepted are those in the queues, {waiting} + {unread}")
        expect("timer:(persist" in steps[title], "the sender asks from time to time whether there is room")
    large, small = accepted.values()
    expect(small <= 96 * 1024 * 2, f"{small} bytes are no more than both buffers, doubled")
    expect(large > 4 * small, f"large buffers took {large} bytes, small ones {small}")


def packets_are_not_messages(steps):
    check(re.findall(r"= (\d+)$", steps["Three messages in one write"], re.MULTILINE), ["14"])
    expect("3 messages, 14 bytes" in steps["Three messages in one write"], "one read brings three messages")
    check(re.findall(r"= (\d+)$", steps["One message, byte by byte"], re.MULTILINE), ["1"] * 5)
    expect("1 message, 5 bytes" in steps["One message, byte by byte"], "five reads bring one message")
    large = steps["One message of 1 MiB in one write"]
    expect(number("reads:", large) > 1, "it comes in pieces")
    expect("1 message, 1048580 bytes" in large, "and is one message")
    check(re.findall(r'"(\w+)" msg_len=(\d+)', steps["Three datagrams"]), [("one", "3"), ("two", "3"), ("three", "5")])


def sockets_and_ports(steps):
    waiting = re.findall(r"^LISTEN\s.*fd=(\d+)", steps["TCP: a server that waits"], re.MULTILINE)
    check(len(waiting), 1)
    pairs = re.findall(r"^ESTAB\s+\d+\s+\d+\s+(\S+)\s+(\S+)\s.*fd=(\d+)", steps["TCP: three clients"], re.MULTILINE)
    check(len({local for local, _, _ in pairs}), 1)
    check(len({peer for _, peer, _ in pairs}), 3)
    check(len({descriptor for _, _, descriptor in pairs} - set(waiting)), 3)
    expect(len({peer.split(":")[1] for _, peer, _ in pairs}) == 2, "two clients have the same port")
    ends = re.findall(r"^0\s+0\s+(\S+)\s+(\S+)", steps["TCP: the other ends"], re.MULTILINE)
    check(sorted((peer, local) for local, peer, _ in pairs), sorted(ends))
    expect("Address already in use" in steps["TCP: a second server on the same port"], "the port is taken")
    udp = steps["UDP: three clients"]
    check((udp.count("hello from"), udp.count("UNCONN"), udp.count("ESTAB")), (3, 1, 0))
    check(steps["UDP: the other ends"].count("ESTAB"), 3)


# --- helpers ---------------------------------------------------------------------------------------------------------

def check(found, expected):
    expect(found == expected, f"expected {expected!r}, found {found!r}")


def expect(true, claim):
    if not true:
        raise Wrong(claim)


def number(before, text):
    """The number that stands behind some text."""
    match = re.search(re.escape(before) + r"\s*([\d.]+)", text)
    expect(match, f"there is a number behind '{before}'")
    return float(match[1]) if "." in match[1] else int(match[1])


def queues(text):
    """Recv-Q and Send-Q of each socket that ss lists without its state."""
    return [(int(receive), int(send)) for receive, send in re.findall(r"^(\d+)\s+(\d+)\s+\S+:\d+\s", text, re.MULTILINE)]
