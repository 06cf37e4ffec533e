"""ServersTransports: how servers are reached and which of them are believed."""

import ssl

import pytest
import yaml
from harness import objects, pki
from harness.proxy import Proxy
from harness.tls_backend import TlsBackend
from harness.waiting import eventually

CHACHA = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"
CBC = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"


@pytest.fixture
def served(tmp_path):
    """A proxy with a router, on the host NAME.test, for each (server's URL, ServersTransport)."""
    running = []

    def start(routes, *flags):
        (tmp_path / "ca.pem").write_text(pki.authority().pem)
        http = {"routers": {}, "services": {}, "serversTransports": {}}
        for name, (url, transport) in routes.items():
            http["routers"][name] = {"rule": f"Host(`{name}.test`)", "service": name, "entryPoints": ["web"]}
            http["services"][name] = {"loadBalancer": {"servers": [{"url": url}], **({"serversTransport": name} if transport is not None else {})}}
            if transport is not None:
                http["serversTransports"][name] = transport
        if not http["serversTransports"]:
            del http["serversTransports"]
        file = tmp_path / "dynamic.yaml"
        file.write_text(yaml.safe_dump({"http": http}))
        running.append(Proxy(f"--providers.file.filename={file}", *flags))
        return running[-1]

    start.ca = {"rootCAs": [str(tmp_path / "ca.pem")]}
    yield start
    for proxy in running:
        proxy.stop()


def findings(proxy, kind="ServersTransport"):
    return {d["subject"]["name"]: d["message"] for d in proxy.api("/diagnostics") if d["subject"]["kind"] == kind}


def test_versions_and_suites(served, tmp_path):
    pair = pki.leaf("127.0.0.1")
    with TlsBackend(pair, tmp_path) as new, TlsBackend(pair, tmp_path, maximum=ssl.TLSVersion.TLSv1_2) as old:
        proxy = served(
            {
                "default": (new.url, served.ca),
                "highest": (new.url, {**served.ca, "maxVersion": "VersionTLS12"}),
                "suite": (new.url, {**served.ca, "maxVersion": "VersionTLS12", "cipherSuites": [CHACHA, CBC]}),
                "lowest": (old.url, {**served.ca, "minVersion": "VersionTLS13"}),
                "crossed": (new.url, {**served.ca, "minVersion": "VersionTLS13", "maxVersion": "VersionTLS12"}),
                "typo": (old.url, {**served.ca, "cipherSuites": ["TLS_TYPO"]}),
                "nothing": (old.url, {**served.ca, "cipherSuites": [CBC], "maxVersion": "VersionTLS12"}),
            }
        )
        assert proxy.served("default.test").json()["version"] == "TLSv1.3"
        assert proxy.get("highest.test").json()["version"] == "TLSv1.2"
        assert proxy.get("suite.test").json() == {"version": "TLSv1.2", "cipher": "ECDHE-ECDSA-CHACHA20-POLY1305"}
        assert proxy.get("lowest.test").status == 502  # the server hangs up
        assert proxy.get("crossed.test").json()["version"] == "TLSv1.3"
        assert proxy.get("typo.test").json()["version"] == "TLSv1.2"
        assert proxy.get("nothing.test").status == 404
        found = findings(proxy)
        assert set(found) == {"suite@file", "crossed@file", "typo@file"}
        assert CBC in found["suite@file"] and "TLS_TYPO is not known" in found["typo@file"]
        assert "the cipher suites leave nothing" in findings(proxy, "router")["nothing@file"]


def test_versions_of_a_custom_resource(proxy, space, tmp_path):
    with TlsBackend(pki.leaf("10.99.0.1"), tmp_path, address="10.99.0.1") as backend:
        space.apply(objects.secret("ca", space.name, {"tls.ca": pki.authority().pem}))
        spec = {"rootCAs": [{"secret": "ca"}], "maxVersion": "VersionTLS12", "cipherSuites": [CHACHA, CBC]}
        space.apply(objects.custom("ServersTransport", "old", space.name, spec))
        reference = f"{space.name}-old@kubernetescrd"
        space.backend("secure", port=backend.port, annotations={"service.serversscheme": "https", "service.serverstransport": reference})
        host = space.route(backend="secure")
        assert proxy.served(host).json() == {"version": "TLSv1.2", "cipher": "ECDHE-ECDSA-CHACHA20-POLY1305"}
        assert CBC in eventually(lambda: findings(proxy).get(reference))


