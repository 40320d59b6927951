#!/usr/bin/env bash
# Packets are not messages: what a server reads, call by call, and how many messages that was.
#
#     packets_are_not_messages.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
begin "$@"
need strace nc

# traced COMMAND [ARGUMENT]...: serve, with all that it receives in $scratch/calls.
traced() {
    serve strace -D -f -s 20 -o "$scratch/calls" -e trace=recvfrom,recvmmsg -e signal=none "$@"
}

# What the server's calls have read, without those that read nothing.
reads() { sed -nE 's/^.*recvfrom\([0-9]+, (".*"(\.\.\.)?), [0-9]+, 0, .*\) = ([1-9][0-9]*)$/    recvfrom(\1) = \3/p' "$scratch/calls"; }

has_read() { reads | grep -qF "\"$1\""; }

messages() { stop "$pid" && grep -o '(.* received' "$log" | tr -d '('; }

step "Three messages in one write"
traced "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --framing line
printf 'one\ntwo\nthree\n' | nc -N 127.0.0.1 "$port" >/dev/null
reads
messages

step "One message, byte by byte"
traced "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --framing line
exec 3<>"/dev/tcp/127.0.0.1/$port"
for byte in f o u r '\n'; do
    printf '%b' "$byte" >&3
    eventually has_read "$byte" # as if the network took its time
done
exec 3>&-
reads
messages

step "One message of 1 MiB in one write"
traced "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0
truncate --size=1M "$scratch/message"
"$PROGRAMS/tcp_echo_client" --connect "$address" --file "$scratch/message" >/dev/null
sizes=$(reads | sed 's/.* = //' | sort -n)
echo "reads: $(wc -l <<<"$sizes"), of $(head -n 1 <<<"$sizes") to $(tail -n 1 <<<"$sizes") bytes"
messages

step "Three datagrams"
traced "$PROGRAMS/udp_echo_server" --listen 127.0.0.1:0
exec 3<>"/dev/udp/127.0.0.1/$port"
for text in one two three; do
    printf '%s' "$text" >&3
done
eventually grep -q three "$scratch/calls"
grep -oE 'iov_base="[a-z]+"|msg_len=[0-9]+' "$scratch/calls" | paste -d ' ' - - | sed 's/^/    /'
stop "$pid"
tail -n 1 "$log"
