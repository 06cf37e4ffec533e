"""One size: all hosts at once, then one more beside them, a restart of both replicas, and what else is asked for."""

import statistics
import time

from harness.waiting import eventually

from . import beside, load
from .hosts import Hosts
from .ready import Ready
from .stage import Stage
from .work import AFTER, Work, say

# Seconds for which idle replicas are watched.
IDLE = 5
# Seconds until freed pages have been returned to the system.
REST = 2.5
MORE = 5


def everything(options):
    """[(size, figures)] of every size, each with a new API server and a new CA."""
    return [(size, of(size, options)) for size in options.sizes]


def of(size, options):
    """The figures of one size."""
    stage = Stage(f"certificates-{size}")
    ready = None
    try:
        hosts = Hosts(stage.cluster, options.key)
        ready = Ready(stage.cluster)
        figures = {"idle before": idle(stage)}
        figures |= _wave(stage, hosts, ready, size, options)
        if figures["ready"] < size:
            say(size, "the rest is left out: not all certificates were ready")
            return figures
        figures["idle"] = idle(stage)
        figures |= _one_more(stage, hosts, ready)
        figures |= _restart(stage)
        if options.traffic:
            figures |= load.figures(stage, hosts, ready, size, options)
        if options.renewals:
            figures |= beside.renewals(stage, hosts, ready, size, options)
        if options.failing:
            figures |= beside.failing(stage, hosts, ready, size, options)
            figures["idle beside failing"] = idle(stage)
        return figures
    finally:
        if ready:
            ready.stop()
        stage.stop()


def _wave(stage, hosts, ready, size, options):
    work = Work(stage)
    names = hosts.add(size)
    created = work.seconds()
    say(size, f"Ingresses created in {created:.1f} s")
    times = ready.wait(names, options.limit_of(size), lambda count: say(size, f"{count:,} ready after {work}"))
    took = (max(times.values()) - work.began) if len(times) == size else work.seconds()
    time.sleep(AFTER if len(times) == size else 0)
    used = work.each(len(times))
    say(size, f"{len(times):,} ready after {took:.1f} s")
    return {
        **used,
        "created": created,
        "ready": len(times),
        "first": min(times.values()) - work.began if times else float("nan"),
        "all": took,
        "memory": max(proxy.process.resident_mb() for proxy in stage.replicas.running),
        "peak": max(proxy.process.resident_mb(peak=True) for proxy in stage.replicas.running),
    }


def _one_more(stage, hosts, ready):
    seconds, cpu = [], []
    for _ in range(MORE):
        work = Work(stage)
        (name,) = hosts.add(1)
        times = ready.wait([name], 120)
        if not times:
            raise AssertionError("one more certificate was not ready within 120 s")
        seconds.append(times[name] - work.began)
        time.sleep(AFTER)
        cpu.append(work.used()["replicas"] * 1e3)
    return {"one more": statistics.median(seconds), "cpu of one more": statistics.median(cpu)}


def _restart(stage):
    """The leader ends and comes back; then the other, whereupon the first leads again."""
    replicas = stage.replicas
    first = eventually(replicas.leader, 30, what="a leader")
    other = next(proxy for proxy in replicas.running if proxy is not first)
    seconds = []
    for proxy in (first, other):
        seconds.append(replicas.restart(proxy).seconds_to_ready)
        eventually(replicas.leader, 60, 0.1, "a leader")
        time.sleep(REST)
    leader = eventually(replicas.leader, 30, what="a leader")
    other = next(proxy for proxy in replicas.running if proxy is not leader)
    return {
        "restart": max(seconds),
        "memory of the leader": leader.process.resident_mb(),
        "memory of the other": other.process.resident_mb(),
        "peak of a restart": max(proxy.process.resident_mb(peak=True) for proxy in replicas.running),
    }


def idle(stage):
    """CPU of both replicas in milliseconds a second while nothing else is asked of them."""
    work = Work(stage)
    time.sleep(IDLE)
    return work.used()["replicas"] * 1e3 / work.seconds()
