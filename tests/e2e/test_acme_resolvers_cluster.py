"""Traefik's certificate resolvers with several replicas: accounts and certificates are Secrets of the proxy's namespace."""

import base64
import json
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness import objects, paths, pki
from harness.backends import HTTP
from harness.cluster import Cluster
from harness.issuing import SYSTEM, Replicas, served_by
from harness.issuing import pebble  # noqa: F401 (fixture)
from harness.waiting import consistently, eventually

STATE = "flow-proxy.ominis.ai/state"
LABEL = "flow-proxy.ominis.ai/resolver"
UNWANTED = "flow-proxy.ominis.ai/unwanted-since"


@pytest.fixture(scope="module")
def cluster(backends):
    """A cluster without cert-manager's definitions: those of Traefik alone."""
    running = Cluster("resolvers")
    running.kubectl("apply", "--server-side", "-f", paths.ROOT / "deploy" / "crds" / "traefik.io.yaml")
    running.apply(objects.ingress_class("traefik"))
    yield running
    running.stop()


@pytest.fixture
def storage(tmp_path):
    return tmp_path / "acme.json"


@pytest.fixture
def replicas(cluster, pebble, storage):
    """Two replicas with a resolver `le`; what an earlier test left is removed first."""
    for item in kept(cluster):
        cluster.delete({"apiVersion": "v1", "kind": "Secret", "metadata": item["metadata"]})
    running = Replicas(cluster, pebble, *resolver(pebble, storage))
    yield running
    running.stop()


def resolver(pebble, storage, name="le", challenge="httpchallenge", **more):
    options = {
        "email": "ops@flow.test",
        "caserver": pebble.directory,
        "cacertificates": pebble.authority_file,
        "storage": storage,
        "keytype": "EC256",
        challenge: "true",
        **more,
    }
    return [f"--certificatesresolvers.{name}.acme.{option}={value}" for option, value in options.items()]


def started(replicas, count=2):
    replicas.start(count)
    eventually(replicas.leader, 20, what="a leader")
    return replicas


def kept(cluster, kind=None):
    """The Secrets of the resolvers: all, or those of one kind of object."""
    found = cluster.get(f"/api/v1/namespaces/{SYSTEM}/secrets", labelSelector=LABEL)
    items = found["items"] if found else []
    return [item for item in items if kind is None or item["metadata"]["name"].startswith(f"{kind}.")]


def pairs(cluster):
    return [item for item in kept(cluster) if item["type"] == "kubernetes.io/tls"]


@pytest.fixture
def site(cluster):
    """Make an Ingress whose router names the resolver."""
    made = []

    def site(name, host, **annotations):
        cluster.apply(objects.namespace(name), objects.service("web", name), objects.endpoints("web", name, ["10.99.0.1"], HTTP))
        made.append(objects.ingress("web", name, host, backend="web", annotations={"router.tls.certresolver": "le", **annotations}))
        cluster.apply(made[-1])
        return made[-1]

    yield site
    cluster.delete(*made)


def test_a_certificate_is_issued_once_and_served_by_both(cluster, replicas, pebble, site):
    before = pebble.issued()
    started(replicas)
    site("resolved", "both.resolved.test")
    shown = eventually(lambda: served_by(replicas, "both.resolved.test"), 40, 0.1, "the certificate on both replicas")
    assert pebble.issued() == before + 1
    # One Secret for the account, one for the certificate, and nothing under way.
    names = [secret["metadata"]["name"] for secret in kept(cluster)]
    assert "resolver-le-account" in names and "issuer.le" in names
    (pair,) = pairs(cluster)
    assert pair["metadata"]["name"].startswith("resolver-both-resolved-test-")
    assert pair["metadata"]["labels"][LABEL] == "le"
    chain = x509.load_pem_x509_certificates(base64.b64decode(pair["data"]["tls.crt"]))
    assert chain[0].public_bytes(serialization.Encoding.DER) == shown
    eventually(lambda: not kept(cluster, "challenge"), 10, 0.1, "no challenge")
    assert {secret["type"] for secret in kept(cluster)} == {"kubernetes.io/tls", "Opaque", STATE}
    for proxy in replicas.running:
        assert [finding for finding in proxy.api("/diagnostics") if "resolv" in json.dumps(finding)] == []
    text = status(cluster, "both.resolved.test")
    assert "Certificate flow-system/resolver-both-resolved-test" in text and ": ready" in text, text


