#!/usr/bin/env python3
"""The tables of docs/defaults.md: every field of every struct of options with its default, from the headers.

    defaults.py [--fix] [ROOT]      ROOT is the top of the source tree; the default is this one

Fails where page and headers differ, where a struct of options or limits is in no section of the page, or is gone.
--fix rewrites the page.
"""

import itertools
import re
import sys
from pathlib import Path

PAGE = "docs/defaults.md"
INCLUDE = "libnet/include/libnet"

# What belongs together, in the order of the page.
SECTIONS = [
    ("A connection", ["connection_options", "heartbeat", "data_rate"]),
    ("A server", ["server_options", "admission_limits", "proxy_protocol", "shards_options"]),
    ("Connecting", ["connect_options", "client_options", "backoff_options", "lookup_cache_options"]),
    ("Calls and pools", ["requests_options", "call_options", "request_session_options", "request_id", "pool_options",
                         "lending_options", "circuit_breaker_options", "outlier_ejection_options",
                         "retry_budget_options", "limiter_options", "concurrency_limit_options", "adaptive_limit"]),
    ("Framings", ["length_prefix_options", "varint_options", "delimited_options"]),
    ("TLS", ["tls_options", "tls_server_options", "tls_client_options"]),
    ("UDP", ["udp_server_options", "peer_limits", "udp_client_options", "retransmission_options"]),
    ("The process", ["run_options", "thread_pool_options"]),
    ("The test kit", ["pipe_options", "impairment_options", "burst_loss", "relay_options", "fault_options",
                      "split_options"]),
]
SOCKETS = ["socket_options", "tcp_keep_alive", "udp_options"]

STRUCT = re.compile(r"^(\s*)struct (?:LIBNET_ASIO_\w+ )?(\w+)[^;{]*\{$", re.MULTILINE)
FIELD = re.compile(r"^(?P<type>[\w:<>,&()* ]+?[\s>*])(?P<name>[a-z]\w*)\s*(?:=\s*(?P<value>.+)|(?P<braces>\{.*\}))?;$")
KERNEL = re.compile(r"\b(?:SO|TCP|IPV6|IP|UDP)_[A-Z0-9_]{3,}\b")
DURATION = re.compile(r"(?:std::)?chrono::(hours|minutes|seconds|milliseconds|microseconds)\(([^)]*)\)")
SIZE = re.compile(r"^inline constexpr std::size_t (\w+) = (\d+_[KMG]iB);$", re.MULTILINE)
UNITS = {"hours": "h", "minutes": "min", "seconds": "s", "milliseconds": "ms", "microseconds": "µs"}
WORDS = {"std::nullopt": "unset", "nullptr": "none", "true": "on", "false": "off", "{}": "empty", "": "to be given", "UINT64_MAX": "never",
         "no_byte": "never", "duration::zero()": "0",
         "detail::usual_threads()": "as many as processors, two at least"}


def main():
    fix = "--fix" in sys.argv
    places = [argument for argument in sys.argv[1:] if argument != "--fix"]
    root = Path(places[0]) if places else Path(__file__).parents[2]
    structs = dict(read(root))
    complaints = [f"{name} is in no section of tools/checks/defaults.py" for name in sorted(structs)
                  if re.search(r"_(options|limits)$", name) and name not in named()]
    complaints += [f"there is no struct {name}" for name in named() if name not in structs]
    if not complaints:
        text, page = make(structs), root / PAGE
        if fix:
            page.write_text(text, encoding="utf-8")
        elif not page.is_file() or page.read_text(encoding="utf-8") != text:
            complaints.append(f"{PAGE} is not what the headers say: run tools/checks/defaults.py --fix")
    print("\n".join(complaints) or "defaults: nothing to complain about")
    return 1 if complaints else 0


def named():
    return [name for _, names in SECTIONS for name in names] + SOCKETS


# --- the headers -----------------------------------------------------------------------------------------------------

def read(root):
    """Each struct with its header and its fields: (type, name, default, comment)."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((root / INCLUDE).rglob("*.hpp"))}
    sizes = dict(SIZE.findall("\n".join(texts.values())))
    for path, text in texts.items():
        for match in STRUCT.finditer(text):
            end = re.compile(rf"^{match[1]}\}};", re.MULTILINE).search(text, match.end())
            if end:
                found = fields(text[match.end():end.start()], len(match[1]) + 4)
                yield match[2], (str(path.relative_to(root)), [[kind, name, sizes.get(default, default), comment]
                                                               for kind, name, default, comment in found])


def fields(body, indent):
    """A comment stands for all fields of its paragraph; one behind a field is that field's."""
    found, comment, statement, behind, depth = [], [], "", [], 0
    for line in body.splitlines() + [""]:
        if not line.strip():
            comment = [] if not statement else comment
            continue
        if re.match(r"\s*///(?!<)", line) and not statement and depth == 0:
            comment.append(re.sub(r"^\s*/// ?", "", line))
            continue
        if re.match(r"\s*///<", line) and found:
            found[-1][3] += " " + re.sub(r"^\s*///< ?", "", line)
            continue
        code, _, trailing = line.partition("///<")
        code = re.sub(r"//.*$", "", code).rstrip()
        depth += code.count("{") - code.count("}")
        if depth > 0 and not statement and code.endswith("{") or depth > 0 and statement.endswith("{"):
            statement = "{"     # of a function or an enumeration: no field
            continue
        statement = f"{statement} {code.strip()}".strip()
        behind += [trailing.strip()] if trailing.strip() else []
        if depth == 0 and (statement.endswith(";") or statement.endswith("}")):
            field = FIELD.match(re.sub(r"\s+", " ", statement))
            default = field and (field["value"] or field["braces"] or "")
            if field and not re.match(r"(static|using|friend|enum|return) ", statement) and (
                    default or "(" not in field["type"]):
                found.append([field["type"].strip(), field["name"], default, " ".join(behind or comment)])
            statement, behind = "", []
    return found


