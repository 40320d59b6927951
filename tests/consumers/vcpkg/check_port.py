#!/usr/bin/env python3
"""Checks that the vcpkg port says of the project what is true of it.

    check_port.py TOP       TOP is the top of the source tree

  * vcpkg.json has the fields and the forms that vcpkg demands of a port;
  * its version is that of version.hpp, its licence, features and description are those of the project;
  * it depends on every library of Boost that the sources include, and on no other.
"""

import json
import re
import sys
from pathlib import Path

KNOWN_FIELDS = {"name", "version", "port-version", "description", "homepage", "license", "supports", "dependencies",
                "default-features", "features"}
IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NOT_OF_SOURCES = {"boost-headers"}  # it has the CMake package
HELPERS = {"vcpkg-cmake", "vcpkg-cmake-config"}


def main():
    top = Path(sys.argv[1])
    folder = top / "packaging/vcpkg/libnet-asio"
    text = (folder / "vcpkg.json").read_text(encoding="utf-8")
    port = json.loads(text)

    expect("its form is that of `vcpkg format-manifest`", text, json.dumps(port, indent=2) + "\n")
    expect("its fields", set(port) - KNOWN_FIELDS, set())
    expect("its name, which is its folder's", port["name"], folder.name)
    expect("its version", port["version"], version(top))
    expect("its licence", (port["license"], (top / "LICENSE").read_text(encoding="utf-8").split(" - ")[0]),
           ("BSL-1.0", "Boost Software License"))
    expect("its description", port["description"], description(top))
    expect("default features that exist", set(port["default-features"]), set(port["features"]))

    names = [name_of(dependency) for dependency in port["dependencies"]]
    expect("names that are none", [name for name in names + list(port["features"])
                                   if not IDENTIFIER.fullmatch(name)], [])
    expect("the helpers, which are the host's", {name_of(dependency) for dependency in port["dependencies"]
                                                 if isinstance(dependency, dict) and dependency.get("host")}, HELPERS)
    expect("the libraries of Boost", {name for name in names if name.startswith("boost-")} - NOT_OF_SOURCES,
           {f"boost-{library}" for library in boost_libraries(top)})
    expect("what TLS needs", port["features"]["tls"]["dependencies"], ["openssl"])
    print("the vcpkg port says what is true")


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"vcpkg.json: {what}: expected {expected!r}\n   found {found!r}")


def name_of(dependency):
    return dependency if isinstance(dependency, str) else dependency["name"]


def version(top):
    header = (top / "libnet/include/libnet/version.hpp").read_text(encoding="utf-8")
    return ".".join(re.findall(r"#define LIBNET_ASIO_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))


def description(top):
    return re.search(r'DESCRIPTION "([^"]+)"', (top / "CMakeLists.txt").read_text(encoding="utf-8"))[1]


def boost_libraries(top):
    libraries = set()
    for source in (top / "libnet").rglob("*.?pp"):
        for name in re.findall(r"#include <boost/(\w+)(?=[/.])", source.read_text(encoding="utf-8")):
            libraries.add(name)
    return libraries


if __name__ == "__main__":
    main()
