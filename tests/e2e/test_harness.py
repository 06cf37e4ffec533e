"""Tests of the harness: clients against backends without a proxy, and the API server's watch."""

import time

import grpc
import pytest
import websockets.sync.client
from harness import backends as b
from harness import clients, objects, pki

ADDRESS = b.ADDRESSES[0]


def direct(port=b.HTTP, **more):
    return clients.Http1(port, address=ADDRESS, **more)


def test_http1_client_reads_bodies_trailers_and_interim_answers(backends):
    with direct() as connection:
        answer = connection.request("a.test", "/p?q=1", "POST", {"X-A": "1"}, b"body")
        assert (answer.status, answer.json()["body"], answer.seen("x-a"), answer.json()["number"]) == (200, "body", "1", 1)
        assert connection.request("a.test", "/").json()["number"] == 2
        assert connection.request("a.test", "/trailers").trailers == [("X-Sum", "5d41")]
        assert [i.status for i in connection.request("a.test", "/early").interim] == [103]
        assert len(connection.request("a.test", "/large/300000").body) == 300000


def test_backend_counts_cuts_and_resets(backends):
    with direct() as connection:
        connection.request("a.test", "/count/harness")
        assert connection.request("a.test", "/seen/harness").text == "1"
    for path in ("/reset", "/cut"):
        with direct() as connection, pytest.raises(ConnectionError):
            connection.request("a.test", path)


@pytest.mark.parametrize("port,tls", [(b.H2C, False), (b.HTTPS_H2, True)])
def test_http2_client_and_backend(backends, port, tls):
    context = pki.client_context(alpn=["h2"], ca=pki.authority()) if tls else None
    with clients.Http2(port, context, b.CERTIFICATE_NAME, address=ADDRESS) as connection:
        answer = connection.request("a.test", "/x", "POST", body=b"z" * 200000)
        assert len(answer.json()["body"]) == 200000 and answer.trailers == [("x-sum", "5d41")]
        assert len(connection.request("a.test", "/size/300000").body) == 300000


def test_websocket_and_grpc_backends(backends):
    with websockets.sync.client.connect(f"ws://{ADDRESS}:{b.WEBSOCKET}/") as socket:
        socket.send("hi")
        assert socket.recv() == "hi"
    with grpc.insecure_channel(f"{ADDRESS}:{b.GRPC}") as channel:
        assert channel.unary_unary("/flow.Echo/Say")(b"hi") == b"echo hi"


def test_watch_sees_a_change_when_it_happens(cluster, space):
    watch = cluster.watch(f"/apis/networking.k8s.io/v1/namespaces/{space.name}/ingresses")
    before = time.monotonic()
    space.route()
    when = watch.wait(lambda kind, item: kind == "ADDED" and item["metadata"]["namespace"] == space.name)
    watch.close()
    assert before < when < time.monotonic()


def test_kubectl_speaks_to_the_cluster(cluster):
    assert "v1.36" in cluster.kubectl("version")
    assert cluster.kubectl("get", "ingressclass", "traefik", "-o", "name").strip() == "ingressclass.networking.k8s.io/traefik"
    assert objects.CRD.split("/")[0] in cluster.kubectl("api-versions")
