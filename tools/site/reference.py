"""The reference: a page for each header, since a header is one concept, and one with all of them."""

import re
from html import escape

import docstring
from pages import Page, folders, relative

FLOORS = [
    ("session", "Sessions: who serves, connects, lends"),
    ("transport", "Transport: bytes in, bytes out"),
    ("runtime", "Time and tasks"),
    ("policy", "Rules without clock or socket"),
    ("framing", "Where a message begins and ends"),
    ("core", "The words"),
    ("asio", "The bridge to Asio"),
    ("testing", "The test kit"),
    ("", "Umbrellas"),
]
WORD = re.compile(r'"[^"]*"|[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*|[^A-Za-z_"]+')
KEYWORDS = set("""alignas auto bool char class concept const consteval constexpr default delete double else enum explicit
false final float friend inline int long mutable namespace noexcept nullptr operator override private protected public
requires short signed sizeof static struct template this true typename union unsigned using virtual void""".split())


class Reference:
    def __init__(self, headers, about):
        self.headers = headers
        self.about = about          # header -> what it says of itself
        self.all_headers = set(about)
        self.places = {}    # name -> place in the site
        self.short = {}     # last part of a name -> all that have it
        for header, symbols in headers.items():
            self.register(header, symbols)

    def register(self, header, symbols):
        for symbol in symbols:
            for each in (symbol, *symbol.more):
                place = f"{target_of(header)}#{each.anchor}"
                self.note(each.name, place)
                if symbol.kind != "function":
                    for value, _ in each.values:
                        self.note(f"{each.name}::{value}", f"{target_of(header)}#{each.anchor}.{value}")
            self.register(header, symbol.members)

    def note(self, name, place):
        self.places.setdefault(name, place)
        self.short.setdefault(name.rpartition("::")[2], set()).add(name)

    def link(self, text, scope=""):
        """The place of what a text names, looked for from a scope outwards; None if it names nothing."""
        name = re.sub(r"^libnet::", "", text)
        if name.startswith("header "):
            header = name.removeprefix("header ")
            return target_of(header) if header in self.all_headers else None
        call = name.endswith("()")
        name = re.sub(r"<.*>$", "", name.removesuffix("()")).replace(".", "::")
        if not re.fullmatch(r"\w+(::\w+)*", name):
            return None
        while scope:
            if f"{scope}::{name}" in self.places:
                return self.places[f"{scope}::{name}"]
            scope = scope.rpartition("::")[0]
        for inner in (name, f"testing::{name}"):
            if inner in self.places:
                return self.places[inner]
        return None

    def link_of_pages(self, text):
        """As link(), but of pages, where `server` may be a plain word, and run() that of several classes."""
        if text.startswith("header "):
            return self.link(text)
        if "::" in text or "." in text:
            return self.link(text)
        name = re.sub(r"<.*>$", "", text.removesuffix("()"))
        alike = self.short.get(name, ())
        clear = len(alike) == 1 and ("_" in name or text.endswith("()"))
        return self.places[next(iter(alike))] if clear else None

    # --- pages -------------------------------------------------------------------------------------------------------

    def pages(self):
        yield self.overview()
        for header in sorted(self.all_headers):
            yield self.header_page(header, self.headers.get(header, []))

    def overview(self):
        page = Page("", "reference/index.html", "Reference")
        parts = ["<h1>Reference</h1>", "<p>A header is one concept and is named after it. "
                 "<code>&lt;libnet/libnet.hpp&gt;</code> includes all but the bridge, TLS and the test kit. "
                 "All names are in the namespace <code>libnet</code>, those of the test kit in "
                 "<code>libnet::testing</code>.</p>"]
        for floor, title in FLOORS:
            parts.append(f'<h2 id="{floor or "umbrellas"}">{escape(title)}</h2>\n<div class="wide"><table class="names">')
            page.headings.append((2, floor or "umbrellas", title))
            for header in sorted(self.all_headers):
                if header.rpartition("/")[0] != floor:
                    continue
                names = [s for s in self.headers.get(header, []) if s.kind != "variable" or s.comment]
                if not names and floor:
                    continue
                where = relative(page.target, target_of(header))
                shown = dict.fromkeys(s.name.removeprefix("testing::") for s in names)
                comment = self.about[header] or (main_symbol(header, names).comment if names else "")
                said = docstring.first_sentence(comment)
                row = f'<td><a href="{where}"><code>{header}</code></a></td>'
                row += f"<td>{docstring.prose(said, escape)}"
                row += "<br><small>" + ", ".join(f"<code>{escape(n)}</code>" for n in shown) + "</small>" if shown else ""
                parts.append(f"<tr>{row}</td></tr>")
            parts.append("</table></div>")
        page.body = "\n".join(parts)
        return page

    def header_page(self, header, symbols):
        page = Page(f"libnet/include/libnet/{header}", target_of(header), header.rsplit("/", 1)[-1])
        parts = [f"<h1>{folders(header)}</h1>",
                 f'<pre class="code"><code>#include &lt;libnet/{header}&gt;</code></pre>',
                 f'<p class="links">Link <code>{library_of(header)}</code> · '
                 f'<a href="{relative(page.target, f"source/libnet/include/libnet/{header}.html")}">the header</a></p>']
        parts.append(docstring.to_html(self.about[header], self.linker(page, "")))
        for symbol in symbols:
            parts.append(self.entry(page, symbol, 2))
        if not symbols:
            parts.append("<p>It declares no public name: it includes others, or is a part of them.</p>")
        page.body = "\n".join(parts)
        return page

    def entry(self, page, symbol, level):
        scope = symbol.name if symbol.members else symbol.name.rpartition("::")[0]
        link = self.linker(page, scope)
        group = (symbol, *symbol.more)
        title = symbol.name.removeprefix("testing::") if level == 2 else symbol.short
        to_this = f'<a class="anchor" href="#{symbol.anchor}" aria-label="link to {escape(title)}">#</a>'
        heading = f"<h2>{escape(title)} <small>{symbol.kind}</small></h2>" if level == 2 else ""
        anchors = "".join(f'<a id="{s.anchor}"></a>' for s in symbol.more)
        code = "\n".join(self.declaration(page, s) for s in group)
        text = docstring.to_html(docstring.as_sentence(symbol.comment) if level > 2 else symbol.comment, link)
        if level <= 3:
            page.headings.append((level, symbol.anchor, title + ("()" if symbol.kind == "function" else "")))
        for each in group:
            page.sections.append((each.anchor, each.name, docstring.first_sentence(symbol.comment).replace("`", "")))
        parts = [f'<section class="entry {"type" if level == 2 else "member"}" id="{symbol.anchor}">', heading, anchors,
                 f'<div class="declaration"><pre><code>{code}</code></pre>{to_this}</div>', text,
                 self.values(symbol, link)]
        parts += [self.entry(page, member, level + 1) for member in symbol.members]
        parts.append("</section>")
        return "\n".join(part for part in parts if part)

    def values(self, symbol, link):
        enums = [each for each in (symbol, *symbol.more) if each.values]
        rows = [f'<tr id="{each.anchor}.{value}">'
                f"<th><code>{f'{each.short}::' if len(enums) > 1 else ''}{value}</code></th>"
                f"<td>{docstring.prose(comment.replace(chr(10), ' '), link)}</td></tr>"
                for each in enums for value, comment in each.values]
        return f'<table class="facts values">{"".join(rows)}</table>' if rows else ""

    def linker(self, page, scope):
        def link(text):
            found = self.link(text, scope) or self.link(f"error::{text}")
            own = f"{page.target}#"
            if found is None:
                return escape(text)
            where = found.removeprefix(own) if found.startswith(own) else None
            return f'<a href="{"#" + where if where is not None else relative(page.target, found)}">{escape(text)}</a>'
        return link

    def declaration(self, page, symbol):
        """The declaration with its types linked and its own name in bold."""
        words = WORD.findall(symbol.declaration)
        scope = symbol.name if symbol.kind in ("class", "struct") else symbol.name.rpartition("::")[0]
        out, named = [], False
        for at, word in enumerate(words):
            behind = words[at + 1] if at + 1 < len(words) else ""
            if word == symbol.short and not named and (behind.lstrip().startswith(("(", "=", "{", ":", ";")) or not behind
                                                       or symbol.kind not in ("function", "variable")):
                out.append(f"<b>{escape(word)}</b>")
                named = True
            elif word in KEYWORDS:
                out.append(f'<span class="k">{word}</span>')
            elif re.match(r"[a-z_]", word) and is_type_before(behind) and not is_parameter(words[at - 1], behind):
                found = self.link(word, scope)
                out.append(f'<a href="{relative(page.target, found)}">{escape(word)}</a>' if found else escape(word))
            else:
                out.append(escape(word))
        return "".join(out)


def is_type_before(behind):
    return re.match(r"\s*[&*>]|<|\{\}|\.\.\.| $|\s+$|\)", behind) is not None


def is_parameter(before, behind):
    return behind.startswith(")") and not before.endswith(("(", "<", ",", ", ", "= "))


def target_of(header):
    return f"reference/{header.removesuffix('.hpp')}.html"


def library_of(header):
    if header.startswith("testing/"):
        return "libnet::testing"
    return "libnet::tls" if "tls" in header else "libnet::libnet"


def main_symbol(header, symbols):
    stem = header.rsplit("/", 1)[-1].removesuffix(".hpp")
    return next((s for s in symbols if s.short == stem), symbols[0])
