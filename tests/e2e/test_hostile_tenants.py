"""Objects that somebody wrote to do harm: each is refused or served at its price, and its neighbours do not notice."""

import itertools
import time

import pytest
import yaml
from harness import objects, pki
from harness.backends import ADDRESSES, HTTP
from harness.proxy import Proxy
from harness.waiting import consistently, eventually

URL = f"http://{ADDRESSES[0]}:{HTTP}"
BALANCER = {"loadBalancer": {"servers": [{"url": URL}]}}
DEEP = 100_000
_numbers = itertools.count(1)


def http(**groups):
    return {"http": groups}


def routed(host, service="good", middlewares=(), rule=None, **more):
    """Routers with one, to a service of another file if none is named."""
    rule = rule or f"Host(`{host}`)"
    return {host.split(".")[0]: {"rule": rule, "entryPoints": ["web"], "service": service, "middlewares": list(middlewares)} | more}


def through(spec):
    """The host bad.test with one middleware."""
    return http(routers=routed("bad.test", middlewares=["m"]), middlewares={"m": spec})


def to(**services):
    """The host bad.test with these services, of which it uses `a`."""
    return http(routers=routed("bad.test", "a"), services=services)


def chain(*names):
    return {"chain": {"middlewares": list(names)}}


def weighted(*names, weight=1):
    return {"weighted": {"services": [{"name": name, "weight": weight} for name in names]}}


def doubling(depth, kind, last):
    """`a`, `a1`, `a2` …, each of which names the next one twice: 2^depth of the last one, if each were a copy."""
    names = ["a", *(f"a{n}" for n in range(1, depth + 1))]
    return {name: kind(after, after) for name, after in itertools.pairwise(names)} | {names[-1]: last}


def mirroring(main, mirror):
    return {"mirroring": {"service": main, "mirrors": [{"name": mirror, "percent": 100}]}}


def brackets(inner):
    return "(" * DEEP + inner + ")" * DEEP


# What is written for the host bad.test, and words of the finding; none if it is served at its price.
SERVED = None
CASES = {
    "a chain that names itself": (through(chain("m")), "holds itself"),
    "chains in a ring": (http(routers=routed("bad.test", middlewares=["a"]), middlewares={"a": chain("b"), "b": chain("a")}), "holds itself"),
    "chains that double without end": (http(routers=routed("bad.test", middlewares=["a"]), middlewares=doubling(40, chain, {"contentType": {}})), "holds itself"),
    "chains that double": (http(routers=routed("bad.test", middlewares=["a"]), middlewares=doubling(28, chain, {"contentType": {}})), "more than 256 middlewares"),
    "services that double": (to(**doubling(40, weighted, BALANCER)), SERVED),
    "services in a ring": (to(a=weighted("b"), b=weighted("a")), "holds itself"),
    "weights of zero": (to(a=weighted("good", weight=0)), SERVED),
    "a service that is not there": (to(a=weighted("nowhere")), "nowhere"),
    "a router below itself": (http(routers=routed("bad.test", parentRefs=["bad"], entryPoints=[])), "no router on an entry point leads to it"),
    "a pattern of a megabyte": (through({"redirectRegex": {"regex": "(a|b)" * 200_000, "replacement": "x"}}), "more than 65536 bytes"),
    "a pattern of large classes": (through({"redirectRegex": {"regex": r"\pL" * 20_000, "replacement": "x"}}), "more than 1000 Unicode classes"),
    "a pattern that counts": (through({"replacePathRegex": {"regex": "((a{1,999}){1,999}){1,999}", "replacement": "x"}}), "exceeds size limit"),
    "a replacement of a megabyte": (through({"redirectRegex": {"regex": "a", "replacement": "x" * 1_000_000}}), "the replacement has more than"),
    "a replacement of many references": (through({"replacePathRegex": {"regex": "(.*)", "replacement": "$1" * 30_000}}), "the replacement has more than"),
    "a rule of a megabyte": (http(routers=routed("bad.test", rule="PathRegexp(`" + "(a|b)" * 200_000 + "`)")), "more than 65536 bytes"),
    "a rule of many brackets": (http(routers=routed("bad.test", rule=brackets("Host(`bad.test`)"))), "parentheses nest deeper"),
    "a rule of many denials": (http(routers=routed("bad.test", rule="!" * DEEP + "Host(`bad.test`)")), SERVED),
    "a breaker of many brackets": (through({"circuitBreaker": {"expression": brackets("NetworkErrorRatio() > 1")}}), "expression"),
    "a breaker that does not parse": (through({"circuitBreaker": {"expression": "NetworkErrorRatio() >"}}), "expected"),
    "a repetition of many brackets": (through({"buffering": {"retryExpression": brackets("IsNetworkError()")}}), "a simpler condition is expected"),
}

