"""A CA with limits: who is held is told until when, and is not asked for; everybody else is served meanwhile."""

import calendar
import re
import time

import pytest
from harness import faults
from harness.failing_ca import *  # noqa: F403 (fixtures)
from harness.failing_ca import cert
from harness.issuing import ACME, condition, events, issuer_in, neighbour_is_served, order, read, ready, told
from harness.waiting import eventually

pytestmark = pytest.mark.usefixtures("nobody_falls")


def next_try(text):
    """The time in words like "next try at 2026-01-01T01:00:00Z", as seconds since 1970."""
    found = re.search(r"next try at (\S+?Z)", text)
    assert found, text
    return calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%SZ"))


def test_an_account_at_its_limit_for_an_hour(cluster, replicas, ca, make_space):
    """Its hosts wait without a request, and all say until when; another account at the same CA is served meanwhile."""
    limited, other = make_space(), make_space()
    issuer_in(cluster, ca, limited)
    issuer_in(cluster, ca, other)
    # Orders of the limited account alone: whoever else orders does so after these are used up.
    ca.fault("order", faults.refused(429, "rateLimited", "too many new orders for this account", retry_after=3600), times=1)
    cluster.apply(order("first", limited, "first.limits.test"))
    words = "429 urn:ietf:params:acme:error:rateLimited: too many new orders for this account"
    eventually(lambda: told(cluster, limited, words, "issuers"), 20, 0.1, "the reason at the issuer")
    held = condition(read(cluster, "issuers", limited, "ca"), "OrdersHeld")
    assert held["status"] == "True" and 3500 < next_try(held["message"]) - time.time() < 3700, held
    eventually(lambda: [e for e in events(cluster, limited) if e[0] == "Issuer" and "next try at" in e[3]], 10, 0.2, "the event")
    asked = ca.asked("order")
    cluster.apply(*[order(f"more-{i}", limited, f"more-{i}.limits.test") for i in range(30)])
    for name in ("first", "more-7", "more-29"):
        shown = lambda name=name: cert(cluster, "status", name, "-n", limited)
        eventually(lambda shown=shown: next_try(shown().stdout) == next_try(held["message"]), 15, 0.3, f"the time of the next try of {name}")
        assert shown().returncode == 1 and words in shown().stdout, shown().stdout
    neighbour_is_served(cluster, ca, other, "neighbour")
    assert ca.asked("order") - asked <= 4, "only the neighbour orders; half of all nonces are refused, and a request is then repeated"
    until = lambda: leader(replicas).metric("flow_proxy_acme_orders_held_until_timestamp_seconds", namespace=limited)
    eventually(lambda: until() == next_try(held["message"]), 10, 0.2, "the metric")


def leader(replicas):
    return eventually(replicas.leader, 30, what="a leader")


def test_a_short_limit_passes_for_all(cluster, replicas, ca, space):
    issuer_in(cluster, ca, space)
    ca.fault("order", faults.refused(429, "rateLimited", "too many new orders", retry_after=6), times=3)
    names = [f"short-{i}" for i in range(10)]
    cluster.apply(*[order(name, space, f"{name}.limits.test") for name in names])
    eventually(lambda: told(cluster, space, "next try at", "issuers"), 15, 0.1, "the time of the next try")
    for name in names:
        eventually(lambda name=name: ready(cluster, space, name), 90, 0.1, "the certificates")
    # Nobody waits any more, and nobody says so.
    eventually(lambda: not condition(read(cluster, "issuers", space, "ca"), "OrdersHeld"), 10, 0.2, "no limit")


def test_pages_of_html_for_a_while(cluster, replicas, ca, space, pebble):
    """A CA that is down is asked ever more rarely, and everything is issued once when it is back."""
    issuer_in(cluster, ca, space)
    before = pebble.issued()
    for place in ("nonce", "order", "finalize", "directory"):
        ca.fault(place, faults.page(503), times=10_000)
    asked = ca.asked()
    cluster.apply(*[order(f"page-{i}", space, f"page-{i}.limits.test") for i in range(20)])
    eventually(lambda: told(cluster, space, "503", "orders", ACME), 40, 0.1, "the reason")
    time.sleep(8)
    assert ca.asked() - asked <= 200, "about ten requests for each host within eight seconds are too many"
    ca.mend()
    for i in range(20):
        eventually(lambda i=i: ready(cluster, space, f"page-{i}"), 60, 0.1, "the certificates")
    assert pebble.issued() == before + 20
