"""The goals of flow-proxy compared with its peers, by name."""

import dataclasses
import statistics

FIGURES = {"cpu": "CPU", "p99": "p99 at half load", "size": "bytes sent", "held": "KiB each"}


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure must be at most `times` that of the best of these peers, or at most `times` itself without peers."""

    name: str
    figure: str
    times: float
    peers: tuple = ()

    def verdict(self, own, others):
        """The outcome, of {figure: [value of each round]} of a subject and {peer: the same}; None where a peer is missing."""
        values = own.get(self.figure, [])
        peers = {kind: others[kind][self.figure] for kind in self.peers if others.get(kind, {}).get(self.figure)}
        if not values or (self.peers and not peers):
            return None
        if peers:
            best = min(peers, key=lambda kind: statistics.median(peers[kind]))
            return Verdict(self, f"{FIGURES[self.figure]} ≤ {best} × {self.times:g}", _ratio(values, peers[best]), 2)
        return Verdict(self, f"{FIGURES[self.figure]} ≤ {self.times:g}", statistics.median(values), 1)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The goal in words, and the result."""

    goal: Goal
    wanted: str
    seen: float
    digits: int

    @property
    def reached(self):
        return self.seen <= self.goal.times

    @property
    def outcome(self):
        return "reached" if self.reached else f"missed by {self.seen / self.goal.times - 1:.1%}"

    @property
    def shown(self):
        return f"{self.seen:.{self.digits}f}"

    def __str__(self):
        return f"{self.goal.name}: {self.wanted}: {self.shown}, {self.outcome}"


def _ratio(values, peer):
    """The ratio, round by round, as a disturbance affects all subjects of a round; of medians if one has no value for a round."""
    if len(values) == len(peer):
        return statistics.median(value / other for value, other in zip(values, peer))
    return statistics.median(values) / statistics.median(peer)


def _cpu(name, **peers):
    return tuple(Goal(name, "cpu", times, (peer,)) for peer, times in peers.items())


P99 = (Goal("p99 at half load", "p99", 1.2, ("nginx", "haproxy")),)
H1 = (*_cpu("small answers, h1 keep-alive", nginx=1.1, haproxy=1.0, traefik=0.2), *P99)
TLS = (*_cpu("h1 over TLS", nginx=1.0), *P99)
H2 = (*_cpu("h2 over TLS", nginx=1.0, haproxy=1.1), *P99)
HANDSHAKES = _cpu("TLS 1.3 full handshakes", nginx=0.5)
BODIES = _cpu("bodies", nginx=1.1)
GZIP = (*_cpu("gzip", nginx=0.8), Goal("gzip", "size", 1.0, ("nginx",)))
IDLE = (Goal("10,000 idle TLS connections", "held", 25.0),)
FEW = "10 routes"
ROUTES = (Goal("10,000 routes against 10", "cpu", 1.03, (FEW,)),)
