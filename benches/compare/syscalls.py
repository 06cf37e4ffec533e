"""System calls of a subject, counted by strace in a separate run, as strace slows the subject."""

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


SECONDS = 3


def per_unit(running, workload, size, folder):
    """Calls for each request while a load runs; strace's own table of them goes to a file of `folder`."""
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
        outcome = workload.load.run(running, workload.path, SECONDS, size)
    finally:
        trace.send_signal(signal.SIGINT)
        trace.communicate()
    text = eventually(lambda: summary.read_text(), 5, what="strace's summary")
    total = re.search(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)(?:\s+\d+)?\s+total$", text, re.M)
    if not total:
        raise Failed(f"strace: {text}")
    (folder / f"calls-{workload.name}-{running.name}.txt").write_text(f"{outcome.count} of: {workload.about}\n{text}")
    return int(total[1]) / outcome.count