def status(cluster, *words):
    binary = paths.tool("FLOW_PROXY", "the proxy's executable")
    done = subprocess.run(
        [binary, "cert", "status", *words, "-n", SYSTEM], env={"KUBECONFIG": cluster.kubeconfig}, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_routes_and_files_and_entry_points_ask_as_well(cluster, replicas, pebble, tmp_path):
    """An IngressRoute's domains over TLS-ALPN-01, and a router in a file."""
    host, file = "main.route.test", "router.file.test"
    dynamic = tmp_path / "dynamic.yaml"
    dynamic.write_text(
        json.dumps({"http": {"routers": {"f": {"rule": f"Host(`{file}`)", "service": "noop@internal", "tls": {"certResolver": "le"}}}}})
    )
    replicas.flags = (*resolver(pebble, tmp_path / "acme.json", challenge="tlschallenge"), f"--providers.file.filename={dynamic}")
    started(replicas)
    cluster.apply(objects.namespace("routes"), objects.service("web", "routes"), objects.endpoints("web", "routes", ["10.99.0.1"], HTTP))
    route = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": objects.meta("web", "routes"),
        "spec": {
            "routes": [{"match": f"Host(`{host}`)", "kind": "Rule", "services": [{"name": "web", "port": 80}]}],
            "tls": {"certResolver": "le", "domains": [{"main": host, "sans": [f"www.{host}"]}]},
        },
    }
    cluster.apply(route)
    shown = eventually(lambda: served_by(replicas, host), 40, 0.1, "the route's certificate")
    assert sorted(pki.names_of(shown)) == [host, f"www.{host}"]
    eventually(lambda: served_by(replicas, file), 40, 0.1, "the file's certificate")
    cluster.delete(route)


def test_the_leader_is_killed_in_the_middle(cluster, replicas, pebble, site):
    """At five points between account and Secret: another goes on, with one certificate and no remainder each time."""
    started(replicas)
    for number in range(5):
        host = f"killed-{number}.resolved.test"
        leader = eventually(replicas.leader, 30, what="a leader")
        before = pebble.issued()
        site(f"killed-{number}", host)
        time.sleep(0.35 * number)
        replicas.remove(leader, kill=True)
        replicas.start(1)
        eventually(replicas.leader, 30, 0.05, "another leader")
        eventually(lambda host=host: served_by(replicas, host), 60, 0.1, "the certificate on both")
        assert pebble.issued() == before + 1
        prefix = f"resolver-killed-{number}-"
        for kind in ("certificate", "certificaterequest", "order"):
            assert len([s for s in kept(cluster, kind) if f"{kind}.{prefix}" in s["metadata"]["name"]]) == 1, kind
        eventually(lambda: not kept(cluster, "challenge"), 15, 0.1, "no challenge")
        assert len([s for s in pairs(cluster) if s["metadata"]["name"].startswith(prefix)]) == 1


def test_an_acme_json_is_taken_over_once(cluster, replicas, pebble, storage, site):
    """What Traefik has issued is served without an order; the file stays as it is."""
    pair = pki.leaf("taken.resolved.test", days=80)
    encode = lambda text: base64.b64encode(text.encode()).decode()
    entry = {"domain": {"main": "taken.resolved.test"}, "certificate": encode(pair.chain_pem), "key": encode(pair.key_pem), "Store": "default"}
    unwanted = pki.leaf("unwanted.resolved.test", days=80)
    other = {"domain": {"main": "unwanted.resolved.test"}, "certificate": encode(unwanted.chain_pem), "key": encode(unwanted.key_pem)}
    text = json.dumps({"le": {"Account": {}, "Certificates": [entry, other]}})
    storage.write_text(text)
    orders = pebble.orders()
    site("taken", "taken.resolved.test")
    started(replicas)
    assert eventually(lambda: served_by(replicas, "taken.resolved.test"), 20, 0.1, "the certificate") == pair.der
    consistently(lambda: pebble.orders() == orders, 3, 0.2)
    assert len(pairs(cluster)) == 1, "what no router wants is not taken over"
    assert storage.read_text() == text and not storage.with_name("acme.json.d").exists()


def test_what_no_router_wants_goes_after_a_day(cluster, replicas, pebble, site):
    started(replicas)
    item = site("left", "left.resolved.test")
    eventually(lambda: served_by(replicas, "left.resolved.test"), 40, 0.1, "the certificate")
    cluster.delete(item)
    marked = lambda: [s for s in kept(cluster, "certificate") if UNWANTED in s["metadata"].get("annotations", {})]
    (record,) = eventually(marked, 20, 0.1, "the mark")
    consistently(lambda: len(pairs(cluster)) == 1, 2, 0.2)
    # It is wanted again: the same certificate, without an order.
    orders = pebble.orders()
    cluster.apply(item)
    eventually(lambda: not marked(), 20, 0.1, "no mark")
    assert pebble.orders() == orders
    cluster.delete(item)
    (record,) = eventually(marked, 20, 0.1, "the mark")
    cluster.merge({"apiVersion": "v1", "kind": "Secret", "metadata": record["metadata"]}, {"metadata": {"annotations": {UNWANTED: "2026-01-01T00:00:00Z"}}})
    eventually(lambda: not pairs(cluster) and not kept(cluster, "certificate"), 20, 0.1, "no Secret")
    names = {s["metadata"]["name"] for s in kept(cluster)}
    assert {"issuer.le", "resolver-le-account"} <= names


def test_beside_a_running_cert_manager(cluster, replicas, pebble, site):
    """What cert-manager serves is left to it; the resolvers' objects are none that it knows."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": objects.meta("cert-manager-controller", "kube-system"),
        "spec": {"holderIdentity": "cert-manager-0", "leaseDurationSeconds": 600, "renewTime": now},
    }
    cluster.apply(lease)
    started(replicas)
    site("beside", "beside.resolved.test")
    eventually(lambda: served_by(replicas, "beside.resolved.test"), 40, 0.1, "the certificate")
    cluster.delete(lease)
