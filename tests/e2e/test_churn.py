"""Mixed traffic while routes, endpoints, middlewares and certificates change every 200 ms: not one failure.

Half a minute here; `tests/run soak` sets FLOW_CHURN_SECONDS to ten minutes.
"""

import itertools
import os
import socket
import threading
import time

import pytest
import websockets.sync.client
from harness import backends as b
from harness import clients, objects, pki

pytestmark = pytest.mark.measures

SECONDS = float(os.environ.get("FLOW_CHURN_SECONDS", "30"))
EVERY = 0.2


class Traffic(threading.Thread):
    """A client that repeats `once` until it is stopped; any exception is a failure."""

    def __init__(self, name, once):
        super().__init__(daemon=True)
        self.label, self.once = name, once
        self.count, self.failures, self.stopped = 0, [], threading.Event()

    def run(self):
        while not self.stopped.is_set():
            try:
                self.once()
                self.count += 1
            except Exception as error:  # noqa: BLE001  everything is a failure here
                self.failures.append(f"{self.label} after {self.count}: {error!r}")
                time.sleep(0.1)
            time.sleep(0.005)


def kept_alive(proxy, host, tls):
    """Requests on one connection for as long as it lasts; an announced end is no failure."""
    state = {"connection": None}

    def once():
        if state["connection"] is None:
            state["connection"] = proxy.http1(tls=tls, host=host)
        try:
            answer = state["connection"].request(host, "/echo", "POST", body=b"body" * 100)
        except Exception:
            state["connection"] = None
            raise
        assert answer.status == 200, answer
        assert answer.json()["length"] == 400
        assert answer.get("X-Churn"), "the middleware's header is missing"
        if (answer.get("Connection") or "").lower() == "close":
            state["connection"] = None

    return once


def new_connections(proxy, host):
    def once():
        answer = proxy.get_tls(host, "/size/3000", headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200, answer
        assert len(answer.decoded()) == 3000

    return once


def multiplexed(proxy, host, tls):
    state = {"connection": None}

    def once():
        if state["connection"] is None:
            state["connection"] = proxy.http2(tls=tls, host=host)
        connection = state["connection"]
        try:
            streams = [connection.start(host, f"/slow/{n}") for n in (1, 5, 10, 20)]
            for stream in streams:
                assert connection.wait(stream).status == 200
        except Exception:
            state["connection"] = None
            raise
        if connection.goaway is not None:
            state["connection"] = None

    return once


def websocket(proxy, host):
    """One WebSocket for the whole time: it may never be dropped."""
    raw = socket.create_connection(("127.0.0.1", proxy.web), 10)
    connection = websockets.sync.client.connect(f"ws://{host}/", sock=raw, compression=None, ping_interval=None).__enter__()
    numbers = itertools.count()

    def once():
        message = f"message {next(numbers)}"
        connection.send(message)
        assert connection.recv(timeout=10) == message
        time.sleep(0.02)

    return once


def streaming(proxy, host):
    def once():
        with proxy.http1() as connection:
            connection.send(clients.request_bytes(host, "/stream/20/50", close=True))
            assert connection.head().status == 200
            assert len(list(connection.chunks())) == 20

    return once


def changes(space):
    """The changes, one after the other, without end."""
    host = space.host
    for n in itertools.count():
        kind = n % 6
        if kind == 0:
            space.apply(objects.middleware("stamp", space.name, {"headers": {"customResponseHeaders": {"X-Churn": str(n)}}}))
        elif kind == 1:
            chosen = [b.ADDRESSES[i] for i in range(3) if (n // 6 + i) % 3]
            space.backend("backend", addresses=chosen)
        elif kind == 2:
            space.apply(objects.tls_secret("churn", space.name, pki.leaf(host)))
        elif kind == 3:
            space.route(f"extra{n % 30}.{host}")
        elif kind == 4:
            space.delete(objects.ingress(f"ing-extra{(n - 13) % 30}-{host.replace('.', '-')}", space.name, "x"))
        else:
            space.backend("ws", port=b.WEBSOCKET, addresses=[b.ADDRESSES[n % 3], b.ADDRESSES[(n + 1) % 3]])
        yield


def test_nothing_fails_while_everything_changes(proxy, space, figures):
    space.apply(objects.tls_secret("churn", space.name, pki.leaf(space.host)))
    space.apply(objects.middleware("stamp", space.name, {"headers": {"customResponseHeaders": {"X-Churn": "0"}}}))
    space.apply(objects.middleware("zip", space.name, {"compress": {}}))
    reference = {"router.middlewares": f"{space.name}-stamp@kubernetescrd,{space.name}-zip@kubernetescrd"}
    space.backend("ws", port=b.WEBSOCKET, addresses=b.ADDRESSES)
    space.route(annotations=reference, tls=["churn"])
    space.route(f"ws.{space.host}", backend="ws", annotations=reference)
    proxy.served(space.host)
    proxy.served(f"ws.{space.host}", status=426)
    host = space.host
    traffic = [
        *(Traffic("HTTP/1.1", kept_alive(proxy, host, False)) for _ in range(3)),
        Traffic("HTTP/1.1 over TLS", kept_alive(proxy, host, True)),
        Traffic("new TLS connections", new_connections(proxy, host)),
        Traffic("HTTP/2", multiplexed(proxy, host, False)),
        Traffic("HTTP/2 over TLS", multiplexed(proxy, host, True)),
        *(Traffic("WebSocket", websocket(proxy, f"ws.{host}")) for _ in range(4)),
        *(Traffic("streaming", streaming(proxy, host)) for _ in range(3)),
    ]
    for thread in traffic:
        thread.start()
    end, made = time.monotonic() + SECONDS, 0
    turns = changes(space)
    while time.monotonic() < end:
        due = time.monotonic() + EVERY
        next(turns)
        made += 1
        time.sleep(max(0, due - time.monotonic()))
    for thread in traffic:
        thread.stopped.set()
    for thread in traffic:
        thread.join(20)
    totals = {}
    for thread in traffic:
        totals[thread.label] = totals.get(thread.label, 0) + thread.count
    failures = [failure for thread in traffic for failure in thread.failures]
    shown = ", ".join(f"{count} {label}" for label, count in totals.items())
    figures(f"{SECONDS:.0f} s of change, {made} changes: {shown}; {len(failures)} failures")
    assert not failures, failures[:10]
    assert all(count > 0 for count in totals.values())
