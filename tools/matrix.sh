#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/matrix.sh [CELL]... [--list | --help]

Builds the libraries, the sample programs and the suites of unit, contract, TLS and integration tests, and runs them,
for each cell:

  gcc-12       GCC 12, the oldest that there is a promise for
  clang-16     Clang 16, the oldest
  clang-19     Clang 19; unpacked into build/matrix/clang-19 where it is not installed
  boost-1.88   GCC with the headers of Boost 1.88, from Debian 13, unpacked into build/matrix/boost-1.88
  debian-13    GCC 14 and OpenSSL 3.5 in a root of Debian 13 of its own, build/matrix/debian-13/root; needs root
               and debootstrap

Without a name all of them are built, one after the other. A cell that cannot run here says why; that is no failure. The
last lines are the rows for the table in README.md. Packages come from where apt gets its own. MATRIX_JOBS
says how many compilers and tests run at a time, at first as many as there are cores. The output is in
build/matrix/<cell>.log.
END
}

readonly CELLS=(gcc-12 clang-16 clang-19 boost-1.88 debian-13)
readonly NEXT_RELEASE=trixie # Debian 13
readonly SUITES=(unit contract tls integration) # pages, checks, consumers and fuzzers: once, by tools/test.sh
readonly CANNOT_RUN=77

main() {
    local chosen=() inside=
    while (($# > 0)); do
        case $1 in
            --help | -h) usage; exit 0 ;;
            --inside) inside=${2:?}; shift ;; # for cells that this script runs in a root
            --list) printf '%s\n' "${CELLS[@]}"; exit 0 ;;
            *) [[ " ${CELLS[*]} " == *" $1 "* ]] || { echo "unknown cell: $1" >&2; usage >&2; exit 2; }
                chosen+=("$1") ;;
        esac
        shift
    done
    ((${#chosen[@]} > 0)) || chosen=("${CELLS[@]}")

    cd "$(dirname "$0")/.."
    exec </dev/null
    top=$PWD
    source tools/lib/packages.sh
    if [[ -n $inside ]]; then
        build_and_test "$inside" # in a root of its own, with what that has
        exit 0
    fi
    require_build_packages
    require_test_packages
    local cell failed=0
    for cell in "${chosen[@]}"; do
        run_cell "$cell"
    done
    echo
    grep -h '' "${chosen[@]/#/build/matrix/row.}" 2>/dev/null || true
    exit "$failed"
}

# run_cell CELL: sets failed=1 if it did. Never in a condition: there the shell ignores `set -e`.
run_cell() {
    local cell=$1 status start=$SECONDS
    local log=build/matrix/$cell.log
    mkdir -p build/matrix
    rm -f "build/matrix/row.$cell"
    echo "$cell: started at $(date +%H:%M:%S)"
    set +e
    (set -e; "cell_${cell//[-.]/_}") >"$log" 2>&1
    status=$?
    set -e
    case $status in
        0) echo "$cell: green in $((SECONDS - start)) s" ;;
        "$CANNOT_RUN") echo "$cell: not run: $(tail -n 1 "$log")" ;;
        *) failed=1
            echo "$cell: FAILED after $((SECONDS - start)) s. The end of $log:"
            tail -n 40 "$log" | sed 's/^/    /' ;;
    esac
}

# On stderr: those who call it may be asked for something on stdout.
cannot_run() {
    echo "$*" >&2
    exit "$CANNOT_RUN"
}

# --- the cells -------------------------------------------------------------------------------------------------------

cell_gcc_12() {
    local compiler
    compiler=$(compiler_of_version 12 g++-12 g++) || cannot_run "there is no g++ 12"
    # File by file: who misses an #include shows.
    build_and_test gcc-12 -DCMAKE_CXX_COMPILER="$compiler" -DLIBNET_ASIO_UNITY=OFF
}

