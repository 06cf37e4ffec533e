"""Fixtures and short calls for tests of certificates: replicas of the proxy behind one Service, a CA, an issuer."""

import json
import socket
import time

import pytest
import yaml

from . import acme, objects, paths, pki
from .cluster import Cluster
from .proxy import Proxy
from .waiting import eventually

SEED = paths.TESTS / "fixtures" / "seed"
SYSTEM = "flow-system"
ACME = "acme.cert-manager.io"


class Replicas:
    """Proxies behind one balancer and one Service, as pods would be. `balance(port, targets)` makes the balancer of a port."""

    def __init__(self, cluster, pebble, *flags, balance=acme.Balancer):
        self.cluster, self.pebble, self.flags, self.running, self.number = cluster, pebble, flags, [], 0
        # Replicas that the balancer's own checks have found dead; the EndpointSlices still call them ready.
        self.found_dead = []
        # More of the environment of those that are started from now on.
        self.environment = {}
        cluster.apply(objects.namespace(SYSTEM), objects.service("flow-proxy", SYSTEM))
        self.http = balance(acme.HTTP, lambda: [p.web for p in self._alive()])
        self.tls = balance(acme.TLS, lambda: [p.websecure for p in self._alive()])

    def start(self, count=1):
        for _ in range(count):
            self.number += 1
            proxy = self._proxy(f"flow-proxy-{self.number}")
            self.running.append(proxy)
            self.cluster.apply(self.slice(proxy))

    def restart(self, proxy):
        """Ends a replica and starts it again, as a container of the same pod; the new one."""
        place = self.running.index(proxy)
        proxy.stop()
        self.running[place] = self._proxy(proxy.name, proxy.number)
        return self.running[place]

    def _proxy(self, name, number=None):
        began = time.monotonic()
        proxy = Proxy(
            f"--providers.kubernetesingress.ingressendpoint.publishedservice={SYSTEM}/flow-proxy",
            *self.flags,
            cluster=self.cluster,
            env=acme.environment(name, self.pebble) | self.environment,
            name=name,
            number=number,
        )
        proxy.seconds_to_ready = time.monotonic() - began
        return proxy

    def _alive(self):
        return [proxy for proxy in self.running if proxy not in self.found_dead]

    def slice(self, proxy):
        item = objects.endpoints("flow-proxy", SYSTEM, ["10.99.0.1"], proxy.web, slice_name=proxy.name)
        item["ports"].append({"name": "websecure", "port": proxy.websecure, "protocol": "TCP"})
        item["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": proxy.name, "namespace": SYSTEM}
        return item

    def leader(self):
        lease = self.cluster.get(f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/flow-proxy")
        holder = lease and lease["spec"].get("holderIdentity")
        return next((proxy for proxy in self.running if proxy.name == holder), None)

    def remove(self, proxy, kill=False):
        self.running.remove(proxy)
        proxy.process.kill() if kill else proxy.stop()
        self.cluster.delete(self.slice(proxy))

    def stop(self):
        for proxy in list(self.running):
            self.remove(proxy)
        self.http.stop()
        self.tls.stop()


@pytest.fixture(scope="module")
def pebble():
    running = acme.Pebble()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cluster(backends, request):
    running = Cluster(request.module.__name__.replace("_", "-"))
    running.install_crds()
    running.apply(objects.ingress_class("traefik"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def replicas(cluster, pebble):
    running = Replicas(cluster, pebble)
    running.start(2)
    eventually(running.leader, 20, what="a leader")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def issuer(cluster, pebble):
    cluster.apply(issuer_of(pebble))
    return "letsencrypt-prod"


def issuer_of(pebble):
    """The seed's issuer with the test's CA."""
    item = yaml.safe_load((SEED / "10-clusterissuer.yaml").read_text())
    item["spec"]["acme"]["server"] = pebble.directory
    return item


def acme_issuer(name, server, namespace=None, annotations=None, **spec):
    """A ClusterIssuer, or an Issuer of a namespace, with an account of its own."""
    solvers = [{"http01": {"ingress": {"ingressClassName": "traefik"}}}]
    spec = {"server": server, "email": "ops@flow.test", "privateKeySecretRef": {"name": f"{name}-account"}, "solvers": solvers, **spec}
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer" if namespace else "ClusterIssuer",
        "metadata": objects.meta(name, namespace, annotations=annotations or {}),
        "spec": {"acme": spec},
    }


def certificate(name, namespace, *hosts, issuer="letsencrypt-prod", kind="ClusterIssuer", **spec):
    """A Certificate whose Secret has its name."""
    names = {"dnsNames": list(hosts)} if hosts else {}
    spec = {"secretName": name, "issuerRef": {"name": issuer, "kind": kind}, **names, **spec}
    return {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": objects.meta(name, namespace), "spec": spec}


def registered(cluster, space, name="ca"):
    """True once an Issuer of a namespace has its account."""
    found = condition(read(cluster, "issuers", space, name))
    assert found.get("status") == "True", found
    return True


def issuer_in(cluster, ca, space):
    """An Issuer `ca` of a namespace, with an account of its own."""
    cluster.apply(acme_issuer("ca", ca.directory, space))
    eventually(lambda: registered(cluster, space), 30, 0.1, "the account")


def order(name, space, *hosts, **more):
    """A Certificate from the namespace's Issuer `ca`."""
    return certificate(name, space, *hosts, **{"issuer": "ca", "kind": "Issuer", **more})


def neighbour_is_served(cluster, ca, space, name, seconds=30):
    """A host of a namespace gets its certificate in time."""
    if not read(cluster, "issuers", space, "ca"):
        issuer_in(cluster, ca, space)
    cluster.apply(order(name, space, f"{name}.{space}.test"))
    eventually(lambda: ready(cluster, space, name), seconds, 0.05, "the neighbour's certificate")


def presented(proxy, host):
    """The certificate that a replica shows for a host, in DER."""
    context = pki.client_context()
    with socket.create_connection(("127.0.0.1", proxy.websecure), timeout=5) as plain:
        with context.wrap_socket(plain, server_hostname=host) as tls:
            return tls.getpeercert(binary_form=True)


def served_by(replicas, host):
    """The certificate, once every replica shows the same one for the host."""
    shown = {presented(proxy, host) for proxy in replicas.running}
    assert len(shown) == 1
    assert host in pki.names_of(next(iter(shown)))
    return next(iter(shown))


def read(cluster, kind, namespace, name, group="cert-manager.io"):
    return cluster.get(f"/apis/{group}/v1/namespaces/{namespace}/{kind}/{name}")


def listed(cluster, kind, namespace, group="cert-manager.io"):
    return cluster.get(f"/apis/{group}/v1/namespaces/{namespace}/{kind}")["items"]


def secret(cluster, namespace, name):
    return cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")


def condition(item, kind="Ready"):
    return next((c for c in (item or {}).get("status", {}).get("conditions", []) if c["type"] == kind), {})


def ready(cluster, namespace, name):
    found = condition(read(cluster, "certificates", namespace, name))
    assert found.get("status") == "True", found
    return True


def ordered_before(cluster, namespace, name, hours=2):
    """Move the last order of a Certificate into the past, by some hours."""
    item = read(cluster, "certificates", namespace, name)
    conditions = item["status"]["conditions"]
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600 * hours))
    assert condition(item, "Ordered"), conditions
    conditions = [{**c, "lastTransitionTime": at} if c["type"] == "Ordered" else c for c in conditions]
    path = f"{cluster.base}{cluster.url(item)}/status"
    head = {"Content-Type": "application/merge-patch+json"}
    answer = cluster.http.patch(path, json={"status": {"conditions": conditions}}, headers=head, timeout=5)
    assert answer.status_code == 200, answer.text


def told(cluster, namespace, words, kind="certificates", group="cert-manager.io"):
    """True if the reasons and conditions of a namespace's objects have some words; else an error with what they have."""
    text = json.dumps([item.get("status", {}) for item in listed(cluster, kind, namespace, group)])
    assert words in text, text
    return True


def events(cluster, namespace, reason=None):
    """(kind, name, reason, message) of a namespace's events."""
    found = cluster.get(f"/api/v1/namespaces/{namespace}/events")["items"]
    told = [(e["involvedObject"]["kind"], e["involvedObject"]["name"], e["reason"], e["message"]) for e in found]
    return [event for event in told if reason in (None, event[2])]
