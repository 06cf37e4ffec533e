"""Traefik's documentation, page by page: its examples, written anew, load without a finding and do what the pages say."""

import base64
import collections
import itertools
import ssl
import urllib.parse

import pytest
import requests
from harness import clients, documented, pki
from harness.backends import ADDRESSES
from harness.documented import host
from harness.waiting import eventually
from requests.auth import HTTPDigestAuth

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documented")
    documented.write_material(folder)
    return folder


@pytest.fixture(scope="module", params=documented.LANGUAGES)
def pages(request, backends, material, tmp_path_factory):
    """A proxy that has read every page in one language; `get(NAME, ...)` asks the host of a middleware or service."""
    with documented.start(request.param, tmp_path_factory.mktemp(request.param), material) as proxy:
        proxy.language = request.param
        for name in ("add-prefix", "retry"):
            proxy.served(host(name))
        yield proxy


@pytest.fixture
def get(pages):
    return lambda name, path="/", **more: pages.get(host(name), path, **more)


@pytest.fixture
def counted(get):
    """A response, and how often the backends got the request."""

    def ask(name, path, **more):
        key = f"documented-{next(_numbers)}"
        answer = get(name, path, headers={"X-Count": key}, **more)
        return answer, lambda: int(get("headers-added", f"/seen/{key}").body)

    return ask


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_nothing_is_told_and_all_is_enabled(pages):
    assert pages.api("/diagnostics") == []
    for kind in ("routers", "services", "middlewares"):
        found = pages.api(f"/http/{kind}?per_page=500")
        assert len(found) > 20 or kind != "middlewares"
        assert {item["name"]: item.get("error") for item in found if item["status"] != "enabled"} == {}


# --- middlewares -----------------------------------------------------------------------------------------------------------


def test_paths(get):
    assert get("add-prefix", "/x?a=b").json()["target"] == "/base/x?a=b"
    fixed = get("replace-path", "/x")
    assert (fixed.json()["target"], fixed.seen("x-replaced-path")) == ("/fixed", "/x")
    assert get("replace-path-regex", "/team/red/a/b").json()["target"] == "/a/b/of/red"
    stripped = get("strip-prefix", "/store/x")
    assert (stripped.json()["target"], stripped.seen("x-forwarded-prefix")) == ("/x", "/store")
    assert get("strip-prefix-slash", "/shop/x").json()["target"] == "/x"
    assert get("strip-prefix-regex", "/team/red/7/x").json()["target"] == "/x"
    assert get("encoded-slash", "/a%2Fb").status == 200 and get("encoded-slash", "/a%5Cb").status == 400
    assert get("encoded-all", "/a%5Cb%3B%25%3F%23%2F").json()["target"] == "/a%5Cb%3B%25%3F%23%2F"


def test_redirects(get):
    for name, path, status, location in [
        ("redirect-regex", "/a?b=c", 302, "https://www.example.com/a?b=c"),
        ("redirect-regex-permanent", "/old/a", 301, "https://www.example.com/new/a"),
        ("redirect-scheme", "/a", 302, f"https://{host('redirect-scheme')}/a"),
        ("redirect-scheme-all", "/a", 301, f"https://{host('redirect-scheme-all')}:8443/a"),
    ]:
        answer = get(name, path)
        assert (answer.status, answer.get("Location")) == (status, location)
    assert get("redirect-regex-permanent", "/new/a").status == 200


def test_users(pages, get):
    assert get("basic-auth").status == 401 and get("basic-auth").get("WWW-Authenticate") == 'Basic realm="traefik"'
    assert get("basic-auth", headers=basic("berta", "river bank")).status == 200
    assert get("basic-auth", headers=basic("anna", "wrong")).status == 401
    answer = get("basic-auth-all", headers=basic("anna", "open sesame"))
    assert (answer.seen("x-webauth-user"), answer.seen("authorization")) == ("anna", None)
    assert get("basic-auth-all").get("WWW-Authenticate") == 'Basic realm="Staff only"'
    for name, user in [("digest-auth", None), ("digest-auth-all", "anna")]:
        url, login = f"http://127.0.0.1:{pages.web}/", HTTPDigestAuth("anna", "open sesame")
        answer = requests.get(url, headers={"Host": host(name)}, auth=login, timeout=5)
        seen = {key.lower(): value for key, value in answer.json()["headers"]}
        assert (answer.status_code, seen.get("x-webauth-user")) == (200, user)
    assert get("chain").status == 302
    assert pages.get_tls(host("chain")).status == 401
    assert pages.get_tls(host("chain"), headers=basic("anna", "open sesame")).status == 200


