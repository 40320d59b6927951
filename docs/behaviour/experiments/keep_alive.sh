#!/usr/bin/env bash
# Keep-alive: what programs notice of it when the wire between them is cut. In two networks of its own, for which it
# needs /dev/net/tun.
#
#     keep_alive.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need_settings net.ipv4.tcp_retries2
wire --delay 5

# client PORT SAYS OPTION=VALUE...: connects from this port with these options of TCP, says "hello" if SAYS is that, as
# soon as the wire is cut, waits for an answer, and tells how that ended.
client() {
    start "client_$1" python3 -c "$client" "$scratch/cut" "$@"
}

client='
import os, socket, sys, time

cut, port, says, *options = sys.argv[1:]
connection = socket.create_connection(("10.9.0.2", 9000), source_address=("10.9.0.1", int(port)))
for option in options:
    name, value = option.split("=")
    level = socket.SOL_SOCKET if name == "SO_KEEPALIVE" else socket.IPPROTO_TCP
    connection.setsockopt(level, getattr(socket, name), int(value))
while not os.path.exists(cut):
    time.sleep(0.02)
began = time.monotonic()
try:
    if says == "hello":
        connection.sendall(b"hello\n")
    connection.recv(100)
except OSError as error:
    print(f"from port {port}, after {time.monotonic() - began:.1f}s: {error}")
'

# tells PATTERN FILE: the line that a program prints in the end.
tells() {
    eventually grep -qE "$1" "$scratch/$2" || fail "nothing like '$1' in $(cat "$scratch/$2")"
    grep -E "$1" "$scratch/$2" | head -n 1
}

sends_again() { ss -Htno state established sport = :4003 | grep -q ',[2-9])'; }

step "Four connections"
show sysctl -w net.ipv4.tcp_retries2=4
serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:9000 --framing line \
    --first-frame-timeout never --idle-timeout never
client 4001 nothing
client 4002 nothing SO_KEEPALIVE=1 TCP_KEEPIDLE=1 TCP_KEEPINTVL=1 TCP_KEEPCNT=2
client 4003 hello
client 4004 hello TCP_USER_TIMEOUT=2000
eventually has_opened 4
show_rows 4 ss -tno state established dport = :9000
show_rows 4 there ss -tno state established sport = :9000

# Two more, to servers with limits of libnet's.
serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:9001 --framing line --idle-timeout 1s
idle=${log##*/}
serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:9002 --framing line --heartbeat 500ms
heartbeat=${log##*/}
mkfifo "$scratch/silence"
exec 5<>"$scratch/silence" # what the client has to send: nothing, and no end of it
start heart bash -c 'exec "$@" <"$0"' "$scratch/silence" \
    "$PROGRAMS/tcp_echo_client" --connect 10.9.0.2:9002 --framing line --heartbeat 500ms
eventually has_opened 1
exec 4<>/dev/tcp/10.9.0.2/9001
cut_wire
touch "$scratch/cut"

step "The wire is cut: a hello on its way"
eventually sends_again
show_rows 1 ss -tno state established sport = :4003

step "The wire is cut: hello, by default"
tells ^from client_4003

step "The wire is cut: hello, with TCP_USER_TIMEOUT"
tells ^from client_4004

step "The wire is cut: keep-alive"
tells ^from client_4002

step "The wire is cut: libnet's heartbeat"
tells 'no sign of life' "$heartbeat"

step "The wire is cut: libnet's idle timeout"
tells '^closed' "$idle"

step "The wire is mended"
mend_wire
show_rows 1 ss -tno state established dport = :9000
show_rows 4 there ss -tno state established sport = :9000
