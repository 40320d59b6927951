#!/usr/bin/env bash
# Congestion control: how long an echo of 400 KiB takes with reno, cubic and bbr, over a line that loses packets only
# when its queue is full, and over one that loses others, too. In two networks of its own, for which it needs
# /dev/net/tun.
#
#     congestion_control.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need python3

# Those of the three that the kernel has, some of which it may have to load.
algorithms() {
    python3 -c "
import socket
for name in ('reno', 'cubic', 'bbr'):
    try:
        socket.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        print(name)
    except OSError:
        pass"
}

# transfer ALGORITHM: on both sides. How long it has taken, there and back; and of the way there how many segments were
# sent again, the longest round trip, and the window in the end.
transfer() {
    serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:0 --congestion "$1"
    local server=$pid
    start client "$PROGRAMS/tcp_echo_client" --connect "$address" --congestion "$1" --file "$scratch/file" --timeout 30s
    local began=$EPOCHREALTIME
    observe "$pid"
    awk -v began="$began" -v ended="$EPOCHREALTIME" '
        match($0, / rtt:[0-9.]+/) { trip = substr($0, RSTART + 5, RLENGTH - 5) + 0; if (trip > longest) longest = trip }
        match($0, / cwnd:[0-9]+/) { window = substr($0, RSTART + 6, RLENGTH - 6) }
        match($0, / retrans:[0-9]+\/[0-9]+/) { again = substr($0, RSTART, RLENGTH); sub(/.*\//, "", again) }
        END {
            printf "%.1fs, %d sent again, round trip up to %.0fms, cwnd %d\n", ended - began, again, longest, window
        }' "$scratch/observed"
    stop "$server" KILL
}

# over LINE WIRE_FLAG...: all of them over this line.
over() {
    wire --delay 10 --rate 20 --queue 60 "${@:2}"
    for algorithm in $algorithms; do
        { printf '%s: ' "$1" && transfer "$algorithm"; } >>"$scratch/with_$algorithm"
    done
    stop "$wire" KILL
}

algorithms=$(algorithms)
truncate --size=400K "$scratch/file"
over "no other loss"
over "every 50th lost" --lose-every 50
for algorithm in reno cubic bbr; do
    step "$algorithm"
    cat "$scratch/with_$algorithm" 2>/dev/null || echo "left out: this kernel does not have it"
done
