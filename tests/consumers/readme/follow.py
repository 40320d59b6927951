#!/usr/bin/env python3
"""Follows the README: runs the commands of one of its blocks in a fresh folder, and talks to the server that the last
of them starts.

    follow.py BLOCK FOLDER      BLOCK is cmake, pkg_config or conan; FOLDER is made by fresh_folder.sh
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUN_PROGRAM = HERE.parents[1] / "docs/run_program.py"


def main():
    block, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    *commands, start = (HERE / f"{block}.sh").read_text(encoding="utf-8").splitlines()
    script = "\n".join(["set -ex", *commands, ""])
    environment = {**os.environ, **compiler_cache(), "HOME": str(folder)}
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit(f"{block}.sh: one of its commands failed")
    server = folder / "my_server" / start
    sys.exit(subprocess.run([sys.executable, str(RUN_PROGRAM), str(server), "echo_server"], check=False).returncode)


def compiler_cache():
    """The cache stays where it is, though it is looked for in HOME."""
    if "CCACHE_DIR" in os.environ or shutil.which("ccache") is None:
        return {}
    found = subprocess.run(["ccache", "--get-config", "cache_dir"], capture_output=True, text=True, check=True)
    return {"CCACHE_DIR": found.stdout.strip()}


if __name__ == "__main__":
    main()
