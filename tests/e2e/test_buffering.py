"""buffering: bodies stored in memory and on disk, limits, and requests that are sent again."""

import itertools
import subprocess

import pytest
from harness import paths
from harness.proxy import Proxy
from harness.space import Space
from harness.waiting import eventually

_numbers = itertools.count(1)

ROUTES = {
    "plain": [{"buffering": {}}],
    "small": [{"buffering": {"memRequestBodyBytes": 1000, "memResponseBodyBytes": 1000}}],
    "limits": [{"buffering": {"maxRequestBodyBytes": 10000, "maxResponseBodyBytes": 30000}}],
    "stored": [{"buffering": {"maxRequestBodyBytes": 10000, "memRequestBodyBytes": 100}}],
    "again": [{"buffering": {"retryExpression": "(IsNetworkError() || ResponseCode() == 503) && Attempts() < 3"}}],
    "within": [
        {"headers": {"customResponseHeaders": {"X-Outer": "1"}}},
        {"compress": {"minResponseBodyBytes": 1}},
        {"buffering": {"memRequestBodyBytes": 1000, "retryExpression": "ResponseCode() == 503 && Attempts() < 2"}},
        {"headers": {"customRequestHeaders": {"X-Inner": "1"}}},
    ],
}


@pytest.fixture(scope="module")
def space(cluster):
    space = Space(cluster)
    for name, specs in ROUTES.items():
        space.route(f"{name}.buffering.test", middlewares=specs)
    yield space
    space.clear()


@pytest.fixture(scope="module")
def ask(space, proxy):
    def ask(name, path="/", **more):
        return proxy.get(f"{name}.buffering.test", path, **more)

    for name in ROUTES:
        eventually(lambda name=name: ask(name).status == 200, 10, what=name)
    return ask


def chunked(proxy, name, body, path="/"):
    """A POST of `body` in chunks."""
    with proxy.http1() as connection:
        connection.send(f"POST {path} HTTP/1.1\r\nHost: {name}.buffering.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 7000):
            piece = body[at : at + 7000]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        return connection.read("POST")


def test_a_body_in_chunks_gets_a_length(ask, proxy):
    answer = chunked(proxy, "plain", b"x" * 30_000)
    seen = answer.json()
    assert (seen["length"], answer.seen("content-length"), answer.seen("transfer-encoding")) == (30_000, "30000", None)
    assert chunked(proxy, "limits", b"x" * 3000).seen("transfer-encoding") == "chunked", "a limit alone stores nothing"
    streamed = ask("plain", "/stream/3/1")
    assert (streamed.get("Content-Length"), streamed.body) == (str(len(streamed.body)), b"piece 0\npiece 1\npiece 2\n")


def test_a_long_body_goes_by_the_disk(ask, proxy):
    body = bytes(range(256)) * 20_000
    answer = ask("small", "/", method="PUT", body=body)
    assert (answer.status, answer.json()["length"]) == (200, len(body))
    assert len(ask("small", "/large/5000000").body) == 5_000_000
    assert chunked(proxy, "small", body).json()["length"] == len(body)


def test_limits(ask, proxy):
    for name in ("limits", "stored"):
        assert ask(name, method="POST", body=b"x" * 10_000).json()["length"] == 10_000
        refused = ask(name, method="POST", body=b"x" * 10_001)
        assert (refused.status, refused.body, refused.get("Content-Type")) == (413, b"Request Entity Too Large", None)
        assert chunked(proxy, name, b"x" * 10_000).json()["length"] == 10_000
        assert chunked(proxy, name, b"x" * 10_001).status == 413
    assert len(ask("limits", "/size/30000").body) == 30_000
    assert ask("limits", "/size/30001").status == 500
    assert ask("limits", "/stream/2000/0").status == 200, "some 22,000 bytes"
    assert ask("limits", "/stream/3000/0").status == 500


def counted(ask, name, path, **more):
    key = f"buffering-{next(_numbers)}"
    answer = ask(name, path, headers={"X-Count": key}, **more)
    return answer, int(ask("plain", f"/seen/{key}").body)


def test_a_request_is_sent_again(ask):
    for path, status, wanted in [("/status/503", 503, 3), ("/status/500", 500, 1), ("/reset", 502, 3)]:
        answer, times = counted(ask, "again", path, method="PUT", body=b"abc")
        assert (answer.status, times) == (status, wanted), path
    answer, times = counted(ask, "within", "/status/503", method="POST", body=b"y" * 5000)
    assert (answer.status, times, answer.json()["length"], answer.seen("x-inner")) == (503, 2, 5000, "1")
    assert answer.all("X-Outer") == ["1"]


def test_a_response_that_breaks_off_is_an_error_and_not_half_a_page(ask):
    assert ask("plain", "/cut").status == 502


def test_what_is_wrong_disables_the_router_and_says_why(proxy, space, ask):
    for name, spec, words in [
        ("negative", {"maxRequestBodyBytes": -1}, "maxRequestBodyBytes is negative"),
        ("nonsense", {"retryExpression": "Sometimes()"}, "Attempts, IsNetworkError or ResponseCode is expected"),
    ]:
        host = space.route(f"{name}.buffering.test", middlewares=[{"buffering": spec}])
        eventually(lambda words=words: any(words in str(entry) for entry in proxy.api("/diagnostics")), 5, what=words)
        assert proxy.get(host).status == 404


def test_a_full_disk_is_told_and_the_neighbours_are_served(space, cluster, ask):
    folder = paths.WORK / "full"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        with Proxy(cluster=cluster, env={"TMPDIR": str(folder)}) as proxy:
            proxy.served("small.buffering.test")
            fits = proxy.get("small.buffering.test", method="PUT", body=b"x" * 20_000)
            assert (fits.status, fits.json()["length"]) == (200, 20_000)
            for _ in range(3):
                full = proxy.get("small.buffering.test", method="PUT", body=b"x" * 1_000_000)
                assert (full.status, full.body) == (500, b"Internal Server Error")
            assert "a body cannot be stored" in proxy.log()
            assert proxy.get("small.buffering.test", method="PUT", body=b"x" * 20_000).status == 200, "the space is free again"
            assert proxy.get("again.buffering.test", method="PUT", body=b"x" * 20_000).status == 200
    finally:
        subprocess.run(["umount", folder], check=True)
