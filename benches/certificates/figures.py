"""The figures of all sizes as a table, with the goals of each."""

import dataclasses
import math
import statistics

# The number of kinds of requests that are told one by one.
KINDS = 12


def median(name):
    return lambda figures: statistics.median(value for value in figures[name] if value is not None)


def worst(name):
    return lambda figures: max(figures[name])


def moved(figures):
    """The change in percent of the traffic's p99."""
    return (median("p99 during")(figures) / median("p99 before")(figures) - 1) * 100


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: its figure (by name, or made of several), and the maximum for a size, if it has one."""

    heading: str
    of: object
    digits: int
    goal: callable = lambda size: None
    told: str = ""

    def value(self, figures):
        """The figure; none if it was not measured."""
        try:
            return self.of(figures) if callable(self.of) else figures[self.of]
        except (KeyError, statistics.StatisticsError):
            return None


ROWS = [
    Row("Ingresses created in, s", "created", 1),
    Row("certificates ready", "ready", 0),
    Row("first certificate ready, s", "first", 1, lambda size: 5, "≤ 5"),
    Row("all ready, s", "all", 1, lambda size: 60 * size / 1000 if size >= 1000 else None, "≤ 60 a 1,000"),
    Row("CPU of the replicas for each, ms", "cpu", 1, lambda size: 15, "≤ 15"),
    Row("CPU of the API server for each, ms", "cpu of the API server", 1),
    Row("CPU of the CA, DNS and balancer for each, ms", "cpu of the CA", 1),
    Row("requests to the API server for each", "requests", 1, lambda size: 20, "≤ 20"),
    Row("memory after the wave, MB", "memory", 0),
    Row("peak of memory in the wave, MB", "peak", 0),
    Row("one more beside them, s", "one more", 2, lambda size: 2, "≤ 2"),
    Row("CPU of one more, ms", "cpu of one more", 1, lambda size: 30, "≤ 30"),
    Row("CPU at rest before any, ms a second", "idle before", 2),
    Row("CPU at rest beside them, ms a second", "idle", 2),
    Row("restart: ready after, s", "restart", 2, lambda size: 3, "≤ 3"),
    Row("restart: memory of the leader, MB", "memory of the leader", 0, lambda size: 150, "≤ 150"),
    Row("restart: memory of the other, MB", "memory of the other", 0, lambda size: 150, "≤ 150"),
    Row("restart: peak of memory, MB", "peak of a restart", 0),
    Row("traffic: requests a second", "traffic", 0),
    Row("traffic: hosts ready", "issued during traffic", 0),
    Row("traffic: p99 before, ms", median("p99 before"), 2),
    Row("traffic: p99 while others write, ms", median("p99 beside"), 2),
    Row("traffic: p99 during, ms", median("p99 during"), 2),
    Row("traffic: p99 moved, %", moved, 0, lambda size: 10, "≤ 10"),
    Row("traffic: failed requests", "failed requests", 0, lambda size: 0, "≤ 0"),
    Row("renewals: due", "renewals due", 0),
    Row("renewals: issued", "renewed", 0),
    Row("renewals: all issued, s", "all renewed", 1),
    Row("renewals: CPU of each, ms", "cpu of a renewal", 1),
    Row("renewals: requests of each", "requests of a renewal", 1),
    Row("renewals: a new host ready, median, s", median("new beside renewals"), 1),
    Row("renewals: a new host ready, slowest, s", worst("new beside renewals"), 1, lambda size: 10, "≤ 10"),
    Row("failing: a new host ready, median, s", median("new beside failing"), 1),
    Row("failing: a new host ready, slowest, s", worst("new beside failing"), 1, lambda size: 5, "≤ 5"),
    Row("failing: CPU at rest, ms a second", "idle beside failing", 1),
]


def table(columns):
    """A line for each figure, a column for each size, with the goal last; then the requests by kind."""
    lines = [["", *(f"{size:,}" for size, _ in columns), "goal"]]
    for row in ROWS:
        values = [row.value(figures) for _, figures in columns]
        if any(value is not None for value in values):
            lines.append([row.heading, *(_cell(value, row.digits) for value in values), row.told])
    kinds = {}
    for _, figures in columns:
        for kind, number in figures["kinds"].items():
            kinds[kind] = max(kinds.get(kind, 0), number)
    lines.append(["requests for each, by kind:", *("" for _ in columns), ""])
    for kind in sorted(kinds, key=lambda kind: -kinds[kind])[:KINDS]:
        lines.append(["  " + kind, *(_cell(figures["kinds"].get(kind, 0), 2) for _, figures in columns), ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    shown = ([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))] for line in lines)
    return "\n".join("  " + "   ".join(cells).rstrip() for cells in shown)


def _cell(value, digits):
    return "-" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def verdicts(columns):
    """The goals of every size: [(text, reached)]."""
    found = []
    for size, figures in columns:
        if figures["ready"] < size:
            found.append((f"{size:,}: all ready: {figures['ready']:,} of them after {figures['all']:.0f} s, missed", False))
        for row in ROWS:
            goal, seen = row.goal(size), row.value(figures)
            if goal is None or seen is None or math.isnan(seen) or row.of == "all" and figures["ready"] < size:
                continue
            found.append((f"{size:,}: {row.heading} ≤ {goal:g}: {seen:,.{row.digits}f}, {'reached' if seen <= goal else _missed(row, seen, goal)}", seen <= goal))
    return found


def _missed(row, seen, goal):
    return f"{seen - goal:.{row.digits}f} more" if row.heading.endswith("%") or not goal else f"{seen / goal - 1:.0%} over"
