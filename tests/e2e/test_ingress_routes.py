"""IngressRoute and TraefikService: routes, references, services of services, error pages, and what is refused."""

import collections
import ssl

import pytest
from harness import backends as b
from harness import clients, objects, pki
from harness.proxy import Proxy
from harness.waiting import consistently, eventually

GROUPS = ["traefik.io/v1alpha1", "traefik.containo.us/v1alpha1"]
BACKEND = {"name": "backend", "port": 80}


def route(host, *services, **more):
    return {"match": f"Host(`{host}`)", "kind": "Rule", "services": list(services or [BACKEND]), **more}


def ingress_route(space, *routes, name="route", group=objects.CRD, **spec):
    item = objects.custom("IngressRoute", name, space.name, {"routes": list(routes), **spec}, group)
    space.apply(item)
    return item


def traefik_service(space, name, spec):
    space.apply(objects.custom("TraefikService", name, space.name, spec))


def told(proxy, space, kind="IngressRoute"):
    found = [finding for finding in proxy.api("/diagnostics") if finding["subject"]["kind"] == kind]
    return [finding["message"] for finding in found if finding["subject"].get("namespace") == space.name]


def spread(proxy, host, count):
    return collections.Counter(proxy.get(host).json()["backend"].split(":")[0] for _ in range(count))


@pytest.mark.parametrize("group", GROUPS)
def test_routes_follow_their_object(proxy, space, group):
    shown = ingress_route(space, route(space.host), route(f"b.{space.host}"), group=group)
    assert proxy.served(space.host).json()["headers"]
    proxy.served(f"b.{space.host}")
    ingress_route(space, {**route(space.host), "match": f"Host(`{space.host}`) && PathPrefix(`/new`)"}, group=group)
    proxy.served(space.host, status=404)
    assert proxy.get(space.host, "/new").status == 200 and proxy.get(f"b.{space.host}").status == 404
    space.delete(shown)
    proxy.served(space.host, "/new", status=404)


def test_endpoints_are_followed(proxy, space):
    space.backend("moving", addresses=b.ADDRESSES[:1])
    ingress_route(space, route(space.host, {"name": "moving", "port": 80}))
    assert proxy.served(space.host).json()["backend"].startswith(b.ADDRESSES[0])
    space.backend("moving", addresses=b.ADDRESSES[1:2])
    eventually(lambda: proxy.get(space.host).json()["backend"].startswith(b.ADDRESSES[1]))


def test_several_services_share_by_weight(proxy, space):
    space.backend("one", addresses=b.ADDRESSES[:1])
    space.backend("two", addresses=b.ADDRESSES[1:2])
    ingress_route(space, route(space.host, {"name": "one", "port": 80, "weight": 3}, {"name": "two", "port": 80}))
    proxy.served(space.host)
    assert spread(proxy, space.host, 40) == {b.ADDRESSES[0]: 30, b.ADDRESSES[1]: 10}


def test_services_of_services_and_their_middlewares(proxy, space):
    space.backend("one", addresses=b.ADDRESSES[:1])
    space.backend("two", addresses=b.ADDRESSES[1:2])
    space.apply(objects.middleware("mark", space.name, {"headers": {"customRequestHeaders": {"X-Inner": "yes"}}}))
    inner = [{"name": "one", "port": 80, "middlewares": [{"name": "mark"}]}, {"name": "two", "port": 80, "weight": 0}]
    traefik_service(space, "inner", {"weighted": {"services": inner}})
    traefik_service(space, "outer", {"weighted": {"services": [{"name": "inner", "kind": "TraefikService"}]}})
    ingress_route(space, route(space.host, {"name": "outer", "kind": "TraefikService"}))
    answer = proxy.served(space.host)
    assert answer.seen("X-Inner") == "yes" and answer.json()["backend"].startswith(b.ADDRESSES[0])
    # A change of the innermost is followed.
    inner[0]["weight"], inner[1]["weight"] = 0, 1
    traefik_service(space, "inner", {"weighted": {"services": inner}})
    eventually(lambda: proxy.get(space.host).json()["backend"].startswith(b.ADDRESSES[1]))


def test_services_in_a_ring_are_told_and_neighbours_served(proxy, space):
    traefik_service(space, "a", {"weighted": {"services": [{"name": "b", "kind": "TraefikService"}]}})
    traefik_service(space, "b", {"weighted": {"services": [{"name": "a", "kind": "TraefikService"}]}})
    ingress_route(space, route(space.host, {"name": "a", "kind": "TraefikService"}), route(f"b.{space.host}"))
    proxy.served(f"b.{space.host}")
    assert proxy.get(space.host).status == 404
    found = proxy.api("/rawdata")["routers"]
    ring = [router for name, router in found.items() if space.name in name and router["status"] == "disabled"]
    assert ring and all("holds itself" in router["error"][0] for router in ring)


