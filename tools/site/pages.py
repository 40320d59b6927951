"""Markdown as HTML: links between pages and into the sources lead to what the site has of them."""

import posixpath
import re
from html import escape, unescape
from pathlib import Path
from unicodedata import east_asian_width

from markdown_it import MarkdownIt
from pygments import highlight as colour
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

import navigation

FORMATTER = HtmlFormatter(nowrap=True)
CELL = re.compile(r"<(t[hd])[^>]*>(.*?)</t[hd]>", re.DOTALL)
SENTENCE = 19  # characters of a cell that is more than a number or a name
# Characters of a word of code: from here on it may be broken, and where there is room for tables from there on.
LONG, VERY_LONG = 22, 36
UNIT = re.compile(r"(?<=\d) (?=(?:us|µs|ms|s|min|KiB|MiB|%)(?!\w))")


class Page:
    """A page in the making: its HTML, its headings for the table of contents, its text for the search."""

    def __init__(self, source, target, title="", body=""):
        self.source = source        # in the repository, or ""
        self.target = target        # in the site
        self.title = title
        self.body = body
        self.headings = []          # (level, anchor, text)
        self.sections = []          # (anchor, heading, text), for the search


class Renderer:
    def __init__(self, root, symbol_link, source_link):
        self.root = Path(root)
        self.symbol_link = symbol_link  # name -> target in the site, or None
        self.source_link = source_link  # file of the repository -> target; it is told which files are wanted
        self.markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
        self.markdown.options["highlight"] = highlighted
        self.markdown.add_render_rule("image", picture)
        self.markdown.add_render_rule("text", lambda _, tokens, at, *rest: words(tokens[at].content))
        self.markdown.add_render_rule("code_inline", lambda _, tokens, at, *rest: inline_code(tokens[at].content))

    def page(self, source):
        page = Page(source, navigation.place(source))
        tokens = self.markdown.parse((self.root / source).read_text(encoding="utf-8"))
        self.headings(page, tokens)
        for token in tokens:
            for child in token.children or []:
                self.inline(page, child)
        self.link_names(page, tokens)
        body = self.markdown.renderer.render(tokens, self.markdown.options, {})
        page.body = re.sub(r"<table>.*?</table>", lambda table: framed(table[0]), body, flags=re.DOTALL)
        return page

    def headings(self, page, tokens):
        taken = {}
        anchor, text, heading = "", "", None
        for token, content in zip(tokens, tokens[1:] + [None]):
            if token.type == "heading_open":
                page.sections.append((anchor, text, " ".join(self.words)) if text else None)
                heading, text = content, plain_text(content)
                anchor = slug(text)
                taken[anchor] = number = taken.get(anchor, -1) + 1
                anchor = f"{anchor}-{number}" if number else anchor
                token.attrSet("id", anchor)
                level = int(token.tag[1])
                page.headings.append((level, anchor, text))
                page.title = page.title or text
                self.words = []
            elif token.type == "inline" and token is not heading:
                self.words = [*getattr(self, "words", []), plain_text(token)]
        page.sections.append((anchor, text, " ".join(self.words)))
        page.sections = [section for section in page.sections if section]

    def inline(self, page, token):
        for attribute in ("href", "src"):
            value = token.attrGet(attribute)
            if value and ":" not in value.split("#")[0]:
                token.attrSet(attribute, self.target(page, value))

    def target(self, page, link):
        path, _, anchor = link.partition("#")
        if not path:
            return link
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path))
        header = there.removeprefix("libnet/include/libnet/")
        if there.endswith(".md"):
            found = navigation.place(there)
        elif there.startswith("docs/pictures/"):
            found = there.removeprefix("docs/")
        elif header != there and self.symbol_link("header " + header):
            found = self.symbol_link("header " + header)
        else:
            found = self.source_link(there)
        return relative(page.target, found) + (f"#{anchor}" if anchor else "")

    def link_names(self, page, tokens):
        """`server_options` in the text leads to the reference, where there is only one such name."""
        for token in tokens:
            inside = 0
            children = []
            for child in token.children or []:
                inside += {"link_open": 1, "link_close": -1}.get(child.type, 0)
                if child.type == "code_inline" and not inside:
                    found = self.symbol_link(child.content)
                    if found:
                        child.type = "html_inline"
                        child.content = (f'<a class="name" href="{relative(page.target, found)}">'
                                         f"{inline_code(child.content)}</a>")
                children.append(child)
            if token.children:
                token.children = children


