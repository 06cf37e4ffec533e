"""Child processes: started with a log file, ended in order, measured."""

import os
import re
import signal
import subprocess
import time

from . import paths


class Process:
    """A program with its output in a file."""

    def __init__(self, name, command, env=None, cpu=None):
        self.name = name
        self.log_path = paths.WORK / f"{name}.log"
        self.log_file = open(self.log_path, "wb")
        command = [str(part) for part in command]
        if cpu is not None:
            command = ["taskset", "-c", str(cpu), *command]
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log_file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=paths.WORK,
        )

    @property
    def pid(self):
        return self.child.pid

    @property
    def running(self):
        return self.child.poll() is None

    def log(self):
        """Everything printed so far."""
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self, seconds=15):
        """End it politely, else by force; the exit code."""
        if self.running:
            self.child.terminate()
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(5)
        self.log_file.close()
        return self.child.returncode

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(5)

    def cpu_seconds(self):
        """User and system time of the process and of its children."""
        return sum(_cpu(pid) for pid in [self.pid, *children(self.pid)])

    def resident_mb(self, peak=False):
        """Resident memory in MB (10^6 bytes): now, or the most since its start."""
        status = open(f"/proc/{self.pid}/status").read()
        return int(re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+)", status).group(1)) * 1024 / 1e6


def children(pid):
    """The processes that a process has started."""
    try:
        return [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


def _cpu(pid):
    # The process' own CPU clock (clock_getcpuclockid(3)): to the nanosecond, where /proc counts in hundredths of a second.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
