"""Requests that cannot be fulfilled: a condition and an event say what to do, nothing is lost, and the CA is left alone."""

import base64
import socket
import threading
import time

import pytest
from harness import faults, objects, pki
from harness.failing_ca import *  # noqa: F403 (fixtures)
from harness.failing_ca import cert
from harness.issuing import ACME, acme_issuer, condition, events, listed, order, ordered_before, read, ready, registered, secret, told
from harness.waiting import consistently, eventually


@pytest.fixture
def issuer(cluster, replicas, ca, space):
    """An issuer of the namespace, with its account."""
    cluster.apply(acme_issuer("ca", ca.directory, space))
    eventually(lambda: registered(cluster, space), 30, 0.1, "the account")
    return "ca"


def failure(cluster, space, name):
    """The reason why the last attempt failed."""
    found = condition(read(cluster, "certificates", space, name), "Issuing")
    assert found.get("status") == "False", found
    return found["message"]


def unready(cluster, space, name="ca"):
    found = condition(read(cluster, "issuers", space, name))
    assert found.get("status") == "False", found
    return found


def in_peace(ca, seconds=4, most=1):
    """Assert that the CA gets at most `most` more requests."""
    asked = ca.asked()
    consistently(lambda: ca.asked() <= asked + most, seconds, 0.2)


def test_a_wildcard_needs_dns(cluster, ca, issuer, space):
    orders = ca.asked("order")
    cluster.apply(order("wild", space, "*.wild.test"))
    eventually(lambda: "*.wild.test needs a DNS-01 solver" in failure(cluster, space, "wild"), 20, 0.1, "the reason")
    eventually(lambda: [e for e in events(cluster, space, "InvalidOrder") if "DNS-01" in e[3]], 10, 0.2, "the event")
    in_peace(ca)
    assert ca.asked("order") == orders
    shown = cert(cluster, "status", "wild", "-n", space)
    assert shown.returncode == 1 and "What to do: name the hosts one by one" in shown.stdout, shown
    # After a correction it does not wait because of earlier failures.
    cluster.apply(order("wild", space, "tame.wild.test"))
    eventually(lambda: ready(cluster, space, "wild"), 30, 0.1, "the certificate")


def test_more_names_than_the_profile_allows(cluster, replicas, ca, space):
    cluster.apply(acme_issuer("ca", ca.directory, space, profile="shortlived"))
    eventually(lambda: registered(cluster, space), 30, 0.1, "the account")
    orders = ca.asked("order")
    cluster.apply(order("crowd", space, *[f"h{i}.crowd.test" for i in range(26)]))
    eventually(lambda: "split the Certificate" in failure(cluster, space, "crowd"), 20, 0.1, "the reason")
    in_peace(ca)
    assert ca.asked("order") == orders


def test_a_name_that_the_ca_refuses(cluster, ca, issuer, space):
    orders = ca.asked("order")
    cluster.apply(order("blocked", space, "blocked-domain.example"))
    eventually(lambda: "rejectedIdentifier" in failure(cluster, space, "blocked"), 30, 0.1, "the reason")
    in_peace(ca)
    # Pebble refuses half of all nonces: a request may be repeated, an order is not.
    assert ca.asked("order") - orders <= 12
    assert len(listed(cluster, "orders", space, ACME)) == 1


def test_a_name_without_dns(cluster, ca, issuer, space, pebble):
    pebble.forget_name("lost.test")
    cluster.apply(order("lost", space, "lost.test"))
    eventually(lambda: "lost.test" in failure(cluster, space, "lost"), 40, 0.1, "the reason")
    assert [e for e in events(cluster, space, "Failed") if e[0] == "Challenge"]
    in_peace(ca)
    assert not [c for c in listed(cluster, "challenges", space, ACME) if c["status"].get("processing")]


def test_an_issuer_that_is_not_there_yet(cluster, replicas, ca, space):
    cluster.apply(order("early", space, "early.test", issuer="later"))
    words = lambda: condition(read(cluster, "certificaterequests", space, "early-1")).get("message", "")
    eventually(lambda: 'Referenced "Issuer" not found' in words(), 20, 0.1, "the reason")
    eventually(lambda: events(cluster, space, "IssuerNotFound"), 10, 0.2, "the event")
    in_peace(ca, most=0)
    cluster.apply(acme_issuer("later", ca.directory, space))
    eventually(lambda: ready(cluster, space, "early"), 40, 0.1, "the certificate")


