#!/usr/bin/env python3
"""Checks that the floors of libnet include only downwards, and that what must stay private stays private.

    floors.py [ROOT]        ROOT is the top of the source tree; the default is this one

The rules are those of docs/architecture.md:
  * a folder includes lower floors and itself; testing/ stands beside the floors and may include every one of them,
    and nobody includes testing/;
  * floors 0 and 1 are pure: no Asio, no sockets, no clock read, no randomness of their own;
  * public headers include no Asio, OpenSSL or Beast; Asio comes through the bridge, <libnet/asio.hpp> and the headers
    in <libnet/asio/>, which are for users, applications and our sources, never for another public header;
  * OpenSSL only in tls* files, Beast only in protocol/, <boost/asio.hpp> nowhere;
  * a public header includes public headers only, and by their full name.
"""

import re
import sys
from pathlib import Path

FLOORS = {"core": 0, "framing": 1, "policy": 1, "runtime": 2, "transport": 3, "session": 4, "protocol": 5}
BESIDE = "testing"
LAST_PURE_FLOOR = 1
BRIDGE = "asio"  # asio.hpp and what is in asio/
UMBRELLA = "libnet.hpp"
TOP_LEVEL = {BRIDGE + ".hpp", UMBRELLA, "tls.hpp", "version.hpp"}

SOURCE_ENDINGS = {".hpp", ".cpp", ".ipp", ".h"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
SYSTEM_INPUT = re.compile(
    r"^(sys/(socket|epoll|un|uio|eventfd|timerfd|time|random)|netinet/.*|arpa/.*|netdb|poll|unistd|fcntl|signal|"
    r"pthread|time)\.h$|^(ctime|csignal|random|thread|fstream)$")
OWN_INPUT = re.compile(r"::now\s*\(|\brandom_device\b|\b(rand|srand|gettimeofday|clock_gettime|std::time)\s*\(|"
                       r"\btime\s*\(\s*(nullptr|NULL|0|&)")


def without_comments_and_texts(code):
    """Blanks comments, strings and characters, keeping the line numbers. Include lines keep their names."""
    pattern = re.compile(
        r'(?P<include>^[ \t]*#[ \t]*include[^\n]*)|//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\2"'
        r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z])\'(?:\\.|[^\'\\\n])*\'', re.DOTALL | re.MULTILINE)

    def blank(match):
        if match["include"] is not None:
            return re.sub(r"//.*|/\*.*?\*/", "", match["include"])
        return re.sub(r"[^\n]", " ", match[0])

    return pattern.sub(blank, code)


