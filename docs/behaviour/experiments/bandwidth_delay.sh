#!/usr/bin/env bash
# Bandwidth-delay product: how fast a megabyte passes over a line of 30 ms there and back, with small buffers and with
# large ones. In two networks of its own, for which it needs /dev/net/tun.
#
#     bandwidth_delay.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need_settings net.ipv4.tcp_rmem

# transfer [SERVER_FLAG]...: an echo of 1 MiB, and what the client's kernel said of it while it was sending.
transfer() {
    serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:0 --congestion reno "$@"
    local server=$pid
    start client "$PROGRAMS/tcp_echo_client" --connect "$address" --congestion reno --file "$scratch/megabyte" \
        --timeout 30s
    local began=$EPOCHREALTIME
    observe "$pid"
    awk -v began="$began" -v ended="$EPOCHREALTIME" '
        /unacked:/ { under_way = value("unacked") * value("mss"); if (under_way > most) most = under_way }
        /rtt:/ { if (value("rtt") > longest) longest = value("rtt"); busy = value("busy"); full = value("rwnd_limited") }
        function value(name) { return match($0, " " name ":[0-9.]+") ? substr($0, RSTART + length(name) + 2) + 0 : 0 }
        END {
            printf "there and back in %.1fs\n", ended - began
            printf "up to %.0f kB under way, round trip up to %.0fms, ", most / 1000, longest
            printf "window full %.0f %% of the time\n", 100 * full / busy
        }' "$scratch/observed"
    stop "$server" KILL
}

truncate --size=1M "$scratch/megabyte"
own_buffers="4096 1048576 6291456" # from 1 MiB on: with 128 KiB they may not have grown when the transfer is over
wire --delay 15
there sysctl -qw net.ipv4.tcp_rmem="$own_buffers"

step "The kernel's own buffers"
transfer

step "A receive buffer of 16 KiB"
transfer --receive-buffer 16KiB

stop "$wire" KILL
wire --delay 15 --rate 20 --queue 400
there sysctl -qw net.ipv4.tcp_rmem="$own_buffers"

step "20 Mbit/s and a long queue, the kernel's own buffers"
transfer

step "20 Mbit/s and a long queue, a receive buffer of 64 KiB"
transfer --receive-buffer 64KiB
