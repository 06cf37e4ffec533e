"""A load on flow-proxy while perf watches it."""

import subprocess

from compare import origin, rounds, subjects
from compare.failure import Failed
from harness import paths

# Samples a second. An odd number, so that samples do not coincide with events that happen a hundred times a second.
A_SECOND = 499
# Bytes of the stack in each sample, to be unwound later: the futures of a request are large. It is perf's maximum.
STACK = 65528


def record(subject, workload, seconds, place):
    """The file of perf's samples."""
    file = paths.WORK / "perf.data"
    backend = origin.start(workload.origin, place.load)
    try:
        one = subjects.start(subject, 0, workload.features, place)
        try:
            size = rounds.ready(one, workload)
            workload.load.run(one, workload.path, 3, size)
            command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(A_SECOND), "--call-graph", f"dwarf,{STACK}"]
            perf = subprocess.Popen(
                [*command, "-p", str(one.process.pid), "-o", file, "--", "sleep", str(seconds)], stderr=subprocess.PIPE, text=True
            )
            workload.load.run(one, workload.path, seconds + 1, size)
            _, errors = perf.communicate(timeout=60)
        finally:
            one.process.stop()
    finally:
        backend.stop()
    if perf.returncode or not file.exists():
        raise Failed(f"perf: {errors[-1500:]}")
    return file
