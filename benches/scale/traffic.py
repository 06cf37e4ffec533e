"""The p99 of a modest load: without changes, while endpoints change, and while as many other objects are written."""

import itertools
import os
import threading
import time
import types

from compare.failure import Failed
from compare.load.h2load import H2load
from harness import objects
from harness.many_ingresses import ADDRESS, CHANGING, NAMESPACE, PORT

A_SECOND = 10
CONNECTIONS = 4


def p99s(ingresses, proxy, options, cpu):
    """Milliseconds of each round: {"quiet": [...], "beside": [...], "changing": [...]}; and endpoints changed a second: "pace"."""
    host = ingresses.host(0)
    load = H2load(CONNECTIONS, 1, tls=False, h1=True, headers={":authority": host})
    running = types.SimpleNamespace(name="flow-proxy", plain=proxy.web)
    load.at(running, "/", 1, options.rate)
    found = {"quiet": [], "beside": [], "changing": [], "pace": []}
    writes = {"quiet": None, "beside": _beside(), "changing": _endpoints(ingresses.count)}
    with Gives(ingresses.cluster.process.pid, cpu):
        for _ in range(options.rounds):
            for name, objects_to_write in writes.items():
                with Writer(ingresses.cluster, objects_to_write) as writer:
                    latency = load.at(running, "/", options.seconds, options.rate)
                if latency.rate < 0.9 * options.rate:
                    raise Failed(f"{latency.rate:.0f} requests a second instead of {options.rate}")
                found[name].append(latency.p99 / 1e3)
                if name == "changing":
                    found["pace"].append(writer.written / options.seconds)
    return found


def _endpoints(count):
    """EndpointSlices that get a second address and lose it again, except that of the requested host."""
    for second in itertools.cycle([["10.99.0.8"], []]):
        for number in range(1, min(count, 1000)):
            yield objects.endpoints(f"s{number}", NAMESPACE, [ADDRESS, *second], PORT)


def _beside():
    """Objects that no one watches, of about the same size."""
    for number in itertools.count():
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": objects.meta(f"beside{number % 1000}", CHANGING),
            "data": {"number": str(number), "filler": "k" * 300},
        }


class Writer:
    """Writes ten objects a second as long as the block runs, or fewer if the machine is too slow."""

    def __init__(self, cluster, items):
        self.cluster, self.items = cluster, items
        self.written, self.error, self.done = 0, None, threading.Event()
        self.thread = threading.Thread(target=self._run) if items else None

    def _run(self):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        due = time.monotonic()
        try:
            for item in self.items:
                if self.done.wait(max(0, due - time.monotonic())):
                    return
                self.cluster.apply(item)
                self.written += 1
                due += 1 / A_SECOND
        except (AssertionError, OSError) as error:
            self.error = error

    def __enter__(self):
        if self.thread:
            self.thread.start()
        return self

    def __exit__(self, *_):
        if self.thread:
            self.done.set()
            self.thread.join()
            if self.error or not self.written:
                raise Failed(f"{self.written} objects were written: {self.error}")


class Gives:
    """Runs the API server on one core at idle priority, so that it gives way to the load, as long as the block runs."""

    def __init__(self, pid, cpu):
        self.pid, self.cpu, self.all = pid, cpu, os.sched_getaffinity(0)

    def __enter__(self):
        self._each({self.cpu}, os.SCHED_IDLE)
        os.sched_setaffinity(0, {self.cpu})

    def __exit__(self, *_):
        self._each(self.all, os.SCHED_OTHER)
        os.sched_setaffinity(0, self.all)

    def _each(self, cpus, policy):
        for thread in map(int, os.listdir(f"/proc/{self.pid}/task")):
            try:
                os.sched_setaffinity(thread, cpus)
                os.sched_setscheduler(thread, policy, os.sched_param(0))
            except ProcessLookupError:
                pass
