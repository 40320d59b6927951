"""Draws CPU time of messages as bars: the ratio of each candidate to the loop by hand, for docs/benchmarks.md."""

import math

PANELS = ("64B x64 depth 1", "64B x64 depth 16")
WIDTH, LEFT, RIGHT = 760, 130, 690
BAR, GAP, HEAD = 16, 8, 84
MOST = 100  # times the loop by hand

STYLE = """
    .page { fill: #ffffff; stroke: #d0d7de; }
    .name { font-size: 15px; font-weight: 600; fill: #1f2328; }
    .text { font-size: 12px; fill: #59636e; }
    .right { text-anchor: end; }
    .middle { text-anchor: middle; }
    .grid { stroke: #d0d7de; stroke-width: 1; }
    .other { fill: #8c959f; }
    .ours { fill: #0969da; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #30363d; }
      .name { fill: #f0f6fc; }
      .text { fill: #9198a1; }
      .grid { stroke: #30363d; }
      .ours { fill: #4493f8; }
    }
"""
OURS = ("libnet", "guarded", "batch")


def x_of(ratio):
    """Each tenfold takes as much room: some others need fifty times as long."""
    return LEFT + (RIGHT - LEFT) * math.log(max(ratio, 0.5) / 0.5) / math.log(MOST / 0.5)


def panel(case, cells, top):
    bottom = top + 26 + len(cells) * (BAR + GAP)
    lines = [f'  <text class="name" x="24" y="{top}">{case}</text>']
    for ratio in (1, 2, 5, 10, 20, 50, 100):
        x = x_of(ratio)
        lines.append(f'  <path class="grid" d="M{x:.1f} {top + 12} L{x:.1f} {bottom}"/>')
        lines.append(f'  <text class="text middle" x="{x:.1f}" y="{bottom + 16}">{ratio} x</text>')
    for place, cell in enumerate(cells):
        y = top + 22 + place * (BAR + GAP)
        kind = "ours" if cell["candidate"] in OURS else "other"
        end = x_of(min(cell["ratio"], MOST))
        lines.append(f'  <text class="text right" x="{LEFT - 8}" y="{y + 12}">{cell["candidate"]}</text>')
        lines.append(f'  <rect class="{kind}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" rx="2"/>')
        lines.append(f'  <text class="text" x="{end + 6:.1f}" y="{y + 12}">{cell["ratio"]:.2f}</text>')
    return lines, bottom + 44


def draw(cells):
    top, drawn = HEAD, []
    for case in PANELS:
        of_case = [cell for cell in cells if cell["case"] == case and cell["rounds"]]
        if of_case:
            lines, top = panel(case, of_case, top)
            drawn += lines
    described = "; ".join(f"{cell['case']}, {cell['candidate']}: {cell['ratio']:.2f}" for cell in cells
                          if cell["case"] in PANELS and cell["rounds"])
    height = top - 10
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif">',
        "  <title>CPU time of a message, against a loop written by hand on epoll</title>",
        f"  <desc>{described}.</desc>",
        f"  <style>{STYLE}  </style>",
        f'  <rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        '  <text class="name" x="24" y="28">CPU time of the server for a message</text>',
        '  <text class="text" x="24" y="47">against a loop written by hand on epoll; shorter is better, and each '
        "tenfold takes as much room</text>",
        *drawn, "</svg>", ""])