def framed(table):
    """A table in a box that can be scrolled. One of sentences becomes a list of its rows where the screen is narrow, so
    that nobody has to scroll while reading; each cell then says its column."""
    rows = [CELL.findall(row) for row in table.split("<tr>")[1:]]
    table = CELL.sub(unbroken, table)
    if not is_list(rows):
        return f'<div class="wide">{table}</div>'
    columns = [re.sub("<.*?>", "", text) for _, text in rows[0]]
    head, *bodies = table.split("<tr>")
    told = [re.sub("<td", lambda _, names=iter(columns): f'<td data-column="{next(names)}"', row) for row in bodies]
    return f'<div class="wide rows">{"<tr>".join([head, *told])}</div>'


def is_list(rows):
    """Whether its cells are sentences, or its names leave no room beside them."""
    first = [text for (_, text), *_ in rows[1:]]
    longest = max(width(text) for row in rows[1:] for _, text in row[1:])
    if len(rows[0]) == 2:
        names = max(len(word) for text in first for word in unescape(re.sub("<.*?>", "", text)).split() or [""])
        return names > SENTENCE and longest > 2 * SENTENCE
    return longest >= SENTENCE or max(map(width, first)) >= 1.5 * SENTENCE


def unbroken(cell):
    """A number with its unit, or two words, are not broken for the sake of another column."""
    return cell[0].replace("<td", '<td class="whole"', 1) if 0 < width(cell[2]) < SENTENCE else cell[0]


def width(text):
    """Columns that it takes; Hangul takes two."""
    shown = unescape(re.sub("<.*?>", "", text))
    return sum(1 + (east_asian_width(char) == "W") for char in shown)


def words(text):
    """A number and its unit stand in one line."""
    return UNIT.sub("&nbsp;", escape(text))


def inline_code(text):
    if len(text) < SENTENCE and " " in text:
        return f'<code class="whole">{escape(text)}</code>'
    return f"<code>{' '.join(map(code_word, text.split(' ')))}</code>"


def code_word(word):
    """A long one may be broken between its parts, so that a column leaves room for others; but not so that a syllable
    is left over."""
    if len(word) < LONG:
        return code_part(word)
    for break_before in (r"(?<=::)\w|(?<=/)\w", r"(?<=[_.])\w|(?<=[a-z])[A-Z]"):
        places = [match.start() for match in re.finditer(break_before, word) if 8 <= match.start() <= len(word) - 5]
        if places and max(b - a for a, b in zip([0, *places], [*places, len(word)])) < LONG:
            break
    mark = "<wbr>" if len(word) >= VERY_LONG else '<wbr class="narrow">'
    return mark.join(code_part(word[a:b]) for a, b in zip([0, *places], [*places, len(word)]))


def code_part(text):
    """--of-this-kind stays whole."""
    return f'<span class="whole">{escape(text)}</span>' if "-" in text and len(text) < LONG else escape(text)


def folders(text):
    """A path, which may be broken behind each of its folders."""
    return escape(text).replace("/", "/<wbr>")


def picture(renderer, tokens, at, options, environment):
    """Leads to itself: where the screen is narrow it is wider than that."""
    image = renderer.image(tokens, at, options, environment)
    return f'<a class="picture" href="{escape(tokens[at].attrGet("src"))}">{image}</a>'


def plain_text(token):
    if token is None:
        return ""
    return "".join(child.content if child.type in ("text", "code_inline") else
                   " " if child.type in ("softbreak", "hardbreak") else "" for child in token.children or [])


def slug(title):
    """As the usual hosts make them; tools/checks/pages.py relies on the same."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def relative(page, target):
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def highlighted(code, language, _attributes):
    if language == "console":
        return f'<pre class="code console"><code>{"".join(map(console_line, code.splitlines(True)))}</code></pre>'
    try:
        lexer = get_lexer_by_name({"sh": "bash"}.get(language, language or "text"), stripall=False)
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return f'<pre class="code {escape(language)}"><code>{colour(code, lexer, FORMATTER)}</code></pre>'


def console_line(line):
    """`$ ` is before what is typed, `# ` before the title of an experiment, nothing before what is printed."""
    if line.startswith("$ "):
        return f'<span class="gp">$ </span>{colour(line[2:], get_lexer_by_name("bash", stripall=False), FORMATTER)}'
    return f'<span class="{"gh" if line.startswith("# ") else "go"}">{escape(line)}</span>'


def source_page(root, source):
    """A file of the repository, highlighted."""
    text = (Path(root) / source).read_text(encoding="utf-8")
    try:
        lexer = get_lexer_for_filename(source)
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    page = Page("", f"source/{source}.html", source.rsplit("/", 1)[-1])
    page.body = (f"<h1>{folders(source)}</h1>\n<pre class=\"code source\"><code>{colour(text, lexer, FORMATTER)}"
                 "</code></pre>")
    return page
