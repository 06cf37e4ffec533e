"""Certificates: cert-manager's objects on a real API server, issued by a real ACME server through two replicas."""

import base64
import socket
import time

import pytest
import yaml
from harness import acme, objects, paths, pki
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import eventually, steadily

SEED = paths.TESTS / "fixtures" / "seed"
SYSTEM = "flow-system"


class Replicas:
    """Proxies behind one balancer and one Service, as pods would be."""

    def __init__(self, cluster, pebble):
        self.cluster, self.pebble, self.running, self.number = cluster, pebble, [], 0
        cluster.apply(objects.namespace(SYSTEM), objects.service("flow-proxy", SYSTEM))
        self.http = acme.Balancer(acme.HTTP, lambda: [p.web for p in self.running])
        self.tls = acme.Balancer(acme.TLS, lambda: [p.websecure for p in self.running])

    def start(self, count=1, *flags):
        for _ in range(count):
            self.number += 1
            name = f"flow-proxy-{self.number}"
            proxy = Proxy(
                f"--providers.kubernetesingress.ingressendpoint.publishedservice={SYSTEM}/flow-proxy",
                *flags,
                cluster=self.cluster,
                env=acme.environment(name, self.pebble),
                name=name,
            )
            self.running.append(proxy)
            self.cluster.apply(self.slice(proxy))

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
def cluster(backends):
    running = Cluster("acme")
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
    for proxy in running.running:
        (paths.WORK / f"{proxy.name}.kept").write_text(proxy.log())
    running.stop()


@pytest.fixture(scope="module")
def issuer(cluster, pebble):
    cluster.apply(issuer_of(pebble))
    return "letsencrypt-prod"


def issuer_of(pebble):
    item = yaml.safe_load((SEED / "10-clusterissuer.yaml").read_text())
    item["spec"]["acme"]["server"] = pebble.directory
    return item