cell_clang_16() {
    local compiler
    compiler=$(compiler_of_version 16 clang++-16 clang++) || cannot_run "there is no clang++ 16"
    build_and_test clang-16 -DCMAKE_CXX_COMPILER="$compiler"
}

cell_clang_19() {
    local compiler
    compiler=$(compiler_of_version 19 clang++-19 clang++) || compiler=$(unpacked_clang 19)
    build_and_test clang-19 -DCMAKE_CXX_COMPILER="$compiler"
}

cell_boost_1_88() {
    local folder=$top/build/matrix/boost-1.88 config
    if [[ ! -d $folder/usr ]]; then
        on_apt || cannot_run "there is no apt-get to fetch Boost 1.88 with"
        apt_of_next_release update || cannot_run "the package lists of $NEXT_RELEASE could not be read"
        download_and_unpack apt_of_next_release "$folder" libboost1.88-dev || cannot_run "Boost 1.88 could not be fetched"
    fi
    config=$(find "$folder/usr/lib" -type d -name 'Boost-1.88*')
    build_and_test boost-1.88 -DBoost_DIR="$config" -DBoost_NO_SYSTEM_PATHS=ON \
        -Dboost_headers_DIR="$(find "$folder/usr/lib" -type d -name 'boost_headers-1.88*')"
    # A header that is not in the folder would be taken from the system's Boost, and nobody would notice.
    local foreign
    foreign=$(ninja -C build/matrix-boost-1.88 -t deps | grep -m 3 '^ */usr/include/boost/' || true)
    [[ -z $foreign ]] || fail "headers of another Boost were used: $foreign"
}

cell_debian_13() {
    local folder=$top/build/matrix/debian-13
    local root=$folder/root
    if [[ ! -f $folder/root-is-ready ]]; then
        ((EUID == 0)) || cannot_run "making a root needs root"
        missing_program debootstrap && cannot_run "debootstrap is not installed"
        rm -rf "$root"
        debootstrap --variant=minbase "--include=$(packages_of_root)" "$NEXT_RELEASE" "$root" "$(debian_archive)" ||
            cannot_run "debootstrap could not make a root of $NEXT_RELEASE; its words are above"
        touch "$folder/root-is-ready"
    fi
    in_root "$root" true || cannot_run "this system does not let us enter the root (unshare, mount, chroot)"
    rm -rf "$root/libnet"
    mkdir -p "$root/libnet"
    local part
    for part in CMakeLists.txt LICENSE apps docs libnet packaging tests tools; do
        [[ ! -e $part ]] || cp -R "$part" "$root/libnet"
    done
    in_root "$root" tools/matrix.sh --inside debian-13
    cp "$root/libnet/build/matrix/row.debian-13" build/matrix/
}

# --- building and testing --------------------------------------------------------------------------------------------

# build_and_test CELL [CMAKE_ARGUMENT]...: -O0, since it is about compiling and behaving, and a tenth of the time.
build_and_test() {
    local cell=$1 jobs=${MATRIX_JOBS:-$(nproc)}
    local folder=build/matrix-$cell # as deep as build/dev, so that the compiler cache knows the sources
    mkdir -p build/matrix
    cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Debug '-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1' \
        -DCMAKE_CXX_FLAGS=-D_GLIBCXX_ASSERTIONS -DLIBNET_ASIO_WARNINGS_AS_ERRORS=ON "${@:2}"
    cmake --build "$folder" --parallel "$jobs" --target "${SUITES[@]/%/_tests}"
    local labels
    labels=$(IFS='|'; echo "${SUITES[*]}")
    ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$jobs" --label-regex "^($labels)$"
    write_row "$cell" "$folder"
}

# The row of the table: what was used is what the build found.
write_row() {
    local compiler boost openssl system
    compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$2/CMakeCache.txt")
    boost=$(sed -n 's|^Boost_DIR:PATH=.*/Boost-\([0-9.]*\)$|\1|p' "$2/CMakeCache.txt")
    openssl=$(openssl_version)
    system=$(. /etc/os-release && echo "$NAME ${VERSION_ID:-}")
    echo "| \`$1\` | $system | $(compiler_name "$compiler") | $boost | $openssl | $(date -u +%Y-%m-%d) |" \
        >"build/matrix/row.$1"
}

