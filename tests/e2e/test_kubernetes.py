"""Behaviour in a cluster: classes, conditions of endpoints, status and its leader, Secrets, CRDs and an API server that go and come."""

import os
import threading
import time

import pytest
from harness import backends as b
from harness import objects, pki
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import consistently, eventually


@pytest.fixture(scope="module")
def spare(backends):
    """A second API server, without any CRDs at first, that tests of this file may stop."""
    running = Cluster("spare")
    yield running
    running.stop()


# --- classes ---------------------------------------------------------------------------------------------------------


def test_classes(proxy, space):
    space.apply(objects.ingress_class(f"other-{space.name}", "example.org/other"))
    space.apply(objects.ingress_class(f"second-{space.name}"))
    hosts = {kind: f"{kind}.{space.host}" for kind in ("none", "traefik", "second", "other", "missing", "oldtraefik", "oldother")}
    space.route(hosts["none"])
    space.route(hosts["traefik"], ingressClassName="traefik")
    space.route(hosts["second"], ingressClassName=f"second-{space.name}")
    space.route(hosts["other"], ingressClassName=f"other-{space.name}")
    space.route(hosts["missing"], ingressClassName="nobody-made-it")
    for kind in ("traefik", "other"):
        item = objects.ingress(f"old{kind}", space.name, hosts["old" + kind])
        item["metadata"]["annotations"]["kubernetes.io/ingress.class"] = kind
        space.apply(item)
    for kind in ("none", "traefik", "second", "oldtraefik"):
        proxy.served(hosts[kind])
    for kind in ("other", "missing", "oldother"):
        assert proxy.get(hosts[kind]).status == 404, kind


def test_class_that_appears_later(proxy, space):
    host = space.route(ingressClassName=f"late-{space.name}")
    marker = space.route(f"marker.{space.host}")
    proxy.served(marker)
    assert proxy.get(host).status == 404
    space.apply(objects.ingress_class(f"late-{space.name}"))
    proxy.served(host)


def test_path_types_and_precedence(proxy, space):
    paths = [objects.path("backend", at="/exact", kind="Exact"), objects.path("backend", at="/pre", kind="Prefix")]
    host = space.route(paths=paths)
    proxy.served(host, "/exact")
    assert proxy.get(host, "/exact/more").status == 404
    assert proxy.get(host, "/prefixed").status == 200  # a raw prefix, as Traefik reads it
    assert proxy.get(host, "/other").status == 404


