"""What TraefikService objects say beside weights, served: mirroring, failover, highestRandomWeight, strategies, health."""

import collections

import pytest
from harness import backends as b
from harness import objects
from harness.proxy import Proxy
from harness.waiting import eventually


def reference(name, **more):
    return {"name": name, "port": 80, **more}


def serve(space, host, spec):
    """Routes the host to a TraefikService of this spec, or to a Service by this reference."""
    service = reference("backend", **spec) if "strategy" in spec else {"name": "ts", "kind": "TraefikService"}
    if "strategy" not in spec:
        space.apply(objects.custom("TraefikService", "ts", space.name, spec))
    routes = [{"match": f"Host(`{host}`)", "kind": "Rule", "services": [service]}]
    space.apply(objects.custom("IngressRoute", "route", space.name, {"routes": routes}))


@pytest.fixture
def two(space):
    """A space with the Services one and two, of one address each."""
    space.backend("one", addresses=b.ADDRESSES[:1])
    space.backend("two", addresses=b.ADDRESSES[1:2])
    return space


def by(proxy, host, count, path="/", **more):
    return collections.Counter(proxy.get(host, path, **more).json()["backend"].split(":")[0] for _ in range(count))


def test_a_mirror_sees_its_share(proxy, two):
    serve(two, two.host, {"mirroring": {**reference("one"), "mirrors": [reference("two", percent=50)]}})
    proxy.served(two.host)
    key = two.host
    assert by(proxy, two.host, 20, headers={"X-Count": key}) == {b.ADDRESSES[0]: 20}
    eventually(lambda: proxy.get(two.host, f"/seen/{key}").body == b"30", what="20 requests and 10 mirrored ones")


def test_a_fallback_responds_in_place_of_errors(proxy, two):
    spec = {"failover": {"service": reference("one"), "fallback": reference("two"), "errors": {"status": ["500-503"], "maxRequestBodyBytes": 4}}}
    serve(two, two.host, spec)
    proxy.served(two.host)
    assert by(proxy, two.host, 3) == {b.ADDRESSES[0]: 3}
    failed = proxy.get(two.host, "/status/503", method="POST", body=b"1234")
    assert failed.status == 503 and failed.json()["backend"].startswith(b.ADDRESSES[1]) and failed.json()["body"] == "1234"
    assert proxy.get(two.host, "/status/404").json()["backend"].startswith(b.ADDRESSES[0])
    assert proxy.get(two.host, method="POST", body=b"12345").status == 413


def test_a_client_keeps_its_service(proxy, two):
    serve(two, two.host, {"highestRandomWeight": {"services": [reference("one", weight=1), reference("two", weight=1)]}})
    proxy.served(two.host)
    assert len(by(proxy, two.host, 10)) == 1


@pytest.mark.parametrize("strategy", ["wrr", "p2c", "hrw", "leasttime"])
def test_strategies(proxy, space, strategy):
    serve(space, space.host, {"strategy": strategy})
    proxy.served(space.host)
    assert sum(by(proxy, space.host, 12).values()) == 12


def test_an_external_name_is_checked(cluster, space):
    # The backends answer `/status/N` with N; ExternalName Services are the only ones that may have checks.
    for name, path in [("up", "/status/204"), ("down", "/status/500")]:
        space.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": space.name},
                "spec": {"type": "ExternalName", "externalName": b.ADDRESSES[0], "ports": [{"port": b.HTTP}]},
            }
        )
        service = {"name": name, "port": b.HTTP, "healthCheck": {"path": path, "interval": "100ms"}}
        routes = [{"match": f"Host(`{name}.{space.host}`)", "kind": "Rule", "services": [service]}]
        space.apply(objects.custom("IngressRoute", name, space.name, {"routes": routes}))
    flag = "--providers.kubernetescrd.allowexternalnameservices=true"
    with Proxy(flag, f"--providers.kubernetescrd.namespaces={space.name}", cluster=cluster) as own:
        own.served(f"up.{space.host}")
        own.served(f"down.{space.host}", status=503)
        states = {}
        for service in own.api("/http/services"):
            states.update({service["name"]: list(service.get("serverStatus", {}).values())} if space.name in service["name"] else {})
        assert sorted(states.values()) == [["DOWN"], ["UP"]], states
        assert own.get(f"up.{space.host}").status == 200
