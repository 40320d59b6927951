#!/usr/bin/env bash
# Head-of-line blocking: eight messages, of which the fourth is lost, over one connection of TCP, over two, and over
# UDP. In two networks of its own, for which it needs /dev/net/tun.
#
#     head_of_line.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need python3

# eight_messages SERVER COUNT: to this server over so many sockets in turn, one each 20 ms, over a wire that takes 10 ms
# each way and loses the fourth packet with data.
eight_messages() {
    wire --delay 10 --lose 4
    serve "${there[@]}" "$PROGRAMS/$1" --listen 10.9.0.2:0
    python3 - "${1%%_*}" "$2" "$port" <<'END'
import select, socket, struct, sys, time

kind, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sockets = [socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) for _ in range(count)]
for each in sockets:
    each.connect(("10.9.0.2", port))
    if kind == "tcp":
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
sent, back, unread = {}, {}, {each: b"" for each in sockets}
began = time.monotonic()

def now():
    return round((time.monotonic() - began) * 1000)

while len(back) < 8 and now() < 2000 and not (kind == "udp" and now() > 500):
    readable, _, _ = select.select(sockets, [], [], 0.02 if len(sent) == 8 else max(0, len(sent) * 0.02 - now() / 1000))
    for each in readable:
        unread[each] += each.recv(1000)
        while len(unread[each]) >= 8: # a length of 4, as tcp_echo_server's framing wants it, and a number
            back[struct.unpack("!II", unread[each][:8])[1]] = now()
            unread[each] = unread[each][8:]
    if len(sent) < 8 and now() >= len(sent) * 20:
        number = len(sent) + 1
        sent[number] = now()
        sockets[(number - 1) % count].send(struct.pack("!II", 4, number))
for number in sent:
    took = f"back at {back[number]}ms, after {back[number] - sent[number]}ms" if number in back else "never back"
    print(f"message {number}: sent at {sent[number]}ms, {took}")
END
    stop "$pid"
    stop "$wire" KILL
}

step "One connection of TCP"
eight_messages tcp_echo_server 1

step "Two connections of TCP, in turn"
eight_messages tcp_echo_server 2

step "UDP"
eight_messages udp_echo_server 1
