#!/usr/bin/env bash
# Handshakes: how a TCP connection begins and ends, packet by packet. Needs root, for tcpdump; in a network of its own.
#
#     handshakes.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need tcpdump

# packets COUNT: waits until there are so many more, and shows them without times and options.
packets() {
    eventually have_come "$1" || fail "fewer than $1 packets: $(cat "$scratch/packets")"
    grep Flags "$scratch/packets" | tail -n "+$((shown + 1))" |
        sed -E 's/^.* IP 127\.0\.0\.1\.([0-9]+) > 127\.0\.0\.1\.([0-9]+): /\1 > \2  /; s/, (win|options) .*(, length)/\2/'
    shown=$((shown + $1))
}

have_come() { (($(grep -c Flags "$scratch/packets") >= shown + $1)); }

shown=0
sees_packets() { echo >/dev/udp/127.0.0.1/9 && grep -q '\.9: UDP' "$scratch/packets"; }

start packets tcpdump -i lo -nn -l --immediate-mode tcp or udp port 9
eventually grep -qE 'listening on|tcpdump: .' "$scratch/packets"
grep -q 'listening on' "$scratch/packets" || cannot_run "$(head -n 1 "$scratch/packets")"
eventually sees_packets || fail "tcpdump sees nothing: $(cat "$scratch/packets")" # it listens a little later than it says

serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:9000 --framing line
server=$pid

step "It begins: three packets"
exec 3<>/dev/tcp/127.0.0.1/9000
packets 3

step "A message to a server that is stopped"
kill -STOP "$server"
echo hello >&3
packets 2

step "It goes on, and echoes"
kill -CONT "$server"
dd bs=2048 count=1 status=none <&3 # unread, it would be lost, and closing would be a reset
packets 2

step "It ends: four packets"
kill -STOP "$server"
exec 3>&-
packets 2
kill -CONT "$server"
packets 2

step "Nobody listens"
"$PROGRAMS/tcp_echo_client" --connect 127.0.0.1:9001 hello 2>&1 || true
packets 2

step "A program ends that has not read everything"
stop "$server" KILL
serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:9000 --never-read
server=$pid
exec 3<>/dev/tcp/127.0.0.1/9000
eventually has_opened 1
echo hello >&3
eventually have_come 5
stop "$server" KILL
packets 6
cat <&3 2>&1 || true
