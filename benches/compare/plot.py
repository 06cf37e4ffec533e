"""The result as a picture: a panel for each workload, a bar for each subject, a whisker from the best round to the worst."""

import statistics
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 860, 160, 190, 18, 6, 46
COLOURS = ["#c2410c", "#0f766e", "#4338ca", "#a16207", "#be185d", "#475569"]


def svg(results, chosen, title):
    """`results` is [(workload, figures)]; `chosen` are the subjects in the order of their colours."""
    parts, y = [f'<text x="16" y="28" class="t">{escape(title)}</text>'], 44
    for workload, figures in results:
        colour = {name: COLOURS[i % len(COLOURS)] for i, subject in enumerate(chosen) for name, _ in workload.rows(subject)}
        figure, unit = ("held", "KiB") if any("held" in values for values in figures.values()) else ("cpu", "µs CPU")
        rows = [(name, values[figure]) for name, values in figures.items() if values.get(figure)]
        parts.append(f'<text x="16" y="{y + 20}" class="h">{escape(workload.name)}: {escape(workload.about)}</text>')
        parts.append(f'<text x="16" y="{y + 36}" class="s">{unit} for each {escape(workload.unit)}; the shorter the better</text>')
        y += HEAD
        top = max((max(values) for _, values in rows), default=1) or 1
        for name, values in rows:
            parts += _bar(name, values, y, (WIDTH - LEFT - RIGHT) / top, colour[name])
            y += BAR + GAP
        y += 10
    style = "text{font:12px sans-serif;fill:#1e293b}.t{font-size:16px;font-weight:bold}.h{font-weight:bold}.s{fill:#64748b;font-size:11px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 8}" viewBox="0 0 {WIDTH} {y + 8}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#ffffff"/>' + "".join(parts) + "</svg>\n"
    )


def _bar(name, values, y, scale, colour):
    median, low, high = statistics.median(values), min(values), max(values)
    middle = y + BAR / 2
    whisker = f"M{LEFT + low * scale:.1f} {middle}H{LEFT + high * scale:.1f}"
    ends = "".join(f"M{LEFT + end * scale:.1f} {middle - 4}v8" for end in (low, high))
    spread = f" ({low:,.1f}–{high:,.1f})" if len(values) > 1 else ""
    return [
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{median * scale:.1f}" height="{BAR}" fill="{colour}" fill-opacity="0.75"/>',
        f'<path d="{whisker}{ends}" stroke="#0f172a" fill="none"/>',
        f'<text x="{LEFT + high * scale + 8:.1f}" y="{middle + 4}">{median:,.1f}{spread}</text>',
    ]
