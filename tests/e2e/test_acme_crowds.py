"""Objects that are too many, too large, or gone in mid-order: neighbours get their certificates all the same."""

import base64
import os
import time

import pytest
from harness import faults, objects, parallel
from harness.failing_ca import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, acme_issuer, certificate, condition, events, issuer_in, listed, neighbour_is_served, order, read, ready, secret, told
from harness.waiting import consistently, eventually

# Certificates that name the same Secret.
CROWD = int(os.environ.get("FLOW_ACME_CROWD", "500"))
# Seconds within which another gets its certificate.
PROMISE = 15

pytestmark = pytest.mark.usefixtures("nobody_falls")


def test_an_issuer_deleted_in_mid_order(cluster, replicas, ca, make_space, pebble):
    """Its orders stop and say why, the neighbours' go on; with the issuer back, each host gets one certificate."""
    space, other = make_space(), make_space()
    issuer_in(cluster, ca, space)
    issuer_in(cluster, ca, other)
    before = pebble.issued()
    ca.fault("finalize", faults.refused(503, "serverInternal", "not now", retry_after=2), times=1000)
    cluster.apply(*[order(f"mid-{i}", space, f"mid-{i}.limits.test") for i in range(5)])
    eventually(lambda: told(cluster, space, "not now", "orders", ACME), 40, 0.1, "orders that are about to be finalized")
    issuer = acme_issuer("ca", ca.directory, space)
    cluster.delete(issuer)
    asked = lambda: condition(read(cluster, "certificaterequests", space, "mid-0-1"))
    eventually(lambda: "not found" in asked().get("message", ""), 30, 0.1, "the reason at the request")
    # A call that had begun before may end.
    time.sleep(5)
    ca.mend()
    neighbour_is_served(cluster, ca, other, "neighbour")
    assert pebble.issued() == before + 1
    cluster.apply(issuer)
    for i in range(5):
        eventually(lambda i=i: ready(cluster, space, f"mid-{i}"), 60, 0.1, "the certificates")
    assert pebble.issued() == before + 6
    eventually(lambda: not listed(cluster, "challenges", space, ACME), 15, 0.2, "no challenge")


def test_secrets_of_a_megabyte(cluster, replicas, ca, make_space):
    """Whatever is in a Secret that a Certificate names: it is replaced, what else it holds stays, and memory is bounded."""
    space, other = make_space(), make_space()
    issuer_in(cluster, ca, space)
    memory = [proxy.process.resident_mb() for proxy in replicas.running]
    large = "-----BEGIN CERTIFICATE-----\n" + "TUlJQ2VydGlmaWNhdGU=\n" * 20_000
    noise = base64.b64encode(os.urandom(250_000)).decode()
    for i in range(20):
        cluster.apply(objects.secret(f"large-{i}", space, {"tls.crt": large, "tls.key": "k" * 10_000, "other": noise}, "kubernetes.io/tls"))
    cluster.apply(*[order(f"large-{i}", space, f"large-{i}.limits.test") for i in range(20)])
    neighbour_is_served(cluster, ca, other, "neighbour")
    for i in range(20):
        eventually(lambda i=i: ready(cluster, space, f"large-{i}"), 90, 0.1, "the certificates")
    data = secret(cluster, space, "large-3")["data"]
    assert base64.b64decode(data["tls.crt"]).decode().count("BEGIN CERTIFICATE") <= 3
    assert base64.b64decode(data["other"]).decode() == noise
    for proxy, before in zip(replicas.running, memory):
        assert proxy.process.resident_mb() < before + 120


def test_many_certificates_of_one_secret(cluster, replicas, ca, make_space, pebble, figures):
    """The oldest gets it; the others say so once, order nothing, and cost nothing more."""
    space, other = make_space(), make_space()
    issuer_in(cluster, ca, space)
    issuer_in(cluster, ca, other)
    cluster.apply(order("owner", space, "owner.limits.test", secretName="crowded"))
    eventually(lambda: ready(cluster, space, "owner"), 30, 0.1, "the first certificate")
    before, used = pebble.issued(), sum(proxy.process.cpu_seconds() for proxy in replicas.running)
    parallel.create(cluster, [order(f"crowd-{i}", space, f"crowd-{i}.limits.test", secretName="crowded") for i in range(CROWD)])
    neighbour_is_served(cluster, ca, other, "neighbour")

    def all_say_so():
        silent = [i["metadata"]["name"] for i in listed(cluster, "certificates", space) if condition(i).get("reason") != "IncorrectCertificate"]
        assert silent == ["owner"], f"{len(silent)} do not say so, as {silent[:3]}"
        return True

    eventually(all_say_so, 60 + CROWD / 10, 0.5, "the reason at each")
    used = sum(proxy.process.cpu_seconds() for proxy in replicas.running) - used
    figures(f"acme: {CROWD} Certificates of one Secret: {used * 1e3 / CROWD:.1f} ms of CPU each")
    assert ready(cluster, space, "owner") and pebble.issued() == before + 1
    # With a Secret of its own, one of them is served at once.
    cluster.apply(order("crowd-7", space, "crowd-7.limits.test", secretName="roomy"))
    eventually(lambda: ready(cluster, space, "crowd-7"), PROMISE, 0.1, "the certificate")
    rest = sum(proxy.process.cpu_seconds() for proxy in replicas.running)
    time.sleep(5)
    assert sum(proxy.process.cpu_seconds() for proxy in replicas.running) - rest < 1, "they are at rest"
    assert len(listed(cluster, "orders", space, ACME)) == 2


def test_one_tenants_failures_are_its_own(cluster, replicas, ca, make_space, pebble):
    """A hundred hosts without DNS in one namespace, on the same account: those of another are as fast as ever."""
    failing, other = make_space(), make_space()
    cluster.apply({**acme_issuer("shared", ca.directory), "metadata": {"name": "shared"}})
    for i in range(100):
        pebble.forget_name(f"lost-{i}.limits.test")
    mine = lambda name, space, host: certificate(name, space, host, issuer="shared")
    cluster.apply(*[mine(f"lost-{i}", failing, f"lost-{i}.limits.test") for i in range(100)])
    eventually(lambda: events(cluster, failing, "Failed"), 60, 0.2, "the first failure")
    for i in range(5):
        cluster.apply(mine(f"good-{i}", other, f"good-{i}.limits.test"))
        eventually(lambda i=i: ready(cluster, other, f"good-{i}"), PROMISE, 0.05, "the other tenant's certificate")
    consistently(lambda: ready(cluster, other, "good-0"), 1, 0.2)
