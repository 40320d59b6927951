# Sourced by the experiments: starts programs on free ports of the loopback interface, shows what the kernel knows of
# their sockets, and stops what it started when the script ends, however it ends.

set -euo pipefail
export LC_ALL=C

readonly CANNOT_RUN_HERE=77
PROGRAMS=build/dev/apps
scratch=
started=()

# begin [PROGRAMS]: where the sample programs are.
begin() {
    [[ ${1:-} != --help ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }
    PROGRAMS=${1:-$PROGRAMS}
    [[ -x $PROGRAMS/tcp_echo_server ]] ||
        fail "no tcp_echo_server in $PROGRAMS; build the programs, or say where they are: $0 build/dev/apps"
    need ss
    scratch=$(mktemp -d)
    trap stop_all EXIT
    trap 'exit 1' HUP INT PIPE TERM
}

# in_own_network "$@": goes on in a network namespace that only this script uses, as its root.
in_own_network() {
    local namespaces=(--net)
    ((EUID == 0)) || namespaces+=(--user --map-root-user)
    if [[ -z ${IN_OWN_NETWORK:-} ]]; then
        unshare "${namespaces[@]}" true 2>/dev/null || cannot_run "unshare ${namespaces[*]} is not allowed here"
        IN_OWN_NETWORK=yes exec unshare "${namespaces[@]}" "$BASH" "$0" "$@"
    fi
    ip link set lo up
}

# wire [FLAG]...: a wire from here, 10.9.0.1, to 10.9.0.2 in another network namespace; the flags are those of
# tools/lib/wire.py. Sets wire to its pid, and there to the words that run a command at its other end.
wire() {
    need python3 nsenter
    rm -f "$scratch/wire" # of another one before
    start wire python3 "$(dirname "${BASH_SOURCE[0]}")/../../../tools/lib/wire.py" "$@"
    wire=$pid
    eventually grep -qE '^ready|Error' "$scratch/wire" || fail "no wire: $(cat "$scratch/wire")"
    grep -q '^ready' "$scratch/wire" || cannot_run "no wire: $(tail -n 1 "$scratch/wire")"
    there=(nsenter "--net=/proc/$wire/ns/net" --)
}

there() { "${there[@]}" "$@"; }

# cut_wire: from now on it carries nothing.
cut_wire() {
    kill -USR1 "$wire"
    eventually grep -q '^cut' "$scratch/wire"
}

mend_wire() {
    kill -USR2 "$wire"
    eventually grep -q '^mended' "$scratch/wire"
}

# step TITLE
step() { printf '\n# %s\n' "$*"; }

# show COMMAND [ARGUMENT]...: the command as it would be typed, and what it prints.
show() {
    typed "$@"
    "$@" | sed 's/[[:space:]]*$//'
}

typed() {
    local word line='$'
    for word in "$@"; do
        [[ $word != *' '* ]] || word="'$word'"
        line+=" $word"
    done
    echo "$line"
}

# show_rows COUNT COMMAND [ARGUMENT]...: the same, as soon as it prints so many lines below its first, and these sorted.
show_rows() {
    local seen
    eventually prints_rows "$1" "${@:2}" || fail "not $1 rows: ${*:2}"$'\n'"$seen"
    typed "${@:2}"
    sed 's/[[:space:]]*$//' <<<"$seen" | { IFS= read -r heading && echo "$heading" && sort; }
}

prints_rows() {
    seen=$("${@:2}")
    (($(wc -l <<<"$seen") == $1 + 1))
}

# start NAME COMMAND [ARGUMENT]...: in the background, without our descriptor 3, which experiments use for a connection;
# its output goes to $scratch/NAME. Sets pid.
start() {
    "${@:2}" >"$scratch/$1" 2>&1 3>&- &
    pid=$!
    started+=("$pid")
}

# serve COMMAND [ARGUMENT]...: starts a program that says "listening on HOST:PORT". Sets pid, address and port.
serve() {
    local name=listening_${#started[@]}
    start "$name" "$@"
    eventually grep -q '^listening on ' "$scratch/$name" || fail "$1 does not listen: $(cat "$scratch/$name")"
    address=$(sed -n 's/^listening on //p' "$scratch/$name")
    port=${address##*:}
    log=$scratch/$name
}

# has_opened COUNT: whether so many connections or more have come to the server that was started last.
has_opened() { (($(grep -c "^opened" "$log") >= $1)); }

# observe PID: until this client of our port has ended, gathers what `ss -ti` says of its connection in $scratch/observed.
observe() {
    : >"$scratch/observed"
    while kill -0 "$1" 2>/dev/null; do
        ss -Htni state established dport = :"$port" >>"$scratch/observed"
        sleep 0.02
    done
    wait "$1" || fail "the client has failed: $(tail -c 300 "$scratch/client")"
}

# stop PID [SIGNAL]: and waits until it has ended.
stop() {
    kill "-${2:-TERM}" "$1" 2>/dev/null || true
    kill -CONT "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

stop_all() {
    local each
    for each in "${started[@]}"; do
        stop "$each" KILL
    done
    rm -rf "$scratch"
}

# eventually COMMAND [ARGUMENT]...: waits until it succeeds, for 10 seconds at most.
eventually() {
    local end=$((SECONDS + 10))
    until "$@" 2>/dev/null; do
        ((SECONDS < end)) || return 1
        sleep 0.02
    done
}

# settled COMMAND [ARGUMENT]...: waits until it prints the same for half a second, and prints that.
settled() {
    local last now same=0
    last=$("$@")
    while ((same < 5)); do
        sleep 0.1
        now=$("$@")
        [[ $now == "$last" ]] && same=$((same + 1)) || same=0
        last=$now
    done
    printf '%s\n' "$last"
}

# need PROGRAM...: ends the script if one is not installed.
need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || cannot_run "$program is not installed"
    done
}

# need_settings NAME...: ends the script if one of these settings of the kernel may not be changed, as in many containers.
need_settings() {
    need sysctl
    local name
    for name in "$@"; do
        [[ -w /proc/sys/${name//.//} ]] || cannot_run "$name may not be set here"
    done
}

cannot_run() {
    echo "cannot run: $*" >&2
    exit "$CANNOT_RUN_HERE"
}

fail() {
    echo "error: $*" >&2
    exit 1
}
