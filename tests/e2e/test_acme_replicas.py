"""Replicas that do not answer, though their EndpointSlice calls them ready; and replicas that all die in the middle."""

import contextlib
import itertools
import random
import signal
import socket
import subprocess
import time

import pytest
from harness import objects, own_backend, paths
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, SYSTEM, certificate, condition, events, listed, ready, served_by
from harness.waiting import consistently, eventually

_numbers = itertools.count(1)

# Seconds within which a host gets its certificate, whatever a replica does.
PROMISE = 30
LEFT_OUT = "flow_proxy_acme_replicas_left_out_total"


@pytest.fixture
def space(cluster):
    """A namespace of the test's own."""
    name = f"replicas-{next(_numbers)}"
    cluster.apply(objects.namespace(name))
    yield name
    # What a failed test left must not be issued in the next one.
    for kind, group in (("certificates", "cert-manager.io"), ("certificaterequests", "cert-manager.io"), ("orders", ACME), ("challenges", ACME)):
        cluster.delete(*[{**item, "apiVersion": f"{group}/v1"} for item in listed(cluster, kind, name, group)])


@contextlib.contextmanager
def dropping(address="10.99.0.9"):
    """A port whose connections are never answered, as behind a firewall that drops: its queue of connections is full."""
    with socket.create_server((address, 0), backlog=0) as server:
        waiting = []
        for _ in range(8):
            client = socket.socket()
            client.settimeout(0.3)
            waiting.append(client)
            try:
                client.connect(server.getsockname())
            except TimeoutError:
                break
        else:
            raise AssertionError("the queue of connections does not become full")
        yield server.getsockname()
        for client in waiting:
            client.close()


@contextlib.contextmanager
def elsewhere(replicas, proxy, address, port):
    """The EndpointSlice of a replica has another address; pods reach that one, the CA still reaches the replica."""
    moved = replicas.slice(proxy)
    moved["endpoints"][0]["addresses"] = [address]
    moved["ports"][0]["port"] = port
    replicas.cluster.apply(moved)
    try:
        yield
    finally:
        if proxy in replicas.running:
            replicas.cluster.apply(replicas.slice(proxy))


@contextlib.contextmanager
def stopped(replicas, proxy):
    """A replica stands still, as on a node that died; only the balancer has noticed."""
    replicas.found_dead.append(proxy)
    proxy.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        proxy.process.signal(signal.SIGCONT)
        replicas.found_dead.remove(proxy)


def left_out(replicas):
    """How often a replica was left out, as the replicas that can be asked count it."""
    return sum(proxy.metric(LEFT_OUT) for proxy in replicas.running if proxy not in replicas.found_dead)


def issued_in_time(cluster, space, name, pod, seconds=PROMISE):
    """Wait for a certificate; assert that an event of the Challenge said which replica was left out. The seconds."""
    began, said = time.monotonic(), []

    def done():
        for item in listed(cluster, "challenges", space, ACME):
            reason = item.get("status", {}).get("reason", "")
            if reason not in said:
                said.append(reason)
        return ready(cluster, space, name)

    try:
        eventually(done, seconds, 0.05, "the certificate")
    except AssertionError as error:
        raise AssertionError(f"{error}; the challenge said {said}") from None
    took = time.monotonic() - began
    told = lambda: [text for kind, _, _, text in events(cluster, space, "ReplicaLeftOut") if kind == "Challenge"]
    eventually(lambda: any(pod in text for text in told()), 5, 0.1, f"an event about {pod}")
    return took


def follower(replicas):
    leader = eventually(replicas.leader, 40, what="a leader")
    return next(proxy for proxy in replicas.running if proxy is not leader)


