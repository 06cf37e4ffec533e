"""HTTP/1.1 by wrk: closed loop, as fast as the subject answers."""

import dataclasses
import pathlib
import re
import subprocess

from ..failure import Failed
from . import Outcome, h2load

SCRIPT = pathlib.Path(__file__).parent / "report.lua"


@dataclasses.dataclass(frozen=True)
class Wrk:
    """`close` opens a connection for every request; `upload` is the size of a body that is sent."""

    connections: int = 64
    tls: bool = False
    close: bool = False
    upload: int = 0
    headers: dict = dataclasses.field(default_factory=dict)

    @property
    def method(self):
        return "PUT" if self.upload else "GET"

    @property
    def body(self):
        return b"k" * self.upload if self.upload else None

    def run(self, running, path, seconds, size):
        scheme, port = ("https", running.tls) if self.tls else ("http", running.plain)
        headers = {**self.headers, **({"Connection": "close"} if self.close else {})}
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "20s", "-s", SCRIPT]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        command += [f"{scheme}://localhost:{port}{path}"]
        command += ["--", "PUT", str(self.upload)] if self.upload else []
        done = subprocess.run(command, capture_output=True, text=True)
        found = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+)$", done.stdout, re.M)
        if done.returncode or not found:
            raise Failed(f"{running.name}: wrk: {done.stdout}{done.stderr}")
        count, duration, received, errors = (int(group) for group in found.groups())
        if errors or not count:
            raise Failed(f"{running.name}: {count} answers and {errors} errors\n{done.stdout}")
        if received < count * size:
            raise Failed(f"{running.name}: short bodies: {received} bytes of {count} answers of {size}")
        return Outcome(count, count / duration * 1e6)

    def at(self, running, path, seconds, rate):
        """The latencies at a rate, by h2load: it speaks HTTP/1.1 too, and wrk cannot keep a rate."""
        return h2load.H2load(self.connections, 1, self.tls, h1=True, headers=self.headers).at(running, path, seconds, rate)
