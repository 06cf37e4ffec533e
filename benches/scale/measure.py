"""Every size in turn: the cluster is filled, a proxy is started, and each figure taken."""

import statistics
import time

from compare.failure import Failed
from harness import changes, clients, load, pki
from harness.crowd import Crowd
from harness.proxy import Proxy

from . import traffic

STARTS = 3
# Long enough that freed pages have gone back to the system.
REST = 2.5


def everything(options):
    """[(heading of a column, {figure: [values]})], milliseconds and megabytes."""
    columns = []
    crowd = Crowd("plain")
    try:
        for size in options.sizes:
            columns.append((f"{size:,}", _of(crowd, size, options)))
    finally:
        crowd.stop()
    if options.certificates:
        crowd = Crowd("certificates", certificates=True)
        try:
            columns.append((f"{options.certificates:,} with certificates", _of(crowd, options.certificates, options)))
        finally:
            crowd.stop()
    return columns


def _of(crowd, size, options):
    _say(crowd.fill(size) + (" with certificates" if crowd.certificates else ""))
    figures = {"ready": [], "memory": []}
    for start in range(STARTS):
        with _proxy(crowd) as proxy:
            figures["ready"].append(proxy.seconds)
            _served(crowd, proxy)
            if start == STARTS - 1:
                time.sleep(REST)
                figures["memory"].append(proxy.process.resident_mb())
    _say(f"  ready after {statistics.median(figures['ready']):.2f} s")
    subject, other = load.cpus()
    with _proxy(crowd, "--workers=1", cpu=subject) as proxy:
        written, told = changes.latencies(crowd, proxy, options.changes)
        figures["live"], figures["told"] = [[seconds * 1e3 for seconds in values] for values in (written, told)]
        _say(f"  {options.changes} changes seen")
        figures["cpu"] = [changes.cpu(crowd, proxy, options.changes) * 1e3]
        figures.update(traffic.p99s(crowd, proxy, options, other))
        _say(f"  {options.rounds} rounds of traffic")
        _served(crowd, proxy)
        figures["memory after"] = [proxy.process.resident_mb()]
    return figures


def _proxy(crowd, *flags, cpu=None):
    start = time.monotonic()
    proxy = Proxy("--accesslog=false", *flags, cluster=crowd.cluster, cpu=cpu)
    proxy.seconds = time.monotonic() - start
    return proxy


def _served(crowd, proxy):
    """The first, the last and one between are served, each with its own certificate if there are any."""
    for number in (0, crowd.count // 2, crowd.count - 1):
        host = crowd.host(number)
        answer = proxy.get(host)
        if answer.status != 200:
            raise Failed(f"{host}: {answer}")
        if crowd.certificates and (names := pki.names_of(clients.certificate_of(proxy.websecure, host))) != [host]:
            raise Failed(f"{host} is served with a certificate for {names}")


def _say(text):
    print(text, flush=True)
