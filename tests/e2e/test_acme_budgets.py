"""Limits of a namespace's certificates: annotations of the Namespace, set by the platform's owner."""

import subprocess

from harness import objects, paths
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, certificate, listed, ready, told
from harness.waiting import consistently, eventually

MOST, DOMAINS = "flow-proxy.ominis.ai/max-certificates", "flow-proxy.ominis.ai/allowed-domains"


def limited(name, **limits):
    item = objects.namespace(name)
    item["metadata"]["annotations"] = {MOST if key == "most" else DOMAINS: value for key, value in limits.items()}
    return item


def finds(replicas, words):
    for proxy in replicas.running:
        found = [finding["message"] for finding in proxy.api("/diagnostics")]
        assert any(words in message for message in found), found
    return True


def test_certificates_wait_for_a_place(cluster, replicas, issuer, pebble):
    """The oldest come first; the next goes on when one is deleted, or when the limit grows; neighbours have none."""
    namespace = "budget-number"
    cluster.apply(limited(namespace, most="1"), objects.namespace("budget-free"))
    cluster.apply(certificate("first", namespace, "first.budget.test"))
    eventually(lambda: ready(cluster, namespace, "first"), 30, 0.1, "the first certificate")
    before = pebble.orders()
    cluster.apply(certificate("second", namespace, "second.budget.test"), certificate("third", namespace, "third.budget.test"))
    words = f"namespace {namespace} has its 1 certificates already"
    eventually(lambda: told(cluster, namespace, words, "certificaterequests"), 20, 0.1, "the reason on the request")
    eventually(lambda: finds(replicas, words), 20, 0.1, "the finding")
    consistently(lambda: pebble.orders() == before and len(listed(cluster, "orders", namespace, ACME)) == 1, 2, 0.2)
    binary = paths.tool("FLOW_PROXY", "the proxy's executable")
    command = [binary, "cert", "status", "second", "-n", namespace]
    shown = subprocess.run(command, env={"KUBECONFIG": cluster.kubeconfig}, capture_output=True, text=True).stdout
    assert words in shown, shown
    cluster.apply(certificate("free", "budget-free", "free.budget.test"))
    eventually(lambda: ready(cluster, "budget-free", "free"), 30, 0.1, "the neighbour's certificate")
    cluster.apply(limited(namespace, most="2"))
    eventually(lambda: ready(cluster, namespace, "second"), 30, 0.1, "the second certificate")
    cluster.delete(certificate("first", namespace, "first.budget.test"))
    eventually(lambda: ready(cluster, namespace, "third"), 30, 0.1, "the third certificate")


def test_only_allowed_domains_are_ordered(cluster, replicas, issuer, pebble):
    namespace = "budget-domains"
    cluster.apply(limited(namespace, domains="shop.budget.test"))
    cluster.apply(certificate("own", namespace, "shop.budget.test", "www.shop.budget.test"))
    eventually(lambda: ready(cluster, namespace, "own"), 30, 0.1, "the certificate of the own domain")
    before = pebble.orders()
    cluster.apply(certificate("foreign", namespace, "www.shop.budget.test", "workshop.budget.test"))
    words = f"namespace {namespace} may have no certificate for workshop.budget.test"
    eventually(lambda: told(cluster, namespace, words, "certificaterequests"), 20, 0.1, "the reason on the request")
    consistently(lambda: pebble.orders() == before, 2, 0.2)
    cluster.apply(limited(namespace, domains="shop.budget.test,workshop.budget.test"))
    eventually(lambda: ready(cluster, namespace, "foreign"), 30, 0.1, "the certificate")


def test_a_limit_that_is_no_number_holds_everything_and_says_so(cluster, replicas, issuer, pebble):
    namespace = "budget-wrong"
    cluster.apply(limited(namespace, most="many"), certificate("held", namespace, "held.budget.test"))
    words = f"annotation {MOST} of namespace {namespace} must be a number"
    eventually(lambda: told(cluster, namespace, words, "certificaterequests"), 20, 0.1, "the reason on the request")
    cluster.apply(objects.namespace(namespace))
    eventually(lambda: ready(cluster, namespace, "held"), 30, 0.1, "the certificate without a limit")