def test_a_ca_that_cannot_be_reached(cluster, replicas, ca, space):
    """Attempts become rarer and rarer; after a correction of the issuer the next one is at once."""
    knocks, listener = [], socket.create_server(("127.0.0.1", 14199))

    def refuse():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            knocks.append(time.monotonic())
            client.close()

    threading.Thread(target=refuse, daemon=True).start()
    try:
        cluster.apply(acme_issuer("ca", "https://localhost:14199/dir", space), order("site", space, "reach.test"))
        found = eventually(lambda: unready(cluster, space), 30, 0.1, "the reason")
        assert found["reason"] == "ErrRegisterACMEAccount" and "https://localhost:14199/dir" in found["message"]
        eventually(lambda: events(cluster, space, "ErrRegisterACMEAccount"), 10, 0.2, "the event")
        time.sleep(8)
        assert 2 <= len(knocks) <= 12
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    cluster.apply(acme_issuer("ca", ca.directory, space))
    eventually(lambda: ready(cluster, space, "site"), 30, 0.1, "the certificate")


def test_a_wrong_binding(cluster, replicas, ca, space):
    """The CA's words are in the condition; a corrected Secret is enough to try again."""
    key = lambda raw: objects.secret("eab", space, {"secret": base64.urlsafe_b64encode(raw).decode().rstrip("=")})
    cluster.apply(key(b"b" * 32))
    binding = {"keyID": "kid-1", "keySecretRef": {"name": "eab", "key": "secret"}}
    cluster.apply(acme_issuer("ca", ca.directory, space, externalAccountBinding=binding))
    found = eventually(lambda: unready(cluster, space), 30, 0.1, "the reason")
    assert found["reason"] == "ErrRegisterACMEAccount" and "urn:ietf:params:acme:error" in found["message"]
    in_peace(ca)
    cluster.apply(key(b"a" * 32))
    eventually(lambda: registered(cluster, space), 15, 0.1, "the account")
    cluster.apply(order("bound", space, "bound.test"))
    eventually(lambda: ready(cluster, space, "bound"), 30, 0.1, "the certificate")


def test_an_address_that_the_ca_refuses(cluster, replicas, ca, space):
    ca.fault("account", faults.refused(400, "invalidContact", "example.invalid has no mail server"), times=100)
    try:
        cluster.apply(acme_issuer("ca", ca.directory, space, email="ops@example.invalid"))
        found = eventually(lambda: unready(cluster, space), 30, 0.1, "the reason")
        assert found["reason"] == "ErrRegisterACMEAccount" and "example.invalid has no mail server" in found["message"]
        in_peace(ca, most=0)
    finally:
        ca.mend()
    cluster.apply(acme_issuer("ca", ca.directory, space, email="ops@flow.test"))
    eventually(lambda: registered(cluster, space), 15, 0.1, "the account")


def test_two_certificates_on_one_secret(cluster, ca, issuer, space, pebble):
    cluster.apply(order("first", space, "first.test", secretName="shared"))
    eventually(lambda: ready(cluster, space, "first"), 30, 0.1, "the first certificate")
    before = pebble.issued()
    cluster.apply(order("second", space, "second.test", secretName="shared"))
    found = lambda: condition(read(cluster, "certificates", space, "second"))
    eventually(lambda: found().get("reason") == "IncorrectCertificate", 15, 0.1, "the reason")
    assert "two conflicting Certificates pointing to the same secret" in found()["message"]
    told = eventually(lambda: events(cluster, space, "DuplicateSecretName"), 10, 0.2, "the event")
    assert told[0][1] == "second" and "choose another secretName" in told[0][3]
    in_peace(ca)
    assert pebble.issued() == before and ready(cluster, space, "first")
    cluster.apply(order("second", space, "second.test", secretName="second"))
    eventually(lambda: ready(cluster, space, "second"), 30, 0.1, "the second certificate")


def test_an_ingress_that_uses_a_secret_twice(cluster, ca, issuer, space):
    item = objects.ingress("twice", space, "twice.test", tls=["twice", "twice"])
    item["metadata"]["annotations"] = {"cert-manager.io/issuer": issuer}
    for block, host in zip(item["spec"]["tls"], ("one.twice.test", "two.twice.test")):
        block["hosts"] = [host]
    cluster.apply(item)
    told = eventually(lambda: events(cluster, space, "BadConfig"), 15, 0.2, "the event")
    assert told[0][:2] == ("Ingress", "twice") and "each needs one of its own" in told[0][3]
    in_peace(ca, most=0)
    assert not listed(cluster, "certificates", space)
    item["spec"]["tls"][1]["secretName"] = "twice-2"
    cluster.apply(item)
    for name in ("twice", "twice-2"):
        eventually(lambda name=name: ready(cluster, space, name), 30, 0.1, "the certificates")


