"""The leader dies at any point between account and Secret: another replica continues there."""

import os
import random
import time

from harness import objects
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, acme_issuer, certificate, listed, ready
from harness.waiting import eventually

# The number of kills; the long run has FLOW_ACME_KILLS=50.
KILLS = int(os.environ.get("FLOW_ACME_KILLS", "6"))
# The time from apply to the certificate is below this: some leaders die after their work is done.
SPAN = 2.0


def test_the_leader_is_killed_at_random_points(cluster, replicas, pebble, figures):
    """Each time exactly one certificate is issued, and nothing is left over."""
    chance = random.Random(20260801)
    takeovers = []
    for number in range(KILLS):
        namespace, delay = f"killed-{number}", chance.uniform(0, SPAN)
        cluster.apply(objects.namespace(namespace))
        leader = eventually(replicas.leader, 30, what="a leader")
        before = pebble.issued()
        # An issuer of its own, so that its account, too, may be incomplete when the leader dies.
        cluster.apply(acme_issuer("ca", pebble.directory, namespace))
        cluster.apply(certificate("site", namespace, f"{namespace}.test", issuer="ca", kind="Issuer"))
        time.sleep(delay)
        began = time.monotonic()
        replicas.remove(leader, kill=True)
        eventually(replicas.leader, 30, 0.05, "another leader")
        takeovers.append(time.monotonic() - began)
        replicas.start(1)
        eventually(lambda: ready(cluster, namespace, "site"), 60, 0.1, f"the certificate (killed after {delay:.2f} s)")
        took = time.monotonic() - began
        print(f"killed after {delay:.2f} s: leader {takeovers[-1]:.1f} s, certificate {took:.1f} s later", flush=True)
        assert pebble.issued() == before + 1
        assert len(listed(cluster, "certificaterequests", namespace)) == 1
        assert len(listed(cluster, "orders", namespace, ACME)) == 1
        eventually(lambda: not listed(cluster, "challenges", namespace, ACME), 15, what="no challenge")
        eventually(lambda: len(cluster.get(f"/api/v1/namespaces/{namespace}/secrets")["items"]) == 2, 15, what="account and pair only")
    figures(f"acme: leader killed {KILLS} times on the way: another after {max(takeovers):.1f} s at most, one certificate each time")
    assert max(takeovers) < 20
