"""NetworkPolicies of the charts: connections that work under default-deny, and those that stay closed."""

import pytest
from harness.charts import SERVICES, notes, render
from harness.policies import admits

SOLVER = {"acme.cert-manager.io/http01-solver": "true"}
PROXY = {"namespace": "flow-proxy", "labels": {"app.kubernetes.io/name": "flow-proxy"}}


@pytest.fixture(scope="module")
def umbrella(helm):
    return render(helm, "cluster-infra")


def test_cert_manager_works_under_default_deny(umbrella):
    """The API server (443, behind its Service 6443) and CAs are reached, and the webhook is, by the API server, which is no pod."""
    for port in (443, 6443, 80):
        assert admits(umbrella, "Egress", "cert-manager", {}, port), port
    assert admits(umbrella, "Egress", "cert-manager", {}, 53, protocol="UDP")
    assert admits(umbrella, "Ingress", "cert-manager", {}, 10250)
    assert not admits(umbrella, "Ingress", "cert-manager", {}, 9402) and not admits(umbrella, "Egress", "cert-manager", {}, 25)


@pytest.mark.parametrize("namespace", [name for name in SERVICES if name != "cert-manager"])
def test_the_proxy_reaches_cert_manager_s_solvers(umbrella, namespace):
    assert admits(umbrella, "Ingress", namespace, SOLVER, 8089, PROXY)
    assert not admits(umbrella, "Ingress", namespace, SOLVER, 8089) and not admits(umbrella, "Ingress", namespace, SOLVER, 8089, {"namespace": "tenant"})
    assert not admits(umbrella, "Ingress", namespace, {"app": "another"}, 8089, PROXY)


def test_ports_of_cert_manager_are_values(helm4):
    items = render(helm4, "cluster-infra", {"certManager": {"egressPorts": [16443], "webhookPort": 10260, "solverPort": 8090}})
    assert admits(items, "Egress", "cert-manager", {}, 16443) and not admits(items, "Egress", "cert-manager", {}, 443)
    assert admits(items, "Ingress", "cert-manager", {}, 10260) and admits(items, "Ingress", "authentik", SOLVER, 8090, PROXY)
    names = {item["metadata"]["name"] for item in render(helm4, "cluster-infra", {"namespaces": {"defaultDeny": False}}) if item["kind"] == "NetworkPolicy"}
    assert not names & {"default-deny", "cert-manager", "acme-solver"}, "nothing is denied, so nothing need be allowed"


def test_authentik_reaches_directories(umbrella, helm4):
    server = {"app.kubernetes.io/name": "authentik", "app.kubernetes.io/instance": "cluster-infra", "app.kubernetes.io/component": "worker"}
    for port in (389, 636, 443):
        assert admits(umbrella, "Egress", "authentik", server, port), port
    assert not admits(umbrella, "Egress", "authentik", server, 3269)
    more = {"authentik": {"networkPolicy": {"egress": [{"ports": [{"port": 3269, "protocol": "TCP"}]}]}}}
    assert admits(render(helm4, "cluster-infra", more), "Egress", "authentik", server, 3269)

POD = {"app.kubernetes.io/name": "flow-proxy", "app.kubernetes.io/instance": "flow-proxy"}
CLOSED = {"web": {"expose": {"default": False}}, "websecure": {"expose": {"default": False}}}


def test_without_an_exposed_port_the_proxy_s_policy_stays_closed(helm):
    """Ports of the node are open, since that is where clients come in then; API, dashboard and metrics are not."""
    items = render(helm, "flow-proxy", {"service": {"enabled": False}, "ports": CLOSED})
    assert not [port for port in (8000, 8443, 8080, 9100) if admits(items, "Ingress", "default", POD, port)]
    ports = {"web": {"port": 80, "hostPort": 80, "expose": {"default": False}}, "websecure": {"port": 443, "hostPort": 443, "expose": False}}
    items = render(helm, "flow-proxy", {"deployment": {"kind": "DaemonSet"}, "service": {"enabled": False}, "ports": ports})
    assert [port for port in (80, 443, 8080, 9100) if admits(items, "Ingress", "default", POD, port)] == [80, 443]


def test_a_port_of_any_service_is_open(helm4):
    values = {"ports": {**CLOSED, "web": {"expose": {"default": False, "internal": True}}}, "service": {"additionalServices": {"internal": {"type": "ClusterIP"}}}}
    items = render(helm4, "flow-proxy", values)
    assert [port for port in (8000, 8443, 8080, 9100) if admits(items, "Ingress", "default", POD, port)] == [8000]
    assert {item["metadata"]["name"] for item in items if item["kind"] == "Service"} == {"flow-proxy-internal", "flow-proxy-metrics", "traefik-dashboard"}
    assert "there is no Service" in notes(helm4, "flow-proxy", values)


def test_an_open_dashboard_is_named(helm4):
    items = render(helm4, "flow-proxy", {"ports": {"traefik": {"expose": True}}})
    assert admits(items, "Ingress", "default", POD, 8080)
    assert "ports.traefik is open to everybody" in notes(helm4, "flow-proxy", {"ports": {"traefik": {"expose": True}}})
    assert "ports.traefik is open" not in notes(helm4, "flow-proxy", {"ports": {"traefik": {"expose": True}}, "api": {"insecure": False}})


@pytest.mark.parametrize(("chart", "labels", "port"), [
    ("authentik", {"app.kubernetes.io/name": "authentik"}, 9000), ("vaultwarden", {"app.kubernetes.io/name": "vaultwarden"}, 8080),
    ("homer", {"app.kubernetes.io/name": "homer", "app.kubernetes.io/component": "app"}, 8080), ("excalidraw", {"app.kubernetes.io/name": "excalidraw"}, 8080),
])
def test_an_empty_list_of_who_may_come_is_nobody(helm4, chart, labels, port):
    labels = {**labels, "app.kubernetes.io/instance": chart}
    assert admits(render(helm4, chart), "Ingress", "default", labels, port, PROXY)
    items = render(helm4, chart, {"networkPolicy": {"ingressFrom": []}})
    assert not admits(items, "Ingress", "default", labels, port, PROXY) and not admits(items, "Ingress", "default", labels, port)


def test_vaultwarden_reaches_its_mail_server(helm4):
    labels = {"app.kubernetes.io/name": "vaultwarden", "app.kubernetes.io/instance": "vaultwarden"}
    assert not admits(render(helm4, "vaultwarden"), "Egress", "default", labels, 2525)
    assert admits(render(helm4, "vaultwarden", {"env": {"SMTP_PORT": 2525}}), "Egress", "default", labels, 2525)
    assert admits(render(helm4, "vaultwarden", {"networkPolicy": {"egress": [{"ports": [{"port": 2526}]}]}}), "Egress", "default", labels, 2526)
