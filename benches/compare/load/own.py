"""Loads by the clients of this package. They are slower than wrk, so they give CPU for each unit but no rate."""

import dataclasses
import subprocess
import sys

from ..failure import Failed
from . import Outcome


@dataclasses.dataclass(frozen=True)
class Own:
    """`client` is a module of compare.clients; `arguments` follow the port and the seconds."""

    client: str
    tls: bool
    arguments: tuple = ()
    headers: dict = dataclasses.field(default_factory=dict)
    method = "GET"
    body = None

    def run(self, running, path, seconds, size):
        command = [sys.executable, "-m", f"compare.clients.{self.client}", "load"]
        command += [running.tls if self.tls else running.plain, seconds, path, *self.arguments]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{running.name}: {self.client}: {done.stdout[-500:]}{done.stderr[-1500:]}")
        return Outcome(int(done.stdout))


@dataclasses.dataclass(frozen=True)
class Idle:
    """`connections` that stay open after one response: the memory of each."""

    connections: int
    tls: bool = True
    headers: dict = dataclasses.field(default_factory=dict)
    method = "GET"
    body = None

    def held(self, running, path):
        """Bytes of the subject's memory for each connection."""
        before = running.memory()
        client = subprocess.Popen(
            [sys.executable, "-m", "compare.clients.idle", str(running.tls if self.tls else running.plain), path, str(self.connections)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        opened = client.stdout.readline().strip()
        after = running.memory()
        _, errors = client.communicate("close\n")
        if client.returncode or opened != "open":
            raise Failed(f"{running.name}: idle connections: {errors[-1500:]}")
        return (after - before) / self.connections
