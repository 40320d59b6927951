#!/usr/bin/env bash
# Slow-loris: how somebody with twenty connections and a byte now and then keeps everybody else out, and what ends that.
#
#     slow_loris.sh [PROGRAMS]     PROGRAMS is where the sample programs are; build/dev/apps if not given
source "$(dirname "$0")/library.sh"
begin "$@"
need python3

# Twenty connections from 127.0.0.2, a byte of a line on each of them every 100 ms, and another connection for each that
# is ended.
attacker='
import selectors, signal, socket, sys, time

port = int(sys.argv[1])
opened = sent = 0
connections = selectors.DefaultSelector()

def open_another():
    global opened
    connection = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
    connections.register(connection, selectors.EVENT_READ)
    opened += 1

def tell(*_):
    print(f"the attacker: connections opened: {opened}, bytes sent: {sent}")
    sys.exit()

signal.signal(signal.SIGTERM, tell)
for _ in range(20):
    open_another()
while True:
    for key in list(connections.get_map().values()):
        try:
            sent += key.fileobj.send(b"x")
        except OSError:
            pass
    time.sleep(0.1)
    for key, _ in connections.select(0): # it has been ended
        connections.unregister(key.fileobj)
        key.fileobj.close()
        open_another()
'

# attack COUNT SERVER_FLAG...: a server with room for twenty, and the attacker, of whose connections it lets in so many.
attack() {
    serve "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 --framing line --max-connections 20 "${@:2}"
    server=$pid
    start attacker python3 -c "$attacker" "$port"
    eventually has_opened "$1" || fail "not so many have come: $(cat "$log" "$scratch/attacker")"
}

# somebody_honest PATIENCE
somebody_honest() {
    local began=$EPOCHREALTIME
    "$PROGRAMS/tcp_echo_client" --connect "$address" --framing line --timeout "$1" hello 2>&1 || echo "exit code $?"
    awk -v began="$began" -v ended="$EPOCHREALTIME" 'BEGIN { printf "waited for %.1fs\n", ended - began }'
}

# reason WORD: what the server says of the first connection of the attacker's that it has closed, or refused.
reason() {
    eventually grep -q "^$1 127.0.0.2" "$log"
    sed -n "/^$1 127.0.0.2/{p;q}" "$log"
}

attacker_ends() {
    stop "$pid"
    cat "$scratch/attacker"
    stop "$server" KILL
}

step "Twenty connections that are never ended"
attack 20 --first-frame-timeout never --frame-timeout never --idle-timeout never
somebody_honest 1s
attacker_ends

step "A message may take a second"
attack 20 --frame-timeout 1s
somebody_honest 9s
reason closed
attacker_ends

step "Five connections for each address"
attack 5 --max-per-address 5
somebody_honest 9s
reason refused
attacker_ends
