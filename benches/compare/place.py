"""The cores of subjects and load."""

import dataclasses
import os

from harness import load

from .failure import Mistake


@dataclasses.dataclass(frozen=True)
class Place:
    """`subject` is the argument of taskset, `load` a set of cores; `workers` is the number for each subject."""

    subject: str
    load: frozenset
    workers: int


def choose(cpus, workers):
    """One worker has a core, load and backend another; several workers share all cores with them. `cpus` is "SUBJECT,LOAD" or None."""
    usable = os.sched_getaffinity(0)
    if workers > 1:
        if cpus is not None:
            raise Mistake("--cpus is for one worker: several use every core, and so does the load")
        return Place(",".join(map(str, sorted(usable))), frozenset(usable), workers)
    if cpus is None:
        subject, other = load.cpus()
    else:
        try:
            subject, other = (int(part) for part in cpus.split(","))
        except ValueError:
            raise Mistake(f"--cpus wants two numbers, as in 1,0, not {cpus!r}") from None
        if not {subject, other} <= usable:
            raise Mistake(f"--cpus {cpus}: these may be used: {sorted(usable)}")
    return Place(str(subject), frozenset({other}), workers)
