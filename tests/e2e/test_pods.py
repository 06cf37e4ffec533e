"""The chart in a cluster whose controllers and pods are real: installed, rolled, scaled under load, and with certificates.

The pods are the chart's own: its arguments, environment, service account, user, capabilities, read-only root, probes and pauses.
The load comes through a balancer that learns of every change two seconds late.
"""

import pathlib
import socket

import pytest
import yaml
from harness import acme, audit, clients, objects, paths, pki
from harness.charts import SEED
from harness.pods import HERE, LoadBalancer, PodCluster, possible
from harness.visitors import Visitors
from harness.waiting import eventually

pytestmark = pytest.mark.skipif(not possible(), reason="pods need real root")

HOST, NAMESPACE, SELECTOR = "shop.example.org", "flow-proxy", "app.kubernetes.io/name=flow-proxy"
USER = "system:serviceaccount:flow-proxy:flow-proxy"
WEB, WEBSECURE = 5002, 5001


@pytest.fixture(scope="module")
def pods():
    running = PodCluster("pods", {
        "ghcr.io/ominis-ai/flow-proxy": [paths.tool("FLOW_PROXY", "the proxy")],
        "example.org/shop": [paths.tool("BACKEND", "a service for pods")],
    })
    yield running
    running.stop()


@pytest.fixture(scope="module")
def pebble(pods):
    """A CA that the pods can reach."""
    running = acme.Pebble(address=HERE)
    yield running
    running.stop()


def values(**more):
    """Values as an operator gives them: the CA's own authority comes by a ConfigMap."""
    return {
        "acme": {"enabled": True},
        "volumes": [{"name": "authority", "mountPath": "/authority", "type": "configMap"}],
        "env": [{"name": "SSL_CERT_FILE", "value": "/authority/ca.pem"}],
        "logs": {"access": {"enabled": True, "format": "json"}},
        **more,
    }


def shop(version):
    """A Deployment with its Service and Ingress."""
    labels = {"app": "shop"}
    container = {
        "name": "shop", "image": "example.org/shop:1", "env": [{"name": "VERSION", "value": version}], "ports": [{"containerPort": 9080}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 9080}, "periodSeconds": 1, "failureThreshold": 1},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, "strategy": rolling}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": objects.meta("shop", "shop"), "spec": spec}
    service = objects.service("shop", "shop", selector=labels)
    service["spec"]["ports"][0]["targetPort"] = 9080
    return deployment, service, objects.ingress("shop", "shop", HOST, "shop", ingressClassName="traefik")


@pytest.fixture(scope="module")
def installed(pods, pebble, helm4):
    """The chart by `helm install --wait`, behind a balancer, with a service to route to."""
    authority = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": objects.meta("authority", NAMESPACE), "data": {"ca.pem": pebble.authority.pem}}
    pods.apply(objects.namespace(NAMESPACE), objects.namespace("shop"), authority)
    balancer = LoadBalancer(pods, NAMESPACE, "flow-proxy", {"web": WEB, "websecure": WEBSECURE})

    def at(*arguments, **more):
        return helm4(*arguments, "--kubeconfig", pods.kubeconfig, "-n", NAMESPACE, **more)

    at("install", "crds", "flow-proxy-crds", values={"skipGroups": []})
    at("install", "flow-proxy", "flow-proxy", "--skip-crds", "--wait", "--timeout", "2m", values=values())
    pods.settled(NAMESPACE, SELECTOR, 2)
    pods.apply(*shop("1"))
    pods.settled("shop", "app=shop", 2)
    eventually(lambda: pods.get("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/shop")["status"]["loadBalancer"].get("ingress") == [{"ip": HERE}], 30)
    eventually(lambda: len(balancer.targets("web")) == 2 and clients.fetch(WEB, HOST).status == 200, 30, what="the way through the balancer")
    yield at
    balancer.stop()


def test_the_pods_are_what_the_chart_says(pods, installed):
    for pod in pods.pods(NAMESPACE, SELECTOR):
        name = pod["metadata"]["name"]
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
        log = pods.kubectl("logs", "-n", NAMESPACE, name)
        assert "forbidden" not in log.lower() and "grant " not in log, log
    users = [line.split()[1] for status in statuses(paths.tool("FLOW_PROXY", "the proxy")) for line in status.splitlines() if line.startswith("Uid:")]
    assert users == ["65532", "65532"]


def statuses(executable):
    """/proc/PID/status of the processes that pods run of an executable."""
    name = pathlib.Path(executable).name
    for process in pathlib.Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cmdline").read_bytes().startswith(b"/image/" + name.encode() + b"\0"):
                yield (process / "status").read_text()
        except OSError:
            continue


def rollout_restart(pods, at):
    pods.kubectl("rollout", "restart", "-n", NAMESPACE, "deployment/flow-proxy")
    pods.kubectl("rollout", "status", "-n", NAMESPACE, "deployment/flow-proxy", "--timeout=90s")
    pods.settled(NAMESPACE, SELECTOR, 2)


def helm_upgrade(pods, at):
    changed = values(deployment={"podAnnotations": {"changed": "yes"}}, log={"level": "DEBUG"})
    at("upgrade", "flow-proxy", "flow-proxy", "--wait", "--timeout", "2m", values=changed)
    pods.settled(NAMESPACE, SELECTOR, 2)


def scaling(pods, at):
    for count in (5, 2):
        pods.kubectl("scale", "-n", NAMESPACE, "deployment/flow-proxy", f"--replicas={count}")
        pods.settled(NAMESPACE, SELECTOR, count)


