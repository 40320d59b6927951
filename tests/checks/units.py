#!/usr/bin/env python3
"""The units of systemd in docs/ are what systemd understands, and use flags that the server has.

    units.py TCP_ECHO_SERVER     exit code 77 where there is no systemd-analyze

The settings of notify-reload.conf are added to echo.service where systemd knows them.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NOTIFY_RELOAD = 253  # the systemd that brought Type=notify-reload
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
        added = FOLDER / "notify-reload.conf"
        if not re.search(r"^Type=notify-reload$.*^ExecReload=$", added.read_text(), re.MULTILINE | re.DOTALL):
            complaints.append(f"{added.name}: the server would be told twice to reload")
        if version() >= NOTIFY_RELOAD:
            drop_ins = pathlib.Path(folder) / "echo.service.d"
            drop_ins.mkdir()
            shutil.copy(added, drop_ins)
        verified = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
        complaints += [line for line in verified.stderr.splitlines() if folder in line or "echo." in line]
        if verified.returncode != 0 and not complaints:
            complaints.append(verified.stderr)
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


def version() -> int:
    told = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.match(r"systemd (\d+)", told)[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
