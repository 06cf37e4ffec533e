"""Requests that two parsers may read differently, or that are too large: 400 or 431, closed, and no backend ever sees them."""

import uuid

import pytest
from harness import clients
from harness.space import Space


@pytest.fixture(scope="module")
def host(proxy, cluster):
    space = Space(cluster)
    space.route()
    proxy.served(space.host)
    yield space.host
    space.clear()


CASES = {
    # name: (allowed statuses, bytes); HOST and PATH are filled in, SMUGGLED is a second request in the body
    "length-and-chunked": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED"),
    "chunked-and-length": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nSMUGGLED"),
    "two-lengths": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nSMUGGLED"),
    "length-list": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0, 5\r\n\r\nSMUGGLED"),
    "length-plus": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: +0\r\n\r\nSMUGGLED"),
    "length-minus": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\nSMUGGLED"),
    "length-hex": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0x0\r\n\r\nSMUGGLED"),
    "length-huge": ({400, 413}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length: 99999999999999999999999\r\n\r\nSMUGGLED"),
    "length-empty": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length:\r\n\r\nSMUGGLED"),
    "unknown-coding": ({400, 501}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nSMUGGLED"),
    "chunked-not-last": ({400, 501}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nSMUGGLED"),
    "two-codings": ({400, 501}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nSMUGGLED"),
    "coding-in-1.0": ({400, 501}, "POST PATH HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED"),
    "coding-with-tab": ({400, 501}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\nSMUGGLED"),
    "folded-header": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nX-Fold: a\r\n b\r\n\r\n"),
    "folded-first-header": ({400}, "GET PATH HTTP/1.1\r\n Host: HOST\r\nHost: HOST\r\n\r\n"),
    "folded-coding": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nSMUGGLED"),
    "bare-cr-in-value": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nX-A: a\rX-B: b\r\n\r\n"),
    "bare-cr-ends-line": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\rX-A: a\r\n\r\n"),
    "nul-in-value": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nX-A: a\x00b\r\n\r\n"),
    "nul-in-name": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nX\x00A: a\r\n\r\n"),
    "nul-in-target": ({400}, "GET PATH\x00x HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "space-before-colon": ({400}, "POST PATH HTTP/1.1\r\nHost: HOST\r\nContent-Length : 5\r\n\r\nSMUGGLED"),
    "no-colon": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nNoColon\r\n\r\n"),
    "empty-name": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\n: a\r\n\r\n"),
    "name-with-space": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nX A: a\r\n\r\n"),
    "two-hosts": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nHost: other.test\r\n\r\n"),
    "two-equal-hosts": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n"),
    "no-host": ({400}, "GET PATH HTTP/1.1\r\nX-A: a\r\n\r\n"),
    "host-with-path": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST/x\r\n\r\n"),
    "host-with-user": ({400}, "GET PATH HTTP/1.1\r\nHost: other.test@HOST\r\n\r\n"),
    "host-with-space": ({400}, "GET PATH HTTP/1.1\r\nHost: HOST other\r\n\r\n"),
    "absolute-and-other-host": ({400}, "GET http://HOSTPATH HTTP/1.1\r\nHost: other.test\r\n\r\n"),
    "other-absolute-and-host": ({400}, "GET http://other.testPATH HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "space-in-target": ({400}, "GET PATH x HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "fragment-in-target": ({400}, "GET PATH#x HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "relative-target": ({400}, "GET count/x HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "no-version": ({400}, "GET PATH\r\nHost: HOST\r\n\r\n"),
    "version-2.0": ({400, 505}, "GET PATH HTTP/2.0\r\nHost: HOST\r\n\r\n"),
    "version-1.2x": ({400, 505}, "GET PATH HTTP/1.1x\r\nHost: HOST\r\n\r\n"),
    "method-with-colon": ({400, 405, 501}, "GE:T PATH HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    "large-header": ({431}, "GET PATH HTTP/1.1\r\nHost: HOST\r\nX-Large: " + "a" * 2_000_000 + "\r\n\r\n"),
    "many-headers": ({400, 431}, "GET PATH HTTP/1.1\r\nHost: HOST\r\n" + "".join(f"X-{i}: a\r\n" for i in range(200_000)) + "\r\n"),
    "large-target": ({400, 414, 431}, "GET PATH?" + "a" * 2_000_000 + " HTTP/1.1\r\nHost: HOST\r\n\r\n"),
}


MAY_STAY_OPEN = {"fragment-in-target"}  # well framed, and refused for its content


def never_seen(proxy, host, token):
    assert proxy.get(host, f"/seen/{token}").text == "0", "the backend has seen it"


@pytest.mark.parametrize("name", CASES)
def test_refused_and_closed(proxy, host, name):
    allowed, text = CASES[name]
    token = uuid.uuid4().hex
    smuggled = f"GET /count/{token} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    data = text.replace("PATH", f"/count/{token}").replace("HOST", host).replace("SMUGGLED", smuggled)
    with proxy.http1() as connection:
        try:
            connection.send(data)
        except ConnectionError:
            pass  # refused before all of it was sent
        try:
            answer = connection.read()
        except ConnectionError:
            answer = None  # closed without a response, which is a refusal too, as a reset may have overtaken the response
        if answer is not None:
            assert answer.status in allowed, answer
            assert name in MAY_STAY_OPEN or connection.closed(), "left open"
        else:
            assert len(data) > 100_000, "closed without an answer"
    never_seen(proxy, host, token)


BROKEN_CHUNKS = {
    "not-hex": b"zz\r\nabc\r\n0\r\n\r\n",
    "negative": b"-1\r\nabc\r\n0\r\n\r\n",
    "hex-prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "overflow": b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "no-end-of-chunk": b"3\r\nabcd\r\n0\r\n\r\n",
    "bare-lf-after-data": b"3\r\nabc\n0\r\n\r\n",
    "space-before-size": b" 3\r\nabc\r\n0\r\n\r\n",
    "nul-in-size": b"3\x00\r\nabc\r\n0\r\n\r\n",
    "line-feed-in-extension": b"3;a\nabc\r\n0\r\n\r\n",
    "long-extension": b"3;" + b"a" * 20_000 + b"\r\nabc\r\n0\r\n\r\n",
    "trailer-without-colon": b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    "line-feed-before-trailers": b"3\r\nabc\r\n0\r\n\nX: y\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_broken_chunks_end_the_connection(proxy, host, name):
    """The head was good, so a backend may have seen it; what follows must never become a request. It is the client's mistake."""
    token = uuid.uuid4().hex
    with proxy.http1() as connection:
        connection.send(f"POST /echo?{token} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(BROKEN_CHUNKS[name] + clients.request_bytes(host, f"/count/{token}"))
        assert connection.read().status == 400
        assert connection.closed(), "left open"
    assert proxy.access_line(RequestPath=f"/echo?{token}")["DownstreamStatus"] == 400
    never_seen(proxy, host, token)


def test_a_client_that_leaves_within_a_chunk_is_gone(proxy, host):
    token = uuid.uuid4().hex
    with proxy.http1() as connection:
        connection.send(f"POST /echo?{token} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
    assert proxy.access_line(RequestPath=f"/echo?{token}")["DownstreamStatus"] == 499


def test_bare_line_feeds_do_not_hide_a_length(proxy, host):
    """A lone LF may end a line or be refused; it must not hide a header."""
    token = uuid.uuid4().hex
    with proxy.http1() as connection:
        connection.send(f"POST /echo HTTP/1.1\r\nHost: {host}\nContent-Length: 5\r\n\r\nhello".encode())
        answer = connection.read()
        assert answer.status == 400 or answer.json()["body"] == "hello"
    never_seen(proxy, host, token)


def test_tls_on_the_plain_port_is_let_go(proxy, host):
    with proxy.http1() as connection:
        connection.send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03" + b"\r\n\r\n")
        connection.socket.settimeout(5)
        try:
            data = connection.socket.recv(65536)
        except ConnectionError:
            data = b""
        assert data[:1] in (b"", b"\x15") or data.startswith(b"HTTP/1.1 400"), data


def test_absolute_form_that_agrees_is_served(proxy, host):
    with proxy.http1() as connection:
        answer = connection.request(host, f"http://{host}/abs?q=1")
        assert (answer.status, answer.json()["target"]) == (200, "/abs?q=1")


def test_head_that_never_ends_is_given_up(proxy, host):
    """Slow or silent clients hold nothing up: others are answered meanwhile."""
    held = [proxy.http1() for _ in range(50)]
    for connection in held:
        connection.send(f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ")
    assert proxy.get(host).status == 200
    for connection in held:
        connection.close()


# --- HTTP/2 ----------------------------------------------------------------------------------------------------------


def unchecked(proxy):
    """A client whose library sends even what it should refuse."""
    connection = proxy.http2()
    config = connection.h2.config
    config.validate_outbound_headers = config.normalize_outbound_headers = False
    return connection


HTTP2_CASES = {
    "connection-header": [("connection", "close")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "upper-case-name": [("X-Upper", "1")],
    "line-break-in-value": [("x-a", "a\r\nX-Smuggled: 1")],
    "nul-in-value": [("x-a", "a\x00b")],
    "colon-in-name": [("x:a", "1")],
    "other-host": [("host", "other.test")],
    "te-gzip": [("te", "gzip")],
    "pseudo-after-header": [("x-a", "1"), (":path", "/again")],
    "length-list": [("content-length", "1, 2")],
}


@pytest.mark.parametrize("name", HTTP2_CASES)
def test_http2_request_is_refused(proxy, host, name):
    token = uuid.uuid4().hex
    with unchecked(proxy) as connection:
        stream = connection.h2.get_next_available_stream_id()
        pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", f"/count/{token}")]
        connection.h2.send_headers(stream, pseudo + HTTP2_CASES[name], end_stream=True)
        connection._flush()
        try:
            assert connection.wait(stream).status == 400
        except ConnectionError:
            assert stream in connection.reset or connection.ended
    never_seen(proxy, host, token)


@pytest.mark.parametrize("ends", [True, False], ids=["alone", "with-bytes"])
def test_http2_connect_opens_no_tunnel(proxy, host, ends):
    with unchecked(proxy) as connection:
        stream = connection.h2.get_next_available_stream_id()
        connection.h2.send_headers(stream, [(":method", "CONNECT"), (":authority", f"{host}:80")], end_stream=ends)
        if not ends:
            connection.h2.send_data(stream, b"GET /count/tunnel HTTP/1.1\r\n\r\n")
        connection._flush()
        assert connection.wait(stream).status == 501
        assert connection.request(host).status == 200
    never_seen(proxy, host, "tunnel")


@pytest.mark.parametrize("path", ["/a<b", "/a>b", "/a`b", '/a?b="c"'])
def test_http2_path_that_no_uri_holds_fails_its_stream_alone(proxy, host, path):
    with unchecked(proxy) as connection:
        stream = connection.start(host, path)
        with pytest.raises(ConnectionError):
            connection.wait(stream)
        assert connection.reset[stream] == 1, "PROTOCOL_ERROR"
        assert connection.request(host, "/b").json()["target"] == "/b"


def test_http2_fragment_is_cut_off_before_routing(proxy, host):
    with unchecked(proxy) as connection:
        assert connection.request(host, "/a#/../b?c").json()["target"] == "/a"


def test_http2_body_shorter_than_its_length(proxy, host):
    """The stream fails; the backend does not get a whole request."""
    with unchecked(proxy) as connection:
        stream = connection.start(host, "/echo", "POST", [("content-length", "10")], end=False)
        try:
            connection.h2.send_data(stream, b"five!", end_stream=True)
            connection._flush()
            assert connection.wait(stream).status in (400, 499, 502)
        except ConnectionError:
            assert stream in connection.reset or connection.ended


@pytest.mark.parametrize("fields", [101, 400, 2_000])
def test_http2_many_fields(proxy, host, fields):
    """Answered with 431, or the connection ends: heads are not decoded without a limit."""
    token = uuid.uuid4().hex
    with proxy.http2() as connection:
        try:
            answer = connection.request(host, f"/count/{token}", headers=[("x-a", "b")] * fields)
            assert answer.status == 431
            assert connection.request(host).status == 200, "the connection lives"
        except ConnectionError:
            assert fields > 512 and connection.ended
    never_seen(proxy, host, token)


def test_http2_large_headers(proxy, host):
    token = uuid.uuid4().hex
    with proxy.http2() as connection:
        headers = [(f"x-{i}", "a" * 8000) for i in range(250)]
        try:
            assert connection.request(host, f"/count/{token}", headers=headers).status == 431
        except ConnectionError:
            pass
    never_seen(proxy, host, token)


def test_http2_rapid_resets_do_not_hurt_others(proxy, host):
    """Thousands of streams that are reset at once: the connection may be cut off; others are served."""
    with proxy.http2() as connection:
        try:
            for _ in range(50):
                for _ in range(50):
                    stream = connection.h2.get_next_available_stream_id()
                    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", host), (":path", "/slow/1000")]
                    connection.h2.send_headers(stream, pseudo, end_stream=True)
                    connection.h2.reset_stream(stream, 8)
                connection._flush()
        except ConnectionError:
            pass
        assert proxy.get(host).status == 200
