#!/usr/bin/env bash
# Messages under way: how many a second pass over a line of 50 ms there and back, if so many are under way at a time.
#
#     messages_under_way.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
begin "$@"

# messages COUNT: of 1,000 bytes, so many under way.
messages() {
    "$PROGRAMS/netbench" --connect "$address" --connections 1 --depth "$1" --size 1000 --warm-up 400ms --duration 1s \
        --quiet >"$scratch/netbench" || fail "$(cat "$scratch/netbench")"
    sed -nE 's/^echoed .*: ([0-9,]+ messages\/s).*/\1/p; s/^latency .*(p50 [^,]+),.*/an echo takes \1/p' \
        "$scratch/netbench" | paste -d, - - | sed 's/,an/, an/'
}

serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0
serve "$PROGRAMS/impair" --listen 127.0.0.1:0 --connect "$address" --delay 25ms

for count in 1 4 16; do
    step "Under way: $count"
    messages "$count"
done
