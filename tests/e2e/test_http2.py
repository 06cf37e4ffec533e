"""HTTP/2 in, by ALPN and with prior knowledge, and gRPC."""

import re
import subprocess
import threading
import time
import uuid

import grpc
import pytest
from harness import backends
from harness.space import Space


@pytest.fixture(scope="module")
def host(proxy, cluster):
    space = Space(cluster)
    for name, port in (("grpc", backends.GRPC), ("h2c", backends.H2C)):
        space.backend(name, port=port, annotations={"service.serversscheme": "h2c"})
        space.route(f"{name}.{space.host}", backend=name)
    space.route()
    proxy.served(space.host)
    yield space.host
    space.clear()


@pytest.fixture(params=[False, True], ids=["prior-knowledge", "alpn"])
def connection(request, proxy, host):
    with proxy.http2(tls=request.param, host=host) as connected:
        yield connected


def test_request_and_forwarded_headers(connection, host):
    answer = connection.request(host, "/p?q=1", headers={"X-A": "1", "Cookie": "a=1"})
    assert answer.status == 200
    seen = answer.json()
    assert (seen["target"], seen["version"]) == ("/p?q=1", "HTTP/1.1")
    assert answer.seen("host") == host
    assert answer.seen("x-a") == "1"
    assert answer.seen("x-forwarded-for") == "127.0.0.1"


def test_split_cookies_are_joined(connection, host):
    answer = connection.request(host, headers=[("cookie", "a=1"), ("cookie", "b=2")])
    assert [v for n, v in answer.json()["headers"] if n.lower() == "cookie"] == ["a=1; b=2"]


def test_our_own_answer_to_head_has_a_length_and_no_body(connection, host):
    """With a body it would be an error of the stream to clients."""
    answer = connection.request("nobody.test", method="HEAD")
    assert (answer.status, answer.body, answer.get("content-length")) == (404, b"", "19")


def test_streams_are_independent(connection, host):
    """A slow stream does not block others."""
    start = time.monotonic()
    slow = connection.start(host, "/slow/700")
    for i in range(20):
        assert connection.request(host, f"/{i}").json()["target"] == f"/{i}"
    assert time.monotonic() - start < 0.6
    assert connection.wait(slow).status == 200


def test_hundred_streams_at_once(connection, host):
    streams = [connection.start(host, f"/slow/100?{i}") for i in range(100)]
    start = time.monotonic()
    for i, stream in enumerate(streams):
        assert connection.wait(stream).json()["target"].endswith(f"?{i}")
    assert time.monotonic() - start < 5


def test_large_bodies_both_ways(connection, host):
    answer = connection.request(host, "/up", "POST", body=b"z" * 3_000_000)
    assert answer.json()["length"] == 3_000_000
    assert len(connection.request(host, "/large/3000000").body) == 3_000_000


def test_no_connection_headers_come_back(connection, host):
    answer = connection.request(host)
    for name in ("connection", "keep-alive", "transfer-encoding", "upgrade"):
        assert answer.get(name) is None


def test_trailers_pass(connection, host):
    answer = connection.request(host, "/trailers", headers={"te": "trailers"})
    assert (answer.body, answer.trailers) == (b"hello", [("x-sum", "5d41")])


def test_early_hints_come_before_the_answer(connection, host):
    plain = connection.start(host, "/slow/100")
    answer = connection.request(host, "/early")
    assert answer.status == 200
    assert answer.json()["target"] == "/early"
    assert answer.interim == [{":status": "103", "link": "</style.css>; rel=preload"}]
    assert answer.get("link") is None
    assert connection.wait(plain).interim == []


