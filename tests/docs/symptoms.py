#!/usr/bin/env python3
"""Brings about what docs/troubleshooting.md and docs/tuning.md tell of, and compares what the programs then say.

    symptoms.py PROGRAMS PAGE...    PROGRAMS is the folder of the sample programs

Every line that is printed here stands in one of the pages, but for numbers, dates and fingerprints; and every line of
their blocks of text is one that was printed here. Settings of the kernel that they name are there.
"""

import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 20
BLOCK = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETTING = re.compile(r"\b(?:net|fs)\.[a-z_0-9.]+[a-z_0-9]")
NOT_EVERYWHERE = re.compile(r"net\.netfilter\.|tcp_tw_recycle")


def main():
    programs, pages = Path(sys.argv[1]).resolve(), [Path(page).resolve() for page in sys.argv[2:]]
    symptoms = Symptoms(programs)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for symptom in (symptoms.listening, symptoms.connecting, symptoms.descriptors, symptoms.ends, symptoms.tls,
                        symptoms.no_port_left):
            symptom()
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    shown = {shape(line) for block in BLOCK.findall(text) for line in block.splitlines()}
    printed = {shape(line): line for line in symptoms.printed}
    complaints = [f"no page has: {line}" for form, line in printed.items() if form not in shown]
    complaints += [f"a page has, and no program said: {form}" for form in shown - printed.keys() - symptoms.left_out]
    complaints += [f"no setting of this kernel: {name}" for name in sorted(set(SETTING.findall(text)))
                   if not NOT_EVERYWHERE.search(name) and not Path("/proc/sys", name.replace(".", "/")).exists()]
    print("\n".join(complaints) or f"{len(printed)} lines are as the pages have them")
    sys.exit(1 if complaints else 0)


def shape(line):
    """What must not differ from run to run."""
    line = re.sub(r"\d+-\d+-\d+ [\d:]+ UTC", "DATE", line)
    return re.sub(r"\b\d+(ms|s)?\b", r"N\1", line.strip())


class Symptoms:
    def __init__(self, programs):
        self.programs = programs
        self.printed = []
        self.left_out = set()   # what cannot be brought about on this machine

    # --- the symptoms ------------------------------------------------------------------------------------------------

    def listening(self):
        with self.server("tcp_echo_server") as first:
            self.note(self.run("tcp_echo_server", "--listen", first.address))
        self.note(self.run("tcp_echo_server", "--listen", "203.0.113.1:9000"))  # RFC 5737: nobody has it

    def connecting(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.note(self.run("tcp_echo_client", "--connect", f"127.0.0.1:{port}", "hello"))
        said = self.run("tcp_echo_client", "--connect", "nosuch.invalid:19009", "hello")
        if "connecting took too long" in said[0]:  # the name server does not answer
            self.left_out.add(shape("tcp_echo_client: cannot connect to nosuch.invalid:19009: the host name does not "
                                    "resolve; see --connect"))
        else:
            self.note(said)

    def descriptors(self):
        with self.server("tcp_echo_server", limit=12) as server:
            clients = [socket.create_connection(server.where) for _ in range(8)]
            server.wait_for("trying again within 500ms")
            for client in clients:
                client.close()
        self.note(line for line in server.lines if "within 500ms" in line)

    def ends(self):
        reset = struct.pack("ii", 1, 0)
        with self.server("tcp_echo_server") as server:
            self.send(server, b"GET / HTTP/1.1\r\n\r\n")
            self.send(server, b"hello hello")
            self.send(server, bytes.fromhex("16030100f8010000f403") + bytes(100))
            with socket.create_connection(server.where) as client:
                client.sendall(b"\0\0")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            server.wait_for("closed", 4)
        self.note(line for line in server.lines if line.startswith("closed"))
        with self.server("tcp_echo_server", "--send-timeout", "500ms", "--send-buffer", "64KiB") as server:
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.settimeout(SECONDS)
                client.connect(server.where)
                self.flood(client)
                server.wait_for("closed")
        self.note(line for line in server.lines if line.startswith("closed"))

    def tls(self):
        with self.server("tls_echo_server") as server:
            self.note(self.run("tls_echo_client", "--connect", server.address, "hello"))
            self.note(self.run("tls_echo_client", "--connect", server.address, "--fingerprint", "ab" * 32, "hello"))
            self.send(server, b"GET / HTTP/1.1\r\n\r\n")
            self.send(server, b"\0\0\0\5hello")
            server.wait_for("no handshake", 4)
        self.note(line for line in server.lines if line.startswith("no handshake"))

    def no_port_left(self):
        """In a network of its own, with eight ports."""
        said = "tcp_echo_client: cannot connect to 127.0.0.1:9000: Cannot assign requested address"
        namespaces = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
        if not shutil.which("unshare") or subprocess.run(["unshare", *namespaces, "true"], check=False,
                                                         stderr=subprocess.DEVNULL).returncode != 0:
            self.left_out.add(shape(said))
            return
        script = """
            ip link set lo up
            sysctl -q -w net.ipv4.ip_local_port_range='40000 40007'
            "$0/tcp_echo_server" --quiet >listening & server=$!
            until grep -q listening listening; do sleep 0.02; done
            for each in 1 2 3 4 5 6 7 8 9; do "$0/tcp_echo_client" hello; done 2>&1 | grep -v echo:
            kill $server; wait $server
        """
        done = subprocess.run(["unshare", *namespaces, "sh", "-c", script, self.programs], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
        self.note(done.stdout.splitlines()[-1:])

    # --- helpers -----------------------------------------------------------------------------------------------------

    def note(self, lines):
        lines = list(lines)
        if not lines:
            sys.exit("a program said nothing")
        self.printed += lines

    def run(self, program, *arguments):
        done = subprocess.run([self.programs / program, *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
        if done.returncode != 1:
            sys.exit(f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stderr.splitlines()

    def server(self, program, *arguments, limit=None):
        return Server(self.programs / program, arguments, limit)

    @staticmethod
    def send(server, data):
        """Sends, and waits until the server has closed."""
        with socket.create_connection(server.where, timeout=SECONDS) as client:
            client.sendall(data)
            try:
                while client.recv(4096):
                    pass
            except ConnectionResetError:
                pass

    @staticmethod
    def flood(client):
        """Asks until the server no longer reads, or has gone."""
        client.settimeout(0.2)
        message = b"\0\0\0\5hello" * 1000
        try:
            while True:
                client.sendall(message)
        except OSError:
            pass


class Server:
    """A server on a free port of the loopback interface; its lines afterwards."""

    def __init__(self, program, arguments, limit):
        command = [program, "--listen", "127.0.0.1:0", *arguments]
        if limit:
            command = ["prlimit", f"--nofile={limit}", *command]
        self.log = Path(tempfile.mkstemp(dir=".")[1])
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        self.address = self.wait_for("listening on ")[0].removeprefix("listening on ")
        host, _, port = self.address.rpartition(":")
        self.where = (host, int(port))
        return self

    def wait_for(self, words, count=1):
        """The lines that have these words, as soon as there are so many."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = [line for line in self.said() if words in line]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        self.process.kill()
        sys.exit(f"the server did not say '{words}': {self.said()}")

    def said(self):
        return self.log.read_text(encoding="utf-8").splitlines()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(SECONDS)
        self.lines = self.said()


if __name__ == "__main__":
    main()