def test_a_replica_that_stands_still(cluster, replicas, issuer, pebble, space, figures):
    proxy = follower(replicas)
    before, count = pebble.issued(), left_out(replicas)
    with stopped(replicas, proxy):
        cluster.apply(objects.ingress("still-0", space, f"still-0.{space}.test", tls=["still-0"]))
        cluster.apply(*[certificate(f"still-{i}", space, f"still-{i}.{space}.test") for i in range(5)])
        took = max(issued_in_time(cluster, space, f"still-{i}", proxy.name) for i in range(5))
        figures(f"acme: certificates {took:.1f} s after the apply beside a replica that stands still")
        assert left_out(replicas) > count
    # It goes on, and gets what was issued meanwhile.
    eventually(lambda: served_by(replicas, f"still-0.{space}.test"), 30, 0.1, "the certificate on both replicas")
    assert pebble.issued() == before + 5


def test_the_leader_stands_still(cluster, replicas, issuer, pebble, space):
    """Another replica leads, and leaves out the former leader; that one does not go on with what it began."""
    leader = eventually(replicas.leader, 40, what="a leader")
    before = pebble.issued()
    with stopped(replicas, leader):
        eventually(lambda: replicas.leader() not in (None, leader), 40, 0.1, "another leader")
        cluster.apply(objects.ingress("taken", space, f"taken.{space}.test", tls=["taken"]))
        cluster.apply(certificate("taken", space, f"taken.{space}.test"))
        issued_in_time(cluster, space, "taken", leader.name)
    eventually(lambda: served_by(replicas, f"taken.{space}.test"), 30, 0.1, "the certificate on both replicas")
    consistently(lambda: replicas.leader() is not leader and pebble.issued() == before + 1, 3, 0.2)
    assert len(listed(cluster, "orders", space, ACME)) == 1


def test_a_replica_behind_a_firewall_that_drops(cluster, replicas, issuer, pebble, space, figures):
    """The leader cannot reach it; the CA can, and so it is asked."""
    proxy, count = follower(replicas), left_out(replicas)
    with dropping() as (address, port), elsewhere(replicas, proxy, address, port):
        cluster.apply(certificate("walled", space, f"walled.{space}.test"))
        took = issued_in_time(cluster, space, "walled", proxy.name)
        figures(f"acme: certificate {took:.1f} s after the apply beside a replica behind a firewall that drops")
        assert left_out(replicas) > count
        # The ones after it need not wait as long again for what is known.
        names = [f"next-{i}" for i in range(20)]
        began = time.monotonic()
        cluster.apply(*[certificate(name, space, f"{name}.{space}.test") for name in names])
        for name in names:
            eventually(lambda name=name: ready(cluster, space, name), PROMISE, 0.1, "the certificates after it")
        figures(f"acme: twenty more {time.monotonic() - began:.1f} s after their apply")
        assert time.monotonic() - began < PROMISE


def test_no_other_replica_can_be_reached(cluster, replicas, issuer, space):
    """Network policies between pods are common: the leader itself answers, and so the CA is asked."""
    with dropping() as (address, port), contextlib.ExitStack() as moved:
        for proxy in replicas.running:
            moved.enter_context(elsewhere(replicas, proxy, address, port))
        cluster.apply(certificate("alone", space, f"alone.{space}.test"))
        issued_in_time(cluster, space, "alone", follower(replicas).name)


def test_a_replica_that_refuses_connections(cluster, replicas, issuer, space):
    with socket.create_server(("10.99.0.9", 0)) as server:
        free = server.getsockname()[1]
    ghost = objects.endpoints("flow-proxy", SYSTEM, ["10.99.0.9"], free, slice_name="ghost")
    ghost["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": "ghost-pod", "namespace": SYSTEM}
    cluster.apply(ghost)
    try:
        cluster.apply(certificate("refused", space, f"refused.{space}.test"))
        issued_in_time(cluster, space, "refused", "ghost-pod")
    finally:
        cluster.delete(ghost)


class Ignorant(own_backend.Handler):
    """Knows no token."""

    def do_GET(self):
        self.answer(404)


