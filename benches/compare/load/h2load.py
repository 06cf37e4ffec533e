"""HTTP/2 (and HTTP/1.1 at a set rate) by h2load."""

import dataclasses
import re
import statistics
import subprocess

from harness import paths

from ..failure import Failed
from . import Latency, Outcome


@dataclasses.dataclass(frozen=True)
class H2load:
    """`connections` with `streams` requests in flight on each; a `data` body makes them POST."""

    connections: int = 16
    streams: int = 1
    tls: bool = True
    h1: bool = False
    data: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)

    @property
    def method(self):
        return "POST" if self.data else "GET"

    @property
    def body(self):
        return self.data or None

    def run(self, running, path, seconds, size):
        count, data, rate = self._load(running, path, seconds, [])
        if data < count * size:
            raise Failed(f"{running.name}: short bodies: {data} bytes of {count} answers of {size}")
        return Outcome(count, rate)

    def at(self, running, path, seconds, rate):
        """The latencies at a rate that all connections share."""
        log = paths.WORK / "latencies"
        log.unlink(missing_ok=True)
        count, _, _ = self._load(running, path, seconds, [f"--rps={rate / self.connections:.3f}", f"--log-file={log}"])
        taken = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        if len(taken) < 2:
            raise Failed(f"{running.name}: {len(taken)} answers at {rate:.0f} a second")
        cuts = statistics.quantiles(taken, n=100, method="inclusive")
        return Latency(count / seconds, cuts[49], cuts[98])

    def _load(self, running, path, seconds, more):
        scheme, port = ("https", running.tls) if self.tls else ("http", running.plain)
        command = ["h2load", "-t1", f"-c{self.connections}", f"-m{self.streams}", f"-D{seconds}", *more]
        command += ["--h1"] if self.h1 else []
        for name, value in self.headers.items():
            command += ["-H", f"{name}: {value}"]
        if self.data:
            file = paths.WORK / "posted"
            file.write_bytes(self.data)
            command += ["-d", file]
        done = subprocess.run([*command, f"{scheme}://localhost:{port}{path}"], capture_output=True, text=True)
        found = re.search(
            r"([\d.]+) req/s.*?(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout.*?"
            r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx.*?\((\d+)\) data",
            done.stdout,
            re.S,
        )
        if done.returncode or not found:
            raise Failed(f"{running.name}: h2load: {done.stdout[-1500:]}{done.stderr[-500:]}")
        rate, *figures = found.groups()
        count, failed, errored, timeout, good, *bad, data = (int(figure) for figure in figures)
        if failed or errored or timeout or any(bad) or not count:
            raise Failed(f"{running.name}: {found[0]}")
        return count, data, float(rate)
