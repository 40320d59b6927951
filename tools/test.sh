#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/test.sh [--all | --soak | --help]

Installs what is missing (Debian 12 or newer Debian/Ubuntu), builds, runs the test suite and ends with ctest's summary.

  (nothing)   the `dev` build and all of its tests: a quarter of an hour from a cold start on 2 cores
  --all       adds both demos, the sanitizers (GCC and clang), a second of libFuzzer for every fuzzer, the coverage
              gate of the decoders, instructions per message, the shared library, the Debian and the Conan package:
              meant for 40 minutes from a cold start on 2 cores. This is what .ci/run calls
  --soak      long runs by hand, hours: the proofs of survival in full size (a quarter of an hour; as root, and with
              `ulimit -n 20000`), 10 million executions of every fuzzer, the suites over and over under the
              sanitizers, the release build, every variant of the Conan package, tools/matrix.sh

The builds are in build/<preset>/; the output of each stage is in build/logs/<stage>.log. The figures of the proofs
are in build/logs/proofs.log.
SOAK_FUZZ_RUNS and SOAK_REPEATS change how long --soak takes (10000000 and 50).
END
}

main() {
    local mode=${1:-}
    (($# <= 1)) || { usage >&2; exit 2; }
    case $mode in
        '' | --all | --soak) ;;
        --help | -h) usage; exit 0 ;;
        *) echo "unknown argument: $mode" >&2; usage >&2; exit 2 ;;
    esac

    cd "$(dirname "$0")/.."
    exec </dev/null # nobody is there to answer, and no program shall believe so
    source tools/lib/packages.sh
    source tools/lib/stages.sh
    require_build_packages
    require_test_packages
    require_docs_packages
    [[ -z $mode ]] || { require_clang; require_valgrind; }

    # Everything else needs this build; without it there is nothing to sum up.
    run_stage build build_dev
    ((last_status == 0)) || exit 1
    case $mode in
        --all) run_gates ;;
        --soak) run_soak ;;
    esac
    summary_of_everything build/dev
}

run_gates() {
    run_stage demo demo
    run_stage shared-library shared_library
    run_stage coverage coverage
    run_stage cost cost
    run_stage conan tools/conan.sh
    run_stage clang clang_and_fuzz
    run_stage asan asan
    run_stage tsan tsan
}

run_soak() {
    local repeat=(--repeat "until-fail:${SOAK_REPEATS:-50}")
    run_stage release release
    run_stage proofs proofs
    run_stage fuzz-long fuzz_long
    run_stage conan tools/conan.sh static shared no-tls debug
    run_stage matrix tools/matrix.sh
    run_stage dev-repeated test_preset dev "${repeat[@]}" --label-exclude 'consumer|check|fuzz'
    run_stage asan-repeated asan_everything "${repeat[@]}" --label-exclude fuzz
    run_stage tsan-repeated tsan "${repeat[@]}"
}

# --- the stages. Arguments go to ctest. ----------------------------------------------------------------------------

build_dev() { build_preset dev; }

demo() {
    tools/demo.sh
    tools/demo.sh pool
}

shared_library() {
    build_preset shared
    test_preset shared
}

coverage() {
    build_preset coverage
    find build/coverage -name '*.gcda' -delete # the counts of an earlier run
    test_preset coverage
    python3 tools/checks/branch_coverage.py build/coverage 95 \
        libnet/include/libnet/{framing,policy} libnet/src/{framing,policy}
}

# Instructions per message; and that the benchmarks compile, which nothing else builds.
cost() {
    cmake --build --preset dev --parallel "$(nproc)" --target benchmarks
    cmake --preset release
    cmake --build --preset release --parallel "$(nproc)" --target message_cost idle_sessions
    test_preset release --label-regex cost
}

# Clang's, over the suites without sockets, and a second of every fuzzer.
clang_and_fuzz() {
    build_preset fuzz -DCMAKE_CXX_COMPILER="$CLANGXX"
    test_preset fuzz
}

# Optimised, in a tree of its own: there it is the running that takes long.
fuzz_long() {
    cmake --preset fuzz -B build/fuzz-long -DCMAKE_CXX_COMPILER="$CLANGXX" -DCMAKE_CXX_FLAGS_DEBUG='-O1 -g1'
    cmake --build build/fuzz-long --parallel "$(nproc)" --target fuzzers
    local fuzzer name found
    for fuzzer in build/fuzz-long/tests/fuzz/*_fuzzer; do
        name=$(basename "$fuzzer" _fuzzer)
        found=build/fuzz-long/found/$name # what it finds worth keeping, kept from one run to the next
        mkdir -p "$found"
        without_address_randomisation "$fuzzer" -runs="${SOAK_FUZZ_RUNS:-10000000}" -print_final_stats=1 \
            -artifact_prefix="$found-" "$found" "tests/fuzz/corpus/$name"
    done
}

# GCC's, over the suites with sockets; those without are clang's, which takes half of the time to compile them.
asan() {
    local suites=(contract tls integration)
    cmake --preset asan
    cmake --build --preset asan --parallel "$(nproc)" --target "${suites[@]/%/_tests}"
    test_preset asan --label-regex "^($(IFS='|'; echo "${suites[*]}"))$"
}

asan_everything() {
    build_preset asan
    test_preset asan "$@"
}

tsan() {
    build_preset tsan
    test_preset tsan "$@"
}

release() {
    build_preset release
    test_preset release --label-exclude soak
}

# What is measured there needs the machine for itself.
proofs() {
    test_preset release --label-regex soak --verbose
}

# --- helpers -------------------------------------------------------------------------------------------------------

# build_preset PRESET [CONFIGURE_ARGUMENT]...
build_preset() {
    cmake --preset "$@"
    cmake --build --preset "$1" --parallel "$(nproc)"
}

# test_preset PRESET [CTEST_ARGUMENT]... One more at a time than there are cores, since many tests mostly wait.
test_preset() {
    without_address_randomisation ctest --preset "$1" --parallel "$(($(nproc) + 1))" "${@:2}"
}

# The sanitizers of these compilers know too little of the address space that newer kernels hand out, and then die at
# start by chance. Where a container forbids the change, it has to go without.
without_address_randomisation() {
    if setarch -R true 2>/dev/null; then
        setarch -R "$@"
    else
        "$@"
    fi
}

main "$@"
