"""A comment of the headers as HTML.

    First paragraph, in plain words with `code`.

        code, or a picture of bytes

    Errors   columns of a label and what goes on below it,
             indented;
    Cost     become a table.
"""

import re
from html import escape

LABEL = re.compile(r"^([A-Z][a-z]+) {2,}(\S.*)$")


def to_html(comment, link):
    """`link(text)` answers HTML for something that may be a name: a link, or the escaped text."""
    out = []
    for block in blocks(comment):
        if block[0].startswith("    "):
            code = "\n".join(line[4:] for line in block)
            out.append(f"<pre><code>{escape(code)}</code></pre>")
        elif LABEL.match(block[0]):
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
    return "".join(f"<code>{link(part[1:-1])}</code>" if part.startswith("`") and len(part) > 2
                   else plain(part, link) for part in parts)


def plain(text, link):
    """Calls such as receive() and qualified names are code without saying so."""
    out, end = [], 0
    for match in re.finditer(r"\b(?:\w+::)*\w+\(\)|\b\w+(?:::\w+)+", text):
        out.append(escape(text[end:match.start()]))
        out.append(f"<code>{link(match[0])}</code>")
        end = match.end()
    return "".join(out) + escape(text[end:])


def first_sentence(comment):
    text = re.split(r"\n\s*\n", comment.strip())[0].replace("\n", " ")
    match = re.match(r"(.+?[.:])(?:\s|$)", text)
    return re.sub(r"[.:]$", "", match[1] if match else text)
