#!/usr/bin/env python3
"""Runs the benchmark of the memory of idle TLS connections: see tools/bench.sh."""

import argparse
import socket
import ssl
import struct
import tempfile
import time

import bench

CANDIDATES = {
    "raw": ["benchmarks/raw_tls_echo", "--release-buffers"],
    "raw, keeping": ["benchmarks/raw_tls_echo"],
    "libnet": ["benchmarks/libnet_tls_echo"],
    "asio": ["benchmarks/asio_ssl_echo"],
}

WARM_UP = 100  # what is taken once for all connections is taken by them
MESSAGE = struct.pack(">I", 64) + b"m" * 64


def client_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def open_idle(context, port, how_many):
    """Connections that have echoed a message."""
    opened = []
    for _ in range(how_many):
        transport = socket.create_connection(("127.0.0.1", port))
        transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = context.wrap_socket(transport)
        connection.sendall(MESSAGE)
        echoed = b""
        while len(echoed) < len(MESSAGE):
            part = connection.recv(len(MESSAGE))
            if not part:
                raise SystemExit("the server closed the connection")
            echoed += part
        opened.append(connection)
    return opened


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("build")
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--idle", type=float, default=3)
    arguments = parser.parse_args()
    bench.raise_descriptor_limit()
    print(f"bytes of user memory for each of {arguments.connections} connections that have echoed a message of "
          f"64 bytes and then been idle for {arguments.idle:g} s, and the ratio to raw")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        certificate = bench.make_certificate(folder)
        for name, (program, *options) in CANDIDATES.items():
            with bench.Server(arguments.build, [program, *certificate, *options]) as server:
                context = client_context()
                connections = open_idle(context, int(server.port), WARM_UP)
                time.sleep(arguments.idle)
                before = bench.private_memory(server.process.pid)
                connections += open_idle(context, int(server.port), arguments.connections)
                time.sleep(arguments.idle)
                each = (bench.private_memory(server.process.pid) - before) / arguments.connections
                for connection in connections:
                    connection.close()
            first = first or each
            print(f"{name:14} {each:8.0f} {each / first:6.3f}", flush=True)


main()
