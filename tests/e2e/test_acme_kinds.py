"""Other accounts, names, challenges and settings; and definitions that are installed after the proxy has started."""

import base64
import datetime
import time

import pytest
from cryptography import x509
from harness import objects
from harness.cluster import Cluster
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, Replicas, acme_issuer, certificate, condition, listed, read, ready, secret
from harness.waiting import eventually

SPACE = "kinds"


@pytest.fixture(scope="module")
def cluster(backends):
    """Without cert-manager's definitions at first."""
    running = Cluster("acme-kinds")
    running.install_crds(groups=("traefik.io", "traefik.containo.us"))
    running.apply(objects.ingress_class("traefik"), objects.namespace(SPACE))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def replicas(cluster, pebble):
    cluster.apply(objects.namespace("accounts"))
    running = Replicas(cluster, pebble, "--acme.defaultissuer.name=default", "--acme.clusterresourcenamespace=accounts")
    running.start(2)
    eventually(running.leader, 20, what="a leader")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def late(cluster, replicas):
    """Install the definitions while the replicas run; return the time."""
    for proxy in replicas.running:
        assert proxy.ready()
    cluster.install_crds(groups=("cert-manager.io", ACME))
    return time.monotonic()


def leaf(cluster, name):
    data = secret(cluster, SPACE, name)["data"]["tls.crt"]
    return x509.load_pem_x509_certificate(base64.b64decode(data))


def test_definitions_that_come_later(cluster, replicas, pebble, late, figures):
    cluster.apply(acme_issuer("late", pebble.directory), certificate("late", SPACE, "late.test", issuer="late"))
    eventually(lambda: ready(cluster, SPACE, "late"), 40, 0.1, "the certificate")
    figures(f"acme: certificate {time.monotonic() - late:.1f} s after cert-manager's definitions were installed")


def test_an_account_with_a_binding(cluster, replicas, pebble, late):
    key = base64.urlsafe_b64encode(b"a" * 32).decode().rstrip("=")
    cluster.apply(objects.secret("eab", SPACE, {"secret": key}))
    binding = {"keyID": "kid-1", "keySecretRef": {"name": "eab", "key": "secret"}}
    cluster.apply(acme_issuer("bound", pebble.directory, SPACE, externalAccountBinding=binding))
    cluster.apply(certificate("bound", SPACE, "bound.test", issuer="bound", kind="Issuer"))
    eventually(lambda: ready(cluster, SPACE, "bound"), 40, 0.1, "the certificate")
    assert condition(read(cluster, "issuers", SPACE, "bound"))["reason"] == "ACMEAccountRegistered"


def test_an_address_for_six_days(cluster, replicas, pebble, late):
    cluster.apply(acme_issuer("short", pebble.directory, profile="shortlived"))
    cluster.apply(certificate("address", SPACE, issuer="short", ipAddresses=["127.0.0.1"]))
    eventually(lambda: ready(cluster, SPACE, "address"), 40, 0.1, "the certificate")
    found = leaf(cluster, "address")
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    lifetime = found.not_valid_after_utc - found.not_valid_before_utc
    assert lifetime <= datetime.timedelta(days=6, minutes=1)
    status = read(cluster, "certificates", SPACE, "address")["status"]
    renewal = datetime.datetime.fromisoformat(status["renewalTime"].replace("Z", "+00:00"))
    assert found.not_valid_before_utc + lifetime / 2 <= renewal < found.not_valid_after_utc


def test_a_name_is_proved_over_tls(cluster, replicas, pebble, late):
    """Without port 80: the token is not requested over HTTP."""
    how = {"flow-proxy.ominis.ai/challenge-type": "TLS-ALPN-01"}
    cluster.apply(acme_issuer("tls", pebble.directory, annotations=how), certificate("tls", SPACE, "tls.test", issuer="tls"))
    eventually(lambda: ready(cluster, SPACE, "tls"), 40, 0.1, "the certificate")
    assert leaf(cluster, "tls")
    proved = lambda proxy: proxy.metric("flow_proxy_acme_challenges_total", method="TLS-ALPN-01", result="valid")
    assert sum(proved(proxy) for proxy in replicas.running) == 1
    eventually(lambda: not listed(cluster, "challenges", SPACE, ACME), 10, what="no challenge")


def test_the_default_issuer_and_its_accounts_namespace(cluster, replicas, pebble, late):
    """`kubernetes.io/tls-acme` alone is enough; the account's key is in the operator's namespace."""
    cluster.apply(acme_issuer("default", pebble.directory))
    item = objects.ingress("plain", SPACE, "plain.test", tls=["plain-tls"])
    item["metadata"]["annotations"] = {"kubernetes.io/tls-acme": "true"}
    item["spec"]["tls"][0]["hosts"] = ["plain.test"]
    cluster.apply(item)
    eventually(lambda: ready(cluster, SPACE, "plain-tls"), 40, 0.1, "the certificate")
    assert read(cluster, "certificates", SPACE, "plain-tls")["spec"]["issuerRef"]["name"] == "default"
    assert cluster.get("/api/v1/namespaces/accounts/secrets/default-account")


def test_a_class_of_this_controller_under_another_name(cluster, replicas, pebble, late):
    """A solver's class is served here when its IngressClass is this controller's; else the reason says so."""
    solver = lambda name: [{"http01": {"ingress": {"ingressClassName": name}}}]
    cluster.apply(objects.ingress_class("edge"), objects.ingress_class("foreign", "example.com/other"))
    cluster.apply(acme_issuer("edge", pebble.directory, solvers=solver("edge")))
    cluster.apply(acme_issuer("foreign", pebble.directory, solvers=solver("foreign")))
    cluster.apply(certificate("edge", SPACE, "edge.test", issuer="edge"), certificate("foreign", SPACE, "foreign.test", issuer="foreign"))
    eventually(lambda: ready(cluster, SPACE, "edge"), 40, 0.1, "the certificate")
    reasons = lambda: [c.get("status", {}).get("reason", "") for c in listed(cluster, "challenges", SPACE, ACME)]
    eventually(lambda: any('class "foreign" is not served by flow-proxy' in reason for reason in reasons()), 15, 0.1, "the reason")


def test_a_webhook_that_a_cert_manager_left(cluster, replicas, pebble, late):
    """It refuses every request: a finding says what to delete, and then issuing continues."""
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": objects.meta("cert-manager-webhook"),
        "webhooks": [
            {
                "name": "webhook.cert-manager.io",
                "clientConfig": {"service": {"name": "cert-manager-webhook", "namespace": "cert-manager"}},
                "rules": [{"apiGroups": ["cert-manager.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["certificaterequests"]}],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
    cluster.apply(hook, acme_issuer("hooked", pebble.directory), certificate("hooked", SPACE, "hooked.test", issuer="hooked"))
    findings = lambda: [finding["message"] for finding in replicas.leader().api("/diagnostics")]
    eventually(lambda: any("delete its webhook configurations" in message for message in findings()), 30, 0.1, "the finding")
    cluster.delete(hook)
    eventually(lambda: ready(cluster, SPACE, "hooked"), 120, 0.2, "the certificate")
    eventually(lambda: not any("webhook" in message for message in findings()), 10, 0.1, "no finding")
