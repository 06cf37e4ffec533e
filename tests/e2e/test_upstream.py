"""Towards backends: balancing, stickiness, protocols, failures, and connections found dead."""

import collections
import http.server
import socket
import socketserver
import threading
import time

import pytest
from harness import backends as b
from harness import objects, pki
from harness.proxy import Proxy
from harness.waiting import eventually

# States of a TCP connection whose end the peer has acknowledged: FIN_WAIT2, TIME_WAIT and CLOSE.
TCP_WITHOUT_OUTPUT = (5, 6, 7)


def spread(proxy, host, count=30, **more):
    """The number of responses of each address."""
    return collections.Counter(proxy.get(host, **more).json()["backend"].split(":")[0] for _ in range(count))


def transport(space, name, spec):
    space.apply(objects.custom("ServersTransport", name, space.name, spec))
    return f"{space.name}-{name}@kubernetescrd"


def test_requests_are_spread_evenly(proxy, space):
    space.backend("all", addresses=b.ADDRESSES)
    host = space.route(backend="all")
    proxy.served(host)
    assert all(8 <= count <= 12 for count in spread(proxy, host).values())
    assert len(spread(proxy, host)) == 3


def test_sticky_cookie_keeps_a_client_on_its_backend(proxy, space):
    annotations = {"service.sticky.cookie": "true", "service.sticky.cookie.name": "stay", "service.sticky.cookie.httponly": "true"}
    space.backend("all", addresses=b.ADDRESSES, annotations=annotations)
    host = space.route(backend="all")
    first = proxy.served(host)
    cookie = first.get("Set-Cookie")
    assert cookie.startswith("stay=") and "HttpOnly" in cookie and "Path=/" in cookie
    sent = {"Cookie": cookie.split(";")[0]}
    assert spread(proxy, host, 10, headers=sent) == {first.json()["backend"].split(":")[0]: 10}
    assert proxy.get(host, headers=sent).get("Set-Cookie") is None
    assert proxy.get(host, headers={"Cookie": "stay=unknown"}).get("Set-Cookie")


def test_host_header_of_the_backend(proxy, space):
    space.backend("own", annotations={"service.passhostheader": "false"})
    host = space.route(backend="own")
    assert proxy.served(host).seen("host") == f"{b.ADDRESSES[0]}:{b.HTTP}"


@pytest.mark.parametrize("port,version", [(b.HTTPS, "HTTP/1.1"), (b.HTTPS_H2, "HTTP/2")])
def test_https_backend_trusted_by_its_authority(proxy, space, port, version):
    space.apply(objects.secret("backend-ca", space.name, {"tls.ca": pki.authority().pem}))
    reference = transport(space, "trusting", {"serverName": b.CERTIFICATE_NAME, "rootCAs": [{"secret": "backend-ca"}]})
    space.backend("secure", port=port, annotations={"service.serversscheme": "https", "service.serverstransport": reference})
    host = space.route(backend="secure")
    seen = proxy.served(host).json()
    assert (seen["version"], seen["tls"]) == (version, True)


def test_https_backend_not_trusted(proxy, space):
    space.backend("secure", port=b.HTTPS, annotations={"service.serversscheme": "https"})
    host = space.route(backend="secure")
    answer = proxy.served(host, "/count/untrusted", status=500)
    assert answer.body == b"Internal Server Error"
    plain = space.route(f"plain.{space.host}")
    assert proxy.served(plain, "/seen/untrusted").text == "0"


def test_https_backend_unverified(proxy, space):
    reference = transport(space, "careless", {"insecureSkipVerify": True})
    space.backend("secure", port=b.HTTPS, annotations={"service.serversscheme": "https", "service.serverstransport": reference})
    assert proxy.served(space.route(backend="secure")).json()["tls"] is True


@pytest.mark.parametrize("path", ["/", "/reset"])
def test_unreachable_or_resetting_backend_is_502(proxy, space, path):
    if path == "/":
        space.backend("broken", port=1)  # nothing listens there
        host = space.route(backend="broken")
    else:
        host = space.route()
    answer = proxy.served(host, path, status=502)
    assert answer.body == b"Bad Gateway"


def test_slow_backend_is_504(proxy, space):
    reference = transport(space, "hasty", {"forwardingTimeouts": {"responseHeaderTimeout": "200ms"}})
    space.backend("slow", annotations={"service.serverstransport": reference})
    host = space.route(backend="slow")
    proxy.served(host)
    start = time.monotonic()
    answer = proxy.get(host, "/slow/5000")
    assert (answer.status, answer.body) == (504, b"Gateway Timeout")
    assert 0.15 < time.monotonic() - start < 2
    assert proxy.get(host, "/slow/20").status == 200


def test_dial_timeout_is_504(proxy, space):
    """An address that swallows packets: the unused documentation network without a route fails at once, so a full
    listen queue stands in for it."""
    listener = socket.socket()
    listener.bind(("10.99.0.4", 9100))
    listener.listen(0)
    fillers = []
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        try:
            filler.connect(("10.99.0.4", 9100))
        except BlockingIOError:
            pass
        fillers.append(filler)
    reference = transport(space, "hasty", {"forwardingTimeouts": {"dialTimeout": "300ms"}})
    space.backend("full", addresses=["10.99.0.4"], port=9100, annotations={"service.serverstransport": reference})
    host = space.route(backend="full")
    assert proxy.served(host, status=504).body == b"Gateway Timeout"
    for each in [listener, *fillers]:
        each.close()