# --- the page --------------------------------------------------------------------------------------------------------

def make(structs):
    parts = ["# Defaults\n\nEvery field of every struct of options, and what it is unless you set it. This page is made from "
             "the headers, whose\ncomments say the rest; `tools/checks/defaults.py --fix` writes it, and a test compares "
             "it.\n"]
    for title, names in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [table(name, *structs[name], structs, False) for name in names]
    parts.append("## Sockets\n\nWhat is asked of the kernel, and its own name for it (`man 7 socket`, `man 7 tcp`, "
                 "`man 7 ip`, `man 7 udp`).\n")
    parts += [table(name, *structs[name], structs, True) for name in SOCKETS]
    return "\n".join(parts)


def table(name, header, rows, structs, kernel):
    columns = ["Field", "Default", *(["Kernel's name"] if kernel else []), "Meaning"]
    out = [f"### {name}\n", f"[`<libnet/{header.removeprefix(INCLUDE + '/')}>`](../{header})\n",
           "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for comment, group in itertools.groupby(rows, key=lambda row: row[3]):
        group = list(group)
        defaults = [shown(default, type_name, structs) for type_name, _, default, _ in group]
        cells = [", ".join(f"`{field}`" for _, field, _, _ in group),
                 ", ".join(defaults if len(set(defaults)) > 1 else defaults[:1])]
        if kernel:
            cells.append(", ".join(f"`{each}`" for each in dict.fromkeys(KERNEL.findall(comment))))
        cells.append(meaning(comment, defaults).replace("|", "\\|"))
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def shown(default, type_name, structs):
    """A default as people say it."""
    kind = re.sub(r"^(?:std::optional<)?(?:libnet::)?(\w+)>?$", r"\1", type_name)
    if default in ("{}", f"{kind}{{}}") and kind in structs and kind in named():
        return f"[{kind}](#{kind})"
    if re.fullmatch(r"\{\d+\}", default):
        unit = UNITS.get(re.sub(r".*::", "", type_name), "")
        return f"{default[1:-1]} {unit}".strip()
    duration = DURATION.fullmatch(default)
    if duration:
        return f"{duration[2]} {UNITS[duration[1]]}"
    size = re.fullmatch(r"(\d+)_([KMG]iB)", default)
    if size:
        return f"{size[1]} {size[2]}"
    kibibytes = re.fullmatch(r"(\d+) \* 1024", default)
    if kibibytes:
        return f"{kibibytes[1]} KiB"
    if re.fullmatch(r"[\d']+", default):
        return f"{int(default.replace(chr(39), '')):,}"
    if default in WORDS:
        return WORDS[default]
    if re.fullmatch(r"[\w:]+", default):
        return f"`{default.rpartition('::')[2]}`"
    if re.fullmatch(r"\w+\{\}", default):
        return f"`{default[:-2]}`"
    return f"`{default}`"


def meaning(comment, defaults):
    """The first sentence, without the kernel's name that has a column of its own; and what it means to be unset."""
    text = re.sub(rf"^{KERNEL.pattern}(?: and {KERNEL.pattern})?[:.,]? ", "", comment.replace("\n", " ").strip())
    sentences = re.split(r"(?<=[.:]) (?=[A-Z])", text)
    chosen = sentences[:1]
    if {"unset", "empty"} & set(defaults):
        chosen += [each for each in sentences[1:] if re.match(r"(Unset|Empty|Off unless|None unless)\b", each)][:1]
        if len(chosen) > 1 and chosen[1].endswith(":"):
            chosen += sentences[sentences.index(chosen[1]) + 1:][:1]
    joined = re.sub(r"(?<=[^.])[.:]$", "", re.sub(r" +", " ", " ".join(chosen)))
    if re.match(r"[a-z]\w*\(\)", joined):
        return joined   # the name of a function
    return joined[:1].upper() + joined[1:]


if __name__ == "__main__":
    sys.exit(main())
