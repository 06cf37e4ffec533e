"""What flow-proxy is to reach beside the others."""

import dataclasses
import statistics

FIGURES = {"cpu": "CPU", "p99": "p99 at half load", "size": "bytes sent", "held": "KiB each"}


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure is at most `times` that of the best of these peers, or at most `times` itself where none is named."""

    figure: str
    times: float
    peers: tuple = ()

    def verdict(self, own, others):
        """(text, reached) of {figure: [value of each round]} of a subject and {kind of peer: the same}; None where a peer is missing."""
        values = own.get(self.figure, [])
        peers = {kind: others[kind][self.figure] for kind in self.peers if others.get(kind, {}).get(self.figure)}
        if not values or (self.peers and not peers):
            return None
        if peers:
            best = min(peers, key=lambda kind: statistics.median(peers[kind]))
            seen = _ratio(values, peers[best])
            wanted = f"{FIGURES[self.figure]} ≤ {best} × {self.times:g}"
            shown = f"{seen:.2f}"
        else:
            seen = statistics.median(values)
            wanted, shown = f"{FIGURES[self.figure]} ≤ {self.times:g}", f"{seen:.1f}"
        reached = seen <= self.times
        return f"{wanted}: {shown}, {'reached' if reached else f'{seen / self.times - 1:.0%} over'}", reached


def _ratio(values, peer):
    """Round by round, because what disturbed one round disturbed all in it; by medians where somebody missed a round."""
    if len(values) == len(peer):
        return statistics.median(value / other for value, other in zip(values, peer))
    return statistics.median(values) / statistics.median(peer)


def cpu(peer, times):
    return Goal("cpu", times, (peer,))


P99 = Goal("p99", 1.2, ("nginx", "haproxy"))
