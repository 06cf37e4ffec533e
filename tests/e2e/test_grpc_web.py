"""gRPC-Web, as scripts in browsers speak it, to a gRPC server."""

import base64
import struct

import pytest
from harness import backends
from harness.waiting import eventually

ORIGIN = "https://app.test"
CHAIN = [
    {"headers": {"customResponseHeaders": {"X-Outer": "1"}}},
    {"compress": {"minResponseBodyBytes": 1}},
    {"grpcWeb": {"allowOrigins": [ORIGIN]}},
    {"headers": {"customRequestHeaders": {"X-Inner": "1"}}},
]


def message(data):
    return b"\0" + struct.pack(">I", len(data)) + data


def messages(body):
    """The messages in a body, and the lines of the last, which holds trailers."""
    found = []
    while body:
        flag, length = body[0], struct.unpack(">I", body[1:5])[0]
        found.append(body[5 : 5 + length])
        body = body[5 + length :]
        if flag == 0x80:
            assert not body, "trailers come last"
            return found[:-1], dict(line.split(": ", 1) for line in found[-1].decode().split("\r\n") if line)
    raise AssertionError("no trailers")


@pytest.fixture
def call(proxy, space):
    """call(method, data, ...) of flow.Echo."""
    space.backend("grpc", port=backends.GRPC, annotations={"service.serversscheme": "h2c"})
    host = space.route(backend="grpc", middlewares=CHAIN)

    def make(method, data, kind="application/grpc-web+proto", path="/flow.Echo/", http_method="POST", **headers):
        headers = {"Content-Type": kind, "Origin": ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return proxy.get(host, path + method, method=http_method, headers=headers, body=data)

    eventually(lambda: make("Say", message(b"x")).status == 200, 10, what="the route")
    return make


def test_a_call_and_its_trailers(call):
    answer = call("Say", message(b"hi"))
    assert (answer.status, answer.get("Content-Type")) == (200, "application/grpc-web"), "as the server says, for the web"
    said, trailers = messages(answer.body)
    assert said == [b"echo hi"] and trailers["grpc-status"] == "0" and trailers["x-trailer"] == "unary"
    assert answer.get("Access-Control-Allow-Origin") == ORIGIN
    assert answer.get("Access-Control-Expose-Headers").endswith("grpc-status, grpc-message")
    assert answer.get("X-Outer") == "1" and answer.get("Trailer") is None and answer.trailers == []


def test_a_stream_and_an_error(call):
    said, trailers = messages(call("Count", message(b"3")).body)
    assert said == [b"0", b"1", b"2"] and trailers["grpc-status"] == "0"
    failed = call("Fail", message(b""))
    said, trailers = messages(failed.body)
    status = trailers.get("grpc-status") or failed.get("grpc-status")
    assert (failed.status, said, status) == (200, [], "5")


def test_text(call):
    encoded = base64.b64encode(message(b"hi"))
    answer = call("Say", encoded, "application/grpc-web-text")
    assert answer.get("Content-Type").startswith("application/grpc-web-text")
    parts = answer.body.replace(b"=", b"=\n").replace(b"=\n=", b"==").split(b"\n")
    said, trailers = messages(b"".join(base64.b64decode(part) for part in parts))
    assert said == [b"echo hi"] and trailers["grpc-status"] == "0"
    assert call("Say", b"not Base64!", "application/grpc-web-text").status == 400


def test_browsers_are_answered(call):
    asks = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type,x-grpc-web"}
    answer = call("Say", None, http_method="OPTIONS", **asks)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.get("Access-Control-Allow-Origin") == ORIGIN
    assert answer.get("Access-Control-Allow-Headers") == "Content-Type, X-Grpc-Web"
    assert answer.get("Access-Control-Max-Age") == "600" and answer.get("X-Outer") == "1"
    other = call("Say", None, http_method="OPTIONS", Origin="https://evil.test", **asks)
    assert other.get("Access-Control-Allow-Origin") is None
    assert call("Say", message(b"x"), Origin="https://evil.test").get("Access-Control-Allow-Origin") is None


def test_compressed_around(call):
    answer = call("Say", message(b"hi"), Accept_Encoding="gzip")
    said, trailers = messages(answer.decoded())
    assert said == [b"echo hi"] and trailers["grpc-status"] == "0"
