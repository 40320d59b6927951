#!/usr/bin/env python3
"""Checks the Debian packages that CPack made of a shared build.

    check_packages.py FOLDER TOP        FOLDER has the packages, TOP is the top of the source tree

  * there are three, of the version in version.hpp, with the fields that a package should have;
  * what the development package depends on is installed here, so it is the name of a package;
  * each file is where Debian has its kind, the SONAME names the minor version, which the package is named after;
  * a library shows nothing that is not libnet's: the rest is hidden.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    folder, top = Path(sys.argv[1]), Path(sys.argv[2])
    major, minor, patch = re.findall(r"#define LIBNET_ASIO_VERSION_\w+ (\d+)",
                                     (top / "libnet/include/libnet/version.hpp").read_text(encoding="utf-8"))
    soversion, version = f"{major}.{minor}", f"{major}.{minor}.{patch}"
    architecture = output("dpkg", "--print-architecture").strip()
    triplet = output("gcc", "-print-multiarch").strip()
    runtime_name = f"libnet-asio{soversion}"
    sections = {runtime_name: "libs", "libnet-asio-dev": "libdevel", "libnet-asio-tools": "net"}

    packages = {field(path, "Package"): path for path in folder.glob("*.deb")}
    expect("the packages", set(packages), set(sections))
    for name, path in packages.items():
        expect(f"the file of {name}", path.name, f"{name}_{version}-1_{architecture}.deb")
        expect(f"the version of {name}", field(path, "Version"), f"{version}-1")
        expect(f"Architecture of {name}", field(path, "Architecture"), architecture)
        expect(f"Section of {name}", field(path, "Section"), sections[name])
        expect(f"a maintainer of {name}", bool(re.fullmatch(r".+ <.+@.+>", field(path, "Maintainer"))), True)
        synopsis, *rest = field(path, "Description").splitlines()
        expect(f"the synopsis of {name}", synopsis.startswith("C++20 coroutine connection handlers"), True)
        expect(f"a description of {name}", any("not the packet library" in line for line in rest), True)
        expect(f"the licence of {name}", f"usr/share/doc/{name}/copyright" in files(path), True)

    development = packages["libnet-asio-dev"]
    depends = field(development, "Depends")
    expect("the dependency on the libraries", f"{runtime_name} (= {version}-1)" in depends, True)
    for alternatives in depends.split(", "):
        if not alternatives.startswith(runtime_name):
            expect(f"one of {alternatives}", any(installed(package) for package in alternatives.split(" | ")), True)
    expect("files in strange places", [file for file in files(development) if not re.match(
        rf"usr/(include/libnet/.*\.hpp|lib/{triplet}/(cmake/libnet/|pkgconfig/|libnet-asio\S*\.so$)|share/doc/)", file)], [])

    tools = packages["libnet-asio-tools"]
    expect("the tools need the libraries", f"{runtime_name} (= {version}-1)" in field(tools, "Depends"), True)
    expect("files of the tools in strange places", [file for file in files(tools) if not re.match(
        r"usr/(bin/\w+|share/(man/man1|bash-completion|zsh|fish|doc)/)", file)], [])

    runtime = packages[runtime_name]
    depends = field(runtime, "Depends")
    for package in ("libc6", "libstdc++6", "libssl3"):
        expect(f"{package} in {depends}", package in depends, True)
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["dpkg-deb", "--extract", runtime, root], check=True)
        for name in ("libnet-asio", "libnet-asio-tls", "libnet-asio-testing"):
            library = Path(root, "usr/lib", triplet, f"{name}.so.{version}")
            soname = re.search(r"SONAME.*\[(.*)\]", output("readelf", "--dynamic", library))[1]
            expect(f"the SONAME of {name}", soname, f"{name}.so.{soversion}")
            expect(f"symbols of {name} that are not ours", [symbol for symbol in symbols(library)
                                                            if "libnet" not in symbol], [])
    print(f"{', '.join(sorted(packages))}: as they should be")


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}\n   found {found!r}")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def field(package, name):
    return output("dpkg-deb", "--field", package, name).strip()


def files(package):
    """Without folders."""
    names = (line.split(maxsplit=5)[5] for line in output("dpkg-deb", "--contents", package).splitlines()
             if not line.startswith("d"))
    return [name.split(" -> ")[0].removeprefix("./") for name in names]


def installed(wanted):
    """`name` or `name (>= version)`."""
    name, _, version = wanted.replace(")", "").partition(" (>= ")
    found = subprocess.run(["dpkg-query", "--show", "--showformat", "${Version}", name], capture_output=True,
                           text=True, check=False).stdout
    return bool(found) and (not version or subprocess.run(["dpkg", "--compare-versions", found, "ge", version],
                                                          check=False).returncode == 0)


def symbols(library):
    """What a library defines and shows, without the weak ones: inline functions of the standard library, mostly."""
    listed = output("nm", "--dynamic", "--defined-only", "--demangle", library)
    return [line.split(maxsplit=2)[2] for line in listed.splitlines() if line.split()[1] in "TDBR"]


if __name__ == "__main__":
    main()
