#!/usr/bin/env bash
# Sockets and ports: three clients of a TCP server and three of a UDP server, as the kernel lists them.
#
#     sockets_and_ports.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@" # where nobody else has these ports
begin "$@"
need nc

step "TCP: a server that waits"
serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --framing line
show ss -tanp sport = :"$port"

step "TCP: three clients"
exec 3<>"/dev/tcp/127.0.0.1/$port" 4<>"/dev/tcp/127.0.0.1/$port"
eventually has_opened 2
taken=$(sed -n 's/^opened 127.0.0.1:\([0-9]*\).*/\1/p' "$log" | head -n 1)
start client nc -s 127.0.0.2 -p "$taken" 127.0.0.1 "$port" # the first one's port, from another address
eventually has_opened 3
show ss -tanp sport = :"$port"

step "TCP: the other ends"
show ss -tn state established dport = :"$port"

step "TCP: a second server on the same port"
"$PROGRAMS/tcp_echo_server" --listen "127.0.0.1:$port" 2>&1 || echo "exit code $?"

step "UDP: three clients"
serve "$PROGRAMS/udp_echo_server" --listen 127.0.0.1:0
for client in 5 6 7; do
    eval "exec $client<>/dev/udp/127.0.0.1/$port"
    echo "hello from $client" >&"$client"
    dd bs=2048 count=1 status=none <&"$client" # one datagram
done
show ss -uanp sport = :"$port"

step "UDP: the other ends"
show ss -uan dport = :"$port"