def test_middlewares_run_in_order_and_missing_ones_close_the_route(proxy, space):
    for name, value in (("first", "1"), ("second", "2")):
        space.apply(objects.middleware(name, space.name, {"headers": {"customRequestHeaders": {"X-Last": value}}}))
    both = [{"name": "first"}, {"name": "second"}]
    ingress_route(space, route(space.host, middlewares=both), route(f"b.{space.host}", middlewares=[{"name": "gone"}]))
    assert proxy.served(space.host).seen("X-Last") == "2"
    assert proxy.get(f"b.{space.host}").status == 404


def test_another_namespace_needs_leave(proxy, cluster, make_space):
    own, other = make_space(), make_space()
    other.apply(objects.middleware("auth", other.name, {"addPrefix": {"prefix": "/theirs"}}))
    traefik_service(other, "theirs", {"weighted": {"services": [BACKEND]}})
    ingress_route(
        own,
        route(own.host),
        route(f"a.{own.host}", {**BACKEND, "namespace": other.name}),
        route(f"b.{own.host}", middlewares=[{"name": "auth", "namespace": other.name}]),
        route(f"c.{own.host}", {"name": f"{other.name}-theirs@kubernetescrd", "kind": "TraefikService"}),
    )
    proxy.served(own.host)
    assert [proxy.get(f"{x}.{own.host}").status for x in "abc"] == [404] * 3
    assert sum("allowCrossNamespace" in message for message in told(proxy, own)) == 3
    with Proxy("--providers.kubernetescrd.allowcrossnamespace=true", cluster=cluster) as free:
        assert [free.served(f"{x}.{own.host}").status for x in "abc"] == [200] * 3
        assert free.get(f"b.{own.host}", "/x").json()["target"] == "/theirs/x"


def test_certificate_and_options_of_the_route(proxy, space):
    pair = pki.leaf(space.host)
    space.apply(objects.tls_secret("cert", space.name, pair))
    space.apply(objects.custom("TLSOption", "modern", space.name, {"minVersion": "VersionTLS13"}))
    ingress_route(space, route(space.host), tls={"secretName": "cert", "options": {"name": "modern"}})

    def shown():
        return proxy.get_tls(space.host).status == 200

    eventually(shown)
    assert clients.certificate_of(proxy.websecure, space.host) == pair.der
    with pytest.raises(ssl.SSLError):
        proxy.get_tls(space.host, tls=pki.client_context(maximum=ssl.TLSVersion.TLSv1_2))
    assert proxy.get(space.host).status == 404, "a route with TLS is not for connections without it"


def test_pages_of_errors_come_from_a_service(proxy, space):
    space.backend("pages", addresses=b.ADDRESSES[1:2])
    page = {"status": ["500-599"], "service": {"name": "pages", "port": 80}, "query": "/page/{status}"}
    space.apply(objects.middleware("pages", space.name, {"errors": page}))
    ingress_route(space, route(space.host, middlewares=[{"name": "pages"}]))
    proxy.served(space.host)
    answer = proxy.get(space.host, "/status/503")
    assert answer.status == 503
    assert answer.json()["target"] == "/page/503" and answer.json()["backend"].startswith(b.ADDRESSES[1])
    # Without the pages' service the Middleware is none, as in Traefik, and says why.
    space.apply(objects.middleware("pages", space.name, {"errors": {**page, "service": {"name": "gone", "port": 80}}}))
    proxy.served(space.host, status=404)
    # The findings are published after the routes.
    eventually(lambda: any(f"Service {space.name}/gone does not exist" in message for message in told(proxy, space, "Middleware")))


def test_class_by_field_and_annotation(cluster, make_space):
    space = make_space()
    for name, spec, annotation in (
        ("none", {}, None),
        ("field", {"ingressClassName": "own"}, None),
        ("annotation", {}, "own"),
        ("field-wins", {"ingressClassName": "own"}, "other"),
        ("other", {"ingressClassName": "other"}, "own"),
    ):
        item = objects.custom("IngressRoute", name, space.name, {"routes": [route(f"{name}.{space.host}")], **spec})
        if annotation:
            item["metadata"]["annotations"] = {"kubernetes.io/ingress.class": annotation}
        space.apply(item)
    with Proxy("--providers.kubernetescrd.ingressclass=own", cluster=cluster) as proxy:
        for name in ("field", "annotation", "field-wins"):
            proxy.served(f"{name}.{space.host}")
        assert [proxy.get(f"{name}.{space.host}").status for name in ("none", "other")] == [404, 404]


def test_the_api_as_a_service(proxy, space):
    ingress_route(space, route(space.host, {"name": "api@internal", "kind": "TraefikService"}))
    answer = proxy.served(space.host, "/api/version")
    assert "version" in {key.lower() for key in answer.json()}


def test_external_names_need_leave(proxy, cluster, space):
    space.apply(objects.service("away", space.name, type="ExternalName", externalName=b.ADDRESSES[0].replace(".", "-") + ".example", ports=None))
    ingress_route(space, route(space.host, {"name": "away", "port": 443}), route(f"b.{space.host}"))
    proxy.served(f"b.{space.host}")
    assert proxy.get(space.host).status == 404
    assert any("allowExternalNameServices" in message for message in told(proxy, space))


