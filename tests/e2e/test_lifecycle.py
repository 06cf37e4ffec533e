"""Start and stop: no request fails in a stop under load."""

import signal
import socket
import threading
import time

import pytest
import websockets.sync.client
from harness import backends as b
from harness import clients
from harness.proxy import Proxy
from harness.waiting import eventually


@pytest.fixture
def own(cluster, backends, make_space):
    """A proxy that may be stopped, with the hosts `own.host` and `ws.…`."""
    space = make_space()
    space.backend("ws", port=b.WEBSOCKET)
    flags = [f"--providers.kubernetesingress.namespaces={space.name}"]
    space.route(f"ws.{space.host}", backend="ws")
    space.route()
    running = Proxy(*flags, cluster=cluster)
    running.host = space.host
    running.served(space.host)
    yield running
    running.stop()


class Worker(threading.Thread):
    """Repeats requests on one connection until it is told that the connection ends; notes every failure."""

    def __init__(self, proxy, kind):
        super().__init__(daemon=True)
        self.proxy, self.kind = proxy, kind
        self.failures, self.answered, self.farewell = [], 0, False

    def run(self):
        try:
            self.http1() if self.kind == "http1" else self.http2()
        except Exception as error:  # noqa: BLE001  every kind of end but the announced one is a failure
            self.failures.append(f"{self.kind} after {self.answered}: {error!r}")

    def http1(self):
        with self.proxy.http1(tls=False) as connection:
            while True:
                answer = connection.request(self.proxy.host, "/slow/20")
                assert answer.status == 200, answer
                self.answered += 1
                if (answer.get("Connection") or "").lower() == "close":
                    self.farewell = True
                    assert connection.closed()
                    return

    def http2(self):
        with self.proxy.http2() as connection:
            while True:
                streams = [connection.start(self.proxy.host, "/slow/30") for _ in range(5)]
                last = None
                for stream in streams:
                    try:
                        assert connection.wait(stream).status == 200
                        self.answered += 1
                    except ConnectionError:
                        # Streams beyond the last one that GOAWAY names were not taken and may be repeated.
                        last = connection.goaway and connection.goaway.last_stream_id
                        assert last is not None and stream > last, f"stream {stream} lost, last {last}"
                if connection.goaway is not None:
                    self.farewell = True
                    return


def test_stop_under_load_fails_nobody(own):
    workers = [Worker(own, kind) for kind in ["http1"] * 12 + ["http2"] * 4]
    for worker in workers:
        worker.start()
    slow = own.http1()
    slow.send(clients.request_bytes(own.host, "/slow/1500"))
    stream = own.http1()
    stream.send(clients.request_bytes(own.host, "/stream/15/100"))
    assert stream.head().status == 200
    time.sleep(0.5)
    asked = time.monotonic()
    own.process.signal(signal.SIGTERM)
    for worker in workers:
        worker.join(15)
    assert not [failure for worker in workers for failure in worker.failures]
    assert all(worker.farewell for worker in workers), "somebody was not told"
    assert sum(worker.answered for worker in workers) > 100
    answer = slow.read()
    assert answer.status == 200
    assert answer.get("Connection") == "close"
    assert len(list(stream.chunks())) == 15
    assert own.process.child.wait(10) == 0
    assert time.monotonic() - asked < 10


def test_idle_connections_do_not_delay_the_end(own):
    idle = [own.http1() for _ in range(5)]
    for connection in idle:
        connection.request(own.host)
    silent = [socket.create_connection(("127.0.0.1", own.web)) for _ in range(3)]
    start = time.monotonic()
    own.process.signal(signal.SIGTERM)
    assert own.process.child.wait(10) == 0
    assert time.monotonic() - start < 5
    for connection in idle + silent:
        connection.close()


def test_endless_streams_are_cut_after_the_grace_time(cluster, backends, make_space):
    space = make_space()
    host = space.route()
    flags = [f"--providers.kubernetesingress.namespaces={space.name}", "--entrypoints.web.transport.lifecycle.gracetimeout=1s"]
    with Proxy(*flags, cluster=cluster) as own:
        own.served(host)
        connection = own.http1()
        connection.send(clients.request_bytes(host, "/stream/1000/100"))
        assert connection.head().status == 200
        start = time.monotonic()
        own.process.signal(signal.SIGTERM)
        own.process.child.wait(10)
        assert 0.7 < time.monotonic() - start < 5


def test_new_connections_are_taken_while_the_endpoint_is_being_removed(cluster, backends, make_space):
    """With a request-accept grace time: /ping and /ready fail at once, requests are served until it is over."""
    space = make_space()
    host = space.route()
    flags = [
        f"--providers.kubernetesingress.namespaces={space.name}",
        "--entrypoints.web.transport.lifecycle.requestacceptgracetimeout=1500ms",
        "--entrypoints.traefik.transport.lifecycle.requestacceptgracetimeout=1500ms",
    ]
    with Proxy(*flags, cluster=cluster) as own:
        own.served(host)
        own.process.signal(signal.SIGTERM)
        start = time.monotonic()
        eventually(lambda: own.admin_get("/ping").status_code == 503, 1, what="503 from /ping")
        assert own.admin_get("/ready").status_code == 503
        count = 0
        while time.monotonic() - start < 1.2:
            assert own.get(host).status == 200
            count += 1
        assert count > 10
        assert own.process.child.wait(15) == 0


def test_websocket_ends_with_the_process_not_before(own):
    raw = socket.create_connection(("127.0.0.1", own.web), 5)
    with websockets.sync.client.connect(f"ws://ws.{own.host}/", sock=raw) as connection:
        connection.send("a")
        assert connection.recv() == "a"
        own.process.signal(signal.SIGTERM)
        time.sleep(0.3)
        if own.process.running:
            connection.send("b")
            assert connection.recv() == "b"
    own.process.child.wait(15)


def test_interrupt_is_a_polite_end_too(own):
    own.process.signal(signal.SIGINT)
    assert own.process.child.wait(10) == 0


def test_restart_on_the_same_ports(cluster, backends, make_space):
    """A port is free again at once."""
    space = make_space()
    host = space.route()
    flags = ["--entrypoints.web.address=:21101", f"--providers.kubernetesingress.namespaces={space.name}"]
    for _ in range(3):
        own = Proxy(*flags, cluster=cluster, ready=False)
        own.web = 21101
        with own:
            own.wait_ready()
            with own.http1() as connection:
                assert connection.request(host).status == 200
