#!/usr/bin/env python3
"""Checks the files of docs/deploying/ as far as that can be done without the programs that they are for.

    deploying.py ROOT SERVER CLIENT     the source tree, tcp_echo_server and tcp_echo_client

  * Containerfile: known instructions; what is copied comes from an earlier stage or from the tree, and from where that
    stage has built it; the options and targets of CMake exist; nobody runs as root; the entry point is copied.
  * The flags that Containerfile and kubernetes.yaml give the programs are flags that the programs have.
  * kubernetes.yaml: the Service leads to the pods' port; probes ask the port that is open; the grace period has room for
    preStop and the drain limit; the image has a tag of its own, or it would be pulled at each start.
  * envoy.yaml names the same servers, with the same port, as haproxy.cfg.

PyYAML is used where it is there; without it the files of YAML are looked at as text only.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "COPY", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
DRAIN_LIMIT = 30  # server_options::drain_timeout

complaints = []


def check(holds, what):
    if not holds:
        complaints.append(what)


def help_of(program):
    return subprocess.run([program, "--help"], check=True, capture_output=True, text=True, timeout=20).stdout


def check_flags(words, help_text, where):
    for word in words:
        if word.startswith("--"):
            check(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", help_text), f"{where}: no flag {word}")


def instructions(text):
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]


def check_container(root, server_help):
    where = "Containerfile"
    cmake = "\n".join(path.read_text(encoding="utf-8") for path in root.glob("**/CMakeLists.txt")
                      if "build" not in path.relative_to(root).parts)
    stages, copied, user, entry = [], set(), "root", []
    built = ""
    for name, rest in instructions((root / "docs/deploying/Containerfile").read_text(encoding="utf-8")):
        check(name in INSTRUCTIONS, f"{where}: unknown instruction {name}")
        if name == "FROM":
            words = rest.split()
            check(words[0].startswith("debian:12"), f"{where}: {words[0]} is not Debian 12")
            stages.append(words[2] if len(words) == 3 and words[1] == "AS" else None)
            user = "root"
        elif name == "RUN":
            for option in re.findall(r"-D(LIBNET_ASIO_\w+)=", rest):
                check(f"option({option} " in cmake, f"{where}: CMake has no option {option}")
            for command in rest.split("&&"):
                words = shlex.split(command)
                if words[:2] == ["cmake", "--build"]:
                    built = words[2]
                    for target in words[words.index("--target") + 1:]:
                        check(re.search(rf"libnet_asio_app\({target}[ )]", cmake), f"{where}: no target {target}")
        elif name == "COPY":
            *sources, to = rest.split()
            stage = sources.pop(0)[len("--from="):] if sources[0].startswith("--from=") else None
            check(stage is None or stage in stages[:-1], f"{where}: no earlier stage {stage}")
            for source in sources:
                if stage is None:
                    check((root / source).exists(), f"{where}: there is no {source}")
                else:
                    check(source.startswith(f"{built}/apps/"), f"{where}: {source} is not where it was built")
                copied.add(to + Path(source).name)
        elif name == "USER":
            user = rest
        elif name in ("ENTRYPOINT", "CMD"):
            check(rest.startswith("["), f"{where}: a shell would stand between the signal and the program: {rest}")
            words = re.findall(r'"([^"]*)"', rest)
            entry = words if name == "ENTRYPOINT" else entry + words
    check(len(stages) == 2, f"{where}: one stage builds, one runs")
    check(user.split(":")[0] not in ("root", "0"), f"{where}: it runs as {user}")
    check(entry and entry[0] in copied, f"{where}: nobody has copied {entry[:1]}")
    check_flags(entry[1:], server_help, where)
    return copied


def check_kubernetes(text, server_help, client_help, copied):
    where = "kubernetes.yaml"
    try:
        import yaml
    except ImportError:
        check("terminationGracePeriodSeconds" in text, f"{where}: no grace period")
        return
    kinds = {each["kind"]: each for each in yaml.safe_load_all(text)}
    template, service = kinds["Deployment"]["spec"]["template"], kinds["Service"]["spec"]
    pod = template["spec"]
    container = pod["containers"][0]
    check(service["selector"].items() <= template["metadata"]["labels"].items(), f"{where}: the Service finds no pods")
    check(service["ports"][0]["targetPort"] == container["ports"][0]["name"], f"{where}: the Service leads elsewhere")
    check(container["image"].rpartition(":")[2] not in ("latest", container["image"]), f"{where}: which image?")
    check_flags(container["args"], server_help, f"{where}, args")
    port = container["ports"][0]
    check(f":{port['containerPort']}" in container["args"], f"{where}: the server does not listen on the port")
    check(container["readinessProbe"]["tcpSocket"]["port"] == port["name"], f"{where}: readiness asks another port")
    live = container["livenessProbe"]
    command = live["exec"]["command"]
    check(command[0] in copied, f"{where}: {command[0]} is not in the container")
    check_flags(command[1:], client_help, f"{where}, liveness")
    check(f"127.0.0.1:{port['containerPort']}" in command, f"{where}: liveness asks another port")
    patience = int(command[command.index("--timeout") + 1].rstrip("s"))
    check(patience < live["timeoutSeconds"], f"{where}: the probe ends before the client says why")
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    check(pod["terminationGracePeriodSeconds"] > wait + DRAIN_LIMIT, f"{where}: the grace period is too short")


def check_envoy(envoy, haproxy):
    where = "envoy.yaml"
    try:
        import yaml
        yaml.safe_load(envoy)
    except ImportError:
        pass
    ours = set(re.findall(r"^    server \w+ (\S+):(\d+)", haproxy, re.MULTILINE))
    theirs = set(re.findall(r"address: (10[\d.]+), port_value: (\d+)", envoy))
    check(ours and ours == theirs, f"{where}: {theirs} are not the servers of haproxy.cfg, {ours}")


def main():
    root, server, client = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    files = {path.name: path.read_text(encoding="utf-8") for path in (root / "docs/deploying").iterdir()}
    server_help, client_help = help_of(server), help_of(client)
    copied = check_container(root, server_help)
    check_kubernetes(files["kubernetes.yaml"], server_help, client_help, copied)
    check_envoy(files["envoy.yaml"], files["haproxy.cfg"])
    for complaint in complaints:
        print(complaint)
    print(f"deploying: {len(complaints) or 'nothing'} to complain about")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