WEB = "spiffe://a.test/web"


def test_identities(served, tmp_path):
    with (
        TlsBackend(pki.leaf("127.0.0.1", "https://b.test", WEB), tmp_path) as right,
        TlsBackend(pki.leaf("127.0.0.1", WEB), tmp_path) as web,
        TlsBackend(pki.leaf("127.0.0.1", "spiffe://b.test/web"), tmp_path) as wrong,
        TlsBackend(pki.leaf("127.0.0.1"), tmp_path) as none,
        TlsBackend(pki.leaf("other.test", WEB), tmp_path) as elsewhere,
        TlsBackend(pki.leaf("127.0.0.1", WEB, ca=pki.new_ca("Somebody")), tmp_path) as forged,
    ):
        uri = {**served.ca, "peerCertURI": WEB}
        unnamed = {**uri, "insecureSkipVerify": True}
        ids = {**served.ca, "spiffe": {"ids": ["spiffe://a.test/other", WEB]}}
        domain = {**served.ca, "spiffe": {"trustDomain": "a.test"}}
        cases = {
            "uri-right": (right, uri, 200),
            "uri-wrong": (wrong, uri, 500),
            "uri-none": (none, uri, 500),
            "uri-elsewhere": (elsewhere, uri, 500),
            "uri-forged": (forged, uri, 500),
            "unnamed-elsewhere": (elsewhere, unnamed, 200),
            "unnamed-wrong": (wrong, unnamed, 500),
            "unnamed-forged": (forged, unnamed, 500),
            "ids-web": (web, ids, 200),
            "ids-elsewhere": (elsewhere, ids, 200),
            "ids-several": (right, ids, 500),
            "ids-wrong": (wrong, ids, 500),
            "ids-none": (none, ids, 500),
            "ids-forged": (forged, ids, 500),
            "domain-web": (web, domain, 200),
            "domain-wrong": (wrong, domain, 500),
            "workload-api": (web, {"spiffe": {"trustDomain": "a.test"}}, 404),
            "no-id": (web, {**served.ca, "spiffe": {"ids": ["web"]}}, 404),
            "no-uri": (web, {**served.ca, "peerCertURI": "web"}, 404),
        }
        proxy = served({name: (backend.url, transport) for name, (backend, transport, _) in cases.items()})
        proxy.served("uri-right.test")
        assert {name: proxy.get(f"{name}.test").status for name in cases} == {name: status for name, (_, _, status) in cases.items()}
        found = findings(proxy, "router")
        assert "spiffe needs rootCAs beside it" in found["workload-api@file"]
        assert "begins with spiffe://" in found["no-id@file"] and "is no URI" in found["no-uri@file"]


def test_identities_of_the_static_transport(served, tmp_path):
    with TlsBackend(pki.leaf("other.test", WEB), tmp_path) as web, TlsBackend(pki.leaf("127.0.0.1"), tmp_path) as none:
        flags = [f"--serverstransport.rootcas={tmp_path / 'ca.pem'}", f"--serverstransport.spiffe.ids={WEB}"]
        proxy = served({"web": (web.url, None), "none": (none.url, None)}, *flags)
        proxy.served("web.test")
        assert proxy.get("none.test").status == 500


def test_identities_of_a_custom_resource(proxy, space, tmp_path):
    with TlsBackend(pki.leaf("other.test", WEB), tmp_path, address="10.99.0.1") as backend:
        space.apply(objects.secret("ca", space.name, {"tls.ca": pki.authority().pem}))
        specs = {
            "id": {"rootCAs": [{"secret": "ca"}], "spiffe": {"ids": [WEB]}},
            "uri": {"rootCAs": [{"secret": "ca"}], "peerCertURI": WEB},
            "sans": {"rootCAs": [{"secret": "ca"}], "peerCertSANs": [{"type": "URI", "value": WEB}]},
        }
        for name, status in (("id", 200), ("uri", 500), ("sans", 404)):
            space.apply(objects.custom("ServersTransport", name, space.name, specs[name]))
            reference = f"{space.name}-{name}@kubernetescrd"
            space.backend(name, port=backend.port, annotations={"service.serversscheme": "https", "service.serverstransport": reference})
            proxy.served(space.route(f"{name}.{space.host}", backend=name), status=status)