compiler_name() {
    local version
    version=$("$1" -dumpfullversion -dumpversion)
    if "$1" --version | grep -q clang; then echo "Clang $version"; else echo "GCC $version"; fi
}

openssl_version() {
    echo '#include <openssl/opensslv.h>
        OPENSSL_VERSION_STR' | g++ -E -x c++ - | sed -n '$s/"//gp'
}

# compiler_of_version MAJOR CANDIDATE...: the first that is there and of that version.
compiler_of_version() {
    local candidate
    for candidate in "${@:2}"; do
        if [[ $("$candidate" -dumpversion 2>/dev/null | cut -d. -f1) == "$1" ]]; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# --- packages that are not installed ---------------------------------------------------------------------------------

# unpacked_clang VERSION: a clang++ in a folder, so that no other script takes it for this system's newest.
unpacked_clang() {
    local folder=$top/build/matrix/clang-$1/unpacked
    local program=$folder/clang++-$1
    if [[ ! -x $program ]]; then
        on_apt || cannot_run "there is no clang++ $1, and no apt-get to fetch it with"
        update_package_lists >&2
        download_and_unpack apt-get "$folder" "clang-$1" "libclang-cpp$1" "libllvm$1" "libclang-common-$1-dev" >&2 ||
            cannot_run "clang++ $1 could not be fetched"
        local libraries
        libraries=$(dirname "$(find "$folder" -name 'libclang-cpp.so*' -path '*/lib/*-linux-*' | head -n 1)")
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$folder/usr/lib/llvm-$1/bin/clang++" >"$program"
        chmod +x "$program"
        "$program" --version >&2 || { rm "$program"; cannot_run "clang++ $1 does not run when it is only unpacked"; }
    fi
    echo "$program"
}

# download_and_unpack APT_GET FOLDER PACKAGE...
download_and_unpack() {
    local archives
    archives=$(mktemp -d)
    (cd "$archives" && "$1" -o APT::Sandbox::User=root download "${@:3}") || return 1
    mkdir -p "$2"
    local archive
    for archive in "$archives"/*.deb; do
        dpkg -x "$archive" "$2" || return 1
    done
    rm -rf "$archives"
}

# apt-get with the lists of the next release, in a folder of their own: nothing of the system's is changed.
apt_of_next_release() {
    local folder=$top/build/matrix/apt
    mkdir -p "$folder/lists/partial" "$folder/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_archive) $NEXT_RELEASE main" \
        >"$folder/sources.list"
    apt-get -qq -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder" -o Dir::Cache::Archives="$folder/archives" \
        -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root "$@"
}

# Where apt gets Debian's own packages from.
debian_archive() {
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(RELEASE) $(REPO_URI)' |
        awk '$1 == "Debian" && $2 == "Debian" && $3 !~ /-/ && !found { print $4; found = 1 }'
}

packages_of_root() {
    local packages=(
        g++ cmake ninja-build ccache libboost-dev libssl-dev libgtest-dev libgmock-dev libcli11-dev python3
        pkg-config socat netcat-openbsd strace iproute2 openssl gnutls-bin curl ca-certificates sslscan procps
        redis-server memcached haproxy)
    (IFS=','; echo "${packages[*]}")
}

# in_root ROOT COMMAND...: with /proc and /dev, which vanish with the namespace.
in_root() {
    local root=$1
    shift
    unshare --mount --propagation private sh -c '
        root=$1; shift
        mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 1
        cd / && exec chroot "$root" sh -c "cd /libnet 2>/dev/null || cd /; exec \"\$@\"" sh "$@"' sh "$root" "$@"
}

main "$@"
