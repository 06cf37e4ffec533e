"""The result as text."""

import statistics

from .subjects import OWN

COLUMNS = [
    # figure, heading, digits, with the spread of the rounds
    ("cpu", "CPU µs", 1, True),
    ("user", "user", 1, False),
    ("system", "system", 1, False),
    ("rate", "per second", 0, False),
    ("p50", "p50 µs", 0, False),
    ("p99", "p99 µs", 0, True),
    ("held", "KiB each", 1, True),
    ("size", "bytes sent", 0, False),
    ("memory", "memory MB", 1, False),
    ("calls", "system calls", 2, False),
]


def text(workload, figures):
    """A table: a line for each subject, with the median, smallest and largest of the rounds. CPU is for each unit."""
    columns = [column for column in COLUMNS if any(column[0] in values for values in figures.values())]
    rows = [[f"for each {workload.unit}", *(heading for _, heading, _, _ in columns)]]
    for name, values in figures.items():
        rows.append([name, *(_cell(values.get(figure, []), digits, spread) for figure, _, digits, spread in columns)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [f"{workload.name}: {workload.about}"]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        lines.append("  " + "   ".join(cells).rstrip())
    return "\n".join(lines)


def _cell(values, digits, spread):
    if not values:
        return "–"
    shown = f"{statistics.median(values):,.{digits}f}"
    if spread and len(values) > 1:
        shown += f" ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
    return shown


def verdicts(workload, figures, chosen):
    """The goals of a workload for every build of flow-proxy: [(subject's name, verdict)]. Of several rows of a subject the last is
    what goals are about, and those before are compared with under what tells them apart."""
    found = []
    peers = {subject.kind: figures.get(_rows(workload, subject)[-1], {}) for subject in chosen if subject.kind != OWN}
    for subject in chosen:
        if subject.kind == OWN:
            *before, last = _rows(workload, subject)
            others = peers | {name.removeprefix(f"{subject.name}, "): figures[name] for name in before}
            verdicts = (goal.verdict(figures[last], others) for goal in workload.goals)
            found += [(subject.name, verdict) for verdict in verdicts if verdict]
    return found


def _rows(workload, subject):
    return [name for name, _ in workload.rows(subject)]