def test_a_replica_that_answers_wrongly(cluster, replicas, issuer, pebble, space):
    """It might be what the CA reaches, and it may only be late: it is waited for longer, and an event names it."""
    proxy = follower(replicas)
    with own_backend.OwnBackend(Ignorant, "10.99.0.9") as wrong, elsewhere(replicas, proxy, wrong.address, wrong.port):
        asked = pebble.requests("/chalZ/")
        cluster.apply(certificate("wrong", space, f"wrong.{space}.test"))
        eventually(lambda: listed(cluster, "challenges", space, ACME), 15, 0.1, "the challenge")
        consistently(lambda: pebble.requests("/chalZ/") == asked, 15, 0.3)
        issued_in_time(cluster, space, "wrong", proxy.name, 2 * PROMISE)
        told = [text for kind, _, _, text in events(cluster, space) if kind == "Challenge" and proxy.name in text]
        assert any("wrong status code '404'" in text for text in told), told


def test_both_die_in_the_middle(cluster, replicas, issuer, pebble, space, figures):
    """One that starts goes on with what both have left."""
    count, chance = 40, random.Random(20261130)
    before = pebble.issued()
    cluster.apply(*[certificate(f"dead-{i}", space, f"dead-{i}.{space}.test") for i in range(count)])
    eventually(lambda: pebble.issued() > before + chance.randrange(2, 10), 60, 0.05, "the first certificates")
    for proxy in list(replicas.running):
        replicas.remove(proxy, kill=True)
    replicas.start(1)
    began = time.monotonic()
    again = all_ready(cluster, space, count)
    figures(f"acme: both replicas killed in the middle of {count} hosts: all ready {time.monotonic() - began:.1f} s after the start of another")
    replicas.start(1)
    whole(cluster, space, count, again)
    assert pebble.issued() == before + count


def test_the_leader_dies_again_and_again_in_a_wave(cluster, replicas, issuer, pebble, space):
    count, chance = 40, random.Random(20261130)
    before = pebble.issued()
    cluster.apply(*[certificate(f"wave-{i}", space, f"wave-{i}.{space}.test") for i in range(count)])
    for _ in range(3):
        leader = eventually(replicas.leader, 40, 0.05, "a leader")
        time.sleep(chance.uniform(0.2, 2))
        replicas.remove(leader, kill=True)
        replicas.start(1)
    whole(cluster, space, count, all_ready(cluster, space, count))
    assert pebble.issued() == before + count


def all_ready(cluster, space, count):
    """Wait for all certificates. Returns the number of those that were asked for again.

    Where the CA is connected to a replica at the moment in which it dies, it fails that host for good, and the next try is an
    hour later, as it is with cert-manager: these hosts say so, and a person asks for them again.
    """
    again = set()

    def check():
        waiting = [item for item in listed(cluster, "certificates", space) if condition(item).get("status") != "True"]
        for item in waiting:
            failure, name = condition(item, "Issuing"), item["metadata"]["name"]
            if failure.get("status") == "False" and "urn:ietf:params:acme:error:connection" in failure["message"] and name not in again:
                again.add(name)
                renew = [paths.tool("FLOW_PROXY", "the proxy's executable"), "cert", "renew", name, "-n", space]
                subprocess.run(renew, env={"KUBECONFIG": cluster.kubeconfig, "PATH": "/usr/bin:/bin"}, check=True, timeout=20, capture_output=True)
        assert not waiting, f"{len(waiting)} of {count} wait, one of them with {waiting[0].get('status')}"
        return True

    eventually(check, 150, 0.3, "all certificates")
    assert len(again) <= count / 4, f"{again}: too many failed"
    return len(again)


def whole(cluster, space, count, again):
    """Nothing is left over, and nothing was begun twice but what was asked for again."""
    assert count <= len(listed(cluster, "certificaterequests", space)) <= count + again
    assert count <= len(listed(cluster, "orders", space, ACME)) <= count + again
    eventually(lambda: not listed(cluster, "challenges", space, ACME), 20, 0.2, "no challenge")
    pairs = lambda: len(cluster.get(f"/api/v1/namespaces/{space}/secrets")["items"])
    eventually(lambda: pairs() == count, 20, 0.2, "one Secret for each")
