"""The figures of all sizes as text, with their goals."""

import dataclasses
import statistics

# The number of Ingresses that the goals are for.
GOALS_AT = "10,000"


def percentile(values, share):
    """The percentile of some values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def _worst_but_one_percent(name):
    return lambda figures: percentile(figures[name], 99)


def _median(name):
    return lambda figures: statistics.median(figures[name])


def moved(figures):
    """The change in percent of the traffic's p99 when endpoints change, compared with writes that no one watches; by rounds."""
    return (statistics.median(changing / beside for changing, beside in zip(figures["changing"], figures["beside"])) - 1) * 100


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: its figure, and the maximum with 10,000 Ingresses."""

    heading: str
    value: callable
    digits: int
    goal: float | None = None


ROWS = [
    Row("ready, s", _median("ready"), 2, 2),
    Row("memory at rest, MB", _median("memory"), 0, 80),
    Row("memory after changes and traffic, MB", _median("memory after"), 0),
    Row("a change live, p50, ms", _median("live"), 1),
    Row("a change live, p99, ms", _worst_but_one_percent("live"), 1, 30),
    Row("a change live, worst, ms", lambda figures: max(figures["live"]), 1),
    Row("after its watch event, p50, ms", _median("told"), 1),
    Row("after its watch event, p99, ms", _worst_but_one_percent("told"), 1),
    Row("CPU a change, ms", _median("cpu"), 2, 10),
    Row("p99 of traffic, quiet, ms", _median("quiet"), 2),
    Row("p99 of traffic, others write, ms", _median("beside"), 2),
    Row("p99 of traffic, 10 endpoints a second change, ms", _median("changing"), 2),
    Row("endpoints changed a second", _median("pace"), 1),
    Row("moved by the endpoints, %", moved, 0, 10),
]


def table(columns):
    """A line for each figure, a column for each size, with the goal last."""
    rows = [["", *(heading for heading, _ in columns), f"goal at {GOALS_AT}"]]
    for row in ROWS:
        goal = "" if row.goal is None else f"≤ {row.goal:g}"
        rows.append([row.heading, *(f"{row.value(figures):,.{row.digits}f}" for _, figures in columns), goal])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        lines.append("  " + "   ".join(cells).rstrip())
    return "\n".join(lines)


def verdicts(columns):
    """The goals, if their size was measured: [(text, reached)]."""
    figures = dict(columns).get(GOALS_AT)
    if not figures:
        return []
    found = []
    for row in ROWS:
        if row.goal is not None:
            seen = row.value(figures)
            reached = seen <= row.goal
            missed = f"{seen - row.goal:.{row.digits}f} more" if row.heading.endswith("%") else f"{seen / row.goal - 1:.0%} over"
            found.append((f"{row.heading} ≤ {row.goal:g}: {seen:.{row.digits}f}, {'reached' if reached else missed}", reached))
    return found