def certificate(name, namespace, *hosts, issuer="letsencrypt-prod", **spec):
    spec = {"secretName": name, "issuerRef": {"name": issuer, "kind": "ClusterIssuer"}, "dnsNames": list(hosts), **spec}
    return {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": objects.meta(name, namespace), "spec": spec}


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


def condition(item, kind="Ready"):
    return next((c for c in (item or {}).get("status", {}).get("conditions", []) if c["type"] == kind), {})


def ready(cluster, namespace, name):
    found = condition(read(cluster, "certificates", namespace, name))
    assert found.get("status") == "True", found
    return True


def test_seed_is_served_within_five_seconds(cluster, replicas, pebble, figures):
    """The seed's own files, with only the issuer's server changed."""
    documents = [yaml.safe_load_all((SEED / name).read_text()) for name in ("00-namespaces.yaml", "20-api-ingress.yaml", "21-example-ingress.yaml")]
    cluster.apply(*[item for stream in documents for item in stream if item])
    certificate = yaml.safe_load((SEED / "11-certificate.yaml").read_text())
    began = time.monotonic()
    cluster.apply(issuer_of(pebble), certificate)
    host, other = "demo-client-api.app.ominis.ai", "example-api.app.ominis.ai"
    eventually(lambda: served_by(replicas, host), 30, 0.05, "the certificate")
    took = time.monotonic() - began
    figures(f"acme: {took:.2f} s from kubectl apply of ClusterIssuer and Certificate to its certificate on both replicas")
    eventually(lambda: served_by(replicas, other), 10, 0.05, "the certificate of the Ingress")
    assert took < 5
    cluster.kubectl("wait", "--for=condition=Ready", "certificate/demo-client-api-tls", "-n", "client-demo-client", "--timeout=5s")
    assert pebble.issued() == 2


def test_kubectl_shows_what_cert_managers_users_know(cluster, replicas, issuer):
    show = lambda *arguments: cluster.kubectl(*arguments, "-n", "client-demo-client")
    heads, row = (lambda text: text.splitlines()[0].split()), (lambda text: text.splitlines()[1].split())
    text = show("get", "certificate")
    assert heads(text) == ["NAME", "READY", "SECRET", "AGE"]
    assert row(text)[:3] == ["demo-client-api-tls", "True", "demo-client-api-tls"]
    text = show("get", "certificaterequest")
    assert heads(text) == ["NAME", "APPROVED", "DENIED", "READY", "ISSUER", "REQUESTER", "AGE"]
    assert row(text)[:4] == ["demo-client-api-tls-1", "True", "True", "letsencrypt-prod"]
    text = show("get", "order")
    assert heads(text) == ["NAME", "STATE", "AGE"] and row(text)[1] == "valid"
    eventually(lambda: "No resources" in cluster.kubectl("get", "challenge", "-n", "client-demo-client", check=False).stderr)
    text = cluster.kubectl("get", "clusterissuer")
    assert heads(text) == ["NAME", "READY", "AGE"] and row(text)[:2] == ["letsencrypt-prod", "True"]
    describe = lambda: show("describe", "certificate", "demo-client-api-tls")
    eventually(lambda: "successfully issued" in describe(), 5, 0.2, "the last event")
    described = describe()
    for words in (
        "Certificate is up to date and has not expired",
        "Issuing certificate as Secret does not exist",
        "Stored new private key in temporary Secret resource",
        'Created new CertificateRequest resource "demo-client-api-tls-1"',
        "The certificate has been successfully issued",
    ):
        assert words in described, described
    described = cluster.kubectl("describe", "clusterissuer", "letsencrypt-prod")
    assert "The ACME account was registered with the ACME server" in described
    secret = cluster.get("/api/v1/namespaces/client-demo-client/secrets/demo-client-api-tls")
    assert secret["type"] == "kubernetes.io/tls" and set(secret["data"]) == {"tls.crt", "tls.key"}
    assert secret["metadata"]["annotations"]["cert-manager.io/alt-names"] == "demo-client-api.app.ominis.ai"
    assert "ownerReferences" not in secret["metadata"]


def test_a_replica_that_does_not_know_the_token_keeps_the_ca_away(cluster, replicas, issuer, pebble):
    """An endpoint of the Service where nobody answers: no validation is asked for, and the reason names it."""
    namespace = "acme-barrier"
    ghost = objects.endpoints("flow-proxy", SYSTEM, ["10.99.0.9"], 1, slice_name="ghost")
    ghost["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": "ghost-pod", "namespace": SYSTEM}
    cluster.apply(ghost)
    cluster.apply(objects.namespace(namespace), certificate("held", namespace, "held.test"))
    challenge = eventually(lambda: listed(cluster, "challenges", namespace, "acme.cert-manager.io"), 15, what="a challenge")[0]
    asked = pebble.requests("/chalZ/")
    steadily(lambda: pebble.requests("/chalZ/") == asked, 3, 0.2)
    assert challenge["spec"]["dnsName"] == "held.test"
    cluster.delete(ghost)
    eventually(lambda: ready(cluster, namespace, "held"), 30, 0.1, "the certificate")


def test_a_forged_challenge_is_not_answered(cluster, replicas, issuer):
    namespace, token = "acme-forged", "A" * 43
    cluster.apply(objects.namespace(namespace))
    forged = {
        "apiVersion": "acme.cert-manager.io/v1",
        "kind": "Challenge",
        "metadata": objects.meta("forged", namespace),
        "spec": {
            "url": "https://ca.test/chall/1",
            "authorizationURL": "https://ca.test/authz/1",
            "dnsName": "forged.test",
            "type": "HTTP-01",
            "token": token,
            "key": f"{token}.{'B' * 43}",
            "solver": {"http01": {"ingress": {"class": "traefik"}}},
            "issuerRef": {"name": issuer, "kind": "ClusterIssuer"},
        },
    }
    cluster.apply(forged)
    # A Certificate that is issued afterwards shows that the Challenge was seen.
    cluster.apply(certificate("after", namespace, "after.test"))
    eventually(lambda: ready(cluster, namespace, "after"), 30, 0.1, "the certificate")
    for proxy in replicas.running:
        assert proxy.get("forged.test", f"/.well-known/acme-challenge/{token}").status == 404
        assert proxy.get("demo-client-api.app.ominis.ai", f"/.well-known/acme-challenge/{token}").status != 200


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5, 1.0, 1.5])
def test_the_leader_is_killed_on_the_way(cluster, replicas, issuer, pebble, delay, figures):
    """Whenever that is, the other replica goes on: exactly one certificate, and no challenge is left."""
    number = int(delay * 10)
    namespace, host = f"acme-killed-{number}", f"killed-{number}.test"
    cluster.apply(objects.namespace(namespace))
    leader = eventually(replicas.leader, 20, what="a leader")
    before = pebble.issued()
    cluster.apply(certificate("killed", namespace, host))
    time.sleep(delay)
    began = time.monotonic()
    replicas.remove(leader, kill=True)
    replicas.start(1)
    eventually(lambda: ready(cluster, namespace, "killed"), 40, 0.1, "the certificate")
    figures(f"acme: leader killed {delay:.1f} s after apply: certificate {time.monotonic() - began:.1f} s later")
    assert pebble.issued() == before + 1
    assert len(listed(cluster, "certificaterequests", namespace)) == 1
    eventually(lambda: not listed(cluster, "challenges", namespace, "acme.cert-manager.io"), 10, what="no challenge")


def test_leftovers_of_a_cert_manager_need_no_order(cluster, replicas, issuer, pebble):
    """Certificates that are good stay as they are, with their Secrets, whoever issued them."""
    namespace = "acme-leftovers"
    cluster.apply(objects.namespace(namespace))
    orders = pebble.orders()
    names = {"cert-manager.io/issuer-name": issuer, "cert-manager.io/issuer-kind": "ClusterIssuer", "cert-manager.io/issuer-group": "cert-manager.io"}
    for i in range(5):
        secret = objects.tls_secret(f"left-{i}", namespace, pki.leaf(f"left-{i}.test", days=60, rsa_key=True))
        secret["metadata"]["annotations"] = {**names, "cert-manager.io/certificate-name": f"left-{i}", "cert-manager.io/alt-names": f"left-{i}.test"}
        cluster.apply(secret, certificate(f"left-{i}", namespace, f"left-{i}.test"))
    for i in range(5):
        eventually(lambda i=i: ready(cluster, namespace, f"left-{i}"), 20, 0.1)
    assert pebble.orders() == orders
    assert not listed(cluster, "orders", namespace, "acme.cert-manager.io")