def test_one_service_with_two_settings_is_told(proxy, space):
    """Without safeNaming parts of weighted services share a name; the elder's settings are used."""
    parts = [{**BACKEND, "passHostHeader": False}, {**BACKEND, "weight": 0}]
    ingress_route(space, route(space.host, *parts), name="elder")
    proxy.served(space.host)
    assert any("is given twice with different settings" in message for message in told(proxy, space))


def test_a_bad_route_does_not_stop_its_neighbours(proxy, space):
    ingress_route(
        space,
        {"match": "Host(`x", "services": [BACKEND]},
        route(f"a.{space.host}", {"name": "backend", "port": 81}),
        route(f"b.{space.host}", {**BACKEND, "scheme": "ftp"}),
        route(space.host),
    )
    proxy.served(space.host)
    assert consistently(lambda: [proxy.get(f"{x}.{space.host}").status for x in "ab"] == [404, 404]) is None
    found = told(proxy, space)
    assert any("has no port 81" in message for message in found) and any("no scheme" in message for message in found)


def test_routes_below_others(proxy, space):
    """The parent's middlewares run first, then the children route again by what those left."""
    space.backend("two", addresses=b.ADDRESSES[1:2])
    for name, spec in (("outer", {"customRequestHeaders": {"X-Team": "blue"}}), ("inner", {"customRequestHeaders": {"X-Inner": "1"}})):
        space.apply(objects.middleware(name, space.name, {"headers": spec}))
    top = {"match": f"Host(`{space.host}`)", "middlewares": [{"name": "outer"}]}
    ingress_route(space, top, name="parent", entryPoints=["web"])
    proxy.served(space.host, status=404)
    blue = {"match": "Header(`X-Team`, `blue`) && PathPrefix(`/a`)", "services": [BACKEND], "middlewares": [{"name": "inner"}]}
    deep = {"match": "PathPrefix(`/b`)"}
    ingress_route(space, blue, deep, name="child", parentRefs=[{"name": "parent"}])
    answer = proxy.served(space.host, "/a")
    assert (answer.seen("X-Team"), answer.seen("X-Inner")) == ("blue", "1")
    lost = proxy.get(space.host, "/c")
    assert (lost.status, lost.body) == (404, b"404 page not found\n")
    below = {"match": "PathPrefix(`/b/c`)", "services": [{"name": "two", "port": 80}]}
    ingress_route(space, below, name="grandchild", parentRefs=[{"name": "child"}])
    # `child` has two routes, and what is below one is below the other too, which has a service of its own.
    eventually(lambda: "not both" in str(proxy.api("/rawdata")["routers"]))
    ingress_route(space, deep, name="child", parentRefs=[{"name": "parent"}])
    assert proxy.served(space.host, "/b/c").json()["backend"].startswith(b.ADDRESSES[1])
    record = proxy.access_line(RequestHost=space.host, RequestPath="/b/c", DownstreamStatus=200)
    names = record["RouterName"].split(" -> ")
    assert [name.split("-")[1] for name in names] == ["parent", "child", "grandchild"]
    assert record["ServiceName"] == names[-1]
    assert proxy.metric("traefik_router_requests_total", router=names[-1], code="200", method="GET", protocol="http") >= 1
    # A change of the top is followed by all below it.
    ingress_route(space, {**top, "match": f"Host(`new.{space.host}`)"}, name="parent", entryPoints=["web"])
    proxy.served(f"new.{space.host}", "/b/c")
    assert proxy.get(space.host, "/b/c").status == 404


def test_routes_that_cannot_be_below_others_are_told(proxy, space):
    ingress_route(space, {"match": f"Host(`{space.host}`)"}, name="parent")
    ingress_route(space, {"match": "PathPrefix(`/a`)", "services": [BACKEND]}, name="good", parentRefs=[{"name": "parent"}])
    proxy.served(space.host, "/a")
    ingress_route(space, {"match": "PathPrefix(`/b`)", "services": [BACKEND]}, name="lost", parentRefs=[{"name": "gone"}])
    child = {"match": "PathPrefix(`/c`)", "services": [BACKEND]}
    ingress_route(space, child, name="own", parentRefs=[{"name": "parent"}], entryPoints=["web"])
    for name, other in (("ring-a", "ring-b"), ("ring-b", "ring-a")):
        ingress_route(space, {"match": "PathPrefix(`/d`)"}, name=name, parentRefs=[{"name": other}])

    def errors():
        routers = proxy.api("/rawdata")["routers"]
        return {name: router["error"][0] for name, router in routers.items() if name.startswith(f"{space.name}-") and "error" in router}

    eventually(lambda: len(errors()) == 3)
    found = errors()
    assert any("own" in name and "entry points" in error for name, error in found.items())
    assert sum("below each other" in error for error in found.values()) == 2
    assert any(f"IngressRoute {space.name}/gone does not exist" in message for message in told(proxy, space))
    assert [proxy.get(space.host, path).status for path in ("/a", "/b", "/c", "/d")] == [200, 404, 404, 404]
