"""Certificates from a CA that fails: nothing is lost, nothing broken is served, and the reason stands in the condition."""

import base64
import time

import pytest
from harness import faults, pki
from harness.failing_ca import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, acme_issuer, condition, listed, order, read, ready, secret, told
from harness.waiting import consistently, eventually

pytestmark = pytest.mark.usefixtures("nobody_falls")


@pytest.fixture
def issuer(cluster, ca, space):
    """An issuer of the namespace, behind the faulty CA, with its account."""
    cluster.apply(acme_issuer("ca", ca.directory, space))
    eventually(lambda: condition(read(cluster, "issuers", space, "ca")).get("status") == "True", 30, what="the account")
    return "ca"


def pair_is_whole(cluster, space, name, host):
    """The Secret has a certificate for the host that belongs to its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    data = {key: base64.b64decode(value) for key, value in secret(cluster, space, name)["data"].items()}
    leaf = x509.load_pem_x509_certificate(data["tls.crt"])
    key = serialization.load_pem_private_key(data["tls.key"], None)
    assert leaf.public_key() == key.public_key()
    assert host in leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    return data["tls.crt"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("limited", faults.refused(429, "rateLimited", "too many of these", retry_after=1)),
        ("down", faults.page(503)),
        ("dropped", faults.dropped),
    ],
)
def test_every_request_fails_once(cluster, replicas, pebble, ca, space, name, fault, figures):
    """Each request fails once, from the directory to the download, account registration included: the result is one certificate."""
    for place in faults.PLACES:
        ca.fault(place, fault)
    before, began = pebble.issued(), time.monotonic()
    host = f"{name}.faults.test"
    cluster.apply(acme_issuer("ca", ca.directory, space), order("site", space, host))
    eventually(lambda: ready(cluster, space, "site"), 120, 0.1, "the certificate")
    figures(f"acme: each kind of request {name} once: certificate after {time.monotonic() - began:.1f} s")
    assert pebble.issued() == before + 1
    pair_is_whole(cluster, space, "site", host)
    assert len(listed(cluster, "certificaterequests", space)) == 1
    eventually(lambda: not listed(cluster, "challenges", space, ACME), 10, what="no challenge")


def test_retry_after_is_heeded_and_the_reason_told(cluster, replicas, ca, issuer, space):
    ca.fault("order", faults.refused(429, "rateLimited", "too many new orders", retry_after=6))
    asked = ca.asked("order")
    cluster.apply(order("site", space, "patient.faults.test"))
    words = "429 urn:ietf:params:acme:error:rateLimited: too many new orders"
    eventually(lambda: told(cluster, space, words, "orders", ACME), 20, 0.1, "the reason in the order")
    eventually(lambda: told(cluster, space, words, "certificaterequests"), 5, 0.1, "the reason in the request")
    eventually(lambda: ready(cluster, space, "site"), 60, 0.1, "the certificate")
    first, *others = ca.times("order")[asked:]
    assert others and others[0] - first >= 5.9


def test_a_page_instead_of_an_answer(cluster, replicas, ca, issuer, space):
    ca.fault("finalize", faults.page(503, retry_after=4))
    cluster.apply(order("site", space, "page.faults.test"))
    eventually(lambda: told(cluster, space, "503", "orders", ACME), 30, 0.1, "the reason in the order")
    eventually(lambda: ready(cluster, space, "site"), 60, 0.1, "the certificate")


def test_a_slow_answer_delays_nobody_else(cluster, replicas, ca, issuer, space):
    ca.fault("order", faults.delayed(12))
    cluster.apply(order("slow", space, "slow.faults.test"))
    eventually(lambda: ca.faults[0][2] == 0, 20, 0.05, "the slow request")
    cluster.apply(order("quick", space, "quick.faults.test"))
    eventually(lambda: ready(cluster, space, "quick"), 40, 0.1, "the other certificate")
    eventually(lambda: ready(cluster, space, "slow"), 60, 0.1, "the slow certificate")


def test_a_chain_that_is_cut_off_is_fetched_again(cluster, replicas, pebble, ca, issuer, space):
    ca.fault("download", faults.truncated, times=1000)
    before = pebble.issued()
    cluster.apply(order("site", space, "cut.faults.test"))
    eventually(lambda: told(cluster, space, "fetch the certificate", "orders", ACME), 30, 0.05, "the reason in the order")
    assert secret(cluster, space, "site") is None
    ca.mend()
    eventually(lambda: ready(cluster, space, "site"), 60, 0.1, "the certificate")
    pair_is_whole(cluster, space, "site", "cut.faults.test")
    assert pebble.issued() == before + 1


def test_a_certificate_for_another_key_is_not_taken(cluster, replicas, ca, issuer, space):
    """A renewal goes wrong: the old certificate stays, the condition says why, and the CA gets no further requests."""
    host = "other.faults.test"
    item = order("site", space, host)
    cluster.apply(item)
    eventually(lambda: ready(cluster, space, "site"), 60, 0.1, "the certificate")
    old = pair_is_whole(cluster, space, "site", host)
    ca.fault("download", faults.replaced(pki.leaf(host).chain_pem), times=1000)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    wish = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "test", "lastTransitionTime": now}
    conditions = [*read(cluster, "certificates", space, "site")["status"]["conditions"], wish]
    path = f"{cluster.base}{cluster.url(item)}/status"
    patch = {"status": {"conditions": conditions}}
    answer = cluster.http.patch(path, json=patch, headers={"Content-Type": "application/merge-patch+json"}, timeout=5)
    assert answer.status_code == 200, answer.text
    eventually(lambda: told(cluster, space, "doesn't match CertificateRequest public key"), 60, 0.1, "the reason")
    asked = ca.asked()
    consistently(lambda: ca.asked() <= asked + 1, 5, 0.2)
    assert pair_is_whole(cluster, space, "site", host) == old
    assert ready(cluster, space, "site")
