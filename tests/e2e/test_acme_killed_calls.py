"""The leader dies while the CA answers it, at each kind of request: the next leader finishes the same order."""

import itertools
import threading

import pytest
from harness import objects
from harness.failing_ca import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, issuer_in, listed, order, ready
from harness.waiting import eventually

_numbers = itertools.count(1)


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", ["order", "authorization", "accept", "finalize", "look", "download"])
def test_the_leader_dies_in_a_call(cluster, replicas, ca, pebble, place, answered):
    """`before`: the CA has not got the request when the leader dies; `after`: it has, and its answer is lost."""
    space = f"calls-{next(_numbers)}"
    cluster.apply(objects.namespace(space))
    issuer_in(cluster, ca, space)
    leader = eventually(replicas.leader, 40, what="a leader")
    before, began, go = pebble.issued(), threading.Event(), threading.Event()

    def held(handler, forward):
        if answered:
            forward()
        began.set()
        go.wait(30)
        raise ConnectionResetError("the leader is dead")

    ca.fault(place, held)
    try:
        cluster.apply(order("site", space, f"{space}.test"))
        assert began.wait(30), f"the CA was not asked for {place}"
        replicas.remove(leader, kill=True)
    finally:
        ca.mend()
        go.set()
    eventually(replicas.leader, 40, 0.05, "another leader")
    replicas.start(1)
    eventually(lambda: ready(cluster, space, "site"), 30, 0.1, "the certificate")
    assert pebble.issued() == before + 1
    assert len(listed(cluster, "certificaterequests", space)) == len(listed(cluster, "orders", space, ACME)) == 1
    eventually(lambda: not listed(cluster, "challenges", space, ACME), 15, 0.1, "no challenge")
    eventually(lambda: len(cluster.get(f"/api/v1/namespaces/{space}/secrets")["items"]) == 2, 15, 0.1, "account and pair only")
