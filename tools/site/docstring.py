"""A comment of the headers as HTML.

    First paragraph, in plain words with `code`.

        code, or a picture of bytes

    Errors   columns of a label and what goes on below it,
             indented;
    Cost     become a table.
"""

import re
from html import escape

from pages import highlighted, inline_code, words

LABEL = re.compile(r"^(Lifetime|[A-Z][a-z]+(?= {2})) +(\S.*)$")  # the longest is as wide as the column
CODE = re.compile(r"[;{}]\s*(?://.*)?$", re.MULTILINE)             # else it is a picture
# Calls such as receive(), qualified names and names of several words are code without saying so.
NAME = re.compile(r"\b(?:\w+::)*\w+\(\)|\b\w+(?:::[A-Za-z_]\w*)+|\b(?:\w+\.)*[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+\b"
                  r"(?:\(\d\))?|<libnet/[\w/.]+>")
SHORT = 20  # characters of what a colon ends, if that says nothing by itself


def to_html(comment, link):
    """`link(text)` answers HTML for something that may be a name: a link, or the escaped text."""
    out = []
    for block in blocks(comment):
        if block[0].startswith("    "):
            code = "\n".join(line[4:] for line in block)
            picture = f"<pre><code>{escape(code)}</code></pre>"
            out.append(highlighted(code, "cpp", None) if CODE.search(code) else picture)
        elif any(LABEL.match(line) for line in block):
            out.append(labelled(block, link))
        elif block[0].startswith(("* ", "- ", "  * ")):
            items = re.split(r"\n\s*[*-] ", "\n" + "\n".join(block))[1:]
            out.append("<ul>" + "".join(f"<li>{prose(item, link)}</li>" for item in items) + "</ul>")
        else:
            out.append(f"<p>{prose(' '.join(block), link)}</p>")
    return "\n".join(out)


def blocks(comment):
    """Paragraphs; blank lines inside code belong to it."""
    found = []
    for block in re.split(r"\n\s*\n", comment.strip("\n")):
        lines = block.split("\n")
        while lines:
            indented = lines[0].startswith("    ")
            count = next((i for i, line in enumerate(lines) if line.startswith("    ") != indented), len(lines))
            if not indented and LABEL.match(lines[0]) or not indented and any(LABEL.match(x) for x in lines[:count]):
                count = len(lines)
            part, lines = lines[:count], lines[count:]
            if indented and found and found[-1][0].startswith("    ") and part is not lines:
                found[-1] += [""] + part
            else:
                found.append(part)
    return found


def labelled(block, link):
    rows, label = [], None
    before = []
    for line in block:
        match = LABEL.match(line)
        if match:
            rows.append([match[1], match[2]])
        elif rows:
            rows[-1][1] += " " + line.strip()
        else:
            before.append(line)
    body = "".join(f"<tr><th>{name}</th><td>{prose(text, link)}</td></tr>" for name, text in rows)
    lead = f"<p>{prose(' '.join(before), link)}</p>" if before else ""
    return f'{lead}<table class="facts">{body}</table>'


def prose(text, link):
    parts = re.split(r"(`[^`]+`)", text.strip())
    return "".join(code(part[1:-1], link) if part.startswith("`") and len(part) > 2 else plain(part, link)
                   for part in parts)


def plain(text, link):
    out, end = [], 0
    for match in NAME.finditer(text):
        out.append(words(text[end:match.start()]))
        out.append(code(match[0], link))
        end = match.end()
    return "".join(out) + words(text[end:])


def code(text, link):
    linked = link(text)
    return inline_code(text) if linked == escape(text) else f"<code>{linked}</code>"


def as_sentence(comment):
    """What stands behind a declaration is mostly no sentence; on a page it looks like the others."""
    if re.match(r"[a-z][a-z'-]*(?:[\s:,;]|$)", comment):
        comment = comment[0].upper() + comment[1:]
    return comment + "." if re.search(r"[\w`)]$", comment) and "\n\n" not in comment else comment


def first_sentence(comment):
    """Up to a full stop, or a colon, that stands in no brackets."""
    text = re.split(r"\n\s*\n", comment.strip())[0].replace("\n", " ")
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        ends = char == "." or char == ":" and at >= SHORT
        if ends and depth == 0 and text[at + 1:at + 2] in ("", " "):
            return text[:at]
    return text.removesuffix(":")
