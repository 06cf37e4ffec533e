"""Loads: each drives one subject for some seconds and tells what came back. All of them fail on a wrong or short answer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How many units (requests, connections, messages) were done, and for loads that saturate the subject how many a second."""

    count: int
    rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Latency:
    """A run at a set rate: what was reached, and percentiles in microseconds."""

    rate: float
    p50: float
    p99: float