class Checker:
    def __init__(self, root):
        self.root = root
        self.public = root / "libnet/include/libnet"
        self.private = root / "libnet/src"
        self.violations = []

    def run(self):
        for base in (self.public, self.private):
            for path in sorted(base.rglob("*")):
                if path.suffix in SOURCE_ENDINGS:
                    self.check_library_file(path, base)
        for folder in ("apps", "tests"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in SOURCE_ENDINGS and "build" not in path.parts:
                    self.check_user_file(path)
        return self.violations

    def report(self, path, line, text):
        self.violations.append(f"{path.relative_to(self.root)}:{line}: {text}")

    # --- one file ------------------------------------------------------------------------------------------------

    def includes(self, path, code):
        for match in INCLUDE.finditer(code):
            yield code.count("\n", 0, match.start()) + 1, match[1] == '"', match[2]

    def check_user_file(self, path):
        code = without_comments_and_texts(path.read_text(encoding="utf-8"))
        for line, _, name in self.includes(path, code):
            self.check_whole_asio(path, line, name)

    def check_library_file(self, path, base):
        is_public = base == self.public
        folder = self.folder_of(path.relative_to(base))
        in_bridge = is_public and self.is_bridge(path.relative_to(base))
        if folder is None and not in_bridge and not (is_public and path.name in TOP_LEVEL):
            self.report(path, 1, "belongs to no floor; the folders are " + ", ".join([*FLOORS, BESIDE]))
            return
        code = without_comments_and_texts(path.read_text(encoding="utf-8"))
        for line, quoted, name in self.includes(path, code):
            self.check_whole_asio(path, line, name)
            self.check_foreign(path, line, name, folder, is_public and not in_bridge)
            target = self.resolve(path, quoted, name)
            if target is None:
                if name.startswith("libnet/"):
                    self.report(path, line, f"<{name}> does not exist")
            elif is_public and (self.public not in target.parents or not name.startswith("libnet/")):
                self.report(path, line, f'a public header includes public headers as <libnet/...>, not "{name}"')
            else:
                self.check_direction(path, line, folder, target, is_public and not in_bridge)
        if self.is_pure(folder):
            for match in OWN_INPUT.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                self.report(path, line, f"floor {FLOORS[folder]} is pure: '{match[0].strip()}' "
                                        "reads a clock or a random source; take the value as an argument")

    # --- the rules -----------------------------------------------------------------------------------------------

    def check_whole_asio(self, path, line, name):
        if name == "boost/asio.hpp":
            self.report(path, line, "<boost/asio.hpp> costs seconds in each file: include the narrow headers")

    def check_foreign(self, path, line, name, folder, is_public):
        is_asio = name.startswith("boost/asio") and name != "boost/asio.hpp"
        is_tls = name.startswith(("openssl/", "boost/asio/ssl"))
        is_beast = name.startswith("boost/beast")
        if is_public and (is_asio or is_tls or is_beast):
            self.report(path, line, f"a public header outside of the bridge includes no <{name}>")
        elif is_tls and not path.name.startswith("tls"):
            self.report(path, line, f"<{name}> belongs in tls* files only")
        elif is_beast and folder != "protocol":
            self.report(path, line, f"<{name}> belongs in protocol/ only")
        elif self.is_pure(folder) and (is_asio or SYSTEM_INPUT.match(name)):
            self.report(path, line, f"floor {FLOORS[folder]} is pure and includes no <{name}>")

    def check_direction(self, path, line, folder, target, is_public):
        relative = target.relative_to(self.public if self.public in target.parents else self.private)
        if relative.as_posix() == UMBRELLA:
            self.report(path, line, f"<libnet/{UMBRELLA}> is for users, not for the library")
        elif self.is_bridge(relative):
            if is_public:
                self.report(path, line, f"no public header includes the bridge <libnet/{relative.as_posix()}>")
            elif self.is_pure(folder):
                self.report(path, line, f"floor {FLOORS[folder]} is pure and includes no bridge")
        elif relative.as_posix() in TOP_LEVEL:
            pass
        else:
            there = self.folder_of(relative)
            if there == BESIDE and folder != BESIDE:
                self.report(path, line, f"nobody includes {BESIDE}/ but itself")
            elif folder in FLOORS and there in FLOORS and there != folder and FLOORS[there] >= FLOORS[folder]:
                self.report(path, line, f"{folder} (floor {FLOORS[folder]}) includes "
                                        f"{there} (floor {FLOORS[there]}): {relative.as_posix()}")

    # --- helpers -------------------------------------------------------------------------------------------------

    def folder_of(self, relative):
        """The floor's folder of a path below include/libnet or src; a leading detail/ does not count."""
        parts = [part for part in relative.parts[:-1] if part != "detail"]
        return parts[0] if parts and parts[0] in [*FLOORS, BESIDE] else None

    def is_bridge(self, relative):
        return relative.parts[0] in (BRIDGE, BRIDGE + ".hpp")

    def is_pure(self, folder):
        return folder in FLOORS and FLOORS[folder] <= LAST_PURE_FLOOR

    def resolve(self, path, quoted, name):
        """The file of ours that an include names, found in the compiler's order, or None."""
        places = [path.parent] if quoted else []
        for place in [*places, self.public.parent, self.private]:
            target = place / name
            if target.is_file() and self.root in target.resolve().parents:
                return target.resolve()
        return None


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    checker = Checker(root.resolve())
    violations = checker.run()
    print("\n".join(violations) or "floors: nothing to complain about")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
