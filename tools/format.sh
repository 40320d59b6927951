#!/usr/bin/env bash
# Formats the C++ sources with clang-format, or with --check only says which of them would change. No gate: the
# versions of clang-format differ from each other, so a build must not depend on the one at hand.
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=$(compgen -c clang-format | grep -Ex 'clang-format(-[0-9]+)?' | sort -Vru | head -n 1 || true)
[[ -n $formatter ]] || { echo "no clang-format found" >&2; exit 1; }

case ${1:-} in
    '') mode=(-i) ;;
    --check) mode=(--dry-run --Werror) ;;
    *) echo "Usage: tools/format.sh [--check]" >&2; exit 2 ;;
esac
find libnet apps tests \( -name '*.hpp' -o -name '*.cpp' \) -print0 | xargs -0 -r "$formatter" "${mode[@]}"