def test_forward_auth(get):
    assert get("forward-auth").status == 200
    assert get("forward-auth-refused").status == 403
    signin = get("forward-auth-signin")
    assert (signin.status, signin.get("Location").split("?")[0]) == (302, "https://login.example.com/")
    told = {"X-Answer": "X-Auth-User: anna|X-Team-One: red|X-Other: no", "X-Team-Two": "forged"}
    for name in ("forward-auth-tls", "forward-auth-unverified"):
        answer = get(name, method="POST", headers=told, body=b"x" * 100)
        assert [answer.seen(header) for header in ("x-auth-user", "x-team-one", "x-team-two", "x-other")] == ["anna", "red", None, None]
        assert get(name, method="POST", body=b"x" * 10001).status == 401


def test_headers(get):
    added = get("headers-added")
    assert (added.seen("x-script-name"), added.get("X-Served-By")) == ("shop", "the edge")
    removed = get("headers-removed", headers={"X-Debug": "1", "X-Answer": "X-Powered-By: us"})
    assert (removed.seen("x-script-name"), removed.seen("x-debug"), removed.get("X-Powered-By")) == ("shop", None, None)
    security = get("headers-security")
    assert (security.get("X-Frame-Options"), security.get("X-XSS-Protection")) == ("DENY", "1; mode=block")
    preflight = get("headers-cors", method="OPTIONS", headers={"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT"})
    wanted = {"Origin": "https://app.example.com", "Methods": "GET,OPTIONS,PUT", "Headers": "*"}
    assert {name: preflight.get(f"Access-Control-Allow-{name}") for name in wanted} == wanted
    assert preflight.get("Access-Control-Max-Age") == "100"
    every = get("headers-all", headers={"Origin": "https://any.example.com"})
    for name, value in {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "X-XSS-Protection": "1; report=https://example.com/xss",
        "Content-Security-Policy": "default-src 'self'",
        "Content-Security-Policy-Report-Only": "script-src 'none'",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=()",
        "Access-Control-Allow-Origin": "https://any.example.com",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "X-Total,X-Page",
    }.items():
        assert every.get(name) == value, name


def test_bodies(get, counted):
    assert get("buffering", method="POST", body=b"x" * 20_000).status == 200
    assert get("buffering", method="POST", body=b"x" * 20_001).status == 413
    answer, times = counted("buffering-all", "/status/503", method="POST", body=b"x" * 5000)
    assert (answer.status, answer.json()["length"], times()) == (503, 5000, 3)
    assert get("compress", "/size/3000", headers={"Accept-Encoding": "gzip"}).get("Content-Encoding") == "gzip"
    included = {"Accept-Encoding": "gzip", "X-Long": "x" * 1500}
    assert get("compress-included", headers=included).get("Content-Encoding") == "gzip"
    assert get("compress-included", "/size/3000", headers=included).get("Content-Encoding") is None
    assert get("compress-all", "/size/1300", headers={"Accept-Encoding": "gzip, zstd"}).get("Content-Encoding") == "zstd"
    assert get("compress-all", "/size/1300", headers={"Accept-Encoding": "*"}).get("Content-Encoding") == "br"
    assert get("compress-all", "/size/1100", headers={"Accept-Encoding": "br"}).get("Content-Encoding") is None
    assert get("content-type", "/untyped/" + b"<html>".hex()).get("Content-Type") == "text/html; charset=utf-8"
    for name, origin in [("grpc-web", "https://any.example.com"), ("grpc-web-some", "https://app.example.com")]:
        headers = {"Content-Type": "application/grpc-web", "Origin": origin}
        assert get(name, method="POST", headers=headers, body=b"").get("Access-Control-Allow-Origin") in (origin, "*")


