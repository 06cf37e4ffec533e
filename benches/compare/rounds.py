"""One workload: every subject has its turn in every round."""

import contextlib
import statistics

from harness.waiting import eventually

from . import origin, probe, routes, subjects, syscalls
from .failure import Failed
from .load.own import Idle


def measure(workload, chosen, rounds, seconds, place, calls):
    """{name of a row: {figure: [value of each round]}}.

    cpu, user, system: µs a unit. rate: units a second. p50, p99: µs at half the rate of nginx, or of the first subject where nginx
    is not measured. memory: MB after the load. size: bytes of one response. held: KiB a connection. calls: system calls a unit,
    if `calls` is a folder for strace's output.
    """
    mine = [(name, count, subject) for subject in chosen if subject.kind not in workload.lacking for name, count in workload.rows(subject)]
    figures = {name: {} for name, *_ in mine}
    with contextlib.ExitStack() as stack:
        backend = origin.start(workload.origin, place.load)
        stack.callback(backend.stop)
        if isinstance(workload.load, Idle):
            _idle(workload, mine, rounds, place, figures)
            return figures
        running = []
        for number, (name, count, subject) in enumerate(mine):
            running.append(subjects.start(subject, number, workload.features, place, name, count))
            stack.callback(running[-1].process.stop)
        sizes = {}
        for one in running:
            sizes[one.name] = ready(one, workload)
            if workload.encoding:
                note(figures, one, "size", sizes[one.name])
        for number in range(-1, rounds):
            for one in turns(running, number):
                _full(one, workload, seconds if number >= 0 else 1, sizes[one.name], figures, keep=number >= 0)
        if workload.latency:
            _half(running, workload, rounds, seconds, figures)
        for one in running:
            note(figures, one, "memory", one.memory() / 1e6)
            if calls:
                note(figures, one, "calls", syscalls.per_unit(one, workload, sizes[one.name], calls))
    return figures


def note(figures, running, figure, value):
    figures[running.name].setdefault(figure, []).append(value)


def turns(running, number):
    """The order of a round: each time another subject is first."""
    shift = number % len(running)
    return running[shift:] + running[:shift]


def ready(one, workload):
    """Wait until the subject serves, and check its response; return the length of a response on the wire."""
    if workload.origin != "http":
        eventually(lambda: workload.load.run(one, workload.path, 1, 0).count, 20, what=one.name)
        return 0

    def served():
        try:
            probe.forwarded(one, workload.load.tls)
            for host in routes.hosts(one.route_count)[-1:]:
                probe.routed(one, host)
            return True
        except Failed as error:
            raise AssertionError(str(error)) from None

    eventually(served, 20, 0.05, what=f"{one.name} as a proxy")
    return probe.check(one, workload)


def _full(one, workload, seconds, size, figures, keep):
    """A run at full load."""
    lines = _lines(one) if "log" in workload.features else 0
    user, system = one.cpu()
    outcome = workload.load.run(one, workload.path, seconds, size)
    user, system = (after - before for after, before in zip(one.cpu(), (user, system)))
    if "log" in workload.features:
        eventually(lambda: _lines(one) - lines >= outcome.count, 10, 0.1, f"{outcome.count} lines in the access log of {one.name}")
    if not keep:
        return
    note(figures, one, "cpu", (user + system) / outcome.count * 1e6)
    note(figures, one, "user", user / outcome.count * 1e6)
    note(figures, one, "system", system / outcome.count * 1e6)
    if outcome.rate:
        note(figures, one, "rate", outcome.rate)


def _lines(one):
    try:
        with open(one.log, "rb") as file:
            return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
    except FileNotFoundError:
        return 0


def _half(running, workload, rounds, seconds, figures):
    """A run at the same rate for all; a subject that cannot keep it has no latency."""
    reference = next((one for one in running if one.subject.kind == "nginx"), running[0])
    rate = statistics.median(figures[reference.name]["rate"]) / 2
    for number in range(rounds):
        for one in turns(running, number):
            seen = workload.load.at(one, workload.path, seconds, rate)
            if seen.rate >= rate * 0.9:
                note(figures, one, "p50", seen.p50)
                note(figures, one, "p99", seen.p99)


def _idle(workload, mine, rounds, place, figures):
    """A run with idle connections, after a fresh start: memory kept from the round before would hide their memory."""
    for number in range(rounds):
        for name, _, subject in turns(mine, number):
            one = subjects.start(subject, 0, workload.features, place, name)
            try:
                ready(one, workload)
                note(figures, one, "held", workload.load.held(one, workload.path) / 1024)
                note(figures, one, "memory", one.memory() / 1e6)
            finally:
                one.process.stop()