def test_longest_path_wins_and_then_the_exact_one_whatever_the_names(proxy, space):
    """The protection of a path does not depend on the names of Ingresses (Kubernetes, "Multiple matches")."""
    host = space.route(name="aa-open", paths=[objects.path("backend"), objects.path("backend", at="/secret")])
    nobody = [{"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}]
    space.route(host, name="zz-closed", middlewares=nobody, paths=[objects.path("backend", at="/secret", kind="Exact")])
    proxy.served(host, "/secret", status=403)
    assert proxy.get(host, "/secret/more").status == 200
    assert proxy.get(host, "/").status == 200
    space.route(host, name="aa-open", annotations={"router.priority": "1000"})
    proxy.served(host, "/secret")


def test_default_backend_of_an_ingress_without_rules(cluster, backends, make_space):
    space = make_space()
    item = objects.ingress("fallback", space.name, None)
    item["spec"] = {"defaultBackend": {"service": {"name": "backend", "port": {"number": 80}}}}
    space.apply(item)
    with Proxy(f"--providers.kubernetesingress.namespaces={space.name}", cluster=cluster) as own:
        own.served("whoever.test", "/x")


# --- endpoints -------------------------------------------------------------------------------------------------------


def test_endpoint_conditions(proxy, space):
    """`serving` decides; a terminating endpoint gets only requests with its cookie."""
    one, two, three = b.ADDRESSES
    conditions = {
        one: {"ready": True, "serving": True, "terminating": False},
        two: {"ready": False, "serving": False, "terminating": False},
        three: {"ready": False, "serving": True, "terminating": True},
    }
    annotations = {"service.sticky.cookie": "true", "service.sticky.cookie.name": "bound"}
    space.backend("mixed", addresses=b.ADDRESSES, conditions=conditions, annotations=annotations)
    host = space.route(backend="mixed")
    proxy.served(host)
    assert {proxy.get(host).json()["backend"] for _ in range(12)} == {f"{one}:{b.HTTP}"}


def test_terminating_endpoint_keeps_its_sticky_clients(proxy, space):
    annotations = {"service.sticky.cookie": "true", "service.sticky.cookie.name": "bound"}
    space.backend("leaving", addresses=b.ADDRESSES[:2], annotations=annotations)
    host = space.route(backend="leaving")
    first = proxy.served(host)
    cookie = {"Cookie": first.get("Set-Cookie").split(";")[0]}
    address = first.json()["backend"].split(":")[0]
    leaving = {address: {"ready": False, "serving": True, "terminating": True}}
    space.backend("leaving", addresses=b.ADDRESSES[:2], annotations=annotations, conditions=leaving)
    eventually(lambda: {proxy.get(host).json()["backend"].split(":")[0] for _ in range(6)} == set(b.ADDRESSES[:2]) - {address})
    assert proxy.get(host, headers=cookie).json()["backend"].startswith(address)


def test_several_slices_are_one_service(proxy, space):
    space.apply(
        objects.service("sliced", space.name),
        objects.endpoints("sliced", space.name, b.ADDRESSES[:1], slice_name="sliced-a"),
        objects.endpoints("sliced", space.name, b.ADDRESSES[:2], slice_name="sliced-b"),
    )
    host = space.route(backend="sliced")
    proxy.served(host)
    answers = [proxy.get(host).json()["backend"] for _ in range(20)]
    assert 8 <= answers.count(f"{b.ADDRESSES[0]}:{b.HTTP}") <= 12, "a doubled address counts once"


def test_native_load_balancing_uses_the_cluster_address(proxy, space):
    space.backend("native", annotations={"service.nativelb": "true"})
    space.route(backend="native")
    stored = space.cluster.get(f"/api/v1/namespaces/{space.name}/services/native")
    shown = eventually(lambda: proxy.api(f"/http/services/{space.name}-native-80@kubernetes"), what="the service")
    assert shown["loadBalancer"]["servers"] == [{"url": f"http://{stored['spec']['clusterIP']}:80"}]


# --- status ----------------------------------------------------------------------------------------------------------


def published(cluster, space, name):
    item = cluster.get(f"/apis/networking.k8s.io/v1/namespaces/{space.name}/ingresses/{name}")
    return (item.get("status", {}).get("loadBalancer") or {}).get("ingress") or []


def replica(cluster, space, *flags, pod="pod-0"):
    """One of an installation's replicas: those of one namespace share a Lease, and so a leader."""
    only = f"--providers.kubernetesingress.namespaces={space.name}"
    return Proxy(only, *flags, cluster=cluster, env={"POD_NAMESPACE": space.name, "POD_NAME": pod})


def holder(cluster, space):
    """The leading pod."""
    leases = cluster.get(f"/apis/coordination.k8s.io/v1/namespaces/{space.name}/leases")["items"]
    return leases[0]["spec"].get("holderIdentity") if leases else None


def two_replicas(cluster, space, flag):
    """(leader, follower), both started and ready."""
    both = {f"pod-{i}": replica(cluster, space, flag, pod=f"pod-{i}") for i in range(2)}
    leader = eventually(lambda: holder(cluster, space), 20, 0.05, "a leader")
    return both.pop(leader), both.popitem()[1]


def test_status_by_one_of_two_replicas(cluster, backends, make_space):
    """Two replicas write one status; when the leader goes, the other takes over."""
    space = make_space()
    space.route(name="first")
    leader, follower = two_replicas(cluster, space, "--providers.kubernetesingress.ingressendpoint.ip=192.0.2.10")
    try:
        eventually(lambda: published(cluster, space, "first") == [{"ip": "192.0.2.10"}], 20, 0.1, "the address")
        version = cluster.get(f"/apis/networking.k8s.io/v1/namespaces/{space.name}/ingresses/first")["metadata"]["resourceVersion"]
        # Two writers that disagree would write again and again.
        now = lambda: cluster.get(f"/apis/networking.k8s.io/v1/namespaces/{space.name}/ingresses/first")["metadata"]
        consistently(lambda: now()["resourceVersion"] == version, 1, 0.1)
        leader.stop()
        space.route(f"second.{space.host}", name="second")
        eventually(lambda: published(cluster, space, "second") == [{"ip": "192.0.2.10"}], 10, 0.1, "the next leader")
    finally:
        leader.stop()
        follower.stop()


def test_leader_that_dies_without_a_word_is_replaced(cluster, backends, make_space):
    space = make_space()
    leader, follower = two_replicas(cluster, space, "--providers.kubernetesingress.ingressendpoint.hostname=lb.example.org")
    try:
        space.route(name="first")
        eventually(lambda: published(cluster, space, "first") == [{"hostname": "lb.example.org"}], 20, 0.1, "the address")
        leader.process.kill()
        space.route(f"second.{space.host}", name="second")
        eventually(lambda: published(cluster, space, "second") == [{"hostname": "lb.example.org"}], 60, 0.2, "the next leader")
    finally:
        leader.stop()
        follower.stop()


def test_status_is_published_only_once_the_route_is_served(cluster, backends, make_space):
    """A client that connects as soon as the address is published is served."""
    space = make_space()
    with replica(cluster, space, "--providers.kubernetesingress.ingressendpoint.ip=192.0.2.11") as own:
        space.route(name="warm")
        eventually(lambda: published(cluster, space, "warm"), 20, 0.05, "the first address")
        with own.http1() as connection:
            for i in range(20):
                host = space.route(f"n{i}.{space.host}", name=f"n{i}")
                eventually(lambda i=i: published(cluster, space, f"n{i}"), 10, 0.001, "the address")
                assert connection.request(host).status == 200, f"route {i} was announced before it was served"


def test_published_service(cluster, backends, make_space):
    space = make_space()
    front = objects.service("front", space.name, type="LoadBalancer")
    space.apply({**front, "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}})
    space.route(name="first")
    with replica(cluster, space, f"--providers.kubernetesingress.ingressendpoint.publishedservice={space.name}/front"):
        ips = lambda: [entry.get("ip") for entry in published(cluster, space, "first")]
        eventually(lambda: ips() == ["198.51.100.7"], 20, 0.1, "the address")
        space.apply({**front, "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.8"}]}}})
        eventually(lambda: ips() == ["198.51.100.8"], 20, 0.1, "the new address")