def test_answer_cut_short_is_not_passed_off_as_whole(proxy, space):
    host = space.route()
    proxy.served(host)
    with proxy.http1() as connection, pytest.raises(ConnectionError):
        connection.request(host, "/cut")
    with proxy.http2() as connection, pytest.raises(ConnectionError):
        connection.request(host, "/cut")


def test_garbage_from_the_backend(proxy, space):
    host = space.route()
    proxy.served(host)
    assert proxy.get(host, "/garbage").status in (500, 502)
    assert proxy.get(host).status == 200


def test_client_that_leaves_is_499_in_the_log(proxy, space):
    host = space.route()
    proxy.served(host)
    with proxy.http1() as connection:
        connection.send(f"GET /slow/3000 HTTP/1.1\r\nHost: {host}\r\n\r\n")
        time.sleep(0.2)
    record = proxy.access_line(RequestHost=host, RequestPath="/slow/3000")
    assert record["DownstreamStatus"] == 499


def test_idle_connection_found_dead_is_replaced(proxy, space):
    """The backend closes each connection after its response without announcing it; no request may fail."""
    host = space.route()
    proxy.served(host)
    with proxy.http1() as connection:
        for i in range(100):
            answer = connection.request(host, "/then-close")
            assert answer.status == 200, f"request {i}: {answer}"


def test_connection_known_to_be_dead_gets_no_request_that_must_not_be_repeated(proxy, space):
    """The end of each connection has arrived before the next POST is sent: none may fail."""
    ended = threading.Semaphore(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
            self.connection.shutdown(socket.SHUT_WR)
            # Acknowledged: it is then in the proxy's socket.
            eventually(lambda: self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in TCP_WITHOUT_OUTPUT)
            self.close_connection = True
            ended.release()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("10.99.0.5", 9201), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        space.backend("closing", addresses=["10.99.0.5"], port=9201)
        host = space.route(backend="closing")
        proxy.served(host, status=501)
        with proxy.http1() as connection:
            for i in range(100):
                answer = connection.request(host, "/", "POST", body=b"data")
                assert answer.status == 200, f"request {i}: {answer}"
                assert ended.acquire(timeout=10)
        server.shutdown()


def test_restarted_backend_is_used_at_once(proxy, space):
    """All idle connections die together, as in a restart; the next requests succeed."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            open_connections.append(self.connection)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

    open_connections = []
    server = Server(("10.99.0.5", 9200), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    space.backend("mortal", addresses=["10.99.0.5"], port=9200)
    host = space.route(backend="mortal")
    proxy.served(host)
    for _ in range(5):
        clients = [proxy.http1() for _ in range(8)]
        for client in clients:
            client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
        assert all(client.read().status == 200 for client in clients)
        for connection in open_connections:
            try:
                connection.shutdown(2)
            except OSError:
                pass
        open_connections.clear()
        for client in clients:
            assert client.request(host).status == 200
            client.close()
    server.shutdown()


def test_no_endpoints(proxy, cluster, backends, make_space):
    """Without endpoints a path is not routed (404), as in Traefik; with allowEmptyServices it is 503."""
    space = make_space()
    space.backend("empty", addresses=[])
    full, empty = space.route(), space.route(f"empty.{space.host}", backend="empty")
    proxy.served(full)
    assert proxy.get(empty).status == 404
    flags = ["--providers.kubernetesingress.allowemptyservices=true", f"--providers.kubernetesingress.namespaces={space.name}"]
    with Proxy(*flags, cluster=cluster) as own:
        answer = own.served(empty, status=503)
        assert answer.body == b"no available server\n"
        space.backend("empty", addresses=["10.99.0.2"])
        own.served(empty)


def test_external_name(cluster, backends, make_space):
    space = make_space()
    space.apply(objects.service("outside", space.name, 9300, type="ExternalName", externalName="localhost"))
    host = space.route(backend="outside", paths=[objects.path("outside", 9300)])
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 9300), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    other = space.route(f"other.{space.host}")
    with Proxy(f"--providers.kubernetesingress.namespaces={space.name}", cluster=cluster) as own:
        own.served(other)
        assert own.get(host).status == 404
    flags = ["--providers.kubernetesingress.allowexternalnameservices=true", f"--providers.kubernetesingress.namespaces={space.name}"]
    with Proxy(*flags, cluster=cluster) as own:
        own.served(host, status=204)
    server.shutdown()


def test_endpoint_changes_drop_nothing(proxy, space):
    """Backends come and go while a client asks without pause."""
    space.backend("moving", addresses=b.ADDRESSES[:1])
    host = space.route(backend="moving")
    proxy.served(host)
    stop, failures, count = threading.Event(), [], [0]

    def ask():
        with proxy.http1() as connection:
            while not stop.is_set():
                answer = connection.request(host, "/slow/5")
                count[0] += 1
                if answer.status != 200:
                    failures.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(20):
        space.backend("moving", addresses=[b.ADDRESSES[i % 3]])
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert count[0] > 100
    last = b.ADDRESSES[19 % 3]
    eventually(lambda: spread(proxy, host, 6) == {last: 6}, what="the last backend alone")