def test_errors(get):
    page = get("errors", "/status/503")
    assert (page.status, page.json()["target"], page.json()["backend"].split(":")[0]) == (500, "/count/500", ADDRESSES[1])
    asked = get("errors", "/status/501", headers={"X-Known": "1", "X-Secret": "1"})
    assert (asked.status, asked.seen("x-known"), asked.seen("x-secret")) == (501, "1", None)
    assert get("errors", "/status/404").json()["target"] == "/status/404"
    page = get("errors-query", "/status/418?a=b")
    wanted = f"/page?code=418&was=418&url=http%3A%2F%2F{host('errors-query')}%2Fstatus%2F418%3Fa%3Db"
    assert (page.status, page.json()["target"]) == (418, wanted)


def test_services_that_fail(get, counted):
    answer, times = counted("retry", "/reset")
    assert answer.status == 502 and times() in (3, 4), "an idle connection may have been dead"
    answer, times = counted("retry", "/status/503")
    assert (answer.status, times()) == (503, 1)
    answer, times = counted("retry-all", "/status/503", method="POST", body=b"x" * 1024)
    assert (answer.status, times()) == (503, 4)
    eventually(lambda: get("breaker-codes", "/status/500").status == 503, 10, what="a trip by statuses")
    eventually(lambda: get("breaker-all", "/reset").status == 507, 10, what="a trip by broken connections")
    assert get("breaker-latency").status == 200


def test_limits(get):
    criteria = ("", "-host", "-header", "-depth", "-excluded", "-subnet")
    for name in (f"{kind}{criterion}" for kind in ("in-flight", "rate-limit") for criterion in criteria):
        assert get(name).status == 200, name
    for name in ("rate-limit-period", "rate-limit-redis", "rate-limit-redis-tls"):
        assert [get(name).status for _ in range(3)] == [200, 200, 429], name


def test_addresses(get):
    def by(name, forwarded):
        return get(name, headers={"X-Forwarded-For": forwarded}).status

    assert (get("allowed").status, get("not-allowed").status) == (200, 404)
    assert (by("allowed-depth", "192.0.2.7, 203.0.113.9"), by("allowed-depth", "203.0.113.9, 192.0.2.7")) == (200, 403)
    assert (by("allowed-excluded", "192.0.2.7, 198.51.100.4"), by("allowed-excluded", "203.0.113.9, 198.51.100.4")) == (200, 403)
    assert (by("allowed-subnet", "2001:db8::99"), by("allowed-subnet", "2001:db8:1::99")) == (200, 403)


def test_client_certificates(pages, material):
    context = pki.client_context(certificate=(material / "client.crt", material / "client.key"))
    pem = pages.get_tls(host("client-pem"), tls=context).seen("x-forwarded-tls-client-cert")
    assert (material / "client.crt").read_text().replace("\n", "").startswith("-----BEGIN CERTIFICATE-----" + pem.split(",")[0])
    info = pages.get_tls(host("client-info"), tls=context).seen("x-forwarded-tls-client-cert-info")
    assert urllib.parse.unquote_plus(info).startswith('Subject="CN=client";Issuer="CN=Test CA";SerialNumber="')


# --- routers and services --------------------------------------------------------------------------------------------------


def answering(get, name, count=8, path="/", **more):
    """How many of some requests each backend answered."""
    return collections.Counter(get(name, path, **more).json()["backend"].split(":")[0] for _ in range(count))


def cookies(answer):
    return {line.split("=")[0]: line for line in answer.all("Set-Cookie")}


def returning(answer):
    """The header of a client that keeps all its cookies."""
    return {"Cookie": "; ".join(line.split(";")[0] for line in answer.all("Set-Cookie"))}


def test_routers(pages, get):
    if pages.language == "kubernetes":
        routed = get("ingress-route")
        assert routed.json()["tls"] and routed.get("X-Stamp") == "routed"
        assert cookies(routed)["shop"].split("; ")[1:] == ["Path=/", "Domain=" + documented.SUFFIX, "Max-Age=60", "HttpOnly", "Secure", "SameSite=Lax"]
        assert get("ingress-route-checked").status == 200
        assert answering(get, "ingress-route-two") == {ADDRESSES[0]: 6, ADDRESSES[1]: 2}
        secured = ("ingress-route-tls", "ingress-route-empty-tls")
    else:
        assert get("router", "/api").get("Strict-Transport-Security") == "max-age=31536000"
        secured = ("admin", "default-tls")
    assert [pages.get_tls(host(name)).status for name in secured] == [200, 200]
    layers = [get("layers", "/api", headers={"X-Answer": f"X-Role: {role}"}) for role in ("admin", "user", "guest")]
    assert [answer.status for answer in layers] == [200, 200, 404]
    assert [answer.json()["target"] for answer in layers[:2]] == ["/admin/api", "/api"]


