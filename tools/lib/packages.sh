# Sourced by the scripts of tools/: installs what is missing on Debian 12 or newer Debian and Ubuntu.
#
#     require_build_packages      to build the libraries, the applications and the tests
#     require_test_packages       what the test suite runs besides
#     require_docs_packages       what tools/docs.sh needs; sets DOCS_PYTHON to a Python that has the modules
#     require_venv                python3 -m venv
#     require_clang               a clang with its sanitizers, >= 16; sets CLANGXX to its clang++
#
# What is there already, from wherever it came, is not installed again, so nothing is done (and no right to do it is
# needed) on a machine that is set up. On a system without apt-get the missing packages are named; that is an error
# only if a program is missing, because libraries may be where only CMake finds them.

readonly OLDEST_BOOST=108100 # as BOOST_VERSION says it: 1.81
readonly OLDEST_CLANG=16

require_build_packages() {
    local missing=()
    missing_program g++ && missing+=(g++)
    missing_program cmake && missing+=(cmake)
    missing_program ninja && missing+=(ninja-build)
    missing_program ccache && on_apt && missing+=(ccache) # only a help, so nobody else is asked for it
    if missing_boost; then
        update_package_lists
        missing+=("$(boost_package)")
    fi
    missing_header 'openssl/ssl.h' && missing+=(libssl-dev)
    missing_header 'gtest/gtest.h' && missing+=(libgtest-dev)
    missing_header 'gmock/gmock.h' && missing+=(libgmock-dev)
    missing_header 'CLI/CLI.hpp' && missing+=(libcli11-dev)
    missing_program python3 && missing+=(python3) # configuring the tests asks for it
    install_packages "${missing[@]}"
    require_programs g++ cmake ninja python3
}

require_test_packages() {
    local missing=()
    missing_program pkg-config && missing+=(pkg-config)
    missing_program socat && missing+=(socat)
    missing_program nc && missing+=(netcat-openbsd)
    missing_program strace && missing+=(strace)
    missing_program ss && missing+=(iproute2)
    missing_program tcpdump && missing+=(tcpdump)
    missing_program sysctl && missing+=(procps)
    missing_program openssl && missing+=(openssl)
    missing_program gnutls-cli && missing+=(gnutls-bin)
    missing_program curl && missing+=(curl)
    missing_program sslscan && missing+=(sslscan)
    missing_header 'libnet.h' && missing+=(libnet1-dev) # the packet library, which must not be in our way
    missing_program dpkg-shlibdeps && on_apt && missing+=(dpkg-dev) # for the Debian package
    missing_program man && missing+=(man-db)
    missing_program mandoc && missing+=(mandoc)
    missing_program redis-server && missing+=(redis-server)
    missing_program memcached && missing+=(memcached)
    missing_program haproxy && missing+=(haproxy)
    install_packages "${missing[@]}"
    require_programs pkg-config socat nc strace ss tcpdump sysctl openssl gnutls-cli curl sslscan man mandoc \
        redis-server memcached haproxy
}

require_valgrind() {
    missing_program valgrind && install_packages valgrind
    require_programs valgrind
}

require_docs_packages() {
    local missing=()
    missing_program doxygen && missing+=(doxygen)
    find_docs_python || missing+=(python3 python3-markdown-it python3-pygments)
    install_packages "${missing[@]}"
    have_docs_packages || fail "not found: doxygen, or a Python with the modules markdown_it and pygments"
}

have_docs_packages() { ! missing_program doxygen && find_docs_python; }

# The python3 of the search path need not be Debian's, for which Debian has the modules.
find_docs_python() {
    for DOCS_PYTHON in python3 /usr/bin/python3; do
        "$DOCS_PYTHON" -c 'import markdown_it, pygments' 2>/dev/null && return 0
    done
    return 1
}

# Python's module venv with pip, which Debian has in a package of its own.
require_venv() {
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
}

require_clang() {
    if ! find_clang; then
        local version
        update_package_lists
        version=$(clang_version_to_install)
        install_packages "clang-$version" "libclang-rt-$version-dev"
        find_clang || fail "clang++ >= $OLDEST_CLANG with its sanitizers and libFuzzer is needed and was not found"
    fi
}

