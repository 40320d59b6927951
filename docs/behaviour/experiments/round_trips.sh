#!/usr/bin/env bash
# Round trips: how long the first answer takes over UDP, TCP and TLS, where there and back takes 200 ms. In two networks
# of its own, for which it needs /dev/net/tun.
#
#     round_trips.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"

# answered NUMBER COMMAND [ARGUMENT]...: after what time the client's line of that number has come, which is an answer.
answered() {
    local began=$EPOCHREALTIME line
    "${@:2}" 2>"$scratch/errors" | {
        for ((number = 0; number < $1; ++number)); do
            read -r line || fail "no answer: $(cat "$scratch/errors")"
        done
        awk -v began="$began" -v ended="$EPOCHREALTIME" \
            'BEGIN { printf "answered after %.0fms\n", (ended - began) * 1000 }'
        cat >"$scratch/rest"
    }
}

wire --delay 100

step "UDP"
serve "${there[@]}" "$PROGRAMS/udp_echo_server" --listen 10.9.0.2:0
answered 1 "$PROGRAMS/udp_echo_client" --connect "$address" --count 1

step "TCP"
serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:0
answered 1 "$PROGRAMS/tcp_echo_client" --connect "$address" hello

step "TCP and TLS 1.3"
serve "${there[@]}" "$PROGRAMS/tls_echo_server" --listen 10.9.0.2:0
answered 1 "$PROGRAMS/tls_echo_client" --connect "$address" --insecure hello

step "TCP, and another question over the same connection"
serve "${there[@]}" "$PROGRAMS/tcp_echo_server" --listen 10.9.0.2:0
answered 2 "$PROGRAMS/tcp_echo_client" --connect "$address" hello again
