#!/usr/bin/env python3
"""The units of systemd in docs/ are what systemd understands, and use flags that the server has.

    units.py TCP_ECHO_SERVER     exit code 77 where there is no systemd-analyze
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "restarting"


def main(server: str) -> int:
    if shutil.which("systemd-analyze") is None:
        print("systemd-analyze is not installed")
        return 77
    help_text = subprocess.run([server, "--help"], capture_output=True, text=True, check=True).stdout
    units = sorted([*FOLDER.glob("*.service"), *FOLDER.glob("*.socket")])
    complaints = [] if len(units) >= 2 else [f"{FOLDER}: where are the units?"]
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for unit in units:
            text = unit.read_text()
            for command in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE):
                for flag in re.findall(r"--[a-z-]+", command):
                    if not re.search(rf"(?<![\w-]){flag}(?![\w-])", help_text):
                        complaints.append(f"{unit.name}: the server has no flag {flag}")
            copy = pathlib.Path(folder) / unit.name
            copy.write_text(text.replace("/usr/bin/tcp_echo_server", server))
            copies.append(str(copy))
        verified = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
        complaints += [line for line in verified.stderr.splitlines() if folder in line or "echo." in line]
        if verified.returncode != 0 and not complaints:
            complaints.append(verified.stderr)
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
