#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/bench.sh [echo] [--rounds N] [--seconds S] [--case NAME]... [--candidate NAME]... [--list]

Measures the server's CPU time per echoed message, as a ratio to an epoll loop written by hand with the same wire
format. Server and load have a core each; the candidates take turns in every round; the table shows medians. Samples
that were taken while the two cores were further apart than usual (a probe before and after each) are taken again.

  --rounds N    how many times every candidate is measured (7)
  --seconds S   how long one measurement takes (1.5)
  --case NAME   only this case; several times for several. --list shows them
  --candidate NAME  only this one (and the raw loop); several times for several

Needs two idle cores. The figures of a busy machine mean nothing; the ratios of one survive some noise.
END
}

case ${1:-} in
    --help | -h) usage; exit 0 ;;
    echo) shift ;;
esac

cd "$(dirname "$0")/.."
source tools/lib/packages.sh
require_build_packages >&2
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(nproc)" --target benchmarks >&2
exec python3 tools/lib/bench_echo.py build/release "$@"