# --- what is there ---------------------------------------------------------------------------------------------------

missing_program() { ! command -v "$1" >/dev/null 2>&1; }

on_apt() { command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1; }

# missing_header HEADER: true unless the compiler finds it. It is looked for and not compiled: that would take seconds.
missing_header() { ! preprocess "#if !__has_include(<$1>)" '#error not found' '#endif'; }

missing_boost() {
    ! preprocess '#include <boost/version.hpp>' "#if BOOST_VERSION < $OLDEST_BOOST" '#error too old' '#endif'
}

preprocess() { printf '%s\n' "$@" | g++ -std=c++20 -E -x c++ - >/dev/null 2>&1; }

# Debian 12's own libboost-dev is 1.74, and it has 1.81 beside it.
boost_package() {
    local version
    version=$(candidate_version libboost-dev)
    if [[ -z $version ]] || dpkg --compare-versions "$version" ge 1.81; then
        echo libboost-dev
    else
        echo libboost1.81-dev
    fi
}

# The version that apt-get would install of a package, or nothing.
candidate_version() {
    on_apt || return 0
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(].*\)$/\1/p'
}

# Sets CLANGXX to the newest clang++ >= 16 that can link the sanitizers and libFuzzer.
find_clang() {
    local candidate
    while read -r candidate; do
        if clang_works "$candidate"; then
            CLANGXX=$candidate
            return 0
        fi
    done < <(compgen -c clang++ | grep -Ex 'clang\+\+(-[0-9]+)?' | sort -Vru)
    return 1
}

clang_works() {
    local version program=0
    version=$("$1" -dumpversion 2>/dev/null | cut -d. -f1)
    [[ $version =~ ^[0-9]+$ ]] && ((version >= OLDEST_CLANG)) || return 1
    local output
    output=$(mktemp)
    echo '#include <cstddef>
        extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, std::size_t) { return 0; }' |
        "$1" -std=c++20 -fsanitize=fuzzer,address,undefined -x c++ - -o "$output" >/dev/null 2>&1 || program=1
    rm -f "$output"
    return "$program"
}

# The version of the distribution's own clang if it is new enough, or else the oldest beside it that is.
clang_version_to_install() {
    local version
    version=$(candidate_version clang | sed -E 's/^([0-9]+:)?([0-9]+).*/\2/')
    if [[ -z $version ]] || ((version < OLDEST_CLANG)); then
        version=$OLDEST_CLANG
        while ((version < OLDEST_CLANG + 20)) && [[ -z $(candidate_version "clang-$version") ]]; do
            ((++version))
        done
    fi
    echo "$version"
}

# --- installing ------------------------------------------------------------------------------------------------------

# install_packages [PACKAGE]...
install_packages() {
    (($# > 0)) || return 0
    if ! on_apt; then
        echo "This system has no apt-get. Please install what Debian calls: $*" >&2
    elif ! may_install; then
        echo "Neither root nor sudo. Please run as root: apt-get install $*" >&2
    else
        echo "installing $*"
        update_package_lists
        as_root apt-get install -y --no-install-recommends "$@" ||
            fail "apt-get could not install: $*"
    fi
}

# Once in a run, and only when something is missing. It may fail where the lists at hand are good enough, for example
# without a network; if they are not, installing says so.
update_package_lists() {
    on_apt && [[ -z ${package_lists_updated:-} ]] || return 0
    package_lists_updated=yes
    may_install || return 0
    as_root apt-get update || echo "apt-get update failed; going on with the package lists at hand" >&2
}

may_install() { ((EUID == 0)) || ! missing_program sudo; }

# Quietly, without a question, and with nobody to answer one.
as_root() {
    local command=(env DEBIAN_FRONTEND=noninteractive "$1" -qq -o DPkg::Lock::Timeout=300 "${@:2}")
    ((EUID == 0)) || command=(sudo "${command[@]}")
    "${command[@]}" </dev/null
}

require_programs() {
    local program missing=()
    for program in "$@"; do
        missing_program "$program" && missing+=("$program")
    done
    ((${#missing[@]} == 0)) || fail "not found: ${missing[*]}"
}

fail() {
    echo "error: $*" >&2
    exit 1
}
