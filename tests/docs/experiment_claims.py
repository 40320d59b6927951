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


def handshakes(steps):
    begin, end = flags(steps["It begins: three packets"]), flags(steps["It ends: four packets"])
    check([kind for _, kind in begin], ["S", "S.", "."])
    client = begin[0][0]
    check([sender == client for sender, _ in begin], [True, False, True])
    message = flags(steps["A message to a server that is stopped"]) + flags(steps["It goes on, and echoes"])
    check([(sender == client, kind) for sender, kind in message],
          [(True, "P."), (False, "."), (False, "P."), (True, ".")])
    check([(sender == client, kind) for sender, kind in end],
          [(True, "F."), (False, "."), (False, "F."), (True, ".")])
    check([kind for _, kind in flags(steps["Nobody listens"])], ["S", "R."])
    unread = steps["A program ends that has not read everything"]
    check([kind for _, kind in flags(unread)], ["S", "S.", ".", "P.", ".", "R."])
    expect("Connection reset by peer" in unread, "the peer learns of it")


def states(steps):
    expect(re.search(r"^TIME-WAIT .*:9000$", steps["The client closes first"], re.MULTILINE), "the client has TIME-WAIT")
    expect(re.search(r"^0\s+0\s+127.0.0.1:9000\s", steps["The server closes first"], re.MULTILINE),
           "the server has TIME-WAIT")
    expect("Address already in use" in steps["Its port, for a program that says nothing special"], "it is taken")
    check(steps["Its port, with SO_REUSEADDR"], "listening on 127.0.0.1:9000")
    forgets, later = steps["A program that forgets to close"], steps["The same a few seconds later"]
    check(re.findall(r"^(\S+)\s+\d+\s+\d+\s+127.0.0.1:(?:(9001)|\d+)\s", forgets, re.MULTILINE),
          [("CLOSE-WAIT", "9001"), ("FIN-WAIT-2", "")])
    check(re.findall(r"^(\S+)\s+\d+\s+\d+\s", later, re.MULTILINE), ["CLOSE-WAIT"])
    four = steps["A client with four ports"]
    check((four.count("echo: hello"), four.count("Cannot assign requested address")), (4, 1))
    check(sorted(re.findall(r":(4000\d) ", four)), ["40000", "40001", "40002", "40003"])
    check(steps["Another server, with the same four"], "echo: hello")
    expect("echo: hello" in steps["Ports that may be used again after a second"], "a port is free again")


def keep_alive(steps):
    before, after = steps["Four connections"], steps["The wire is mended"]
    check(before.count("10.9.0.1:4001"), 2)
    check(re.findall(r":(\d+)\s+10.9.0.2:9000 timer:\(keepalive", before), ["4002"])
    check(len(re.findall(r"^0\s.*10.9.0.2:9000 .* timer:\(keepalive", before, re.MULTILINE)), 4)
    expect(re.search(r"^0\s+6\s.*timer:\(on,", steps["The wire is cut: a hello on its way"], re.MULTILINE),
           "6 bytes are sent again and again")
    times = {port: float(seconds) for text in steps.values()
             for port, seconds in re.findall(r"^from port (\d+), after ([\d.]+)s:.*timed out", text, re.MULTILINE)}
    check(list(times), ["4003", "4004", "4002"])
    expect(1 <= times["4002"] <= 6, "two probes unanswered")
    expect(1.9 <= times["4004"] <= 6, "two seconds unacknowledged")
    expect(6 <= times["4003"] <= 12, "four times sent again")
    expect("no sign of life" in steps["The wire is cut: libnet's heartbeat"], "the heartbeat notices")
    expect("nothing was sent or received" in steps["The wire is cut: libnet's idle timeout"], "the timeout notices")
    check(re.findall(r"10.9.0.1:(\d+)\s+10.9.0.2:9000", after), ["4001"])
    check(re.findall(r"10.9.0.2:9000\s+10.9.0.1:(\d+)", after), ["4001", "4002", "4003", "4004"])


def nagle(steps):
    times = {title: number("took less than", text) for title, text in steps.items() if "took" in text}
    segments = {title: number("segments for a request:", text) for title, text in steps.items() if "took" in text}
    delayed = times["Nagle's algorithm, two writes"]
    expect(35 <= delayed <= 250, f"{delayed} ms are a delayed acknowledgment")
    for title in ("Nagle's algorithm, one write", "TCP_NODELAY, two writes", "TCP_NODELAY, a write for each byte"):
        expect(times[title] < 30, f"{title}: nobody waits for an acknowledgment in {times[title]} ms")
    check([round(segments[title]) for title in list(segments)[:3]], [1, 2, 2])
    few, many = segments["Nagle's algorithm, a write for each byte"], segments["TCP_NODELAY, a write for each byte"]
    expect(few < 3.5 and many > 4.5, f"six bytes are {few} segments with Nagle's algorithm, {many} without it")
    check(re.findall(r"= (\d+)$", steps["libnet: a length and a text"], re.MULTILINE), ["9"])


