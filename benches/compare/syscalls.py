"""System calls of a subject, counted by strace in a run of its own: strace slows what it watches."""

import re
import shutil
import signal
import subprocess
import time

from harness import paths
from harness.waiting import eventually

from . import usage
from .failure import Failed, Mistake


def available():
    if not shutil.which("strace"):
        raise Mistake("--syscalls needs strace: apt-get install strace")


def per_unit(running, workload, size):
    """Calls for each request while a second of load runs."""
    summary = paths.WORK / "strace"
    summary.unlink(missing_ok=True)
    pids = [part for pid in usage.tree(running.process.pid) for part in ("-p", str(pid))]
    trace = subprocess.Popen(["strace", "-f", "-c", "-o", summary, *pids], stderr=subprocess.PIPE, text=True)
    try:
        attached = trace.stderr.readline()
        if "attached" not in attached:
            raise Failed(f"strace: {attached}")
        # Beside strace's first line there are more, one a thread; all come before the first call is counted.
        time.sleep(0.2)
        outcome = workload.load.run(running, workload.path, 1, size)
    finally:
        trace.send_signal(signal.SIGINT)
        trace.communicate()
    text = eventually(lambda: summary.read_text(), 5, what="strace's summary")
    total = re.search(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)(?:\s+\d+)?\s+total$", text, re.M)
    if not total:
        raise Failed(f"strace: {text}")
    return int(total[1]) / outcome.count
