"""Loads: each drives one subject for some seconds and returns the outcome. All fail on a wrong or short response."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The number of units (requests, connections, messages) done, and their rate a second for loads that saturate the subject."""

    count: int
    rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Latency:
    """A run at a set rate: the rate reached, and percentiles in microseconds."""

    rate: float
    p50: float
    p99: float
