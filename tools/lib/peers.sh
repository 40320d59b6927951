# Sourced by tools/bench.sh: what the echo servers of others need, and building them. Each is left out where it cannot
# be had; bench_cpu.py says which.

install_peers() {
    on_apt || return 0
    local package
    for package in pkg-config libuv1-dev libevent-dev liburing-dev golang-go cargo \
        default-jdk-headless libnetty-java; do
        dpkg -s "$package" >/dev/null 2>&1 || (install_packages "$package") || echo "$package cannot be installed"
    done
}

# build_peers <build folder>: those in C++ are targets of its own.
build_peers() {
    local into=$PWD/$1/benchmarks
    cmake --build "$1" --parallel "$(nproc)" --target benchmark_peers
    mkdir -p "$into"
    if ! missing_program go; then
        (cd tests/benchmarks/peers/go && go build -o "$into/go_echo" .) || echo "go_echo cannot be built"
    fi
    if ! missing_program cargo; then
        if (cd tests/benchmarks/peers/tokio && cargo build --release --quiet --target-dir "$into/tokio"); then
            cp "$into/tokio/release/tokio_echo" "$into/"
        else
            echo "tokio_echo cannot be built"
        fi
    fi
    build_netty "$into" || echo "netty_echo cannot be built"
}

# Of Debian's jars; the program is a script that starts it, as the others start by their name.
build_netty() {
    local into=$1 jars=/usr/share/java module
    local path=$into/netty
    ! missing_program javac && [[ -e $jars/netty-codec.jar ]] || return 0
    for module in netty-common netty-buffer netty-resolver netty-transport netty-codec jctools-core; do
        path+=:$jars/$module.jar
    done
    javac -d "$into/netty" -cp "$path" tests/benchmarks/peers/netty/Echo.java &&
        printf '#!/bin/sh\nexec java -XX:+UseSerialGC -cp %q Echo\n' "$path" >"$into/netty_echo" &&
        chmod +x "$into/netty_echo"
}
