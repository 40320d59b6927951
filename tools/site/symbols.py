"""The public names of the library, as Doxygen found them, with their declarations as the headers write them."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from header_filter import SAME, SPECIAL

KINDS = {"class", "struct", "union", "concept", "enum", "function", "typedef", "variable"}
MACROS = re.compile(r"\bLIBNET_ASIO_(?:\w*DECL|ALWAYS_INLINE)\s+")

LINE = 100      # characters of a declaration that needs no second line
HANGING = 4     # spaces before what stands below nothing in particular


@dataclass
class Symbol:
    kind: str
    name: str           # "server::run", without libnet::
    header: str         # "session/server.hpp"
    line: int
    comment: str        # "" of those that need none
    declaration: str
    values: list = field(default_factory=list)      # of an enum: (name, comment)
    members: list = field(default_factory=list)
    more: list = field(default_factory=list)        # declarations that share the comment
    anchor: str = ""

    @property
    def short(self):
        return self.name.rsplit("::", 1)[-1]


def read(xml, include):
    """All public symbols by header, each in the order of the header; members are inside their classes."""
    reader = Reader(include)
    for path in sorted(Path(xml).glob("*.xml")):
        if path.name not in ("index.xml", "Doxyfile.xml"):
            for compound in ElementTree.parse(path).getroot().iter("compounddef"):
                reader.compound(compound)
    return reader.finish()


def about(path):
    """What a header says of itself, above its namespace or what it includes, or at its end; "" if it says nothing."""
    comment = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), "# end"]:
        if line.startswith("//"):
            comment.append(line)
        elif comment and line:
            marks = r"///? ?" if line.startswith("#define") else r"/// ?"
            stands_above = line.startswith(("namespace", "#")) and all(re.match(marks, each) for each in comment)
            return "\n".join(re.sub(f"^{marks}", "", each) for each in comment) if stands_above else ""
        elif line and not line.startswith("#"):
            return ""
    return ""


class Reader:
    def __init__(self, include):
        self.include = Path(include)
        self.lines = {}
        self.found = {}  # name and place -> symbol

    def compound(self, element):
        kind = element.get("kind")
        if element.get("prot") == "private":
            return
        if kind in KINDS:
            self.add(element, kind, element.findtext("compoundname"))
        if kind in KINDS | {"namespace"}:
            for member in element.iter("memberdef"):
                if member.get("prot") in ("public", "protected") and member.get("kind") in KINDS:
                    self.add(member, member.get("kind"), member.findtext("qualifiedname"))

    def add(self, element, kind, name):
        place = element.find("location")
        comment = comment_of(element)
        name = re.sub(r"^libnet::", "", name or "").replace("literals::", "")
        if not name or place is None or SPECIAL in comment:
            return
        header, line = place.get("file").removeprefix("libnet/"), int(place.get("line"))
        symbol = Symbol(kind, name, header, line, comment, self.declaration(header, line, kind))
        symbol.values = [(value.findtext("name"), comment_of(value)) for value in element.findall("enumvalue")]
        if re.search(r"=\s*delete$", symbol.declaration):
            return
        self.found[(header, line, name)] = symbol

    def finish(self):
        headers = {}
        in_order = sorted(self.found.values(), key=lambda s: (s.header, s.line))
        owners = {s.name: s for s in in_order if s.kind in ("class", "struct", "union")}
        taken = {}
        for symbol in in_order:
            owner = owners.get(symbol.name.rpartition("::")[0])
            siblings = owner.members if owner else headers.setdefault(symbol.header, [])
            anchor = re.sub(r"[^\w.~]", "", symbol.name.replace("::", ".").replace('operator""', "operator")) or "x"
            taken[(symbol.header, anchor)] = number = taken.get((symbol.header, anchor), 0) + 1
            symbol.anchor = anchor if number == 1 else f"{anchor}.{number}"
            if symbol.comment == SAME:
                with_comment = next((s for s in reversed(siblings) if s.comment), None)
                if with_comment and with_comment.kind not in ("class", "struct"):
                    with_comment.more.append(symbol)
                    continue
            siblings.append(symbol)
        return headers

    # --- declarations ----------------------------------------------------------------------------------------------

    def declaration(self, header, line, kind):
        lines = self.lines_of(header)
        first = line - 1
        while first > 0 and re.match(r"\s*(?:template\b|requires\b|\[\[|constexpr$|inline$)", lines[first - 1]):
            first -= 1
        while first > 0 and not boundary(lines[first - 1]):
            first -= 1
        # The line that Doxygen names is that of the name; the declaration may end behind it.
        text, last = "", first
        while last < len(lines):
            text += re.sub(r"\s*//.*$", "", lines[last]) + "\n"
            cut = end_of(text, kind)
            if cut is not None and last >= line - 1:
                return tidy(text[:cut], kind)
            last += 1
        return tidy(text, kind)

    def lines_of(self, header):
        if header not in self.lines:
            path = self.include / "libnet" / header
            self.lines[header] = path.read_text(encoding="utf-8").splitlines()
        return self.lines[header]


def boundary(line):
    """Whether a declaration cannot go on from this line to the next."""
    code = re.sub(r"\s*//.*$", "", line).strip()
    return not code or code.endswith((";", "}", "{", ":")) or code.startswith("#")


def end_of(text, kind):
    """Where the declaration ends that `text` begins with, its body left out; None if it goes on."""
    depth = angle = 0
    after_parameters = False
    for at, char in enumerate(text):
        if char in "([" or char == "{" and kind == "concept":
            depth += 1
        elif char in ")]" or char == "}" and kind == "concept":
            depth -= 1
            after_parameters = char == ")" and depth == 0 or after_parameters
        elif depth:
            continue
        elif char == ";":
            return at
        elif char == "{" and kind not in ("variable", "typedef"):
            return at
        elif char == "{":
            closing = text.find("};", at)
            return closing + 1 if closing >= 0 else None
        elif char == ":" and kind == "function" and after_parameters and "::" not in text[at - 1:at + 2]:
            return at
    return None


def tidy(text, kind):
    lines = without_macros(text.strip("\n").rstrip().splitlines())
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    shown = "\n".join(line[indent:].rstrip() for line in lines)
    one_line = " ".join(shown.split())
    return one_line if kind == "variable" and len(one_line) <= LINE else shown


def without_macros(lines):
    """What stood below an opening bracket behind a macro stands below it again."""
    out, gone, indent = [], 0, 0
    for line in lines:
        bare = MACROS.sub("", line)
        spaces = len(line) - len(line.lstrip())
        if bare != line:
            gone, indent = len(line) - len(bare), spaces
        elif gone and spaces - gone > indent + HANGING:
            bare = line[gone:]
        out.append(bare)
    return out


def comment_of(element):
    """The text of its comment, as header_filter.py wrapped it."""
    parts = []
    for tag in ("briefdescription", "detaileddescription"):
        for text in element.findall(f"{tag}//verbatim"):
            lines = (text.text or "").strip().splitlines()
            parts.append("\n".join(re.sub(r"^\s*///<? ?", "", line).rstrip() for line in lines))
    return "\n\n".join(part for part in parts if part)
