#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/demo.sh [pool] [--help]

Builds the echo servers and clients, starts the TCP one on a free port, sends it real messages, compares what comes
back byte for byte; then sends datagrams to the UDP one over a good and a bad line; and stops everything it started. Installs what is missing (Debian 12 or newer Debian/Ubuntu).

pool: instead, callers share a pool of connections to a key-value server, which is killed and started again: the
circuit opens, callers are told so at once, and everything recovers as one watches.
END
}

readonly PROGRAMS=build/dev/apps
server_pid=
udp_pids=()
address=
scratch=

main() {
    case ${1:-} in
        '' | pool) ;;
        --help | -h) usage; exit 0 ;;
        *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
    esac

    cd "$(dirname "$0")/.."
    exec </dev/null
    if [[ ${1:-} == pool ]]; then
        exec tools/lib/demo_pool.sh
    fi
    source tools/lib/packages.sh
    require_build_packages
    build_programs

    scratch=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 1' HUP INT PIPE TERM # which runs clean_up

    start_server
    echo_short_text
    echo_utf8_text
    echo_file
    echo_many_messages
    stop_server
    datagrams_over_a_line
    echo "demo: everything came back as it was sent, but for what the bad line lost"
}

build_programs() {
    local log=build/demo-build.log
    mkdir -p build
    local programs=(tcp_echo_server tcp_echo_client udp_echo_server udp_echo_client impair)
    echo "building ${programs[*]} in build/dev (the first time takes a few minutes)"
    if ! { cmake --preset dev && cmake --build --preset dev --target "${programs[@]}"; } \
            >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        fail "the build failed; all of its output is in $log"
    fi
}

# --- the server ----------------------------------------------------------------------------------------------------

start_server() {
    : >"$scratch/server.log" # which may be read before the server has begun
    "$PROGRAMS/tcp_echo_server" --listen 127.0.0.1:0 >"$scratch/server.log" 2>&1 &
    server_pid=$!
    local tries
    for ((tries = 0; tries < 100; ++tries)); do
        address=$(sed -n 's/^listening on //p' "$scratch/server.log")
        [[ -z $address ]] || break
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    if [[ -z $address ]]; then
        cat "$scratch/server.log" >&2
        fail "the server did not say 'listening on HOST:PORT' within 10 seconds"
    fi
    echo "server: listening on $address, process $server_pid"
}

stop_server() {
    local status=0 pid=$server_pid
    kill -TERM "$pid"
    wait "$pid" || status=$?
    server_pid=
    ((status == 0)) || { cat "$scratch/server.log" >&2; fail "the server ended with exit code $status"; }
    echo "server: stopped by SIGTERM with exit code 0, its last line:"
    tail -n 1 "$scratch/server.log" | sed 's/^/    /'
}

# --- the messages --------------------------------------------------------------------------------------------------

echo_short_text() {
    client "hello, libnet" >"$scratch/reply"
    same "a short text" <(printf 'echo: hello, libnet\n') "$scratch/reply"
}

echo_utf8_text() {
    local text='Grüße, 世界, привет, 🌍'
    client "$text" >"$scratch/reply"
    same "UTF-8 text" <(printf 'echo: %s\n' "$text") "$scratch/reply"
}

echo_file() {
    head -c 1048576 /dev/urandom >"$scratch/file"
    client --file "$scratch/file" >"$scratch/reply"
    same "a file of 1 MiB of random bytes" <(printf 'echo: '; cat "$scratch/file"; printf '\n') "$scratch/reply"
}

echo_many_messages() {
    local start=$SECONDS
    seq -f 'message number %.0f' 10000 >"$scratch/messages"
    client <"$scratch/messages" >"$scratch/reply"
    same "10,000 small messages" <(sed 's/^/echo: /' "$scratch/messages") "$scratch/reply"
    echo "        in $((SECONDS - start)) s, one after the other over one connection"
}

# client [ARGUMENT]...: the client itself exits with 0 only if every reply equals what it sent.
client() {
    timeout 60 "$PROGRAMS/tcp_echo_client" --connect "$address" "$@" ||
        fail "the client ended with exit code $? (124: it took longer than 60 seconds)"
}

# same WHAT EXPECTED_FILE FILE: the comparison by a program that knows nothing of libnet.
same() {
    cmp "$2" "$3" || fail "$1 came back changed"
    echo "client: $1 came back byte for byte"
}

# --- datagrams -----------------------------------------------------------------------------------------------------

# Each is sent once: what the line loses is lost. Then requests, which are sent until they are answered.
datagrams_over_a_line() {
    local server loss line
    start_udp "$scratch/udp_server.log" udp_echo_server --listen 127.0.0.1:0 --quiet
    server=$address
    for loss in 0 10%; do
        start_udp "$scratch/impair.log" impair --udp --listen 127.0.0.1:0 --connect "$server" --loss "$loss"
        line=$address
        echo "udp: over a line that loses $loss:"
        timeout 60 "$PROGRAMS/udp_echo_client" --connect "$line" --count 500 >"$scratch/reply" ||
            [[ $loss != 0 ]] || fail "a datagram was lost on a good line: $(cat "$scratch/reply")"
        sed 's/^/    /' "$scratch/reply"
        timeout 60 "$PROGRAMS/udp_echo_client" --connect "$line" --count 500 --retry 10 --timeout 20s \
            >"$scratch/reply" || fail "a request was not answered: $(cat "$scratch/reply")"
        sed 's/^/    /' "$scratch/reply"
    done
}

# start_udp LOG PROGRAM [ARGUMENT]...: sets address
start_udp() {
    local log=$1 program=$2 tries
    : >"$log"
    "$PROGRAMS/$program" "${@:3}" >"$log" 2>&1 &
    udp_pids+=($!)
    for ((tries = 0; tries < 100; ++tries)); do
        address=$(sed -n 's/^listening on //p' "$log")
        [[ -z $address ]] || return 0
        sleep 0.1
    done
    cat "$log" >&2
    fail "$program did not say 'listening on HOST:PORT' within 10 seconds"
}

# --- the end -------------------------------------------------------------------------------------------------------

clean_up() {
    if [[ -n $server_pid ]]; then
        kill -KILL "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
    fi
    local pid
    for pid in "${udp_pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$scratch"
}

main "$@"
