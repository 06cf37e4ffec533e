"""One size: all hosts at once, then one more beside them, then a restart of both replicas beside them."""

import statistics
import sys
import time

from harness.waiting import eventually

from . import asked
from .hosts import Hosts
from .ready import Ready
from .stage import Stage

# Seconds for which idle replicas are watched, and after which the work for a certificate is over.
IDLE, AFTER = 5, 2
# Seconds until freed pages have been returned to the system.
REST = 2.5
MORE = 5
# Requests of this benchmark itself.
OWN = {"POST ingresses"}


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
        figures = {"idle before": _idle(stage)}
        figures |= _wave(stage, hosts, ready, size, options.limit or max(120, size))
        if figures["ready"] < size:
            _say(size, "the rest is left out: not all certificates were ready")
            return figures
        figures["idle"] = _idle(stage)
        figures |= _one_more(stage, hosts, ready)
        figures |= _restart(stage)
        return figures
    finally:
        if ready:
            ready.stop()
        stage.stop()


def _wave(stage, hosts, ready, size, limit):
    asked_before, before, began = asked.counts(stage.cluster), stage.cpu(), time.monotonic()
    numbers = hosts.add(size)
    created = time.monotonic() - began
    _say(size, f"Ingresses created in {created:.1f} s")
    so_far = lambda count: _say(size, f"{count:,} ready after {time.monotonic() - began:.0f} s, {_used(stage, before):.1f} s of CPU")
    times = ready.wait(map(hosts.name, numbers), limit, so_far)
    took = time.monotonic() - began
    if len(times) == size:
        took = max(times.values()) - began
        time.sleep(AFTER)
    used = {name: seconds - before[name] for name, seconds in stage.cpu().items()}
    kinds = asked.between(asked_before, asked.counts(stage.cluster), OWN)
    count = len(times)
    each = lambda value: value / count if count else float("nan")
    _say(size, f"{count:,} ready after {took:.1f} s")
    return {
        "created": created,
        "ready": count,
        "first": min(times.values()) - began if times else float("nan"),
        "all": took,
        "cpu": each(used["replicas"]) * 1e3,
        "cpu of the API server": each(used["API server"]) * 1e3,
        "cpu of the CA": each(used["CA"]) * 1e3,
        "requests": each(sum(kinds.values())),
        "kinds": {kind: each(number) for kind, number in sorted(kinds.items(), key=lambda item: -item[1])},
        "memory": max(proxy.process.resident_mb() for proxy in stage.replicas.running),
        "peak": max(proxy.process.resident_mb(peak=True) for proxy in stage.replicas.running),
    }


def _one_more(stage, hosts, ready):
    seconds, cpu = [], []
    for _ in range(MORE):
        before, began = stage.cpu(), time.monotonic()
        (number,) = hosts.add(1)
        times = ready.wait([hosts.name(number)], 120)
        if not times:
            raise AssertionError("one more certificate was not ready within 120 s")
        seconds.append(times[hosts.name(number)] - began)
        time.sleep(AFTER)
        cpu.append(_used(stage, before) * 1e3)
    return {"one more": statistics.median(seconds), "cpu of one more": statistics.median(cpu)}


def _restart(stage):
    """The leader ends and comes back; then the other, whereupon the first leads again."""
    replicas = stage.replicas
    first = eventually(replicas.leader, 30, what="a leader")
    other = next(proxy for proxy in replicas.running if proxy is not first)
    seconds = []
    for proxy in (first, other):
        new = replicas.restart(proxy)
        seconds.append(new.seconds_to_ready)
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


def _idle(stage):
    """CPU of both replicas in milliseconds a second while nothing happens."""
    before, began = stage.cpu(), time.monotonic()
    time.sleep(IDLE)
    return _used(stage, before) * 1e3 / (time.monotonic() - began)


def _used(stage, before):
    return stage.cpu()["replicas"] - before["replicas"]


def _say(size, text):
    print(f"{size:,}: {text}", file=sys.stderr, flush=True)
