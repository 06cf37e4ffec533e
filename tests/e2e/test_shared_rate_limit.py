"""rateLimit with its buckets in Redis: shared by replicas, over TLS, and with a Redis that is away, slow or another program."""

import contextlib
import itertools
import os
import signal
import socket
import threading
import time

import pytest
from harness import objects, pki, redis
from harness.proxy import Proxy
from harness.waiting import eventually

_ports = itertools.count(7400)
PASSWORD = "p:w /@d"
real = pytest.mark.skipif(not redis.PROGRAM, reason="neither redis-server nor valkey-server is installed")


def limit(port, burst=5, **more):
    way = {"endpoints": [f"127.0.0.1:{port}"], "readTimeout": "300ms", "dialTimeout": "300ms", **more}
    return {"rateLimit": {"average": 1, "period": "1h", "burst": burst, "sourceCriterion": {"requestHeaderName": "X-Who"}, "redis": way}}


@pytest.fixture
def server():
    """start(password, tls): a running server, which is stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(password="", tls=None):
            running = redis.Redis(next(_ports), password, tls)
            stack.callback(running.stop)
            return running

        yield start


def statuses(proxy, host, who, times):
    return [proxy.get(host, headers={"X-Who": who}).status for _ in range(times)]


def shares(proxy, host, server):
    """Waits until the proxy asks the server: until a bucket of a new source is there."""
    numbers = itertools.count()

    def is_asked():
        who = f"probe-{next(numbers)}"
        proxy.get(host, headers={"X-Who": who})
        return any(server.ask("EXISTS", f"rate:{name}:{who}") == b":1" for name in names(proxy))

    eventually(is_asked, 15, 0.1, "a bucket in Redis")


def names(proxy):
    return [entry["name"] for entry in proxy.api("/http/middlewares?per_page=1000") if "rateLimit" in entry]


@real
def test_replicas_share_a_budget(proxy, cluster, space, server):
    running = server()
    host = space.route(middlewares=[{"headers": {"customResponseHeaders": {"X-Outer": "1"}}}, limit(running.port), {"compress": {}}])
    with Proxy(cluster=cluster) as other:
        for replica in (proxy, other):
            shares(replica, host, running)
        seen = [replica.get(host, headers={"X-Who": "ann"}).status for _ in range(4) for replica in (proxy, other)]
        assert seen == [200] * 5 + [429] * 3
        refused = other.get(host, headers={"X-Who": "ann"})
        assert (refused.body, refused.get("X-Outer")) == (b"Too Many Requests", "1")
        assert 3000 <= int(refused.get("Retry-After")) <= 3600
        assert statuses(proxy, host, "bob", 6) == [200] * 5 + [429]
        key = next(key for key in (f"rate:{name}:bob" for name in names(proxy)) if running.ask("EXISTS", key) == b":1")
        assert 3000 < int(running.ask("TTL", key)[1:]) <= 3601
        assert float(running.ask("HGET", key, "tokens")) < 1


@real
def test_tls_password_and_database(proxy, space, server):
    pair = pki.leaf("localhost", "127.0.0.1")
    running = server(PASSWORD, pair)
    space.apply(
        objects.secret("redis", space.name, {"password": PASSWORD}),
        objects.secret("authority", space.name, {"tls.ca": pki.authority().pem}),
        objects.secret("stranger", space.name, {"tls.ca": pki.new_ca("Stranger").pem}),
    )
    good = limit(running.port, secret="redis", tls={"caSecret": "authority"}, poolSize=2)
    host = space.route(middlewares=[good])
    proxy.served(host)
    shares(proxy, host, running)
    assert statuses(proxy, host, "ann", 6) == [200] * 5 + [429]
    insecure = space.route(f"insecure.{space.name}.test", middlewares=[limit(running.port, secret="redis", tls={"insecureSkipVerify": True})])
    proxy.served(insecure)
    shares(proxy, insecure, running)
    for name, way in [
        ("stranger", {"secret": "redis", "tls": {"caSecret": "stranger"}}),
        ("nobody", {"tls": {"caSecret": "authority"}}),
    ]:
        refused = space.route(f"{name}.{space.name}.test", middlewares=[limit(running.port, denyOnError=True, **way)])
        proxy.served(refused, status=500)
        eventually(lambda: "Redis does not answer" in proxy.log(), 5, what="word in the log")


@real
def test_a_redis_that_goes_away_and_comes_back(proxy, space, server):
    running = server()
    host = space.route(middlewares=[limit(running.port, burst=3)])
    proxy.served(host)
    shares(proxy, host, running)
    before = proxy.metric("flow_proxy_rate_limit_redis_unanswered_total") or 0
    os.kill(running.process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert statuses(proxy, host, "ann", 5) == [200] * 3 + [429] * 2, "this replica counts for itself"
        assert time.monotonic() - begun < 2, "one request waited, and no other"
        assert proxy.metric("flow_proxy_rate_limit_redis_unanswered_total") > before
    finally:
        os.kill(running.process.pid, signal.SIGCONT)
    shares(proxy, host, running)
    assert statuses(proxy, host, "bob", 4) == [200] * 3 + [429]


@real
def test_a_cluster(proxy, space):
    with contextlib.ExitStack() as stack:
        one, two = (redis.Redis(next(_ports), cluster=True) for _ in range(2))
        stack.callback(one.stop)
        stack.callback(two.stop)
        one.ask("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
        two.ask("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
        assert one.ask("CLUSTER", "MEET", "127.0.0.1", str(two.port)) == b"+OK"
        eventually(lambda: all(b"cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in (one, two)), 20, 0.1, "the cluster")
        spec = limit(one.port, burst=2, denyOnError=True)
        spec["rateLimit"]["redis"]["endpoints"] = [f"127.0.0.1:{node.port}" for node in (one, two)]
        host = space.route(middlewares=[spec])
        proxy.served(host)
        for number in range(20):
            assert statuses(proxy, host, f"user-{number}", 3) == [200, 200, 429]
        counts = [int(node.ask("DBSIZE")[1:]) for node in (one, two)]
        assert sum(counts) >= 20 and min(counts) > 2, counts


def test_what_is_no_redis_holds_nobody_up(proxy, space):
    answers = {"nonsense": b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100, "silence": b"", "error": b"-ERR no\r\n" * 100, "long": b"$999999999\r\nabc"}
    neighbour = space.route(f"neighbour.{space.name}.test")
    with contextlib.ExitStack() as stack:
        for name, answer in answers.items():
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve(listener=listener, answer=answer):
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        connection.sendall(answer)
                        kept.append(connection)

            kept = []
            threading.Thread(target=serve, daemon=True).start()
            port = listener.getsockname()[1]
            host = space.route(f"{name}.{space.name}.test", middlewares=[limit(port, burst=2)])
            closed = space.route(f"closed-{name}.{space.name}.test", middlewares=[limit(port, denyOnError=True)])
            proxy.served(host)
            begun = time.monotonic()
            assert statuses(proxy, host, "ann", 4) == [200, 200, 429, 429], name
            proxy.served(closed, status=500)
            assert proxy.get(closed).body == b"Could not insert/update bucket\n"
            proxy.served(neighbour)
            assert time.monotonic() - begun < 5, name


def test_a_way_that_is_none_disables_the_router(proxy, space):
    host = space.route(middlewares=[{"rateLimit": {"average": 1, "redis": {"endpoints": ["127.0.0.1:port"]}}}])
    eventually(lambda: any("redis: " in str(entry) for entry in proxy.api("/diagnostics")), 5, what="the diagnostic")
    assert proxy.get(host).status == 404
