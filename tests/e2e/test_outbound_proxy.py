"""HTTP_PROXY, HTTPS_PROXY and NO_PROXY: servers that are reached through a proxy."""

import os
import subprocess

import pytest
import yaml
from harness import backends as b
from harness import paths, pki
from harness.outbound_proxy import OutboundProxy
from harness.own_backend import Handler, OwnBackend
from harness.proxy import Proxy
from harness.tls_backend import TlsBackend


class Echo(Handler):
    def do_GET(self):
        self.answer(200, body=f"{self.path} {self.headers['Host']} {self.headers['Proxy-Authorization']} {self.headers['X-Forwarded-Host']}".encode())


@pytest.fixture
def started(tmp_path, backends):
    """A proxy in an environment, with a router for each host's server."""
    running = []

    def start(servers, **environment):
        http = {"routers": {}, "services": {}, "serversTransports": {"careless": {"insecureSkipVerify": True}}}
        for name, url in servers.items():
            http["routers"][name] = {"rule": f"Host(`{name}.test`)", "service": name, "entryPoints": ["web"]}
            http["services"][name] = {"loadBalancer": {"servers": [{"url": url}], "serversTransport": "careless"}}
        file = tmp_path / "dynamic.yaml"
        file.write_text(yaml.safe_dump({"http": http}))
        running.append(Proxy(f"--providers.file.filename={file}", env=environment))
        return running[-1]

    yield start
    for proxy in running:
        proxy.stop()


def test_plain_servers_by_absolute_targets(started):
    with OwnBackend(Echo, "10.99.0.1") as server, OwnBackend(Echo, "10.99.0.3") as other, OwnBackend(Echo) as near, OutboundProxy(user="anna:s@cret") as way:
        servers = {"far": server.url, "near": near.url, "other": other.url}
        proxy = started(servers, HTTP_PROXY=f"http://anna:s%40cret@{way.authority}", NO_PROXY="10.99.0.3/32,elsewhere.test")
        answer = proxy.served("far.test", "/a%20b?c=d")
        assert answer.text == f"/a%20b?c=d {server.authority} None far.test"
        assert answer.get("Via") == "1.1 proxy"
        assert way.seen == [("GET", f"http://{server.authority}/a%20b?c=d", server.authority)]
        # Loopback addresses and exceptions are reached directly, and their servers see the client's host.
        assert proxy.get("near.test").text == "/ near.test None near.test"
        assert proxy.get("other.test").text == "/ other.test None other.test"
        assert len(way.seen) == 1
        log = proxy.log()
        assert way.authority in log and "s@cret" not in log and "s%40cret" not in log and "anna" not in log


def test_tls_servers_by_tunnels(started, tmp_path):
    with TlsBackend(pki.leaf("far.test"), tmp_path, "10.99.0.1") as server, OutboundProxy(user="anna:secret") as way:
        proxy = started({"far": server.url}, https_proxy=f"anna:secret@{way.authority}")
        assert proxy.served("far.test").json()["version"] == "TLSv1.3"
        assert proxy.get("far.test").status == 200
        assert set(way.seen) == {("CONNECT", server.authority, server.authority)}


def test_a_proxy_that_speaks_tls(started, tmp_path):
    """It is believed by the system's authorities, which are those of SSL_CERT_FILE here."""
    (tmp_path / "ca.pem").write_text(pki.authority().pem)
    with TlsBackend(pki.leaf("far.test"), tmp_path, "10.99.0.1") as secure, OwnBackend(Echo, "10.99.0.1") as plain, OutboundProxy() as way:
        url = way.with_tls(pki.leaf("10.99.0.2"), tmp_path)
        environment = {"HTTP_PROXY": url, "HTTPS_PROXY": url}
        proxy = started({"far": secure.url, "plain": plain.url}, SSL_CERT_FILE=str(tmp_path / "ca.pem"), **environment)
        assert proxy.served("far.test").json()["version"] == "TLSv1.3"
        assert proxy.get("plain.test").get("Via") == "1.1 proxy"
        assert {method for method, _, _ in way.seen} == {"CONNECT", "GET"}
        distrusting = started({"far": secure.url, "plain": plain.url}, **environment)
        distrusting.served("far.test", status=500)
        assert distrusting.get("plain.test").status == 500


def test_upgrades(started, backends):
    with OutboundProxy() as way:
        proxy = started({"tls": f"https://{b.ADDRESSES[0]}:{b.HTTPS}"}, HTTPS_PROXY=way.url)
        proxy.served("tls.test")
        with proxy.http1() as client:
            client.send("GET /upgrade HTTP/1.1\r\nHost: tls.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            assert client.read().status == 101


def test_http2_through_a_tunnel_and_h2c_directly(started):
    with OutboundProxy() as way:
        servers = {"tls": f"https://{b.ADDRESSES[0]}:{b.HTTPS_H2}", "clear": f"h2c://{b.ADDRESSES[0]}:{b.H2C}"}
        proxy = started(servers, HTTP_PROXY=way.url, HTTPS_PROXY=way.url)
        assert proxy.served("tls.test").json()["version"] == "HTTP/2"
        assert [method for method, _, _ in way.seen] == ["CONNECT"] * len(way.seen) and way.seen
        before = len(way.seen)
        assert proxy.served("clear.test").json()["version"] == "HTTP/2"
        assert len(way.seen) == before


def test_a_proxy_that_refuses_or_is_away(started, tmp_path):
    with TlsBackend(pki.leaf("far.test"), tmp_path, "10.99.0.1") as server, OutboundProxy(user="anna:secret") as way:
        proxy = started({"far": server.url, "plain": "http://10.99.0.1:1"}, HTTPS_PROXY=way.url, HTTP_PROXY="http://10.99.0.2:1")
        proxy.served("far.test", status=500)
        assert proxy.get("plain.test").status == 502


@pytest.mark.parametrize("value,code,told", [("socks5://10.99.0.2:1080", 2, 'HTTPS_PROXY names a proxy of the scheme "socks5"'), ("http://", 0, "HTTPS_PROXY is no URL, and is ignored")])
def test_what_is_no_proxy_is_told(tmp_path, value, code, told):
    (tmp_path / "dynamic.yaml").write_text("http: {}\n")
    command = [paths.tool("FLOW_PROXY", "the proxy's executable"), "check", f"--providers.file.filename={tmp_path / 'dynamic.yaml'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env={**os.environ, "HTTPS_PROXY": value})
    assert done.returncode == code and told in done.stdout + done.stderr
