#!/usr/bin/env bash
# States: TIME-WAIT, CLOSE-WAIT, and how ports run out. In a network of its own, so no port of yours is touched.
#
#     states.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need python3
need_settings net.ipv4.tcp_fin_timeout net.ipv4.ip_local_port_range net.ipv4.tcp_tw_reuse

# listen PORT [FLAG]...
listen() { serve "$PROGRAMS/tcp_echo_server" --listen "127.0.0.1:$1" --framing line "${@:2}"; }

client() { "$PROGRAMS/tcp_echo_client" --framing line --connect "$1" hello 2>&1 || echo "exit code $?"; }

step "The client closes first"
listen 9000
client 127.0.0.1:9000
show_rows 2 ss -tan

step "The server closes first"
exec 3<>/dev/tcp/127.0.0.1/9000
eventually has_opened 2
kill "$pid" # it closes its connections
show_rows 1 ss -tan state close-wait
exec 3>&-
wait "$pid"
show_rows 1 ss -tan state time-wait sport = :9000

step "Its port, for a program that says nothing special"
python3 -c 'import socket; socket.socket().bind(("127.0.0.1", 9000))' 2>&1 | tail -n 1 || true

step "Its port, with SO_REUSEADDR"
listen 9000
cat "$log"
stop "$pid"

step "A program that forgets to close"
sysctl -qw net.ipv4.tcp_fin_timeout=2
listen 9001 --never-read
exec 3<>/dev/tcp/127.0.0.1/9001
eventually has_opened 1
exec 3>&-
show_rows 2 ss -tan state close-wait state fin-wait-2

step "The same a few seconds later"
show_rows 1 ss -tan state close-wait state fin-wait-2
stop "$pid" KILL

step "A client with four ports"
listen 9002
show sysctl -w net.ipv4.ip_local_port_range="40000 40003" net.ipv4.tcp_tw_reuse=0
for _ in 1 2 3 4 5; do
    client 127.0.0.1:9002
done
show_rows 4 ss -tan state time-wait dport = :9002

step "Another server, with the same four"
listen 9003
client 127.0.0.1:9003

step "Ports that may be used again after a second"
show sysctl -w net.ipv4.tcp_tw_reuse=1
sleep 1.5
client 127.0.0.1:9002
