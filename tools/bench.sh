#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/bench.sh [echo|peers|lonely|shards|udp|udp-segments|udp-peers|tls|handshake]
                      [--rounds N] [--seconds S] [--case NAME]... [--candidate NAME]... [--json FILE] [--list]
       tools/bench.sh netbench [--rounds N] [--seconds S] [--case NAME]... [--json FILE] [--list]
       tools/bench.sh idle [--connections N] [--sessions N] [--idle S] [--candidate NAME]... [--json FILE]
       tools/bench.sh compile [--rounds N] [--json FILE]
       tools/bench.sh page [--rounds N] [--seconds S] [--suite NAME]...
       tools/bench.sh echo-count|udp-count|tls-count [--case NAME]... [--candidate NAME]... [--json FILE] [--list]
       tools/bench.sh tls-memory [--connections N] [--idle S]
       tools/bench.sh head-of-line [--through wire|impair] [--loss PERCENT] [--delay MS] [--seconds S] [--svg FILE]

Measures the server's CPU time, as a ratio to a loop written by hand on epoll with the same wire format:

  echo          per echoed message, over TCP; this is what it does if nothing else is asked for
  peers         the same, beside what others offer: io_uring by hand, Asio as people write it, Beast's deadlines,
                Asio with a timer for each operation, libuv, libevent, Go, Tokio, Netty. Installs what they need where
                it can be had, and leaves out the others
  lonely        how long the echoes of one client alone take, in the median, instead of the CPU time
  shards        per echoed message, over TCP, by one shard and by two that share its core and its load: the ratio is to
                one
  udp           per echoed datagram; the loop by hand uses recvmmsg and sendmmsg
  udp-segments  the same where both sides let the kernel cut and join datagrams (GSO, GRO)
  udp-peers     the same by a server that has a session for each peer: the ratio is to one with one session
  tls           per echoed message, over TLS; the loop by hand uses OpenSSL and gathers its writes
  handshake     per TLS connection that shakes hands, echoes one message and closes

  netbench      netbench's own CPU time per message, as a ratio to that of the loop by hand which it talks to; the two
                change cores in each round

Server and load have a core each. In each round every candidate is measured beside the first, both started anew, in
slices: first, candidate, candidate, first. So a machine that becomes slower or faster does so for both. Slices between
which the distance of the two cores changed (a probe between each two) are taken again, up to 5 times; then that
candidate lacks a round. The table shows medians of the rounds.

  --rounds N    how many times every candidate is measured (7)
  --seconds S   how long one measurement takes, which is as long as its two slices (1.5)
  --case NAME   only this case; several times for several. --list shows them
  --candidate NAME  only this one (and the raw loop); several times for several
  --json FILE   writes the figures there, too, with the machine, the compiler and the commit

Needs two idle cores. The figures of a busy machine mean nothing; the ratios of one survive some noise.

  idle          measures what idle connections cost instead: memory of the server and of the kernel, its CPU, and the
                latency of one client that is active among them; over TCP, and over streams in memory

  --connections N  over TCP; as many as there are descriptors for, at most (19000)
  --sessions N     over streams in memory, in one process: a million and their streams take 5 GiB (1000000)
  --idle S         seconds over which they are measured, and the interval of libnet's heartbeat (10)
  --candidate NAME libnet, raw, asio, beast, go: only this one over TCP; several times for several

  compile       measures what a first server costs to compile beside the same with Asio, and how large the programs are

  page          runs peers, lonely, shards, the three of udp, netbench, idle, compile, echo-count and udp-count, and
                makes docs/benchmarks.md of what they show. Takes an hour and a quarter
  --suite NAME  only this one again, which the page says; several times for several

  echo-count    counts what a server spends on a message over TCP instead: instructions outside the kernel and
                allocations (callgrind), system calls (strace), beside the others of peers that are written in C++; the
                same on a busy machine
  udp-count     the same of a UDP server, for each datagram that it echoes
  tls-count     the same of a TLS server

  tls-memory    measures the user memory of an idle TLS connection instead; no idle cores are needed

  --connections N  how many there are (2000)
  --idle S      seconds that they have been idle for (3)

  head-of-line  measures how late the same messages come over TCP and over UDP, where packets are lost; no idle cores
                are needed

  --through WAY     wire: the kernel's own TCP over a wire that loses packets, between two network namespaces (needs
                    root); impair: apps/impair, where loss over TCP is a wait. The first that can be had
  --loss PERCENT    of packets (2)
  --delay MS        how long they are under way (20)
  --svg FILE        draws what was measured
END
}

case ${1:-} in
    --help | -h) usage; exit 0 ;;
    echo | peers | lonely | shards | udp | udp-segments | udp-peers | tls | handshake) suite=$1; shift ;;
    netbench | idle | compile | page | echo-count | udp-count | tls-count) suite=$1; shift ;;
    tls-memory | head-of-line) suite=$1; shift ;;
    *) suite=echo ;;
esac

cd "$(dirname "$0")/.."
source tools/lib/packages.sh
source tools/lib/peers.sh
[[ $suite != peers && $suite != page ]] || install_peers >&2
require_build_packages >&2
if [[ $suite == tls* || $suite == handshake ]]; then
    missing_program openssl && install_packages openssl >&2 # for the servers' certificate
    require_programs openssl
fi
if [[ $suite == *-count || $suite == page ]]; then
    missing_program valgrind && install_packages valgrind >&2
    missing_program strace && install_packages strace >&2
    require_programs valgrind strace
fi
cmake --preset release >/dev/null
case $suite in
    head-of-line) targets=(impair) ;;
    netbench | page) targets=(benchmarks netbench) ;;
    idle) targets=(benchmarks beast_echo) ;;
    echo-count) targets=(benchmarks benchmark_peers) ;;
    *) targets=(benchmarks) ;;
esac
cmake --build --preset release --parallel "$(nproc)" --target "${targets[@]}" >&2
[[ $suite != peers && $suite != page ]] || build_peers build/release >&2
if [[ $suite == compile || $suite == page ]]; then # the size of the shared library is that of the Debian package
    cmake --preset debian >/dev/null
    cmake --build --preset debian --parallel "$(nproc)" --target libnet >&2
fi
case $suite in
    netbench) exec python3 tools/lib/bench_netbench.py build/release "$@" ;;
    idle) exec python3 tools/lib/bench_idle.py build/release "$@" ;;
    compile) exec python3 tools/lib/bench_compile.py build/release "$@" ;;
    page) exec python3 tools/lib/bench_page.py run build/release "$@" ;;
    *-count) exec python3 tools/lib/bench_count.py "${suite%-count}" build/release "$@" ;;
    head-of-line) exec python3 tools/lib/head_of_line.py build/release "$@" ;;
    tls-memory) exec python3 tools/lib/bench_memory.py build/release "$@" ;;
esac
exec python3 tools/lib/bench_cpu.py "$suite" build/release "$@"