# Texts of files that are no configuration: each is a finding about the file.
TEXTS = {
    "yaml aliases that double": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    "yaml brackets": "http: " + "[" * DEEP,
    "yaml braces": "http: " + "{a: " * DEEP,
    "yaml dashes": "http:\n" + "- " * DEEP,
    "yaml keys of keys": "? " * DEEP,
    "toml brackets": "a = " + "[" * DEEP,
    "toml dots": "[" + "a." * DEEP + "a]\nb = 1\n",
    "yaml template without end": "{{ range until 1000000000 }}{{ range until 1000000000 }}x{{ end }}{{ end }}",
    "yaml template that doubles": '{{ $x := "x" }}' + "{{ $x = cat $x $x }}" * 60 + "{{ $x }}",
    "yaml template that repeats": '{{ repeat 2000000000 "abc" }}',
}


@pytest.fixture(scope="module")
def own(backends, tmp_path_factory):
    """A proxy that reads a folder, in which one file is good."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "good.yaml").write_text(yaml.safe_dump(http(routers=routed("good.test"), services={"good": BALANCER})))
    with Proxy(f"--providers.file.directory={folder}", "--accesslog=false") as proxy:
        proxy.served("good.test")
        proxy.folder = folder
        yield proxy


def findings_of(own, name, text):
    """The errors that a file makes, once a file written after it is served: soon, in little memory, and without a panic."""
    before, host = own.process.resident_mb(), f"beside{next(_numbers)}.test"
    bad, beside = own.folder / name, own.folder / "beside.yaml"
    bad.write_text(text)
    beside.write_text(yaml.safe_dump(http(routers=routed(host))))
    try:
        begun = time.monotonic()
        own.served(host, seconds=20)
        assert own.get("good.test").status == 200
        assert time.monotonic() - begun < 15
        messages = [finding["message"] for finding in own.api("/diagnostics") if finding["severity"] == "error"]
        assert all(len(message) < 5_000 for message in messages), "as long as what was written"
        assert "panicked" not in own.log()
        assert own.process.resident_mb() - before < 300
        return messages
    finally:
        bad.unlink()
        beside.unlink()
        eventually(lambda: own.api("/diagnostics") == [], 20, what="no finding")


@pytest.mark.parametrize("name", CASES)
def test_a_configuration(own, name):
    configuration, words = CASES[name]
    messages = findings_of(own, "bad.yaml", yaml.safe_dump(configuration, width=10**9))
    assert messages == [] if words is SERVED else any(words in message for message in messages), messages


@pytest.mark.parametrize("name", TEXTS)
def test_a_text(own, name):
    assert findings_of(own, "bad." + name.split()[0], TEXTS[name])


def test_a_pattern_that_backtracks_elsewhere(own):
    pattern = {"replacePathRegex": {"regex": "^/(a+)+$", "replacement": "/matched"}}
    file = own.folder / "slow.yaml"
    file.write_text(yaml.safe_dump(http(routers=routed("slow.test", middlewares=["slow"]), middlewares={"slow": pattern})))
    own.served("slow.test")
    begun = time.monotonic()
    assert own.get("slow.test", "/" + "a" * 30_000).json()["target"] == "/matched"
    assert own.get("slow.test", "/" + "a" * 30_000 + "b").json()["target"].endswith("b")
    assert time.monotonic() - begun < 2
    file.unlink()
    own.served("slow.test", status=404)


def test_replacements_that_grow(own):
    """Gigabytes for one request, if the result had no limit."""
    replace = {"replacePathRegex": {"regex": ".", "replacement": "/" + "x" * 60_000}}
    redirect = {"redirectRegex": {"regex": "(.)", "replacement": "${1}" * 100 + "y" * 60_000}}
    routers = routed("path.test", middlewares=["grows"]) | routed("url.test", middlewares=["moves"])
    file = own.folder / "grows.yaml"
    file.write_text(yaml.safe_dump(http(routers=routers, middlewares={"grows": replace, "moves": redirect})))
    own.served("path.test")
    own.served("url.test", status=500)
    before = own.process.resident_mb()
    for host in ("path.test", "url.test"):
        assert own.get(host, "/" + "a" * 30_000).status == 500
    assert own.process.resident_mb() - before < 50
    file.unlink()
    own.served("url.test", status=404)


def test_mirrors_of_mirrors(own):
    """2^30 copies of one request, if nobody counted."""
    file, key = own.folder / "mirrors.yaml", "mirrors-of-mirrors"
    file.write_text(yaml.safe_dump(http(routers=routed("mirrored.test", "a"), services=doubling(30, mirroring, BALANCER))))
    own.served("mirrored.test")
    assert own.get("mirrored.test", headers={"X-Count": key}).status == 200
    count = lambda: int(own.get("good.test", f"/seen/{key}").body)
    eventually(lambda: count() == 101, what="the request and a hundred copies")
    consistently(lambda: count() == 101)
    file.unlink()
    own.served("mirrored.test", status=404)


# --- objects of a cluster --------------------------------------------------------------------------------------------------


def told(proxy, kind, namespace, name):
    """What is said of an object, once it is."""
    subject = {"kind": kind, "namespace": namespace, "name": name}
    found = lambda: [finding["message"] for finding in proxy.api("/diagnostics") if finding["subject"] == subject]
    return str(eventually(found, what=f"a finding of {kind} {name}"))


def route(space, name, spec, **more):
    space.apply(objects.custom("IngressRoute", name, space.name, {"routes": [{"match": f"Host(`{name}.{space.host}`)", "kind": "Rule", **spec}], **more}))


def is_closed(proxy, host):
    """True if connections to a host end with the handshake; a response may only say that it is not there yet."""
    try:
        assert proxy.get_tls(host).status == 404, "served open"
    except OSError:
        return True
    return False


def test_an_authority_without_its_key(proxy, space):
    """A Secret that holds neither `tls.ca` nor `ca.crt`: what relies on it is not served open, and its neighbours are."""
    # Of a Secret with one key alone that one would count, as in Traefik.
    space.apply(objects.secret("empty", space.name, {"other": pki.authority().pem, "note": "none"}))
    client = {"secretNames": ["empty"], "clientAuthType": "RequireAndVerifyClientCert"}
    space.apply(
        objects.custom("ServersTransport", "trusting", space.name, {"rootCAs": [{"secret": "empty"}]}),
        objects.custom("TLSOption", "asking", space.name, {"clientAuth": client}),
        objects.middleware("asks", space.name, {"forwardAuth": {"address": URL, "tls": {"caSecret": "empty"}}}),
    )
    service = {"name": "backend", "port": 80}
    route(space, "transport", {"services": [{**service, "serversTransport": "trusting", "scheme": "https"}]})
    route(space, "middleware", {"services": [service], "middlewares": [{"name": "asks"}]})
    route(space, "option", {"services": [service]}, tls={"options": {"name": "asking"}})
    proxy.served(space.route())
    for kind, name in [("ServersTransport", "trusting"), ("TLSOption", "asking"), ("Middleware", "asks")]:
        assert "/empty has no tls.ca or ca.crt" in told(proxy, kind, space.name, name)
    assert proxy.get(f"transport.{space.host}").status == 404
    assert proxy.get(f"middleware.{space.host}").status == 404
    eventually(lambda: is_closed(proxy, f"option.{space.host}"), what="the end of its connections")
    # As soon as the key is there, all of it is served.
    space.apply(objects.secret("empty", space.name, {"tls.ca": pki.authority().pem}))
    proxy.served(f"middleware.{space.host}")


def test_services_without_weight(proxy, space):
    children = [{"name": "backend", "port": 80, "weight": 0}]
    space.apply(objects.custom("TraefikService", "none", space.name, {"weighted": {"services": children}}))
    route(space, "weightless", {"services": [{"name": "none", "kind": "TraefikService"}]})
    proxy.served(f"weightless.{space.host}", status=503)
    proxy.served(space.route())


def test_references_to_nothing(proxy, space):
    """To a Service, a TraefikService, a Middleware and a ServersTransport that nobody has, and to another tenant's."""
    service = {"name": "backend", "port": 80}
    for name, spec in {
        "service": {"services": [{"name": "nowhere", "port": 80}]},
        "traefikservice": {"services": [{"name": "nowhere", "kind": "TraefikService"}]},
        "middleware": {"services": [service], "middlewares": [{"name": "nowhere"}]},
        "transport": {"services": [{**service, "serversTransport": "nowhere"}]},
        "neighbour": {"services": [{**service, "namespace": "kube-system"}]},
    }.items():
        route(space, name, spec)
        proxy.served(space.route())
        eventually(lambda name=name: f"{space.name}-{name}-" in str(proxy.api("/diagnostics")) or told(proxy, "IngressRoute", space.name, name), what=name)
        assert proxy.get(f"{name}.{space.host}").status == 404, name