def test_services_of_files(pages, get, counted):
    if pages.language == "kubernetes":
        pytest.skip("TraefikServices say the same")
    assert list(cookies(get("balanced"))) == ["balanced"]
    assert answering(get, "wrr") == answering(get, "weighted") == answering(get, "healthy") == {ADDRESSES[0]: 6, ADDRESSES[1]: 2}
    assert sum(answering(get, "p2c").values()) == sum(answering(get, "leasttime").values()) == 8
    assert len(answering(get, "hrw")) == len(answering(get, "highest")) == 1
    attributes = ["Path=/", "Domain=" + documented.SUFFIX, "Max-Age=3600", "HttpOnly", "Secure", "SameSite=None"]
    assert cookies(get("sticky"))["stuck"].split("; ")[1:] == attributes
    first = get("two-levels")
    assert sorted(cookies(first)) == ["lvl1", "lvl2"]
    assert answering(get, "two-levels", headers=returning(first)) == {first.json()["backend"].split(":")[0]: 8}
    assert set(pages.api("/http/services/checked@file")["serverStatus"].values()) == {"UP"}
    assert get("checked").status == get("passive").status == get("chained").status == 200
    assert answering(get, "failing", 1, "/status/503") == {ADDRESSES[1]: 1}
    _, times = counted("mirrored", "/")
    eventually(lambda: times() == 2, what="the mirrored request")


def test_traefik_services(pages, get, counted):
    if pages.language != "kubernetes":
        pytest.skip("services of files say the same")
    for name in ("ts-weighted", "ts-mirrored-weighted", "ts-failing-weighted"):
        assert get(name).status == 200
    first = get("ts-two-levels")
    assert sorted(cookies(first)) == ["lvl1", "lvl2"]
    assert answering(get, "ts-two-levels", headers=returning(first)) == {first.json()["backend"].split(":")[0]: 8}
    assert len(answering(get, "ts-highest")) == 1
    fallback = get("ts-failing", "/status/503")
    assert (fallback.json()["backend"].split(":")[0], fallback.seen("x-child")) == (ADDRESSES[1], "yes")
    _, times = counted("ts-mirrored", "/")
    eventually(lambda: times() >= 2, what="the mirrored request")


# --- TLS -------------------------------------------------------------------------------------------------------------------


def test_servers_transports(get):
    answer = get("transported")
    assert (answer.status, answer.json()["tls"]) == (200, True), "verified by its own authority, under another name"


def test_certificates(pages):
    for name, shown in [("site", "site"), ("other-site", "other-site"), ("curves", "default")]:
        assert pki.names_of(clients.certificate_of(pages.websecure, host(name))) == [host(shown)]


def test_tls_options(pages, material):
    def version(name, **more):
        with clients.connect(pages.websecure, tls=pki.client_context(alpn=["h2", "http/1.1"], **more), name=host(name)) as connection:
            # The client sees with TLS 1.3 only after the handshake whether its certificate was taken.
            connection.send(clients.request_bytes(host(name), close=True))
            connection.recv(1)
            return connection.version(), connection.selected_alpn_protocol()

    shown = (material / "client.crt", material / "client.key")
    assert version("max-12")[0] == "TLSv1.2" and version("min-13")[0] == "TLSv1.3"
    assert version("alpn")[1] == "http/1.1"
    for name in ("suites", "curves", "curves-rfc", "no-tickets", "client-none", "client-request", "client-given"):
        assert version(name)[0] == "TLSv1.3", name
    for name in ("client-any", "client-verified"):
        assert version(name, certificate=shown)[0] == "TLSv1.3", name
        with pytest.raises(ssl.SSLError):
            version(name)
    for name, more in [("min-13", {"maximum": ssl.TLSVersion.TLSv1_2}), ("strict", {})]:
        with pytest.raises(ssl.SSLError):
            version(name, **more)
