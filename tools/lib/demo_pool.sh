#!/usr/bin/env bash
# What `tools/demo.sh pool` does: a pool of connections whose server dies and comes back.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tools/lib/packages.sh

programs=${LIBNET_DEMO_PROGRAMS:-build/dev/apps}
server_pid=
client_pid=
scratch=

main() {
    if [[ -z ${LIBNET_DEMO_PROGRAMS:-} ]]; then
        require_build_packages
        build_programs
    fi
    scratch=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 1' HUP INT PIPE TERM # which runs clean_up

    address=127.0.0.1:0
    start_server
    "$programs/pool_client" --connect "$address" --interval 500ms --for 11s > >(tee "$scratch/client.log") 2>&1 &
    client_pid=$!
    sleep 2.2
    echo "--- the server is killed: what is in flight is lost, then the circuit opens and callers are told at once"
    kill -KILL "$server_pid"
    wait "$server_pid" 2>/dev/null || true
    server_pid=
    sleep 4
    echo "--- the server is started again: a probe finds it, the circuit closes"
    start_server
    local status=0
    wait "$client_pid" || status=$?
    client_pid=
    ((status == 0)) || fail "the client ended with exit code $status"
    sleep 0.2 # for tee
    grep -q '| open' "$scratch/client.log" || fail "the circuit was never open"
    grep '^pool' "$scratch/client.log" | tail -n 1 | grep -q '| closed' || fail "the circuit has not closed again"
    grep -q ', wrong 0$' "$scratch/client.log" || fail "a call got another's answer"
    echo "demo: the pool has lived through it"
}

build_programs() {
    local log=build/demo-build.log
    mkdir -p build
    echo "building key_value_server and pool_client in build/dev (the first time takes a few minutes)"
    if ! { cmake --preset dev && cmake --build --preset dev --target key_value_server pool_client; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        fail "the build failed; all of its output is in $log"
    fi
}

# On a free port, and then on the same one again.
start_server() {
    : >"$scratch/server.log"
    "$programs/key_value_server" --listen "$address" --work 1ms >"$scratch/server.log" 2>&1 &
    server_pid=$!
    local tries
    for ((tries = 0; tries < 100; ++tries)); do
        address=$(sed -n 's/^listening on //p' "$scratch/server.log")
        [[ -z $address ]] || return 0
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$scratch/server.log" >&2
    fail "the server did not say 'listening on HOST:PORT' within 10 seconds"
}

clean_up() {
    local pid
    for pid in $server_pid $client_pid; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}

main