def new_backends(pods, at):
    pods.apply(*shop("2"))
    pods.kubectl("rollout", "status", "-n", "shop", "deployment/shop", "--timeout=90s")
    pods.settled("shop", "app=shop", 2)


@pytest.mark.parametrize("change", [rollout_restart, helm_upgrade, scaling, new_backends])
def test_a_change_fails_nobody(pods, installed, figures, change):
    before = {pod["metadata"]["name"] for pod in pods.pods(NAMESPACE, SELECTOR) + pods.pods("shop", "app=shop")}
    with Visitors(WEB, HOST) as visitors:
        eventually(lambda: visitors.asked > 50 and visitors.talked > 0, 30, what="the load")
        change(pods, installed)
        asked, talked = visitors.asked, visitors.talked
        eventually(lambda: visitors.asked > asked + 50 and visitors.talked > talked, 30, what="the load afterwards")
    after = {pod["metadata"]["name"] for pod in pods.pods(NAMESPACE, SELECTOR) + pods.pods("shop", "app=shop")}
    # Scaling down takes whichever it likes; the others replace.
    assert before != after or change is scaling
    assert visitors.failures == [], "\n".join(visitors.failures[:20])
    figures(f"{change.__name__}: {visitors.asked} requests and {visitors.talked} WebSockets, none failed")


def presented(host):
    context = pki.client_context()
    with socket.create_connection(("127.0.0.1", WEBSECURE), timeout=5) as plain, context.wrap_socket(plain, server_hostname=host) as tls:
        return tls.getpeercert(binary_form=True)


def secured(name, issuer, *hosts):
    """An Ingress that wants a certificate."""
    item = objects.ingress(name, "shop", hosts[0], "shop", tls=[f"{name}-tls"], ingressClassName="traefik")
    item["spec"]["rules"] = [{**item["spec"]["rules"][0], "host": host} for host in hosts]
    item["spec"]["tls"][0]["hosts"] = list(hosts)
    item["metadata"]["annotations"].update(issuer)
    return item


def test_certificates_are_issued_with_the_chart_s_rights_alone(pods, installed, pebble):
    """What an Ingress asks for, also of an Issuer of its own namespace, changes its mind about, and asks for no more."""
    cluster_wide = yaml.safe_load((paths.TESTS / "fixtures" / "seed" / "10-clusterissuer.yaml").read_text())
    cluster_wide["spec"]["acme"]["server"] = pebble.directory
    own = {**cluster_wide, "kind": "Issuer", "metadata": objects.meta("own", "shop")}
    of_all, of_shop = {"cert-manager.io/cluster-issuer": "letsencrypt-prod"}, {"cert-manager.io/issuer": "own"}
    pods.apply(cluster_wide, own, secured("secured", of_all, "secured.example.org"), secured("other", of_shop, "other.example.org"))

    def shown(host, *names):
        eventually(lambda: set(names) <= set(pki.names_of(presented(host))), 90, 0.2, f"a certificate for {names}")

    shown("secured.example.org", "secured.example.org")
    shown("other.example.org", "other.example.org")
    pods.apply(secured("secured", of_all, "secured.example.org", "second.example.org"))
    shown("second.example.org", "secured.example.org", "second.example.org")
    assert pebble.issued() == 3
    pods.merge(secured("secured", of_all, "secured.example.org"), {"spec": {"tls": None}})
    certificate = "/apis/cert-manager.io/v1/namespaces/shop/certificates/secured-tls"
    eventually(lambda: pods.get(certificate) is None, 30, 0.2, "the end of the certificate")

    allowed = audit.granted(pods, "clusterroles/flow-proxy-flow-proxy", "namespaces/flow-proxy/roles/flow-proxy-leader")
    ours = {entry for entry in allowed if entry[0] in ("cert-manager.io", "acme.cert-manager.io", "coordination.k8s.io") or entry[1] == "secrets"}
    # For what a former cert-manager or a broken attempt left behind; there is none of it here.
    later = {("acme.cert-manager.io", "challenges", "patch"), ("acme.cert-manager.io", "orders", "delete")}
    eventually(lambda: audit.compare(*pods.asked(USER), ours - later), 60, 0.5, "the use of every permission")


def test_the_umbrella_s_hosts_have_certificates(pods, installed, pebble, helm4):
    """`cluster-infra` with the seed's values beside the proxy: its ClusterIssuer and annotations are all that is needed."""
    at = ["--kubeconfig", pods.kubeconfig, "-n", "cluster-infra"]
    pods.delete({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": objects.meta("letsencrypt-prod")})
    values = {**SEED, "flow-proxy": {"enabled": False}, "clusterIssuer": {"server": pebble.directory}}
    said = helm4("install", "cluster-infra", "cluster-infra", *at, "--create-namespace", values=values).stdout
    assert "nobody issues certificates" not in said
    for namespace, name, host in (("authentik", "auth-ominis-ai-tls", "auth.ominis.ai"), ("vaultwarden", "vault-ominis-ai-tls", "vault.ominis.ai")):
        eventually(lambda host=host: host in pki.names_of(presented(host)), 90, 0.2, f"a certificate for {host}")
        assert pods.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")["type"] == "kubernetes.io/tls"
        status = pods.get(f"/apis/cert-manager.io/v1/namespaces/{namespace}/certificates/{name}")["status"]
        assert [(c["type"], c["status"]) for c in status["conditions"]] == [("Ready", "True")]
    _, refused = pods.asked(USER)
    assert not refused, f"missing: {refused}"
