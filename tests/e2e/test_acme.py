"""Certificates: cert-manager's objects on a real API server, issued by a real ACME server through two replicas."""

import base64
import time

import yaml
from harness import acme, objects, paths, pki
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, SEED, SYSTEM, certificate, condition, issuer_of, listed, ordered_before, presented, read, ready, served_by
from harness.waiting import consistently, eventually


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
    """If an endpoint of the Service does not respond, no validation is requested, and the reason names the endpoint."""
    namespace = "acme-barrier"
    ghost = objects.endpoints("flow-proxy", SYSTEM, ["10.99.0.9"], 1, slice_name="ghost")
    ghost["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": "ghost-pod", "namespace": SYSTEM}
    cluster.apply(ghost)
    cluster.apply(objects.namespace(namespace), certificate("held", namespace, "held.test"))
    challenge = eventually(lambda: listed(cluster, "challenges", namespace, ACME), 15, what="a challenge")[0]
    asked = pebble.requests("/chalZ/")
    consistently(lambda: pebble.requests("/chalZ/") == asked, 3, 0.2)
    assert challenge["spec"]["dnsName"] == "held.test"
    cluster.delete(ghost)
    eventually(lambda: ready(cluster, namespace, "held"), 30, 0.1, "the certificate")


def test_a_forged_challenge_is_not_answered(cluster, replicas, issuer):
    namespace, token = "acme-forged", "A" * 43
    cluster.apply(objects.namespace(namespace))
    forged = {
        "apiVersion": f"{ACME}/v1",
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
    # A Certificate issued afterwards proves that the Challenge was seen.
    cluster.apply(certificate("after", namespace, "after.test"))
    eventually(lambda: ready(cluster, namespace, "after"), 30, 0.1, "the certificate")
    for proxy in replicas.running:
        assert proxy.get("forged.test", f"/.well-known/acme-challenge/{token}").status == 404
        assert proxy.get("demo-client-api.app.ominis.ai", f"/.well-known/acme-challenge/{token}").status != 200


def test_leftovers_of_a_cert_manager_need_no_order(cluster, replicas, issuer, pebble):
    """Valid certificates and their Secrets stay unchanged, whatever program issued them."""
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
    assert not listed(cluster, "orders", namespace, ACME)


def test_many_hosts_at_once_and_one_that_fails(cluster, replicas, issuer, pebble, figures):
    """One host whose DNS fails delays none of the others, and none is issued twice."""
    namespace, count = "acme-many", 200
    cluster.apply(objects.namespace(namespace))
    pebble.forget_name("broken.test")
    before = pebble.issued()
    cluster.apply(certificate("broken", namespace, "broken.test"))
    began = time.monotonic()
    cluster.apply(*[certificate(f"many-{i}", namespace, f"many-{i}.test") for i in range(count)])

    def all_ready():
        waiting = [i for i in listed(cluster, "certificates", namespace) if condition(i).get("status") != "True"]
        waiting = [i for i in waiting if i["metadata"]["name"] != "broken"]
        assert not waiting, f"{len(waiting)} of {count} wait, one of them with {waiting[0].get('status')}"
        return True

    eventually(all_ready, 300, 0.5, "all certificates")
    took = time.monotonic() - began
    figures(f"acme: {count} hosts at once in {took:.1f} s, {count / took:.1f} orders per second")
    assert pebble.issued() == before + count
    issuing = condition(read(cluster, "certificates", namespace, "broken"), "Issuing")
    assert issuing, "the host that fails says so"
    hosts = [host for item in listed(cluster, "orders", namespace, ACME) for host in item["spec"]["dnsNames"]]
    assert sorted(hosts) == sorted(set(hosts)) and len(hosts) == count + 1


def test_a_window_that_the_ca_moves_to_now_renews_at_once(cluster, replicas, issuer, pebble, make_space, figures):
    """Every handshake in the meantime gets a certificate for the host: the old one, then the new one."""
    space = make_space(cluster)
    host = space.route(tls=["renewed"])
    item = certificate("renewed", space.name, host)
    space.apply(item)
    eventually(lambda: served_by(replicas, host), 20, 0.1, "the certificate")
    secret = cluster.get(f"/api/v1/namespaces/{space.name}/secrets/renewed")
    leaf = base64.b64decode(secret["data"]["tls.crt"]).decode().split("-----END")[0] + "-----END CERTIFICATE-----\n"
    at = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    # A window before the certificate's beginning is that of its predecessor, and ignored.
    pebble.renew_now(leaf, {"start": at(1), "end": at(3)})
    # There is at most one order an hour.
    ordered_before(cluster, space.name, "renewed")
    # The CA is to be asked every six hours: let these pass.
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
    for proxy in replicas.running:
        told = lambda proxy=proxy: any("acme.mode=force" in finding["message"] for finding in proxy.api("/diagnostics"))
        eventually(told, 5, 0.1, "the finding")
        eventually(lambda proxy=proxy: proxy.metric("flow_proxy_diagnostics", kind="Lease", severity="warning") == 1, 5, 0.1)
    # Its own objects are not reported either.
    own = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": objects.meta("own", namespace), "spec": {"vault": {"server": "https://vault.test", "path": "pki/sign/web"}}}
    cluster.apply(own, certificate("guarded", namespace, "guarded.test"), certificate("own", namespace, "own.test", issuer="own", kind="Issuer"))
    untouched = lambda name: not (read(cluster, "certificates", namespace, name) or {}).get("status")
    consistently(lambda: untouched("guarded") and untouched("own"), 3, 0.2)
    assert not any("vault" in finding["message"] for finding in replicas.running[0].api("/diagnostics"))
    cluster.delete(lease)
    eventually(lambda: ready(cluster, namespace, "guarded"), 30, 0.1, "the certificate")
    eventually(lambda: condition(read(cluster, "certificates", namespace, "own")).get("reason") == "IssuerNotServed", 10, 0.1, "the reason")
    eventually(lambda: not replicas.running[0].metric("flow_proxy_diagnostics", kind="Lease"), 5, 0.1, "no finding")
