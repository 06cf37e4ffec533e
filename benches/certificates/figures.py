"""The figures of all sizes as a table, with the goals of each."""

import dataclasses
import math

# The kinds of requests that are told one by one.
KINDS = 12


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: its figure, and the maximum for a size, if it has one."""

    heading: str
    name: str
    digits: int
    goal: callable = lambda size: None
    told: str = ""


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
]


def table(columns):
    """A line for each figure, a column for each size, with the goal last; then the requests by kind."""
    lines = [["", *(f"{size:,}" for size, _ in columns), "goal"]]
    for row in ROWS:
        if any(row.name in figures for _, figures in columns):
            lines.append([row.heading, *(_cell(figures.get(row.name), row.digits) for _, figures in columns), row.told])
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
            goal, seen = row.goal(size), figures.get(row.name)
            if goal is None or seen is None or math.isnan(seen):
                continue
            reached = seen <= goal and not (row.name == "all" and figures["ready"] < size)
            end = "reached" if reached else f"{seen / goal - 1:.0%} over"
            found.append((f"{size:,}: {row.heading} ≤ {goal:g}: {seen:,.{row.digits}f}, {end}", reached))
    return found