def test_a_secret_edited_by_hand(cluster, ca, issuer, space, pebble):
    """A broken pair is replaced by one new certificate; changed annotations or labels need none."""
    cluster.apply(order("edited", space, "edited.test"))
    eventually(lambda: ready(cluster, space, "edited"), 30, 0.1, "the certificate")
    before = pebble.issued()
    old = secret(cluster, space, "edited")
    cluster.merge({**old, "apiVersion": "v1", "kind": "Secret"}, {"metadata": {"annotations": {"cert-manager.io/alt-names": "forged"}}})
    mended = lambda: secret(cluster, space, "edited")["metadata"]["annotations"]["cert-manager.io/alt-names"] == "edited.test"
    eventually(mended, 15, 0.1, "the annotation")
    in_peace(ca, 2)
    assert pebble.issued() == before
    other = base64.b64encode(pki.leaf("edited.test").key_pem.encode()).decode()
    cluster.merge({**old, "apiVersion": "v1", "kind": "Secret"}, {"data": {"tls.key": other}})
    # Not within an hour.
    held = eventually(lambda: condition(read(cluster, "certificates", space, "edited"), "OrderHeld"), 10, 0.1, "the condition")
    assert held["status"] == "True" and "private key that does not match" in held["message"], held
    in_peace(ca, 2)
    ordered_before(cluster, space, "edited")
    eventually(lambda: secret(cluster, space, "edited")["data"]["tls.crt"] != old["data"]["tls.crt"], 30, 0.1, "a new pair")
    eventually(lambda: ready(cluster, space, "edited"), 15, 0.1, "the certificate")
    assert [e for e in events(cluster, space, "Issuing") if "private key" in e[3]]
    in_peace(ca)
    assert pebble.issued() == before + 1


def test_a_secret_that_is_deleted_again_and_again(cluster, replicas, ca, issuer, space, pebble):
    """One order an hour, as the object, `cert status` and a finding say; `cert renew` does not wait."""
    cluster.apply(order("deleted", space, "deleted.test"))
    eventually(lambda: ready(cluster, space, "deleted"), 30, 0.1, "the certificate")
    before, issued = pebble.orders(), pebble.issued()
    gone = {"apiVersion": "v1", "kind": "Secret", "metadata": objects.meta("deleted", space)}
    cluster.delete(gone)
    held = lambda: condition(read(cluster, "certificates", space, "deleted"), "OrderHeld")
    eventually(lambda: held().get("reason") == "TooSoon", 10, 0.1, "the condition")
    words = ("the last order was placed at 20", "the next one waits until 20", "Issuing certificate as Secret does not exist")
    assert all(word in held()["message"] for word in words), held()
    eventually(lambda: events(cluster, space, "OrderHeld"), 10, 0.2, "the event")
    for proxy in replicas.running:
        findings = lambda proxy=proxy: [f for f in proxy.api("/diagnostics") if f["message"] == held()["message"]]
        eventually(findings, 10, 0.2, "the finding on every replica")
    shown = cert(cluster, "status", "deleted", "-n", space)
    assert shown.returncode == 1 and "  waits    the last order was placed" in shown.stdout, shown.stdout
    assert "What to do: find out who deletes or rewrites the Secret" in shown.stdout, shown.stdout
    in_peace(ca, 3)
    assert pebble.orders() == before
    assert cert(cluster, "renew", "deleted", "-n", space).returncode == 0
    eventually(lambda: ready(cluster, space, "deleted"), 30, 0.1, "the certificate")
    # Another spec too.
    cluster.delete(gone)
    cluster.apply(order("deleted", space, "deleted.test", "more.deleted.test"))
    eventually(lambda: read(cluster, "certificates", space, "deleted")["status"].get("revision") == 3, 30, 0.1, "the certificate of both names")
    assert pebble.issued() == issued + 2