# --- Secrets ---------------------------------------------------------------------------------------------------------


def test_unreferenced_secrets_are_not_held(cluster, backends, make_space, figures):
    """Eighty Secrets of 700 kB that nothing refers to, 56 MB in all, are not even read."""
    space = make_space()
    host = space.route(tls=["used"])
    pair = pki.leaf(host)
    space.apply(objects.tls_secret("used", space.name, pair))
    flags = [f"--providers.kubernetesingress.namespaces={space.name}", f"--providers.kubernetescrd.namespaces={space.name}"]

    def memory():
        with Proxy(*flags, cluster=cluster) as own:
            own.served(host)
            assert own.get_tls(host).status == 200
            time.sleep(0.5)
            return own.process.resident_mb()

    without = memory()
    for i in range(80):
        space.apply(objects.secret(f"release-{i}", space.name, {"release": os.urandom(700_000)}))
    more = memory() - without
    figures(f"56 MB of Secrets that nothing refers to: {more:.0f} MB more in use")
    assert more < 14


# --- CRDs and the API server -----------------------------------------------------------------------------------------


def test_crds_that_come_after_the_start(spare, make_space):
    """Without CRDs the proxy is ready and serves; installed later, in either group, they are picked up."""
    space = make_space(spare)
    plain = space.route(f"plain.{space.host}")
    with Proxy(cluster=spare) as own:
        own.served(plain)
        for group in (objects.LEGACY_CRD, objects.CRD):
            name = "legacy" if group == objects.LEGACY_CRD else "new"
            host = f"{name}.{space.host}"
            reference = {"router.middlewares": f"{space.name}-{name}@kubernetescrd"}
            space.route(host, annotations=reference)
            assert own.get(host).status == 404
            spare.install_crds(groups={group.split("/")[0]})
            space.apply(objects.middleware(name, space.name, {"addPrefix": {"prefix": "/" + name}}, group))
            assert own.served(host, "/x", seconds=30).json()["target"] == f"/{name}/x"


def test_both_groups_at_once(spare, make_space):
    """An object of each group, used by one route."""
    spare.install_crds()
    space = make_space(spare)
    with Proxy(cluster=spare) as own:
        space.apply(
            objects.middleware("a", space.name, {"addPrefix": {"prefix": "/a"}}, objects.CRD),
            objects.middleware("b", space.name, {"addPrefix": {"prefix": "/b"}}, objects.LEGACY_CRD),
        )
        names = f"{space.name}-a@kubernetescrd, {space.name}-b@kubernetescrd"
        host = space.route(annotations={"router.middlewares": names})
        assert own.served(host, "/x").json()["target"] == "/b/a/x"


def test_api_server_that_goes_and_comes_back(spare, make_space):
    """Traffic goes on, /ready stays, and after the return changes are seen again."""
    spare.install_crds()
    space = make_space(spare)
    host = space.route()
    with Proxy(cluster=spare) as own:
        own.served(host)
        stop, failures, count = threading.Event(), [], [0]

        def ask():
            with own.http1() as connection:
                while not stop.is_set():
                    count[0] += 1
                    if connection.request(host).status != 200:
                        failures.append(count[0])
                    time.sleep(0.01)

        thread = threading.Thread(target=ask)
        thread.start()
        spare.stop()
        consistently(own.ready, 3, 0.1)
        cpu = own.process.cpu_seconds()
        time.sleep(2)
        assert own.process.cpu_seconds() - cpu < 0.8, "busy with an API server that is not there"
        spare.start()
        late = space.route(f"late.{space.host}")
        own.served(late, seconds=45)
        assert own.ready()
        stop.set()
        thread.join()
        assert not failures
        assert count[0] > 100


def test_not_ready_before_the_first_sync(spare, make_space):
    """Started without an API server: alive, not ready, and serving as soon as one is there."""
    space = make_space(spare)
    host = space.route()
    spare.stop()
    with Proxy(cluster=spare, ready=False) as own:
        eventually(lambda: own.admin_get("/ping").status_code == 200, 10, what="/ping")
        consistently(lambda: not own.ready(), 1.5, 0.05)
        spare.start()
        own.wait_ready(60)
        assert own.get(host).status == 200, "ready, though a route is not yet served"
