"""New hosts while all others are renewed, or while those of one tenant fail."""

import time

from harness.waiting import eventually

from .hosts import Hosts
from .work import AFTER, Work, say

# New hosts that come one after the other, and the seconds that each may take at most before it counts as missing.
NEW = 20
PATIENCE = 120
# Seconds without any new certificate after which the renewals are given up.
STUCK = 30
# An address of the machine where no replica listens on the CA's port.
ELSEWHERE = "127.0.0.9"


def renewals(stage, hosts, ready, size, options):
    """All hosts (or some) are to be renewed at once, and new ones come."""
    count = min(options.renewals, hosts.count)
    issued = Issued(stage.pebble)
    time.sleep(AFTER)
    work = Work(stage)
    before = issued.count()
    hosts.renew(count, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    say(size, f"{count:,} renewals due after {work.seconds():.1f} s")
    # The new ones are to come while the renewals go on.
    seconds = _new(hosts, ready, min(2.0, count / 1000))
    say(size, f"new hosts were ready after {_shown(seconds)}")
    end, wanted = time.monotonic() + options.limit_of(count), count + NEW
    told, last, since = 0, 0, time.monotonic()
    while (done := issued.count() - before) < wanted and time.monotonic() < min(end, since + STUCK):
        if done > last:
            last, since = done, time.monotonic()
        time.sleep(0.2)
        if work.seconds() - told > 5:
            told = work.seconds()
            say(size, f"{max(0, done - NEW):,} renewed after {work}")
    took = work.seconds() if done >= wanted else float("nan")
    time.sleep(AFTER)
    used = work.each(max(1, done))
    if done >= wanted:
        eventually(lambda: _renewed(stage.cluster, count), 60, 5, "the second revision of all")
    return {
        "renewed": done - NEW,
        "renewals due": count,
        "all renewed": took,
        "cpu of a renewal": used["cpu"],
        "requests of a renewal": used["requests"] - count / max(1, done),
        "new beside renewals": seconds,
    }


def failing(stage, hosts, ready, size, options):
    """One tenant has hosts that fail: half of their names do not resolve, half lead elsewhere. New hosts of others come."""
    count = options.failing
    theirs = Hosts(stage.cluster, options.key, "f", ["failing"])
    for number in range(count):
        if number % 2:
            stage.pebble.forget_name(theirs.host(number))
        else:
            stage.pebble.point(theirs.host(number), ELSEWHERE)
    work = Work(stage)
    theirs.add(count)
    say(size, f"{count:,} that fail after {work.seconds():.1f} s")
    seconds = _new(hosts, ready, min(2.0, count / 500))
    say(size, f"new hosts were ready after {_shown(seconds)}; {work}")
    return {"new beside failing": seconds}


def _new(hosts, ready, pause):
    """Seconds until each of some new hosts was ready, which come one after the other."""
    began = {}
    for _ in range(NEW):
        at = time.monotonic()
        (name,) = hosts.add(1)
        began[name] = at
        time.sleep(pause)
    times = ready.wait(began, PATIENCE)
    return [times[name] - began[name] if name in times else float("inf") for name in began]


def _shown(seconds):
    return f"{sorted(seconds)[len(seconds) // 2]:.1f} s, the slowest {max(seconds):.1f} s"


def _renewed(cluster, count):
    """True if so many Certificates have a second revision."""
    items = cluster.http.get(cluster.base + "/apis/cert-manager.io/v1/certificates?resourceVersion=0", timeout=120).json()["items"]
    found = sum(item.get("status", {}).get("revision", 0) >= 2 for item in items)
    if found < count:
        raise AssertionError(f"{found} of {count} have a second revision")
    return True


class Issued:
    """The number of certificates that the CA issued, by its log, of which only what is new is read."""

    def __init__(self, pebble):
        self.file, self.found, self.rest = open(pebble.server.log_path, "rb"), 0, b""

    def count(self):
        while data := self.file.read(1 << 20):
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.found += sum(b"Issued certificate serial" in line for line in lines)
        return self.found
