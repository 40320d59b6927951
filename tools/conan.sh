#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/conan.sh [VARIANT]... [--help]

Makes the Conan package as the README says, with the recipe that users get, and builds and runs a program that uses it.
Nothing is downloaded but Conan itself: this system's Boost and OpenSSL stand in for those of Conan Center.

  static     the default options (and the default of this script): the README's words
  shared     a shared library
  no-tls     without TLS, and so without OpenSSL
  debug      build type Debug

Conan comes by pip into build/conan/venv, unless it is there. Where no package index answers, the exit code is 77, which
says that nothing was tested; with CI=true it is a failure.
END
}

readonly SKIPPED=77
readonly FRESH=build/conan/fresh
readonly CXX20=(-s compiler.cppstd=20)

main() {
    local variants=()
    while (($# > 0)); do
        case $1 in
            static | shared | no-tls | debug) variants+=("$1") ;;
            --help | -h) usage; exit 0 ;;
            *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
        esac
        shift
    done
    ((${#variants[@]} > 0)) || variants=(static)

    cd "$(dirname "$0")/.."
    source tools/lib/packages.sh
    require_build_packages
    require_conan
    prepare_home
    refuses_what_is_too_old
    local variant
    for variant in "${variants[@]}"; do
        echo "conan: $variant"
        "variant_${variant//-/_}"
    done
    echo "conan: ${variants[*]}: made, consumed and run"
}

# --- what is needed --------------------------------------------------------------------------------------------------

require_conan() {
    local venv=$PWD/build/conan/venv
    if [[ $("$venv/bin/conan" --version 2>/dev/null) != 'Conan version 2.'* ]]; then
        rm -rf "$venv"
        require_venv
        python3 -m venv "$venv"
        if ! "$venv/bin/pip" install --quiet --retries 1 --timeout 20 'conan>=2.4,<3'; then
            [[ ${CI:-} != true ]] || fail "pip could not install Conan"
            echo "skipped: pip could not install Conan"
            exit "$SKIPPED"
        fi
    fi
    PATH=$venv/bin:$PATH
}

# A home of its own, in which the system's libraries bear the names that Conan Center has for them. There is no remote.
prepare_home() {
    export CONAN_HOME=$PWD/build/conan/home
    rm -rf "$CONAN_HOME"
    mkdir -p "$CONAN_HOME"
    conan profile detect
    conan remote disable '*'
    conan export tests/conan/boost
    conan export tests/conan/openssl
    # What somebody has who read the README; `conan create` writes into a clone.
    sh tests/consumers/readme/fresh_folder.sh "$FRESH"
}

# --- what is tested --------------------------------------------------------------------------------------------------

# The recipe says why it cannot be built, before anything is built.
refuses_what_is_too_old() {
    refuses "needs C++20, and this profile says 17: add" -s compiler.cppstd=17
    refuses "needs gcc 12 or newer; this profile says 11" "${CXX20[@]}" -s compiler=gcc -s compiler.version=11
    refuses "needs clang 16 or newer; this profile says 15" "${CXX20[@]}" -s compiler=clang -s compiler.version=15
    refuses "runs on Linux only" "${CXX20[@]}" -s os=Macos -s os.version=14.0
}

# refuses REASON SETTING...
refuses() {
    local output
    if output=$(conan create "$FRESH/libnet" --build=missing "${@:2}" 2>&1); then
        fail "conan create was to refuse ${*:2}"
    fi
    [[ $output == *"$1"* ]] || fail "conan create refused ${*:2}, but did not say: $1. It said: $output"
    echo "refused: ${*:2}"
}

# In a fresh folder, the README's words.
variant_static() {
    python3 tests/consumers/readme/follow.py conan "$FRESH"
}

variant_shared() { create -o '&:shared=True'; }

variant_debug() { create -s build_type=Debug; }

variant_no_tls() {
    create -o '&:with_tls=False'
    local graph
    graph=$(conan graph info "$FRESH/libnet" "${CXX20[@]}" -o '&:with_tls=False' 2>/dev/null)
    [[ $graph == *boost/* && $graph != *openssl/* ]] || fail "OpenSSL is required all the same: $graph"
}

# Whatever the variant, its test package runs a session of each kind.
create() { conan create "$FRESH/libnet" --build=missing "${CXX20[@]}" "$@"; }

main "$@"
