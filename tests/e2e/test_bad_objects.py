"""Broken objects: each is disabled and named in the log, the API and a metric; everything else is served."""

import copy
import json

import pytest
import yaml
from harness import clients, objects, paths, pki
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import consistently, eventually


@pytest.fixture
def neighbour(proxy, space):
    """A good route beside the broken one; it must respond before and after."""
    host = space.route(f"good.{space.host}", middlewares=[{"addPrefix": {"prefix": "/good"}}])
    proxy.served(host)
    yield host
    assert proxy.get(host, "/x").json()["target"] == "/good/x"
    assert proxy.ready()


def routers(proxy, host):
    return [r for r in proxy.api("/http/routers?per_page=10000") if f'Host("{host}")' in r["rule"]]


def named(proxy, *words):
    """The object is named in the log and in the API's diagnostics."""

    def logged():
        return any(all(word in line for word in words) for line in proxy.log().splitlines())

    def listed():
        return any(all(word in json.dumps(entry) for word in words) for entry in proxy.api("/diagnostics"))

    eventually(logged, what=f"a log line with {words}")
    eventually(listed, what=f"a diagnostic with {words}")


def test_unparsable_rule(proxy, space, neighbour):
    broken = {"router.pathmatcher": "PathRegexp"}
    host = space.route(annotations=broken, paths=[objects.path("backend", at="/(", kind="ImplementationSpecific")])
    shown = eventually(lambda: routers(proxy, host), what="the router in the API")
    assert all(r["status"] == "disabled" and r["error"] for r in shown)
    assert proxy.get(host, "/(").status == 404
    named(proxy, space.name)
    overview = proxy.api("/overview")
    assert overview["http"]["routers"]["errors"] >= 1


def test_unknown_middleware_and_its_arrival(proxy, space, neighbour):
    reference = f"{space.name}-missing@kubernetescrd"
    host = space.route(annotations={"router.middlewares": reference})
    shown = eventually(lambda: routers(proxy, host), what="the router in the API")
    assert all(r["status"] == "disabled" and reference in " ".join(r["error"]) for r in shown)
    assert proxy.get(host).status == 404
    named(proxy, reference)
    space.apply(objects.middleware("missing", space.name, {"addPrefix": {"prefix": "/now"}}))
    assert proxy.served(host, "/x").json()["target"] == "/now/x"


@pytest.mark.parametrize(
    "spec",
    [
        {"addPrefix": {"prefix": "/a"}, "stripPrefix": {"prefixes": ["/b"]}},
        {"redirectRegex": {"regex": "(", "replacement": "x"}},
        {"headers": {}},
        {"basicAuth": {"secret": "not-there"}},
        {"ipAllowList": {"sourceRange": ["not-an-address"]}},
        {"chain": {"middlewares": [{"name": "not-there"}]}},
    ],
    ids=["two-kinds", "regex", "empty", "no-secret", "range", "chain"],
)
def test_broken_middleware_disables_its_routes_only(proxy, space, neighbour, spec):
    host = space.route(middlewares=[spec])
    shown = eventually(lambda: routers(proxy, host), what="the router in the API")
    assert all(r["status"] == "disabled" for r in shown), shown
    consistently(lambda: proxy.get(host).status == 404, 0.2)
    space.route(host, middlewares=[{"addPrefix": {"prefix": "/mended"}}])
    assert proxy.served(host, "/x").json()["target"] == "/mended/x"


def test_missing_service_and_its_arrival(proxy, space, neighbour):
    host = space.route(backend="nowhere")
    named(proxy, "nowhere")
    assert proxy.get(host).status == 404
    space.backend("nowhere")
    proxy.served(host)


def test_missing_port(proxy, space, neighbour):
    host = space.route(port=4242)
    named(proxy, "4242")
    assert proxy.get(host).status == 404