def slow_loris(steps):
    helpless, in_time, few = steps.values()
    expect("no answer within 1s" in helpless, "nobody else is served")
    check(number("connections opened:", helpless), 20)
    expect(number("bytes sent:", helpless) < 2000, "that costs the attacker next to nothing")
    for text in (in_time, few):
        expect("echo: hello" in text, "somebody honest is served")
    expect(0.2 < number("waited for", in_time) < 8, "after the attacker's time is over")
    expect("was not complete in time" in in_time, "the attacker is ended")
    expect("(max_per_address)" in few, "the attacker is refused")


def messages_under_way(steps):
    rates = [number("", text) for text in steps.values()]
    expect(rates[0] <= 20, f"{rates[0]} messages a second, one each 50 ms")
    for fewer, more in zip(rates, rates[1:]):
        expect(2.5 * fewer < more < 6 * fewer, f"four times as many under way as {fewer} a second are {more}")
    for text in steps.values():
        expect(50 <= number("takes p50", text) < 250, "an echo takes a round trip, however many there are")


def bandwidth_delay(steps):
    own, small, queue, fitting = steps.values()

    def under_way(text):
        return number("up to", text)

    def trip(text):
        return number("round trip up to", text)

    expect(under_way(small) < 30, f"{under_way(small)} kB under way, no more than fit into 16 KiB, doubled")
    expect(number("window full", small) > 60, "the sender waits for the window")
    expect(number("back in", small) > 1.3 * number("back in", own), "which takes longer")
    expect(under_way(own) > 5 * under_way(small), f"the kernel's own buffers let {under_way(own)} kB under way")
    expect(trip(queue) > 100, f"a long queue makes a round trip of {trip(queue)} ms")
    expect(trip(fitting) < 0.7 * trip(queue), "a small window keeps the queue short")
    expect(number("back in", fitting) < 1.6 * number("back in", queue), "and is as fast")


def head_of_line(steps):
    row = re.compile(r"^message (\d): sent at (\d+)ms, (?:back at (\d+)ms|never back)", re.MULTILINE)
    one, two, udp = ([(int(sent), int(back) if back else None) for _, sent, back in row.findall(text)]
                     for text in steps.values())
    check([len(one), len(two), len(udp)], [8, 8, 8])
    for messages in (one, two):
        expect(messages[3][1] - messages[3][0] >= 35, "what was lost takes a round trip of 20 ms more")
    expect([back for _, back in one] == sorted(back for _, back in one), "one connection keeps the order")
    expect(late(one) or one[4][1] - one[4][0] > 25, "message 5 waits for message 4")
    expect(late(two) or two[4][1] < two[3][1], "in another connection message 5 does not wait")
    check([number for number, (_, back) in enumerate(udp, 1) if not back], [4])


def late(messages):
    """Whether a busy machine has kept message 5 from being sent in time, so that nothing can be said of it."""
    return messages[4][0] - messages[3][0] > 35


def syn_backlog(steps):
    stopped, goes_on, flood, cookies = steps.values()
    check(len(re.findall(r"^0\s+1\s+127.0.0.1:\d+\s+127.0.0.1:9000$", stopped, re.MULTILINE)), 2)
    check(re.findall(r"^LISTEN\s+(\d+)\s+(\d+)", stopped, re.MULTILINE), [("5", "4")])
    expect(number("TcpExtListenOverflows", stopped) >= 2, "the kernel counts those who found no place")
    check(len(re.findall(r"^0\s+0\s+127.0.0.1:\d+\s+127.0.0.1:9000$", goes_on, re.MULTILINE)), 7)
    expect(40 <= number("in SYN-RECV:", flood) <= 64, "three quarters of the places are taken")
    expect("cannot connect" in flood, "nobody else comes in")
    expect("echo: hello" in cookies, "with cookies somebody does")
    expect(number("TcpExtSyncookiesSent", cookies) >= 30, "cookies were sent")
    expect(number("TcpExtSyncookiesRecv", cookies) >= 1, "and one came back")


def congestion_control(steps):
    line = re.compile(r": ([\d.]+)s, .*cwnd (\d+)$", re.MULTILINE)
    results = {name: [(float(time), int(window)) for time, window in line.findall(text)]
               for name, text in steps.items()}
    for name in {"reno", "cubic"} & set(results):
        (time, window), (time_with_loss, window_with_loss) = results[name]
        expect(2 * window_with_loss < window, f"{name} takes losses for congestion: {window}, {window_with_loss}")
        expect(time < time_with_loss, f"and is slow for it: {time} s, {time_with_loss} s")
    if "bbr" in results:
        (_, window), (_, window_with_loss) = results["bbr"]
        expect(2 * window_with_loss > window, f"bbr does not: {window}, {window_with_loss}")


def round_trips(steps):
    took = {title: number("answered after", text) for title, text in steps.items()}
    check({title: int(time / 200) for title, time in took.items()},
          {"UDP": 1, "TCP": 2, "TCP, and another question over the same connection": 3, "TCP and TLS 1.3": 3})


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


def flags(text):
    """The sender's port and the flags of each packet that tcpdump shows."""
    return re.findall(r"^(\d+) > \d+  Flags \[(\S+)\]", text, re.MULTILINE)
