"""Replicas whose clock is an hour wrong: one certificate, no second order, and the next leader goes on."""

import time

import pytest
from harness import clock, objects
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, Replicas, certificate, condition, issuer_of, listed, read, ready, served_by
from harness.waiting import consistently, eventually

HOUR = 3600


@pytest.fixture(scope="module")
def replicas(cluster, pebble):
    """None at first: each test starts those with its clock."""
    running = Replicas(cluster, pebble)
    cluster.apply(issuer_of(pebble))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def none_left(replicas):
    """Replicas of one test do not disturb the next."""
    yield
    for proxy in list(replicas.running):
        replicas.remove(proxy)


@pytest.mark.parametrize("offset", [-HOUR, HOUR], ids=["behind", "ahead"])
def test_an_hour_wrong(cluster, replicas, pebble, offset):
    namespace = "behind" if offset < 0 else "ahead"
    host = f"{namespace}.clock.test"
    replicas.environment = clock.wrong_by(offset)
    replicas.start(2)
    eventually(replicas.leader, 40, 0.1, "a leader")
    before = pebble.issued()
    site = objects.ingress("site", namespace, host, tls=["site"])
    cluster.apply(objects.namespace(namespace), site, certificate("site", namespace, host))
    eventually(lambda: ready(cluster, namespace, "site"), 40, 0.1, "the certificate")
    said = condition(read(cluster, "certificates", namespace, "site"))["lastTransitionTime"]
    assert abs(time.mktime(time.strptime(said, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time() - offset) < 120, "the clock is wrong indeed"
    eventually(lambda: served_by(replicas, host), 10, 0.1, "the certificate on both replicas")
    consistently(lambda: pebble.issued() == before + 1, 4, 0.2)
    # Replicas with the right time find an order of another hour, and a lease renewed in it.
    replicas.environment = {}
    for proxy in list(replicas.running):
        replicas.remove(proxy, kill=True)
    replicas.start(2)
    eventually(replicas.leader, 40, 0.1, "a leader with the right time")
    cluster.apply(certificate("next", namespace, f"next.{host}"))
    eventually(lambda: ready(cluster, namespace, "next"), 40, 0.1, "the next certificate")
    consistently(lambda: pebble.issued() == before + 2, 4, 0.2)
    assert ready(cluster, namespace, "site") and len(listed(cluster, "orders", namespace, ACME)) == 2
    assert not any("panicked" in proxy.log() for proxy in replicas.running)
