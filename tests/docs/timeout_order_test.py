#!/usr/bin/env python3
"""Shows that timeout_order.py sees what it is there for: each fault is planted and must be reported."""

import shutil
import tempfile
import unittest
from pathlib import Path

import timeout_order

ROOT = Path(__file__).resolve().parents[2]
LIMITS, BALANCER, DEFAULTS = "docs/limits.md", "docs/deploying/haproxy.cfg", "docs/defaults.md"

# (file, what stands there, what is planted instead, words of the complaint)
PLANTED = [
    (LIMITS, timeout_order.HEADING, "## Another\n", "there is no such table"),
    (LIMITS, "`timeout client-fin` 10 s", "`timeout client-fin` 20 s", "`timeout client-fin` is 20s, and 10s in"),
    (LIMITS, "`timeout http-keep-alive`, not set", "`timeout http-keep-alive` 5 s", "is 5s, and None in"),
    (LIMITS, "pauses of 1 s: 7 s", "pauses of 1 s: 4 s", "is no sum"),
    (LIMITS, "`drain_timeout` 30 s |", "`drain_timeout` 20 s |", "`drain_timeout` 20 s is not what"),
    (LIMITS, "`heartbeat.interval` 30 s", "`heartbeat.pause` 30 s", "`heartbeat.pause` 30 s is not what"),
    (LIMITS, "client < server, not so by default", "client < server", "'a first message': client < server is not"),
    (LIMITS, "server < client < balancer", "server < balancer < client", "'an answer': server < balancer < client is"),
    (BALANCER, "retries 3", "retries 2", "is no sum"),
    (BALANCER, "timeout client-fin", "timeout tunnel 1h\n    timeout client-fin", "tunnel` is not set, and 1h"),
    (DEFAULTS, "| `header_timeout` | 3 s", "| `header_timeout` | 5 s", "`header_timeout` 3 s is not what"),
]


class TimeoutOrder(unittest.TestCase):
    def test_reports_each_planted_fault(self):
        for name, there, instead, words in PLANTED:
            with self.subTest(instead=instead), tempfile.TemporaryDirectory() as folder:
                for each in (LIMITS, BALANCER, DEFAULTS):
                    (Path(folder) / each).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / each, Path(folder) / each)
                text = (ROOT / name).read_text(encoding="utf-8")
                self.assertEqual(text.count(there), 1, there)
                (Path(folder) / name).write_text(text.replace(there, instead), encoding="utf-8")
                complaints = timeout_order.check(Path(folder))
                self.assertEqual(len(complaints), 1, complaints)
                self.assertIn(words, complaints[0])


if __name__ == "__main__":
    unittest.main()