def test_issuers_that_nobody_serves(cluster, replicas, issuer, space):
    """They get a condition, an event, a finding, and advice by `cert status`."""
    own = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": objects.meta("own", space), "spec": {"vault": {"server": "https://vault.test", "path": "pki/sign/web"}}}
    foreign = order("foreign", space, "foreign.test")
    foreign["spec"]["issuerRef"] = {"name": "pca", "kind": "AWSPCAIssuer", "group": "awspca.cert-manager.io"}
    nokind = order("nokind", space, "nokind.test", issuer="letsencrypt-prod")
    nokind["spec"]["issuerRef"] = {"name": "cluster-wide"}
    cluster.apply(own, acme_issuer("cluster-wide", "https://127.0.0.1:1/dir"), foreign, nokind, order("vaulted", space, "vaulted.test", issuer="own"))
    for name, reason, words, advice in (
        ("vaulted", "IssuerNotServed", "is of the type vault", "name an issuer of cert-manager.io with spec.acme"),
        ("foreign", "IssuerNotServed", "is that of another signer", "name an issuer of cert-manager.io with spec.acme"),
        ("nokind", "IssuerNotFound", 'but ClusterIssuer "cluster-wide" is there: write issuerRef.kind', "correct spec.issuerRef of the Certificate"),
    ):
        found = lambda name=name: condition(read(cluster, "certificates", space, name))
        eventually(lambda: found().get("reason") == reason, 15, 0.1, f"the reason of {name}")
        assert words in found()["message"], found()
        eventually(lambda: [e for e in events(cluster, space, reason) if e[:2] == ("Certificate", name) and words in e[3]], 10, 0.2, "the event")
        told = lambda: [f for f in replicas.running[0].api("/diagnostics") if f["subject"]["name"] == name and words in f["message"]]
        eventually(told, 10, 0.2, f"the finding of {name}")
        shown = cert(cluster, "status", name, "-n", space)
        assert shown.returncode == 1 and words in shown.stdout and f"What to do: {advice}" in shown.stdout, shown.stdout


def test_two_ingresses_on_one_secret(cluster, replicas, ca, issuer, space, pebble):
    """The older one has its certificate; the younger one is told whose Secret it names, until it names another."""
    def site(name, host, secret):
        item = objects.ingress(name, space, host, tls=[secret])
        item["metadata"]["annotations"] = {"cert-manager.io/issuer": issuer}
        item["spec"]["tls"][0]["hosts"] = [host]
        return item

    cluster.apply(site("zulu", "zulu.test", "crowded"))
    eventually(lambda: ready(cluster, space, "crowded"), 30, 0.1, "the certificate")
    cluster.apply(site("alpha", "alpha.test", "crowded"))
    words = 'Secret "crowded" is filled by Certificate "crowded" of Ingress "zulu", which is not for alpha.test'
    told = eventually(lambda: [e for e in events(cluster, space, "BadConfig") if words in e[3]], 15, 0.2, "the event")
    assert told[0][:2] == ("Ingress", "alpha")
    findings = lambda: [f for f in replicas.running[0].api("/diagnostics") if words in f["message"]]
    found = eventually(findings, 10, 0.2, "the finding")
    assert found[0]["subject"]["kind"] == "Ingress" and found[0]["subject"]["name"] == "alpha", found
    cluster.apply(site("alpha", "alpha.test", "roomy"))
    eventually(lambda: ready(cluster, space, "roomy"), 30, 0.1, "a certificate of its own")
    eventually(lambda: not findings(), 10, 0.2, "no finding")


def test_what_a_person_asks(cluster, ca, issuer, space, pebble):
    """`flow-proxy cert`: the list, one that is ready, its renewal, and names that are not there."""
    cluster.apply(order("asked", space, "asked.test"))
    eventually(lambda: ready(cluster, space, "asked"), 30, 0.1, "the certificate")
    shown = cert(cluster, "status", "-n", space)
    assert shown.returncode == 0 and shown.stdout.splitlines()[1].split()[:2] == ["asked", "yes"], shown
    shown = cert(cluster, "status", "asked.test", "-n", space)
    assert shown.returncode == 0, shown
    for words in (f"Certificate {space}/asked: ready", "asked.test, until 20", "issuer   Issuer ca: ready", "Order asked-1-"):
        assert words in shown.stdout, shown.stdout
    before = pebble.issued()
    shown = cert(cluster, "renew", "asked", "-n", space)
    assert shown.returncode == 0 and "will be issued anew" in shown.stdout, shown
    eventually(lambda: read(cluster, "certificates", space, "asked")["status"].get("revision") == 2, 30, 0.1, "the new certificate")
    assert pebble.issued() == before + 1
    missing = cert(cluster, "status", "nobody", "-n", space)
    assert missing.returncode == 1 and f"there is no Certificate {space}/nobody" in missing.stderr, missing
    assert cert(cluster, "burn").returncode == 2
