"""Where each page stands: sections in the order of reading. A page that is in none is an error, so that none is lost.

A pattern stands for pages that are not named elsewhere, in the order of their folder's README.
"""

SECTIONS = [
    ("Start", [
        ("README.md", "libnet"),
        ("docs/tutorial.md", "Tutorial"),
        ("docs/migrating.md", None),
    ]),
    ("Guides", [
        ("docs/serving.md", None),
        ("docs/connecting.md", None),
        ("docs/tls.md", None),
        ("docs/udp.md", None),
        ("docs/pool.md", None),
        ("docs/many-cores.md", None),
        ("docs/bridge.md", None),
        ("docs/testing.md", None),
    ]),
    ("Concepts", [
        ("docs/framing.md", None),
        ("docs/limits.md", None),
        ("docs/failing-well.md", None),
        ("docs/errors.md", None),
        ("docs/tcp-or-udp.md", None),
    ]),
    ("How TCP and UDP behave", [
        ("docs/behaviour/README.md", "Overview"),
        ("docs/behaviour/*.md", None),
    ]),
    ("Operating", [
        ("docs/deploying.md", "Behind a balancer"),
        ("docs/restarting.md", None),
        ("docs/tuning.md", None),
        ("docs/troubleshooting.md", None),
        ("docs/benchmarking.md", "Measuring a server"),
        ("docs/benchmarks.md", None),
        ("SECURITY.md", None),
    ]),
    ("Reference", [
        ("reference", "All headers"),
        ("docs/defaults.md", None),
        ("docs/packaging.md", None),
        ("docs/platforms.md", None),
    ]),
    ("Project", [
        ("docs/architecture.md", None),
        ("docs/design/*.md", None),
        ("CONTRIBUTING.md", None),
        ("CHANGELOG.md", None),
    ]),
    ("한국어", [
        ("docs/ko/README.md", None),
        ("docs/ko/quick-start.md", None),
        ("docs/ko/tcp-or-udp.md", None),
        ("docs/ko/behaviour/README.md", None),
        ("docs/ko/behaviour/*.md", None),
        ("docs/ko/*.md", None),
    ]),
]


def place(page):
    """Where a page of the repository is in the site."""
    page = page.removeprefix("docs/")
    folder, _, name = page.rpartition("/")
    name = "index" if name == "README.md" else name.removesuffix(".md")
    return f"{folder}/{name}.html" if folder else f"{name}.html"