def test_what_cannot_be_issued_says_why(cluster, replicas, issuer, pebble):
    namespace = "acme-refused"
    cluster.apply(objects.namespace(namespace))
    cluster.apply(certificate("wild", namespace, "*.wild.test"), certificate("nobody", namespace, "nobody.test", issuer="missing"))
    orders = pebble.orders()
    wild = lambda: condition(read(cluster, "certificates", namespace, "wild"), "Issuing")
    eventually(lambda: "DNS-01" in wild().get("message", ""), 15, 0.1, "the reason of the wildcard")
    asks = lambda: condition(read(cluster, "certificaterequests", namespace, "nobody-1")).get("message", "")
    eventually(lambda: "not found" in asks() or "not found" in cluster.kubectl("describe", "certificaterequest", "-n", namespace), 15, 0.1)
    steadily(lambda: pebble.orders() == orders, 2, 0.2)


def test_many_hosts_at_once_and_one_that_fails(cluster, replicas, issuer, pebble, figures):
    """One host whose DNS fails delays none of the others, and none is issued twice."""
    namespace, count = "acme-many", 60
    cluster.apply(objects.namespace(namespace))
    pebble.forget_name("broken.test")
    before = pebble.issued()
    cluster.apply(certificate("broken", namespace, "broken.test"))
    began = time.monotonic()
    cluster.apply(*[certificate(f"many-{i}", namespace, f"many-{i}.test") for i in range(count)])

    def all_ready():
        found = {i["metadata"]["name"] for i in listed(cluster, "certificates", namespace) if condition(i).get("status") == "True"}
        assert len(found) == count, f"{len(found)} of {count}"
        return True

    eventually(all_ready, 180, 0.5, "all certificates")
    took = time.monotonic() - began
    figures(f"acme: {count} hosts at once in {took:.1f} s, {count / took:.1f} orders per second")
    assert pebble.issued() == before + count
    issuing = condition(read(cluster, "certificates", namespace, "broken"), "Issuing")
    assert issuing, "the host that fails says so"


def test_a_window_that_the_ca_moves_to_now_renews_at_once(cluster, replicas, issuer, pebble, make_space, figures):
    """Every handshake on the way gets a certificate for the host: the old one, then the new one."""
    space = make_space(cluster)
    host = space.route(tls=["renewed"])
    item = certificate("renewed", space.name, host)
    space.apply(item)
    eventually(lambda: served_by(replicas, host), 20, 0.1, "the certificate")
    eventually(lambda: read(cluster, "certificates", space.name, "renewed")["status"]["acme"]["ari"]["nextCheck"], 10, 0.1)
    secret = cluster.get(f"/api/v1/namespaces/{space.name}/secrets/renewed")
    leaf = base64.b64decode(secret["data"]["tls.crt"]).decode().split("-----END")[0] + "-----END CERTIFICATE-----\n"
    at = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    # A window from before the certificate is one of its predecessor's, and not heeded.
    pebble.renew_now(leaf, {"start": at(1), "end": at(3)})
    # The CA asks to be asked every six hours: these are over.
    status = {"status": {"acme": {"ari": {"nextCheck": at(-60)}}}}
    path = f"{cluster.base}{cluster.url(item)}/status"
    answer = cluster.http.patch(path, json=status, headers={"Content-Type": "application/merge-patch+json"}, timeout=5)
    assert answer.status_code == 200, answer.text
    began, shown = time.monotonic(), []

    def renewed():
        shown.append(presented(replicas.running[0], host))
        assert host in pki.names_of(shown[-1])
        return shown[-1] != shown[0]

    eventually(renewed, 20, 0.05, "the new certificate")
    figures(f"acme: renewed {time.monotonic() - began:.1f} s after the CA asked for it, {len(shown)} handshakes meanwhile")
    revision = lambda: read(cluster, "certificates", space.name, "renewed")["status"]["revision"] == 2
    eventually(revision, 10, 0.1, "the revision")


def test_a_living_cert_manager_is_left_to_its_work(cluster, replicas, issuer, pebble):
    namespace = "acme-guarded"
    cluster.apply(objects.namespace(namespace), objects.namespace("cert-manager"))
    now = lambda: time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": objects.meta("cert-manager-controller", "cert-manager"),
        "spec": {"holderIdentity": "cert-manager-0", "leaseDurationSeconds": 60, "renewTime": now()},
    }
    cluster.apply(lease)
    eventually(lambda: all("ConflictingController" in p.log() for p in replicas.running), 10, what="the guard")
    cluster.apply(certificate("guarded", namespace, "guarded.test"))
    steadily(lambda: not (read(cluster, "certificates", namespace, "guarded") or {}).get("status"), 3, 0.2)
    cluster.delete(lease)
    eventually(lambda: ready(cluster, namespace, "guarded"), 30, 0.1, "the certificate")
