#!/usr/bin/env bash
# send is not delivery: what a sender is told while the program on the other side reads nothing.
#
#     send_is_not_delivery.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
begin "$@"
need strace

step "A message to a program that is stopped"
serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --framing line
kill -STOP "$pid"
exec 3<>"/dev/tcp/127.0.0.1/$port" # the kernel accepts; the program need not run for it
echo "pay 100" >&3 && echo "sent: no error"
show ss -tn state established dport = :"$port"
show ss -tn state established sport = :"$port"

step "The program dies and has not read it"
stop "$pid" KILL
cat <&3 2>&1 || echo "nothing says whether the message was read"
exec 3>&-

# send_until_it_stops TITLE [SERVER_FLAG]... -- [CLIENT_FLAG]...: a thousand messages to a server that never reads.
send_until_it_stops() {
    step "$1"
    local server_flags=()
    for ((; $# > 1; )); do
        shift
        [[ $1 != -- ]] || break
        server_flags+=("$1")
    done
    serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --never-read "${server_flags[@]}"
    local server=$pid calls=$scratch/calls_$pid
    truncate --size=64K "$scratch/message"
    start client strace -D -f -s 4 -o "$calls" -e trace=sendmsg,sendto -e signal=none \
        "$PROGRAMS/tcp_echo_client" --connect "$address" --file "$scratch/message" --count 1000 --never-read "${@:2}"
    local client=$pid
    eventually test -s "$calls"
    settled wc -l "$calls" >/dev/null
    show ss -tno state established dport = :"$port"
    show ss -tn state established sport = :"$port"
    echo "the sender's last calls, of $(grep -c '= [0-9]*$' "$calls") that were accepted:"
    grep -E '= [0-9]' "$calls" | tail -n 2 | sed -E 's/^[0-9]+ +send[a-z]+\(.*\) = /    send(...) = /'
    awk '/= [0-9]+$/ { sum += $NF } END { print "bytes accepted: " sum }' "$calls"
    stop "$client" KILL
    stop "$server" KILL
}

send_until_it_stops "A reader that never reads"
send_until_it_stops "The same with small buffers" --receive-buffer 16KiB -- --send-buffer 32KiB
