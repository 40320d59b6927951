#!/usr/bin/env python3
"""Checks the links of a folder of HTML pages: each leads to a file and an anchor of the folder.

    site_links.py SITE

Also, nothing that a page needs comes from the network, no two elements of a page have the same name, and pictures say
what they show.
"""

import os
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

FROM_ELSEWHERE = ("http:", "https:", "mailto:")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names = set()
        self.complaints = []
        self.links = []     # (line, address)
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        line = self.getpos()[0]
        if "id" in values:
            if values["id"] in self.names:
                self.complaints.append(f"{line}: two elements are called {values['id']}")
            self.names.add(values["id"])
        if tag == "img" and not values.get("alt"):
            self.complaints.append(f"{line}: {values.get('src')} has no description")
        address = values.get("href" if tag in ("a", "link") else "src")
        if address is None:
            return
        if not address.startswith(FROM_ELSEWHERE):
            self.links.append((line, address))
        elif tag != "a":
            self.complaints.append(f"{line}: {address} is fetched from the network")


def check(site):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: no pages"
    for path, page in pages.items():
        where = path.relative_to(site)
        yield from (f"{where}:{complaint}" for complaint in page.complaints)
        for line, address in page.links:
            target, anchor = urldefrag(address)
            there = Path(os.path.normpath(path.parent / unquote(target))) if target else path
            if not there.is_file() or site not in there.parents:
                yield f"{where}:{line}: {address} leads nowhere"
            elif anchor and there in pages and unquote(anchor) not in pages[there].names:
                yield f"{where}:{line}: {address} leads to no anchor"


def main():
    complaints = list(check(Path(sys.argv[1]).resolve()))
    print("\n".join(complaints) or "links: nothing to complain about")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