@pytest.mark.parametrize("kind", ["garbage", "mismatch", "empty", "half"])
def test_broken_certificate_keeps_the_rest(proxy, space, neighbour, kind):
    good, other = pki.leaf(f"tls.{space.host}"), pki.leaf(f"tls.{space.host}")
    host = space.route(f"tls.{space.host}", tls=["pair"])
    data = {
        "garbage": {"tls.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "tls.key": "no key"},
        "mismatch": {"tls.crt": good.pem, "tls.key": other.key_pem},
        "empty": {"tls.crt": "", "tls.key": ""},
        "half": {"tls.crt": good.pem},
    }[kind]
    space.apply(objects.secret("pair", space.name, data))
    proxy.served(host)
    assert proxy.get_tls(host).status == 200  # with the default certificate
    assert clients.certificate_of(proxy.websecure, host) != good.der
    named(proxy, "pair")
    assert good.key_pem.splitlines()[1] not in proxy.log(), "a private key in the log"
    space.apply(objects.secret("pair", space.name, {"tls.crt": good.chain_pem, "tls.key": good.key_pem}))
    eventually(lambda: clients.certificate_of(proxy.websecure, host) == good.der, what="the mended certificate")


def test_broken_tls_option_closes_only_its_name(proxy, space, neighbour):
    space.apply(objects.custom("TLSOption", "bad", space.name, {"cipherSuites": ["TLS_NO_SUCH_SUITE"]}))
    host = space.route(
        f"opt.{space.host}", annotations={"router.tls": "true", "router.tls.options": f"{space.name}-bad@kubernetescrd"}
    )

    def closed():
        try:
            return proxy.get_tls(host).status >= 400
        except OSError:
            return True

    eventually(closed, what="the refusal")
    assert proxy.get_tls(f"good.{space.host}").status == 200


def test_unknown_annotation_drops_its_ingress_only(proxy, space, neighbour):
    host = space.route(annotations={"router.nosuchthing": "1"})
    named(proxy, space.name)
    assert proxy.get(host).status == 404


def test_two_objects_of_one_name(proxy, make_space, neighbour):
    """`t1-x` and `t1`/`x`: names joined by `-` collide. One of them is served, and both are named."""
    space = make_space()
    twin = make_space()
    first = objects.middleware("b-c", space.name, {"addPrefix": {"prefix": "/first"}})
    space.apply(objects.namespace(f"{space.name}-b"), first)
    second = objects.middleware("c", f"{space.name}-b", {"addPrefix": {"prefix": "/second"}})
    space.apply(second)
    name = f"{space.name}-b-c@kubernetescrd"
    named(proxy, f"{space.name}-b-c")
    host = twin.route(annotations={"router.middlewares": name})
    eventually(lambda: proxy.get(host, "/x").status == 200 or routers(proxy, host), what="the route")
    # Either may be served, but it must be the same one for every request.
    answers = {(a.status, a.json()["target"] if a.status == 200 else "") for a in (proxy.get(host, "/x") for _ in range(10))}
    assert len(answers) == 1
    space.delete(second)
    assert proxy.served(host, "/x").json()["target"] == "/first/x"


def test_two_ingresses_for_one_host_and_path(proxy, space, neighbour):
    """Not an error: two routers with one rule. Requests are always answered."""
    space.route("twin.test", name="one")
    space.route("twin.test", name="two")
    proxy.served("twin.test")
    assert {proxy.get("twin.test").status for _ in range(10)} == {200}


def test_diagnostics_are_counted_and_forgotten(proxy, space, neighbour):
    """The metric of disabled objects goes up with a broken object, and down with its repair."""

    def count():
        return proxy.metric("flow_proxy_diagnostics")

    before = count()
    host = space.route(annotations={"router.middlewares": f"{space.name}-gone@kubernetescrd"})
    eventually(lambda: count() > before, what="a higher count")
    space.route(host)
    eventually(lambda: count() <= before, what="the count as before")


# --- objects that a permissive API server accepts ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def permissive(backends):
    """A cluster whose CRDs check nothing, as old clusters' do."""
    running = Cluster("permissive")
    for path in paths.CRDS:
        for item in yaml.safe_load_all(open(path)):
            if item and item["spec"]["group"] == "traefik.io":
                item = copy.deepcopy(item)
                for version in item["spec"]["versions"]:
                    version["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
                running.apply(item)
    eventually(lambda: running.get("/apis/traefik.io/v1alpha1/middlewares") is not None, 20, 0.1, "the CRDs")
    yield running
    running.stop()


WRONG = [
    {"addPrefix": {"prefix": ["/a"]}},
    {"addPrefix": "text"},
    {"headers": {"customRequestHeaders": "text"}},
    {"rateLimit": {"average": "many"}},
    {"rateLimit": {"average": 1, "period": {"a": 1}}},
    {"stripPrefix": {"prefixes": "/not-a-list", "forceSlash": "perhaps"}},
    "not even an object",
    None,
]


def test_fields_of_a_wrong_type(permissive, make_space):
    """Each such object is disabled alone, also among those read at the start."""
    space = make_space(permissive)
    good = space.route(f"good.{space.host}", middlewares=[{"addPrefix": {"prefix": "/good"}}])
    hosts = [space.route(f"w{i}.{space.host}", middlewares=[spec]) for i, spec in enumerate(WRONG)]
    for start in range(2):  # the second time, everything exists before the proxy starts
        with Proxy(cluster=permissive) as own:
            assert own.served(good, "/x").json()["target"] == "/good/x"
            for i, host in enumerate(hosts):
                assert own.get(host).status == 404, WRONG[i]
                named(own, f"w{i}-{space.name}")
            if start == 0:
                space.route(hosts[0], middlewares=[{"addPrefix": {"prefix": "/mended"}}])
                assert own.served(hosts[0], "/x").json()["target"] == "/mended/x"
                space.route(hosts[0], middlewares=[WRONG[0]])
                own.served(hosts[0], status=404)
                assert own.served(good, "/x").json()["target"] == "/good/x"
