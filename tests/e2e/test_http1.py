"""HTTP/1.1 from client to backend: connections, bodies, streams, interim answers, upgrades."""

import hashlib
import json
import socket
import threading
import time

import pytest
import websockets.sync.client
from harness import backends, clients, pki
from harness.space import Space
from websockets.exceptions import ConnectionClosed


@pytest.fixture(scope="module")
def host(proxy, cluster):
    space = Space(cluster)
    space.backend("ws", port=backends.WEBSOCKET)
    space.route(backend="ws", host=f"ws.{space.host}")
    space.route()
    proxy.served(space.host)
    yield space.host
    space.clear()


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def connection(request, proxy, host):
    with proxy.http1(tls=request.param, host=host) as connected:
        yield connected


def test_connection_is_kept_alive(connection, host):
    for i in range(5):
        answer = connection.request(host, f"/{i}")
        assert answer.status == 200
        assert answer.json()["target"] == f"/{i}"


def test_backend_connections_are_reused(connection, host):
    numbers = [connection.request(host).json()["number"] for _ in range(10)]
    assert max(numbers) >= 5, numbers


def test_connection_close_is_honoured(connection, host):
    answer = connection.request(host, close=True)
    assert answer.status == 200
    assert answer.get("Connection") == "close"
    assert connection.closed()


def test_http_1_0(connection, host):
    connection.send(f"GET /old HTTP/1.0\r\nHost: {host}\r\n\r\n")
    answer = connection.read()
    assert (answer.status, answer.json()["target"]) == (200, "/old")
    assert connection.closed()