def test_curl_shows_early_hints(proxy, host):
    command = ["curl", "-sS", "-i", "--http2-prior-knowledge", "--resolve", f"{host}:{proxy.web}:127.0.0.1", f"http://{host}:{proxy.web}/early"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    assert re.match(r"HTTP/2 103\s+link: </style.css>; rel=preload\s+HTTP/2 200\s", shown), shown


def test_a_body_that_waits_to_be_wanted_is_asked_for(connection, host):
    stream = connection.start(host, "/up", "POST", headers={"expect": "100-continue", "content-length": "5"}, end=False)
    while stream not in connection.answers:
        connection.step()
    assert connection.answers[stream].interim == [{":status": "100"}]
    connection.data(stream, b"asked")
    assert connection.wait(stream).json()["length"] == 5


def test_a_body_that_nobody_wants_is_not_asked_for(connection):
    stream = connection.start("nobody.test", "/", "POST", headers={"expect": "100-continue", "content-length": "5"}, end=False)
    answer = connection.wait(stream)
    assert (answer.status, answer.interim) == (404, [])


def test_stream_that_the_client_gives_up(connection, host):
    stream = connection.start(host, "/slow/2000")
    connection.h2.reset_stream(stream, 8)
    connection._flush()
    assert connection.request(host).status == 200


def test_backend_that_resets_fails_one_stream_only(connection, host):
    answer = connection.request(host, "/reset")
    assert (answer.status, answer.body) == (502, b"Bad Gateway")
    assert connection.request(host).status == 200


def test_events_are_not_held_back(connection, host):
    start = time.monotonic()
    stream = connection.start(host, "/sse/5/100")
    while stream not in connection.answers or not connection.answers[stream].body:
        connection.step()
    assert time.monotonic() - start < 0.3
    assert connection.wait(stream).body.count(b"data:") == 5


def test_http2_to_the_backend(connection, host):
    answer = connection.request(f"h2c.{host}", "/x", "POST", body=b"abc")
    assert answer.json()["version"] == "HTTP/2"
    assert answer.json()["authority"] == f"h2c.{host}"
    assert answer.json()["body"] == "abc"
    assert answer.trailers == [("x-sum", "5d41")]
    assert len(connection.request(f"h2c.{host}", "/size/1000000").body) == 1_000_000


def test_http1_client_of_an_http2_backend(proxy, host):
    answer = proxy.get(f"h2c.{host}", "/x", headers={"TE": "trailers"})
    assert answer.json()["version"] == "HTTP/2"
    assert [(n.lower(), v) for n, v in answer.trailers] == [("x-sum", "5d41")]


def test_early_hints_of_an_http2_backend(connection, proxy, host):
    over_http2 = connection.request(f"h2c.{host}", "/early")
    assert (over_http2.status, over_http2.interim) == (200, [{":status": "103", "link": "</style.css>; rel=preload"}])
    over_http1 = proxy.get(f"h2c.{host}", "/early")
    assert over_http1.status == 200
    assert [(hint.status, hint.get("Link")) for hint in over_http1.interim] == [(103, "</style.css>; rel=preload")]


def test_broken_chunks_towards_an_http2_backend_are_the_clients_mistake(proxy, host):
    token = uuid.uuid4().hex
    with proxy.http1() as broken:
        broken.send(f"POST /{token} HTTP/1.1\r\nHost: h2c.{host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n")
        assert broken.read().status == 400
        assert broken.closed()
    with proxy.http1() as leaving:
        leaving.send(f"POST /{token}/left HTTP/1.1\r\nHost: h2c.{host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
    assert proxy.access_line(RequestPath=f"/{token}")["DownstreamStatus"] == 400
    assert proxy.access_line(RequestPath=f"/{token}/left")["DownstreamStatus"] == 499


# --- gRPC ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def channel(proxy, host):
    options = [("grpc.default_authority", f"grpc.{host}"), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{proxy.web}", options) as opened:
        yield opened


def test_grpc_unary_with_trailing_metadata(channel):
    answer, call = channel.unary_unary("/flow.Echo/Say").with_call(b"hello", timeout=5)
    assert answer == b"echo hello"
    assert ("x-trailer", "unary") in [(k, v) for k, v in call.trailing_metadata()]


def test_grpc_server_streaming_comes_piece_by_piece(channel):
    start, times = time.monotonic(), []
    for message in channel.unary_stream("/flow.Echo/Count")(b"5", timeout=5):
        times.append((message, time.monotonic() - start))
    assert [m for m, _ in times] == [b"0", b"1", b"2", b"3", b"4"]
    assert times[-1][1] - times[0][1] > 0.1


def test_grpc_both_ways(channel):
    """Each message is answered before the next is sent."""
    answered = threading.Event()

    def messages():
        for word in (b"one", b"two", b"three"):
            yield word
            assert answered.wait(5)
            answered.clear()

    got = []
    for message in channel.stream_stream("/flow.Echo/Talk")(messages(), timeout=10):
        got.append(message)
        answered.set()
    assert got == [b"ONE", b"TWO", b"THREE"]


def test_grpc_errors_keep_their_status(channel):
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/flow.Echo/Fail")(b"", timeout=5)
    assert failure.value.code() == grpc.StatusCode.NOT_FOUND
    assert failure.value.details() == "nothing here"


def test_grpc_over_tls(proxy, host):
    with proxy.http2(tls=True, host=f"grpc.{host}") as connection:
        body = b"\x00" + (5).to_bytes(4, "big") + b"hello"
        headers = {"content-type": "application/grpc", "te": "trailers"}
        answer = connection.request(f"grpc.{host}", "/flow.Echo/Say", "POST", headers, body)
    assert answer.status == 200
    assert answer.body[5:] == b"echo hello"
    assert ("grpc-status", "0") in answer.trailers
