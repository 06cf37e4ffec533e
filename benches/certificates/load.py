"""The p99 of traffic over TLS through the leader while hosts get their certificates."""

import itertools
import os
import re
import statistics
import threading
import types

from compare.failure import Failed
from compare.load.h2load import H2load
from harness import load as cpus
from harness import objects, parallel
from harness.processes import children
from harness.waiting import eventually

from .work import say

CONNECTIONS, ROUNDS = 4, 5
# The niceness of what gives way to the load: it must go on where the machine has other work too, so it is not idle priority.
NICE = 10
# Of a line of h2load.
FAILURES = re.compile(r"(\d+) failed, (\d+) errored, (\d+) timeout.*?(\d+) 3xx, (\d+) 4xx, (\d+) 5xx", re.S)
# Hosts that come during the traffic, at most.
HOSTS = 1000


def figures(stage, hosts, ready, size, options):
    """p99 in milliseconds of turns: without anything else; while others write; while hosts get certificates."""
    leader = eventually(stage.replicas.leader, 30, what="a leader")
    turn = Turn(leader, hosts.host(0), options)
    subject, other = cpus.cpus()
    around = [stage.cluster.process, *stage.ca()]
    with Placed([proxy.process.pid for proxy in stage.replicas.running], {subject}):
        with Placed([process.pid for process in around], {other}, NICE), Placed([os.getpid(), stage.origin.pid], {other}):
            turn()
            quiet = [turn() for _ in range(ROUNDS)]
            beside = _beside(stage.cluster, turn)
            count = min(size, HOSTS)
            say(size, f"{count:,} hosts during {options.traffic} requests a second")
            during, issued = _during(hosts, ready, count, turn, options.limit_of(count))
    say(size, f"p99 before {_median(quiet):.2f} ms, others write {_median(beside):.2f}, during {_median(during):.2f}; {turn.failed} failed")
    return {
        "p99 before": quiet,
        "p99 beside": beside,
        "p99 during": during,
        "failed requests": turn.failed,
        "traffic": statistics.median(turn.rates),
        "issued during traffic": issued,
    }


def _median(values):
    return statistics.median(value for value in values if value is not None)


def _beside(cluster, turn):
    """As fast as it goes, objects are written that no one watches."""
    ended, item = threading.Event(), {"apiVersion": "v1", "kind": "ConfigMap", "data": {"filler": "k" * 3000}}
    cluster.apply(objects.namespace("beside"))
    path = "/api/v1/namespaces/beside/configmaps"
    writes = (("POST", path, {**item, "metadata": objects.meta(f"beside{number}", "beside")}) for number in itertools.count())
    with Beside(lambda: parallel.send(cluster, writes, ended=ended, nice=NICE)):
        try:
            return [turn() for _ in range(ROUNDS)]
        finally:
            ended.set()


def _during(hosts, ready, count, turn, limit):
    found, names = [], []
    with Beside(lambda: names.extend(hosts.add(count, NICE))) as adding:
        while adding.goes_on() or len(ready.wait(names, 0)) < len(names):
            found.append(turn())
            if len(found) * turn.seconds > limit:
                break
    return found, len(ready.wait(names, 0))


class Turn:
    """Some seconds of traffic to one host."""

    def __init__(self, proxy, host, options):
        self.load = H2load(CONNECTIONS, 1, tls=True, h1=True, headers={":authority": host})
        self.running = types.SimpleNamespace(name="flow-proxy", tls=proxy.websecure)
        self.rate, self.seconds, self.rates, self.failed = options.traffic, options.seconds, [], 0

    def __call__(self):
        """The p99 in milliseconds; none where a request failed, which is counted."""
        try:
            latency = self.load.at(self.running, "/", self.seconds, self.rate)
        except Failed as error:
            if not (counts := FAILURES.search(str(error))):
                raise
            self.failed += sum(map(int, counts.groups()))
            return None
        self.rates.append(latency.rate)
        return latency.p99 / 1e3


class Beside:
    """A thread that works as long as the block runs; its error is raised at the end."""

    def __init__(self, work):
        self.error, self.thread = None, threading.Thread(target=self._run, args=(work,), daemon=True)

    def _run(self, work):
        try:
            work()
        except Exception as error:  # noqa: BLE001 (told in __exit__)
            self.error = error

    def goes_on(self):
        return self.thread.is_alive()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(60)
        if self.error:
            raise self.error


class Placed:
    """Processes on some CPUs with a niceness, with all their threads, as long as the block runs."""

    def __init__(self, pids, cpus, nice=0):
        self.pids, self.cpus, self.nice, self.all = pids, cpus, nice, os.sched_getaffinity(0)

    def __enter__(self):
        self._each(self.cpus, self.nice)

    def __exit__(self, *_):
        self._each(self.all, 0)

    def _each(self, cpus, nice):
        for pid in [*self.pids, *(child for pid in self.pids if pid != os.getpid() for child in children(pid))]:
            for thread in map(int, os.listdir(f"/proc/{pid}/task")):
                try:
                    os.sched_setaffinity(thread, cpus)
                    os.setpriority(os.PRIO_PROCESS, thread, nice)
                except ProcessLookupError:
                    pass
