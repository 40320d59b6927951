#!/usr/bin/env bash
# Nagle against delayed ACK: how long requests take, and in how many segments they leave, if they are written at once,
# and in pieces.
#
#     nagle.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
begin "$@"
need python3 strace

# requests NAGLE|NODELAY PIECE...: thirty requests, each written in these pieces, and each after the last one's answer.
requests() {
    python3 - "$port" "$@" <<'END'
import re, socket, statistics, subprocess, sys, time

port, setting, *pieces = sys.argv[1:]
connection = socket.create_connection(("127.0.0.1", int(port)))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(setting == "NODELAY"))
answers = connection.makefile("rb")
times = []
for _ in range(30):
    began = time.monotonic()
    for piece in pieces:
        connection.send(piece.encode())
    answers.readline()
    times.append((time.monotonic() - began) * 1000)
own = f"sport = :{connection.getsockname()[1]}"
known = subprocess.run(["ss", "-Htni", own], capture_output=True, text=True, check=True).stdout
segments = int(re.search(r"data_segs_out:(\d+)", known)[1])
print(f"half of the requests took less than {statistics.median(times):.2f}ms, the fastest {min(times):.2f}ms")
print(f"segments for a request: {segments / len(times):.1f}")
END
}

serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --framing line

step "Nagle's algorithm, one write"
requests NAGLE $'hello\n'

step "Nagle's algorithm, two writes"
requests NAGLE hello $'\n'

step "TCP_NODELAY, two writes"
requests NODELAY hello $'\n'

step "Nagle's algorithm, a write for each byte"
requests NAGLE h e l l o $'\n'

step "TCP_NODELAY, a write for each byte"
requests NODELAY h e l l o $'\n'

step "libnet: a length and a text"
serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0
strace -f -qq -e trace=sendto,sendmsg -e signal=none -o "$scratch/calls" \
    "$PROGRAMS/tcp_echo_client" --connect "$address" hello
sed -nE 's/^[0-9]+ +(send[a-z]+\()[0-9]+, (.*hello.*) = ([0-9]+)$/    \1\2 = \3/p' "$scratch/calls"
