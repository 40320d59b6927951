#!/usr/bin/env python3
"""Checks that <libnet/libnet.hpp> includes every public header but tls*, protocol/, testing/ and the bridge,
asio.hpp and asio/.

    umbrella.py [ROOT]      ROOT is the top of the source tree; the default is this one
"""

import re
import sys
from pathlib import Path

UMBRELLA = "libnet.hpp"
LEFT_OUT_FOLDERS = {"asio", "protocol", "testing"}
PRIVATE_FOLDER = "detail"


def belongs(relative):
    """Whether a header, given by its path below include/libnet, belongs in the umbrella."""
    if relative.as_posix() in (UMBRELLA, "asio.hpp") or relative.name.startswith("tls"):
        return False
    return relative.parts[0] not in LEFT_OUT_FOLDERS and PRIVATE_FOLDER not in relative.parts


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    public = root / "libnet/include/libnet"
    umbrella = public / UMBRELLA
    if not umbrella.is_file():
        print(f"{umbrella} does not exist")
        return 1

    expected = {path.relative_to(public).as_posix() for path in public.rglob("*.hpp")
                if belongs(path.relative_to(public))}
    included = re.findall(r"^[ \t]*#[ \t]*include[ \t]*<libnet/([^>]+)>", umbrella.read_text(encoding="utf-8"),
                          re.MULTILINE)

    complaints = [f"{UMBRELLA} lacks <libnet/{name}>" for name in sorted(expected - set(included))]
    complaints += [f"{UMBRELLA} must not include <libnet/{name}>" for name in sorted(set(included) - expected)]
    complaints += [f"{UMBRELLA} includes <libnet/{name}> twice"
                   for name in sorted(set(included)) if included.count(name) > 1]
    print("\n".join(complaints) or f"umbrella: {len(expected)} headers, all there")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