def test_bytes_that_no_target_may_hold_are_escaped(connection, host):
    """curl sends the quotes of a query as they were typed."""
    connection.send(f'GET /<a>?filter={{"b":1}} HTTP/1.1\r\nHost: {host}\r\n\r\n')
    answer = connection.read()
    assert (answer.status, answer.json()["target"]) == (200, "/%3Ca%3E?filter={%22b%22:1}")
    connection.send(f"GET /a#b HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert connection.read().status == 400


def test_pipelined_requests_are_answered_in_order(connection, host):
    connection.send(b"".join(clients.request_bytes(host, path) for path in ("/slow/100", "/b", "/c")))
    assert [connection.read().json()["target"] for _ in range(3)] == ["/slow/100", "/b", "/c"]


def test_head_has_length_and_no_body(connection, host):
    answer = connection.request(host, "/size/1234", "HEAD")
    assert (answer.status, answer.get("Content-Length")) == (200, "1234")
    assert connection.request(host, "/next").json()["target"] == "/next"


@pytest.mark.parametrize("status", [204, 304, 404, 500, 418])
def test_statuses_pass(connection, host, status):
    assert connection.request(host, f"/status/{status}").status == status
    assert connection.request(host).status == 200


def test_forwarded_headers(connection, host, proxy):
    forged = {"X-Forwarded-For": "1.2.3.4", "X-Real-Ip": "1.2.3.4", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "gopher"}
    answer = connection.request(host, headers=forged)
    assert answer.seen("x-forwarded-for") == "127.0.0.1"
    assert answer.seen("x-real-ip") == "127.0.0.1"
    assert answer.seen("x-forwarded-host") == host
    assert answer.seen("x-forwarded-proto") in ("http", "https")
    assert answer.seen("x-forwarded-server")
    assert answer.seen("host") == host


def test_hop_by_hop_headers_end_here(connection, host):
    sent = {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "Keep-Alive": "timeout=9", "Proxy-Authorization": "x", "TE": "gzip"}
    answer = connection.request(host, headers=sent)
    for name in ("x-mine", "keep-alive", "proxy-authorization", "te"):
        assert answer.seen(name) is None, name


def test_chunked_upload(connection, host):
    connection.send(f"POST /up HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (b"one", b"two", b"x" * 100000):
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.send(b"0\r\n\r\n")
    answer = connection.read()
    assert answer.json()["length"] == 100006
    assert connection.request(host).status == 200


def test_upload_streams(proxy, connection, host):
    """100 MB through the proxy without being held there."""
    block, count = bytes(range(256)) * 4096, 100
    before = proxy.process.resident_mb()
    peak = before
    digest = hashlib.sha256()
    connection.send(f"PUT /up HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(block) * count}\r\n\r\n")
    for _ in range(count):
        connection.send(block)
        digest.update(block)
        peak = max(peak, proxy.process.resident_mb())
    answer = connection.read()
    assert answer.json()["sha256"] == digest.hexdigest()
    assert peak - before < 30, f"{before:.0f} MB grew to {peak:.0f} MB"


def test_download_streams(proxy, connection, host):
    """With a slow reader of 100 MB, the proxy does not buffer them."""
    size = 100 * 1024 * 1024
    before = proxy.process.resident_mb()
    connection.send(clients.request_bytes(host, f"/large/{size}"))
    assert connection.head().get("Content-Length") == str(size)
    time.sleep(0.5)  # the backend sends as fast as it can; unread data must wait there
    assert proxy.process.resident_mb() - before < 30
    assert len(connection.exactly(size)) == size


@pytest.mark.parametrize("kind", ["stream", "sse"])
def test_streams_are_not_held_back(connection, host, kind):
    """Pieces arrive as they are sent, 100 ms apart, not together at the end."""
    start = time.monotonic()
    connection.send(clients.request_bytes(host, f"/{kind}/5/100"))
    assert connection.head().status == 200
    times = [time.monotonic() - start for _ in connection.chunks()]
    assert len(times) == 5
    assert times[0] < 0.25
    assert times[-1] - times[0] > 0.3


def test_request_body_streams_to_the_backend(connection, host):
    """The backend may answer before the upload has ended."""
    connection.send(f"POST /refuse-upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n")
    connection.send(b"x" * 1000)
    assert connection.read().status == 413


def test_expect_100_continue(connection, host):
    connection.send(f"POST /c HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert connection.head().status == 100
    connection.send(b"body")
    assert connection.read().json()["body"] == "body"


def test_early_hints_come_before_their_answer(connection, host):
    for _ in range(3):
        answer = connection.request(host, "/early")
        assert (answer.status, answer.json()["target"]) == (200, "/early")
        assert [hint.status for hint in answer.interim] == [103]


def test_early_hints_of_pipelined_requests(connection, host):
    """Each is sent before its own response, or is left out if that is not certain; never within another response."""
    paths = ["/early", "/a", "/early", "/large/100000", "/early"]
    connection.send(b"".join(clients.request_bytes(host, path) for path in paths))
    for path in paths:
        answer = connection.read()
        assert answer.status == 200
        assert len(answer.body) == 100_000 if path.startswith("/large") else answer.json()["target"] == path
        assert [hint.status for hint in answer.interim] in ([[103], []] if path == "/early" else [[]])


def test_http_1_0_knows_no_early_hints(connection, host):
    connection.send(f"GET /early HTTP/1.0\r\nHost: {host}\r\n\r\n")
    answer = connection.read()
    assert (answer.status, answer.interim) == (200, [])


def test_response_trailers_pass(connection, host):
    answer = connection.request(host, "/trailers", headers={"TE": "trailers"})
    assert answer.body == b"hello"
    assert [(n.lower(), v) for n, v in answer.trailers] == [("x-sum", "5d41")]
    assert answer.get("Trailer") == "X-Sum"


def test_trailers_that_do_not_come_are_not_announced(connection, host):
    answer = connection.request(host, "/trailers")
    assert (answer.body, answer.trailers, answer.get("Trailer")) == (b"hello", [], None)


def test_request_trailers_end_here(connection, host):
    """As in Traefik, they are read and not passed on."""
    connection.send(f"POST /t HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n")
    answer = connection.read()
    assert (answer.json()["body"], answer.json()["trailers"]) == ("ab", [])


def test_any_upgrade(connection, host):
    connection.send(clients.request_bytes(host, "/upgrade", headers={"Connection": "Upgrade", "Upgrade": "shout/1"}))
    answer = connection.head()
    assert answer.status == 101
    assert answer.get("Upgrade") == "shout/1"
    for word in (b"hello", b"again"):
        connection.send(word)
        assert connection.exactly(5) == word.upper()


def test_upgrade_ends_when_the_client_leaves(proxy, host):
    connection = proxy.http1()
    connection.send(clients.request_bytes(host, "/upgrade", headers={"Connection": "Upgrade", "Upgrade": "shout/1"}))
    assert connection.head().status == 101
    connection.close()
    assert proxy.get(host).status == 200


def test_refused_upgrade_is_an_ordinary_answer(connection, host):
    answer = connection.request(host, "/plain", headers={"Connection": "Upgrade", "Upgrade": "shout/1"})
    assert answer.status == 200
    assert connection.request(host).status == 200


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websocket(proxy, host, scheme):
    port = proxy.websecure if scheme == "wss" else proxy.web
    raw = socket.create_connection(("127.0.0.1", port), 10)
    tls = {"ssl": pki.client_context(alpn=["http/1.1"])} if scheme == "wss" else {}
    with websockets.sync.client.connect(f"{scheme}://ws.{host}/who", sock=raw, compression=None, max_size=None, **tls) as ws:
        seen = json.loads(ws.recv())
        names = [name for name, _ in seen]
        assert "Sec-WebSocket-Key" in names, names
        assert dict((n.lower(), v) for n, v in seen)["x-forwarded-proto"] == scheme
        for message in ("text", b"binary", "x" * 200000):
            ws.send(message)
            assert ws.recv() == message
        ws.ping().wait(5)


def test_websocket_close_codes_pass(proxy, host):
    raw = socket.create_connection(("127.0.0.1", proxy.web), 10)
    with websockets.sync.client.connect(f"ws://ws.{host}/", sock=raw) as ws:
        ws.close(4001, "mine")
        with pytest.raises(ConnectionClosed):
            ws.recv()
        assert ws.close_code == 4001


def test_many_connections_at_once(proxy, host):
    errors = []

    def client():
        try:
            with proxy.http1() as own:
                for _ in range(20):
                    assert own.request(host, "/size/1000").status == 200
        except Exception as error:  # noqa: BLE001  all of them are failures
            errors.append(error)

    threads = [threading.Thread(target=client) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_unknown_host_and_path(proxy, host):
    answer = proxy.get("nobody.at.all.test")
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.get("Content-Type") == "text/plain; charset=utf-8"
    assert answer.get("X-Content-Type-Options") == "nosniff"
