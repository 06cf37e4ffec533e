"""The time that a change takes until requests see it."""

import itertools
import threading
import time

from . import objects
from .many_ingresses import CHANGING

_numbers = itertools.count(1)


class Observer:
    """Requests one host again and again over one connection, until a response is as wanted."""

    def __init__(self, proxy):
        self.connection = proxy.http1()

    def when(self, host, wanted, seconds=5, path="/", pause=0.0005):
        end = time.monotonic() + seconds
        while True:
            answer = self.connection.request(host, path)
            now = time.monotonic()
            if wanted(answer):
                return now
            assert now < end, f"not served within {seconds} s: {answer}"
            time.sleep(pause)


def seen(proxy, watch, change, item, wanted, event, host, path="/"):
    """Make one change while requesting; seconds from its writing, and from its watch event, to the first response that shows it."""
    observer = Observer(proxy)
    doing = threading.Thread(target=change, args=[item])
    written = time.monotonic()
    doing.start()
    served = observer.when(host, wanted, path=path)
    doing.join()
    observer.connection.close()
    return served - written, served - watch.wait(event)


def steps(ingresses):
    """Endless changes: an Ingress or IngressRoute is created, edited (another path), deleted, and so on with the next.

    Each is (function that makes it, object, type of its watch event, host, path, status that shows it).
    """
    while True:
        name = f"change{next(_numbers)}"
        host = f"{name}.changing.test"
        created, edited = (_route(ingresses, name, host, path) for path in ("/one", "/two"))
        cluster = ingresses.cluster
        yield cluster.apply, created, "ADDED", host, "/one", 200
        yield cluster.apply, edited, "MODIFIED", host, "/two", 200
        yield cluster.delete, edited, "DELETED", host, "/two", 404


def _route(ingresses, name, host, path):
    if not ingresses.routes:
        return objects.ingress(name, CHANGING, host, paths=[objects.path("s", at=path, kind="Exact")])
    services = [{"name": "s", "port": 80}]
    routes = [{"match": f"Host(`{host}`) && Path(`{path}`)", "kind": "Rule", "services": services}]
    return objects.custom("IngressRoute", name, CHANGING, {"routes": routes})


def latencies(ingresses, proxy, count):
    """Seconds of `count` changes until they are served: [from the writing], [from the watch event]; both sorted."""
    kinds = "traefik.io/v1alpha1/namespaces/{}/ingressroutes" if ingresses.routes else "networking.k8s.io/v1/namespaces/{}/ingresses"
    watch = ingresses.cluster.watch("/apis/" + kinds.format(CHANGING))
    found = []
    for change, item, kind, host, path, status in itertools.islice(steps(ingresses), count):
        event = lambda k, o: k == kind and o["metadata"]["name"] == item["metadata"]["name"]  # noqa: B023
        found.append(seen(proxy, watch, change, item, lambda a: a.status == status, event, host, path))  # noqa: B023
    watch.close()
    return tuple(sorted(values) for values in zip(*found))


def cpu(ingresses, proxy, count):
    """Seconds of the proxy's CPU for each of `count` changes that are served."""
    observer = Observer(proxy)
    before = proxy.process.cpu_seconds()
    for change, item, _, host, path, status in itertools.islice(steps(ingresses), count):
        change(item)
        observer.when(host, lambda a: a.status == status, path=path, pause=0.02)  # noqa: B023
    cost = (proxy.process.cpu_seconds() - before) / count
    observer.connection.close()
    return cost


def file_latencies(proxy, write, count=20):
    """Seconds from the writing of a file until the host in it is served, sorted; `write` takes the host."""
    results = []
    for i in range(count):
        start = time.monotonic()
        write(f"soon{i}.test")
        proxy.served(f"soon{i}.test")
        results.append(time.monotonic() - start)
    return sorted(results)
