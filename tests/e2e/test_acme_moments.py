"""What kubectl shows of a certificate at every moment of its way that lasts, in the words of cert-manager."""

import threading

import pytest
from harness import objects, own_backend
from harness.failing_ca import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, SYSTEM, acme_issuer, certificate, condition, listed, read, ready
from harness.waiting import eventually


class Held:
    """The CA's answers to requests of one kind wait as long as the block runs."""

    def __init__(self, ca, place):
        self.ca, self.place, self.go, self.began = ca, place, threading.Event(), threading.Event()

    def __enter__(self):
        def late(handler, forward):
            self.began.set()
            self.go.wait(60)
            handler.answer(*forward())

        self.ca.fault(self.place, late, times=1000)
        return self

    def __exit__(self, *_):
        self.ca.mend()
        self.go.set()


class Ignorant(own_backend.Handler):
    """Knows no token."""

    def do_GET(self):
        self.answer(404)


@pytest.fixture
def show(cluster, space):
    """Runs kubectl in the namespace until some words are in its output; the output."""

    def run(*command, words, seconds=20):
        def check():
            text = cluster.kubectl(*command, "-n", space)
            missing = [word for word in words if word not in text]
            assert not missing, f"{missing} not in {text}"
            return text

        return eventually(check, seconds, 0.2, f"kubectl {' '.join(command)}")

    return run


def begin(cluster, ca, space):
    """An issuer with its account, then a Certificate."""
    cluster.apply(acme_issuer("ca", ca.directory, space))
    eventually(lambda: condition(read(cluster, "issuers", space, "ca")).get("status") == "True", 30, 0.1, "the account")
    cluster.apply(certificate("site", space, f"{space}.test", issuer="ca", kind="Issuer"))


def done(cluster, space):
    eventually(lambda: ready(cluster, space, "site"), 60, 0.1, "the certificate")


def test_while_the_account_is_registered(cluster, replicas, ca, space, show):
    with Held(ca, "account") as held:
        cluster.apply(acme_issuer("ca", ca.directory, space), certificate("site", space, f"{space}.test", issuer="ca", kind="Issuer"))
        assert held.began.wait(20)
        show("get", "certificate", words=["site", "False"])
        show("describe", "certificate", "site", words=["Issuing certificate as Secret does not exist"])
        show("describe", "certificaterequest", "site-1", words=["Referenced issuer does not have a Ready status condition"])
    done(cluster, space)
    show("describe", "issuer", "ca", words=["The ACME account was registered with the ACME server"])


def test_while_the_order_is_placed(cluster, replicas, ca, space, show):
    with Held(ca, "order") as held:
        begin(cluster, ca, space)
        assert held.began.wait(20)
        show("describe", "certificate", "site", words=["Issuing certificate as Secret does not exist", 'Created new CertificateRequest resource "site-1"'])
        show("describe", "certificaterequest", "site-1", words=["Certificate request has been approved by cert-manager.io", "Waiting on certificate issuance from order"])
        show("get", "order", words=["site-1-"])
    done(cluster, space)


def test_while_a_replica_does_not_know_the_token(cluster, replicas, ca, space, show):
    with own_backend.OwnBackend(Ignorant, "10.99.0.9") as wrong:
        ghost = objects.endpoints("flow-proxy", SYSTEM, [wrong.address], wrong.port, slice_name="ghost")
        ghost["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": "ghost-pod", "namespace": SYSTEM}
        cluster.apply(ghost)
        try:
            begin(cluster, ca, space)
            show("get", "challenges", words=["pending", f"{space}.test"])
            name = listed(cluster, "challenges", space, ACME)[0]["metadata"]["name"]
            words = ["Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'", "ghost-pod", "Challenge scheduled for processing"]
            show("describe", "challenge", name, words=words)
            show("get", "order", words=["pending"])
            show("describe", "certificaterequest", "site-1", words=["Waiting on certificate issuance from order", "pending"])
        finally:
            cluster.delete(ghost)
    done(cluster, space)


def test_while_the_ca_validates(cluster, replicas, ca, space, show):
    with Held(ca, "accept") as held:
        begin(cluster, ca, space)
        assert held.began.wait(30)
        show("get", "challenges", words=[f"{space}.test"])
        show("get", "order", words=["pending"])
        show("describe", "certificaterequest", "site-1", words=["Waiting on certificate issuance from order", "pending"])
    done(cluster, space)


def test_while_the_order_is_finalized(cluster, replicas, ca, space, show):
    with Held(ca, "finalize") as held:
        begin(cluster, ca, space)
        assert held.began.wait(30)
        show("get", "certificate", words=["False"])
        show("describe", "certificaterequest", "site-1", words=["Waiting on certificate issuance from order"])
        eventually(lambda: listed(cluster, "orders", space, ACME)[0]["status"].get("state") in ("pending", "ready"), 5, 0.1, "the order's state")
    done(cluster, space)
    show("get", "order", words=["valid"])
    show("describe", "certificaterequest", "site-1", words=["Certificate fetched from issuer successfully"])
    show("describe", "certificate", "site", words=["Certificate is up to date and has not expired", "The certificate has been successfully issued"])
