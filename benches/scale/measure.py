"""Every size in turn: the cluster is filled, a proxy is started, and each figure taken."""

import statistics
import time

from compare.failure import Failed
from harness import changes, clients, load, pki
from harness.many_ingresses import ManyIngresses
from harness.proxy import Proxy

from . import traffic

STARTS = 3
# Seconds until freed pages have been returned to the system.
REST = 2.5


def everything(options):
    """[(heading of a column, {figure: [values]})], milliseconds and megabytes."""
    columns = []
    for kind, heading, sizes in (
        ({}, "{:,}", options.sizes),
        ({"certificates": True}, "{:,} with certificates", [options.certificates]),
        ({"routes": "shared"}, "{:,} IngressRoutes", [options.routes]),
        ({"routes": "own"}, "{:,} IngressRoutes, own Middlewares", [options.routes]),
    ):
        if not any(sizes):
            continue
        ingresses = ManyIngresses("-".join(map(str, [*kind, *kind.values()])).lower() or "plain", **kind)
        try:
            columns += [(heading.format(size), _of(ingresses, size, options)) for size in sizes]
        finally:
            ingresses.stop()
    return columns


def _of(ingresses, size, options):
    _say(ingresses.fill(size) + (" with certificates" if ingresses.certificates else ""))
    figures = {"ready": [], "memory": []}
    for start in range(STARTS):
        with _proxy(ingresses) as proxy:
            figures["ready"].append(proxy.seconds)
            _served(ingresses, proxy)
            if start == STARTS - 1:
                time.sleep(REST)
                figures["memory"].append(proxy.process.resident_mb())
    _say(f"  ready after {statistics.median(figures['ready']):.2f} s")
    subject, other = load.cpus()
    with _proxy(ingresses, "--workers=1", cpu=subject) as proxy:
        written, told = changes.latencies(ingresses, proxy, options.changes)
        figures["live"], figures["told"] = [[seconds * 1e3 for seconds in values] for values in (written, told)]
        _say(f"  {options.changes} changes seen")
        figures["cpu"] = [changes.cpu(ingresses, proxy, options.changes) * 1e3]
        figures.update(traffic.p99s(ingresses, proxy, options, other))
        _say(f"  {options.rounds} rounds of traffic")
        _served(ingresses, proxy)
        figures["memory after"] = [proxy.process.resident_mb()]
    return figures


def _proxy(ingresses, *flags, cpu=None):
    start = time.monotonic()
    proxy = Proxy("--accesslog=false", *flags, cluster=ingresses.cluster, cpu=cpu)
    proxy.seconds = time.monotonic() - start
    return proxy


def _served(ingresses, proxy):
    """Check that the first, the last and one in the middle are served, each with its own certificate if there are any."""
    for number in (0, ingresses.count // 2, ingresses.count - 1):
        host = ingresses.host(number)
        answer = proxy.get(host)
        if answer.status != 200:
            raise Failed(f"{host}: {answer}")
        if ingresses.certificates and (names := pki.names_of(clients.certificate_of(proxy.websecure, host))) != [host]:
            raise Failed(f"{host} is served with a certificate for {names}")


def _say(text):
    print(text, flush=True)
