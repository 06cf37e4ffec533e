"""The result as Markdown, for documentation: the cost of each workload for every subject, and the goals by name."""

import datetime
import os
import platform
import re
import statistics

from .failure import Mistake
from .subjects import OWN

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
TABLES = [
    # figure, heading, digits
    ("cpu", "CPU, µs for each", 1),
    ("p99", "p99 in µs at half of nginx's rate", 0),
    ("size", "Bytes sent of 100 KiB", 0),
    ("held", "KiB held by each", 1),
]


def check(path):
    """Refuse a file that could not be written at the end."""
    if not path.parent.is_dir() or path.is_dir():
        raise Mistake(f"--markdown {path}: there is no such folder, or it is one")
    if path.exists() and not re.search(f"{BEGIN}.*{END}", path.read_text(), re.S):
        raise Mistake(f"--markdown {path}: it is there and has no lines {BEGIN} and {END} to write between")


def write(path, text):
    """Replace the text between the two marks of a file; a new file has only that."""
    whole = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    path.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{text}{END}", whole, flags=re.S))


def text(options, chosen, results, goals):
    """`results` is [(workload, figures)]; `goals` is [(workload, subject's name, verdict)]."""
    versions = ", ".join(f"{subject.name} {subject.version()}".strip() for subject in chosen)
    parts = [
        f"`{_command(options)}` on {datetime.date.today()}, {_processor()}: {versions}. {_plural(options.workers, 'worker')} each; medians of "
        f"{_plural(options.rounds, 'round')} of {options.seconds} s, in brackets the smallest and the largest."
    ]
    for figure, heading, digits in TABLES:
        parts += _figures(figure, heading, digits, chosen, results)
    if goals:
        parts += _goals(goals, sum(subject.kind == OWN for subject in chosen) > 1)
    return "\n\n".join(parts) + "\n"


def _command(options):
    named = [f"--workload {','.join(options.workload)}"] if options.workload else []
    more = [f"--workers {options.workers}"] if options.workers > 1 else []
    return " ".join(["benches/run compare", *named, f"--rounds {options.rounds} --seconds {options.seconds}", *more])


def _plural(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _processor():
    with open("/proc/cpuinfo") as file:
        named = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.M)
    return f"{named[1].strip() if named else platform.machine()}, {_plural(len(os.sched_getaffinity(0)) or 1, 'core')}"


def _figures(figure, heading, digits, chosen, results):
    """A line for each workload (or each of its rows), a column for each subject."""
    lines = []
    for workload, figures in results:
        if not any(figure in values for values in figures.values()):
            continue
        rows = [workload.rows(subject) for subject in chosen]
        for number in range(len(rows[0])):
            names = [names[number][0] for names in rows]
            what = names[0].removeprefix(chosen[0].name)
            cells = [_cell(figures.get(name, {}).get(figure), digits) for name in names]
            lines.append(f"| {workload.about}{what} ({workload.unit}) | {' | '.join(cells)} |")
    if not lines:
        return []
    head = f"| {heading} | {' | '.join(subject.name for subject in chosen)} |\n|---|{'---:|' * len(chosen)}"
    return ["\n".join([head, *lines])]


def _cell(values, digits):
    if not values:
        return "–"
    shown = f"{statistics.median(values):,.{digits}f}"
    return f"{shown} ({min(values):,.{digits}f}–{max(values):,.{digits}f})" if len(values) > 1 else shown


def _goals(goals, several):
    lines = ["| goal | workload | at most | seen | |", "|---|---|---|---:|---|"]
    for workload, name, verdict in goals:
        who = f"{name}, " if several else ""
        lines.append(f"| {verdict.goal.name} | {who}`{workload.name}` | {verdict.wanted} | {verdict.shown} | {verdict.outcome} |")
    reached = sum(verdict.reached for *_, verdict in goals)
    return ["\n".join(lines), f"{reached} of {len(goals)} goals reached."]
