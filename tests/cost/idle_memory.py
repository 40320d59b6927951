#!/usr/bin/env python3
"""Fails if an idle session with every deadline and a heartbeat holds more memory than allowed, over streams in memory.

    idle_memory.py IDLE_SESSIONS LIMIT     in bytes
"""

import json
import subprocess
import sys

SESSIONS = 10_000


def main(program, limit):
    out = subprocess.run([program, str(SESSIONS)], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = json.loads(out)
    for what in ("bytes_of_session", "bytes_after_heartbeats"):
        print(f"{what.replace('_', ' ')}: {found[what]}, {limit} allowed")
    return max(found["bytes_of_session"], found["bytes_after_heartbeats"]) > int(limit)


sys.exit(main(*sys.argv[1:]))
