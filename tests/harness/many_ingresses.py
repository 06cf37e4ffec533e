"""Thousands of Ingresses or IngressRoutes in a real API server, each with its Service and EndpointSlice."""

import subprocess
import time

from . import load, objects, paths
from .cluster import TOKEN, Cluster
from .waiting import eventually

NAMESPACE = "many"
# A namespace with one Service, for Ingresses that come and go.
CHANGING = "changing"
ADDRESS, PORT = "10.99.0.7", 9600
INGRESSES = {"Ingress": f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses"}
ROUTES = {"IngressRoute": f"/apis/traefik.io/v1alpha1/namespaces/{NAMESPACE}/ingressroutes"}
MIDDLEWARES = {"Middleware": f"/apis/traefik.io/v1alpha1/namespaces/{NAMESPACE}/middlewares"}
KINDS = {
    "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "EndpointSlice": f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices",
}


class ManyIngresses:
    """A cluster with many Ingresses and an origin that they all lead to: a static answer of 1 KiB.

    With `certificates` each names one; with `routes` they are IngressRoutes with two Middlewares: "own" ones each, or "shared" by all.
    """

    def __init__(self, name="many", certificates=False, routes=None):
        self.certificates, self.routes, self.count = certificates, routes, 0
        self.cluster = Cluster(name)
        self.cluster.install_crds()
        self.cluster.apply(objects.ingress_class("traefik"), objects.namespace(NAMESPACE), objects.namespace(CHANGING))
        self.cluster.apply(objects.service("s", CHANGING), objects.endpoints("s", CHANGING, [ADDRESS], PORT))
        self.origin = load.nginx_backend(ADDRESS, PORT, None)

    @staticmethod
    def host(number):
        """The host of an Ingress, by its number from 0."""
        return f"h{number}.many.test"

    def fill(self, count):
        """Add Ingresses until there are `count`; return what the loader printed."""
        command = [paths.tool("CLUSTER_FILL", "the loader of tests/cluster"), "-server", self.cluster.base, "-token", TOKEN]
        command += ["-namespace", NAMESPACE, "-first", self.count, "-count", count - self.count, "-address", ADDRESS, "-port", PORT]
        command += ["-certificates"] if self.certificates else []
        command += ["-routes"] if self.routes else []
        command += ["-shared"] if self.routes == "shared" else []
        out = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        self.count = count
        # The API server's caches must have caught up, or it refuses every watch for a while.
        kinds = KINDS | (ROUTES if self.routes else INGRESSES) | (MIDDLEWARES if self.routes == "own" else {})
        for kind, path in kinds.items():
            eventually(lambda path=path: self._held(path) >= count, 120, 0.5, f"every {kind} in the API server's cache")
        # Its remaining work after so many writes would look like slowness of the proxy; on a busy machine it may never end.
        try:
            eventually(self._rests, 20, 0, "rest of the API server")
        except AssertionError as error:
            print(error)
        return out.stdout.strip()

    def _rests(self):
        before = self.cluster.process.cpu_seconds()
        time.sleep(1)
        return self.cluster.process.cpu_seconds() - before < 0.1

    def _held(self, path):
        return len(self.cluster.get(path, resourceVersion="0")["items"])

    def stop(self):
        self.origin.stop()
        self.cluster.stop()
