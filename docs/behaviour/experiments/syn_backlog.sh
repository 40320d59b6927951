#!/usr/bin/env bash
# SYN backlog and cookies: the two queues in front of accept, what happens when each is full, and what SYN cookies change.
# In a network of its own, for which it needs /dev/net/tun.
#
#     syn_backlog.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
in_own_network "$@"
begin "$@"
need python3 nstat
need_settings net.core.somaxconn net.ipv4.tcp_max_syn_backlog net.ipv4.tcp_syncookies

# clients COUNT: begin to connect to port 9000, and stay.
clients() {
    start clients python3 -c "
import socket, time
clients = [socket.socket() for _ in range($1)]
for client in clients:
    client.setblocking(False)
    client.connect_ex(('127.0.0.1', 9000))
time.sleep(60)"
}

# A network where nobody answers, and a hundred clients there that begin to connect to a port of ours. What the kernel
# answers to them is read and forgotten.
flooder='
import os, random, socket, struct, subprocess, sys

sys.path.insert(0, sys.argv[1])
import wire

port, count = int(sys.argv[2]), 100
device = wire.open_device("flood")
for command in ("addr add 198.51.100.1/32 dev flood", "link set flood up", "route add 192.0.2.0/24 dev flood"):
    subprocess.run(["ip", *command.split()], check=True)
os.set_blocking(device, True)

def checksum(words):
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

server = socket.inet_aton("198.51.100.1")
for number in range(1, count + 1):
    client = socket.inet_aton(f"192.0.2.{number}")
    syn = struct.pack("!HHIIBBHHH", 1024 + number, port, random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = client + server + struct.pack("!HH", 6, len(syn))
    syn = syn[:16] + struct.pack("!H", checksum(pseudo + syn)) + syn[18:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(syn), number, 0, 64, 6, 0, client, server)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    os.write(device, header + syn)
print(f"{count} SYNs", flush=True)
while True:
    os.read(device, 65536)
'

# flood PORT
flood() {
    rm -f "$scratch/flood" # of another one before
    start flood python3 -c "$flooder" "$(dirname "$0")/../../../tools/lib" "$1"
    flood=$pid
    eventually grep -qE 'SYNs|Error' "$scratch/flood" || fail "no flood: $(cat "$scratch/flood")"
    grep SYNs "$scratch/flood" || cannot_run "no flood: $(tail -n 1 "$scratch/flood")"
}

somebody_honest() { "$PROGRAMS/tcp_echo_client" --connect "127.0.0.1:$1" --framing line --timeout 1500ms hello 2>&1 || true; }

# in_handshake PORT: how many clients of this port the kernel remembers that have not finished the handshake.
in_handshake() { echo "in SYN-RECV: $(settled count_in_handshake "$1")"; }

count_in_handshake() { ss -Htn state syn-recv sport = :"$1" | wc -l; }

nobody_fits_in() { [[ $(ss -Hltn sport = :9000) == LISTEN\ *5\ *4\ * ]]; }

sysctl -qw net.ipv4.tcp_no_metrics_save=1 # or the kernel prefers those whose round trip it remembers

step "Four places, and a server that does not accept"
show sysctl -w net.core.somaxconn=4
serve "$PROGRAMS/tcp_echo_server" --listen :9000 --framing line --first-frame-timeout never
server=$pid
kill -STOP "$server"
clients 7
eventually nobody_fits_in
show_rows 2 ss -tn state syn-sent
show ss -ltn
show nstat -asz TcpExtListenOverflows

step "The server goes on"
kill -CONT "$server"
show_rows 7 ss -tn state established dport = :9000
stop "$server" KILL

step "A flood, without cookies"
show sysctl -w net.core.somaxconn=64 net.ipv4.tcp_max_syn_backlog=64 net.ipv4.tcp_syncookies=0
serve "$PROGRAMS/tcp_echo_server" --listen :9001 --framing line
flood 9001
in_handshake 9001
somebody_honest 9001
stop "$flood" KILL

step "A flood, with cookies"
show sysctl -w net.ipv4.tcp_syncookies=1
serve "$PROGRAMS/tcp_echo_server" --listen :9002 --framing line
flood 9002
in_handshake 9002
somebody_honest 9002
show nstat -asz TcpExtSyncookiesSent TcpExtSyncookiesRecv
