"""Every middleware of the first release on real traffic, as objects of both API groups."""

import base64
import hashlib

import pytest
from harness import objects
from harness.space import Space
from harness.waiting import eventually

GROUPS = [objects.CRD, objects.LEGACY_CRD]
AUTH = "http://10.99.0.1:9080"


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def sha(password):
    return "{SHA}" + base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()


ROUTES = {
    "add": [{"addPrefix": {"prefix": "/pre"}}],
    "strip": [{"stripPrefix": {"prefixes": ["/api", "/v1/"]}}],
    "stripregex": [{"stripPrefixRegex": {"regex": ["/team-[a-z]+"]}}],
    "replace": [{"replacePath": {"path": "/fixed"}}],
    "replaceregex": [{"replacePathRegex": {"regex": "^/old/([^/]+)/(.*)$", "replacement": "/new/$2/${1}"}}],
    "scheme": [{"redirectScheme": {"scheme": "https", "permanent": True}}],
    "schemeport": [{"redirectScheme": {"scheme": "https", "port": "8443"}}],
    "redirect": [{"redirectRegex": {"regex": "^http://([^/:]+)[^/]*/go/(.*)$", "replacement": "https://$1/gone/${2}"}}],
    "headers": [
        {
            "headers": {
                "customRequestHeaders": {"X-Set": "new", "X-Remove": ""},
                "customResponseHeaders": {"X-Answer": "set", "X-Backend": ""},
            }
        }
    ],
    "secure": [
        {
            "headers": {
                "stsSeconds": 300,
                "stsIncludeSubdomains": True,
                "frameDeny": True,
                "contentTypeNosniff": True,
                "browserXssFilter": True,
                "referrerPolicy": "same-origin",
                "contentSecurityPolicy": "default-src 'self'",
                "permissionsPolicy": "camera=()",
            }
        }
    ],
    "hosts": [{"headers": {"allowedHosts": ["only-this.test"]}}],
    "cors": [
        {
            "headers": {
                "accessControlAllowMethods": ["GET", "PUT"],
                "accessControlAllowOriginList": ["https://app.test"],
                "accessControlAllowHeaders": ["X-One", "X-Two"],
                "accessControlMaxAge": 60,
                "accessControlAllowCredentials": True,
                "addVaryHeader": True,
            }
        }
    ],
    "rate": [{"rateLimit": {"average": 1, "period": "1h", "burst": 4}}],
    "ratehost": [{"rateLimit": {"average": 1, "period": "1h", "burst": 2, "sourceCriterion": {"requestHeaderName": "X-Who"}}}],
    "compress": [{"compress": {"minResponseBodyBytes": 500, "excludedContentTypes": ["text/event-stream"]}}],
    "compressbr": [{"compress": {"encodings": ["br"]}}],
    "allow": [{"ipAllowList": {"sourceRange": ["127.0.0.0/8"]}}],
    "deny": [{"ipAllowList": {"sourceRange": ["192.0.2.0/24"], "rejectStatusCode": 404}}],
    "depth": [{"ipAllowList": {"sourceRange": ["192.0.2.7"], "ipStrategy": {"depth": 1}}}],
    "basic": [{"basicAuth": {"secret": "people", "realm": "house", "removeHeader": True, "headerField": "X-User"}}],
    "forward": [{"forwardAuth": {"address": AUTH + "/status/204", "authResponseHeaders": ["X-Auth-User"]}}],
    "forwardno": [{"forwardAuth": {"address": AUTH + "/status/403"}}],
    "forwardgone": [{"forwardAuth": {"address": "http://10.99.0.9:1/"}}],
    "encoded": [{"encodedCharacters": {"allowEncodedSlash": True}}],
    "typed": [{"headers": {"customResponseHeaders": {"X-Outer": "1"}}}, {"compress": {"minResponseBodyBytes": 1}}, {"contentType": {}}],
    "typedno": [{"ipAllowList": {"sourceRange": ["127.0.0.0/8"]}}, {"contentType": {}}, {"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}],
    "typedoff": [{"contentType": {"autoDetect": False}}],
    "order": [{"addPrefix": {"prefix": "/second"}}, {"addPrefix": {"prefix": "/first"}}],
}


@pytest.fixture(scope="module", params=GROUPS, ids=["traefik.io", "traefik.containo.us"])
def routes(request, proxy, cluster):
    """One host for each middleware, all applied at once in one group: NAME.GROUP.test."""
    space = Space(cluster)
    suffix = "io" if request.param == objects.CRD else "legacy"
    space.apply(objects.secret("people", space.name, {"users": f"ann:{sha('open sesame')}\n"}))
    for name, specs in ROUTES.items():
        space.route(f"{name}.{suffix}.test", middlewares=specs, group=request.param)
    space.apply(
        objects.middleware("inner", space.name, {"addPrefix": {"prefix": "/chained"}}, request.param),
        objects.middleware("chain", space.name, {"chain": {"middlewares": [{"name": "inner"}]}}, request.param),
    )
    reference = {"router.middlewares": f"{space.name}-chain@kubernetescrd"}
    space.route(f"chain.{suffix}.test", annotations=reference)

    def get(name, path="/", **more):
        return proxy.get(f"{name}.{suffix}.test", path, **more)

    get.space, get.suffix = space, suffix
    eventually(lambda: get("chain").status == 200, 10, what="the last route")
    for name in ("add", "order", "basic"):
        eventually(lambda name=name: get(name).status != 404, 10, what=name)
    yield get
    space.clear()


def target(answer):
    assert answer.status == 200, answer
    return answer.json()["target"]


def test_add_prefix(routes):
    assert target(routes("add", "/x?y=1")) == "/pre/x?y=1"


def test_strip_prefix(routes):
    answer = routes("strip", "/api/users?x=1")
    assert target(answer) == "/users?x=1"
    assert answer.seen("x-forwarded-prefix") == "/api"
    assert target(routes("strip", "/api")) == "/"
    untouched = routes("strip", "/other")
    assert target(untouched) == "/other" and untouched.seen("x-forwarded-prefix") is None


def test_strip_prefix_regex(routes):
    answer = routes("stripregex", "/team-red/page")
    assert target(answer) == "/page"
    assert answer.seen("x-forwarded-prefix") == "/team-red"
    assert target(routes("stripregex", "/in/team-red/page")) == "/in/team-red/page"


def test_replace_path(routes):
    answer = routes("replace", "/some/where?q=1")
    assert target(answer) == "/fixed?q=1"
    assert answer.seen("x-replaced-path") == "/some/where"


def test_replace_path_regex(routes):
    answer = routes("replaceregex", "/old/a/b/c?q=1")
    assert target(answer) == "/new/b/c/a?q=1"
    assert answer.seen("x-replaced-path") == "/old/a/b/c"
    assert routes("replaceregex", "/else").seen("x-replaced-path") is None


def test_redirect_scheme(routes):
    answer = routes("scheme", "/a?b=c")
    assert (answer.status, answer.get("Location")) == (301, f"https://scheme.{routes.suffix}.test/a?b=c")
    assert routes("scheme", "/a", method="POST", body=b"x").status == 308
    answer = routes("schemeport", "/a")
    assert (answer.status, answer.get("Location")) == (302, f"https://schemeport.{routes.suffix}.test:8443/a")


def test_redirect_regex(routes):
    answer = routes("redirect", "/go/far/away?x=1")
    assert (answer.status, answer.get("Location")) == (302, f"https://redirect.{routes.suffix}.test/gone/far/away?x=1")
    assert routes("redirect", "/stay").status == 200


def test_headers_custom(routes):
    answer = routes("headers", headers={"X-Set": "old", "X-Remove": "1", "X-Answer": "X-Backend: b|X-Answer: backend"})
    assert answer.seen("x-set") == "new"
    assert answer.seen("x-remove") is None
    assert answer.all("X-Answer") == ["set"]
    assert answer.get("X-Backend") is None


def test_headers_secure(routes, proxy):
    plain = routes("secure")
    assert plain.get("Strict-Transport-Security") is None
    answer = proxy.get_tls(f"secure.{routes.suffix}.test")
    assert answer.get("Strict-Transport-Security") == "max-age=300; includeSubDomains"
    for seen in (plain, answer):
        assert seen.get("X-Frame-Options") == "DENY"
        assert seen.get("X-Content-Type-Options") == "nosniff"
        assert seen.get("X-Xss-Protection") == "1; mode=block"
        assert seen.get("Referrer-Policy") == "same-origin"
        assert seen.get("Content-Security-Policy") == "default-src 'self'"
        assert seen.get("Permissions-Policy") == "camera=()"


def test_headers_allowed_hosts(routes):
    answer = routes("hosts")
    assert (answer.status, answer.body) == (500, b"Bad Host\n")


def test_headers_cors(routes):
    preflight = {"Origin": "https://app.test", "Access-Control-Request-Method": "PUT"}
    answer = routes("cors", method="OPTIONS", headers=preflight)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.get("Access-Control-Allow-Origin") == "https://app.test"
    assert answer.get("Access-Control-Allow-Methods") == "GET,PUT"
    assert answer.get("Access-Control-Allow-Headers") == "X-One,X-Two"
    assert answer.get("Access-Control-Allow-Credentials") == "true"
    assert answer.get("Access-Control-Max-Age") == "60"
    answer = routes("cors", headers={"Origin": "https://app.test"})
    assert answer.get("Access-Control-Allow-Origin") == "https://app.test"
    assert "Origin" in ",".join(answer.all("Vary"))
    assert routes("cors", headers={"Origin": "https://evil.test"}).get("Access-Control-Allow-Origin") is None


def test_encoded_characters(routes):
    assert target(routes("encoded", "/a%2Fb")) == "/a%2Fb"
    refused = routes("encoded", "/a%5Cb")
    assert (refused.status, refused.body) == (400, b"")


def test_rate_limit(routes):
    answers = [routes("rate") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 4 + [429] * 2
    assert 3500 <= int(answers[-1].get("Retry-After")) <= 7200


def test_rate_limit_by_header_counts_each_source(routes):
    ann = [routes("ratehost", headers={"X-Who": "ann"}).status for _ in range(3)]
    bob = [routes("ratehost", headers={"X-Who": "bob"}).status for _ in range(3)]
    assert ann == bob == [200, 200, 429]


def test_rate_limit_survives_other_changes(routes, proxy):
    """A deliberate difference to Traefik: a change elsewhere does not fill the bucket again."""
    name = "rate"
    eventually(lambda: routes(name).status == 429, what="an empty bucket")
    host = routes.space.route(f"unrelated.{routes.suffix}.test")
    proxy.served(host)
    assert routes(name).status == 429


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_compress(routes, coding):
    answer = routes("compress", "/size/501", headers={"Accept-Encoding": coding})
    assert answer.get("Content-Encoding") == coding
    assert answer.get("Vary") == "Accept-Encoding"
    assert len(answer.decoded()) == 501
    assert routes("compress", "/size/499", headers={"Accept-Encoding": coding}).get("Content-Encoding") is None


def test_compress_leaves_alone(routes):
    assert routes("compress", "/size/5000").get("Content-Encoding") is None
    assert routes("compress", "/size/5000", headers={"Accept-Encoding": "identity"}).get("Content-Encoding") is None
    assert routes("compress", "/sse/3/1", headers={"Accept-Encoding": "gzip"}).get("Content-Encoding") is None
    answer = routes("compress", "/", headers={"Accept-Encoding": "gzip", "X-Answer": "Content-Encoding: x-own", "X-Pad": "p" * 900})
    assert answer.all("Content-Encoding") == ["x-own"]
    assert routes("compressbr", "/size/5000", headers={"Accept-Encoding": "gzip"}).get("Content-Encoding") is None
    assert routes("compressbr", "/size/5000", headers={"Accept-Encoding": "gzip, br;q=0.1"}).get("Content-Encoding") == "br"


def test_ip_allow_list(routes):
    assert routes("allow").status == 200
    answer = routes("deny")
    assert (answer.status, answer.body) == (404, b"Not Found")


def test_ip_allow_list_by_depth(routes):
    """Forwarded addresses come from an untrusted client: they are removed first, so that a client cannot claim one."""
    answer = routes("depth", headers={"X-Forwarded-For": "192.0.2.7"})
    assert (answer.status, answer.body) == (403, b"Forbidden")


def test_basic_auth(routes):
    answer = routes("basic")
    assert (answer.status, answer.body) == (401, b"401 Unauthorized\n")
    assert answer.get("WWW-Authenticate") == 'Basic realm="house"'
    answer = routes("basic", headers=basic("ann", "open sesame"))
    assert answer.status == 200
    assert answer.seen("x-user") == "ann"
    assert answer.seen("authorization") is None
    for wrong in (basic("ann", "closed"), basic("bob", "open sesame"), {"Authorization": "Basic ???"}):
        assert routes("basic", headers=wrong).status == 401


def test_forward_auth(routes):
    answer = routes("forward", "/p?q=1", headers={"X-Answer": "X-Auth-User: eve", "X-Auth-User": "forged"})
    assert target(answer) == "/p?q=1"
    assert answer.seen("x-auth-user") == "eve"
    assert routes("forward", headers={"X-Auth-User": "forged"}).seen("x-auth-user") is None
    refused = routes("forwardno", "/deep?x=1")
    assert refused.status == 403
    seen = refused.json()
    assert seen["target"] == "/status/403"
    assert refused.seen("x-forwarded-uri") == "/deep?x=1"
    assert refused.seen("x-forwarded-method") == "GET"
    assert refused.seen("x-forwarded-host") == f"forwardno.{routes.suffix}.test"
    assert routes("forwardgone").status == 500


def test_content_type(routes):
    page, image = b"<html>hello", b"\x89PNG\r\n\x1a\n...."
    for body, wanted in [(page, "text/html; charset=utf-8"), (image, "image/png"), (b"plain", "text/plain; charset=utf-8"), (b"", None)]:
        answer = routes("typed", f"/untyped/{body.hex()}")
        assert (answer.get("Content-Type"), answer.body, answer.get("X-Outer")) == (wanted, body, "1")
        assert routes("typedoff", f"/untyped/{body.hex()}").get("Content-Type") is None
    answer = routes("typed", f"/untyped/{page.hex()}", headers={"Accept-Encoding": "gzip"})
    assert (answer.get("Content-Type"), answer.get("Content-Encoding")) == ("text/html; charset=utf-8", "gzip")
    assert answer.decoded() == page
    assert routes("typed", f"/untyped/{page.hex()}", method="HEAD").get("Content-Type") is None
    assert routes("typed", "/size/5").get("Content-Type") == "text/plain; charset=utf-8", "a type that is there stays"
    refused = routes("typedno")
    assert (refused.status, refused.get("Content-Type")) == (403, "text/plain; charset=utf-8")


def test_chain_and_order(routes):
    assert target(routes("chain", "/x")) == "/chained/x"
    assert target(routes("order", "/x")) == "/first/second/x"


def test_changed_middleware_serves_at_once(routes, proxy):
    host = f"edit.{routes.suffix}.test"
    group = GROUPS[0] if routes.suffix == "io" else GROUPS[1]
    for prefix in ("/one", "/two"):
        routes.space.route(host, middlewares=[{"addPrefix": {"prefix": prefix}}], group=group)
        eventually(lambda prefix=prefix: target(proxy.get(host, "/x")) == prefix + "/x", what=prefix)


def test_api_shows_the_middleware(routes, proxy):
    name = f"{routes.space.name}-ing-add-{routes.suffix}-test-0@kubernetescrd"
    shown = proxy.api(f"/http/middlewares/{name}")
    assert shown["addPrefix"] == {"prefix": "/pre"}
    assert shown["status"] == "enabled"
    assert shown["provider"] == "kubernetescrd"
