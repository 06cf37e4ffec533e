"""The chart in a cluster whose controllers and pods are real: installed, rolled, scaled under load, and with certificates.

The pods are the chart's own: its arguments, environment, service account, user, capabilities, read-only root, probes and pauses.
The load comes through a balancer that learns of every change two seconds late.
"""

import pathlib
import socket
import sqlite3
import subprocess
import tarfile

import pytest
import yaml
from harness import acme, audit, clients, objects, paths, pki
from harness.charts import SEED, find, render
from harness.pods import HERE, LoadBalancer, PodCluster, possible
from harness.processes import Process
from harness.traffic import Traffic
from harness.waiting import eventually

pytestmark = pytest.mark.skipif(not possible(), reason="pods need real root")

HOST, NAMESPACE, SELECTOR = "shop.example.org", "flow-proxy", "app.kubernetes.io/name=flow-proxy"
USER = "system:serviceaccount:flow-proxy:flow-proxy"
WEB, WEBSECURE = 5002, 5001
# Instead of Vaultwarden: its database in its folder, and its response to probes.
VAULTWARDEN = """
import http.server, os, sqlite3
with sqlite3.connect(os.environ["DATA_FOLDER"] + "/db.sqlite3") as database:
    database.execute("CREATE TABLE users (email TEXT)")
    database.execute("INSERT INTO users VALUES ('admin@ominis.ai')")
class Alive(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("", int(os.environ["ROCKET_PORT"])), Alive).serve_forever()
"""

# The dynamic configuration of the chart's providers.file, a template of the proxy's.
DYNAMIC = """
http:
  routers:
    moved: {rule: "Host(`moved.example.org`)", service: none, middlewares: [away]}
  services:
    none: {loadBalancer: {}}
  middlewares:
    away: {redirectRegex: {regex: .*, replacement: "https://{{ env `POD_NAMESPACE` }}.example.org/"}}
"""


@pytest.fixture(scope="module")
def pods():
    running = PodCluster("pods", {
        "ghcr.io/ominis-ai/flow-proxy": [paths.tool("FLOW_PROXY", "the proxy")],
        "example.org/shop": [paths.tool("BACKEND", "a service for pods")],
        "vaultwarden/server": ["/usr/bin/python3", "-c", VAULTWARDEN],
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
        "providers": {"file": {"enabled": True, "content": DYNAMIC}},
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


def test_dynamic_configuration_of_the_chart_is_served(pods, installed):
    answer = clients.fetch(WEB, "moved.example.org")
    assert (answer.status, answer.get("location")) == (302, f"https://{NAMESPACE}.example.org/")


def test_the_seed_s_way_to_the_dashboard(pods, installed):
    """`kubectl port-forward -n flow-proxy svc/traefik-dashboard 9000:9000`, and its address in a browser."""
    forwarding = Process("port-forward", [paths.tool("KUBECTL", "kubectl"), "--kubeconfig", pods.kubeconfig, "port-forward", "-n", "flow-proxy",
                                          "svc/traefik-dashboard", "9000:9000"])
    try:
        eventually(lambda: "Forwarding from 127.0.0.1:9000" in forwarding.log(), 20, 0.1, "the forwarded port")
        assert "<html" in clients.fetch(9000, "localhost:9000", "/dashboard/").text
        assert any(HOST in router["rule"] for router in clients.fetch(9000, "localhost:9000", "/api/http/routers").json())
    finally:
        forwarding.stop()


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
    with Traffic(WEB, WEBSECURE, HOST) as traffic:
        eventually(traffic.went_on, 30, what="the load")
        change(pods, installed)
        counts = dict(traffic.done)
        eventually(lambda: traffic.went_on(counts), 30, what="the load afterwards")
    after = {pod["metadata"]["name"] for pod in pods.pods(NAMESPACE, SELECTOR) + pods.pods("shop", "app=shop")}
    # Scaling down may remove any pod; the other changes replace all.
    assert before != after or change is scaling
    assert traffic.failures == [], "\n".join(traffic.failures[:20])
    figures(f"{change.__name__}: {traffic}; none failed")


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


def test_certificates_are_issued_with_the_chart_s_rights_alone(pods, installed, pebble, helm4):
    """Certificates of Ingresses, also by an Issuer of their namespace: requested, changed, no longer requested; and cert-manager's leftovers."""
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

    order, challenge = leftovers("letsencrypt-prod")
    pods.apply(order, challenge)
    pods.delete(challenge)
    eventually(lambda: pods.get("/apis/acme.cert-manager.io/v1/namespaces/shop/orders/left") is None, 30, 0.2, "the end of the foreign order")
    eventually(lambda: pods.get("/apis/acme.cert-manager.io/v1/namespaces/shop/challenges/left") is None, 30, 0.2, "the end of the held challenge")

    # The part of the role for certificates; test_charts_rights compares the rest.
    plain = render(helm4, "flow-proxy", values(acme={"enabled": False}))
    others = audit.allowed(find(plain, "ClusterRole", "flow-proxy-default")["rules"])
    allowed = audit.granted(pods, "clusterroles/flow-proxy-flow-proxy", "namespaces/flow-proxy/roles/flow-proxy-leader")
    assert {("events.k8s.io", "events", "patch"), ("acme.cert-manager.io", "orders", "delete")} < allowed - others
    eventually(lambda: audit.compare(*pods.asked(USER), allowed - others), 60, 0.5, "the use of every permission")


def leftovers(issuer):
    """Objects that cert-manager leaves in the middle of its work: an Order of its own account, a Challenge with its finalizer."""
    acme_kind = {"apiVersion": "acme.cert-manager.io/v1"}
    reference = {"name": issuer, "kind": "ClusterIssuer"}
    spec = {"request": "bm9uZQ==", "dnsNames": ["left.example.org"], "issuerRef": reference}
    order = {**acme_kind, "kind": "Order", "metadata": objects.meta("left", "shop"), "spec": spec}
    spec = {
        "url": "https://ca.example.org/chall/1", "authorizationURL": "https://ca.example.org/authz/1", "dnsName": "left.example.org", "type": "HTTP-01",
        "token": "A" * 43, "key": f"{'A' * 43}.{'B' * 43}", "solver": {"http01": {"ingress": {"class": "traefik"}}}, "issuerRef": reference,
    }
    held = objects.meta("left", "shop", finalizers=["acme.cert-manager.io/finalizer"])
    return order, {**acme_kind, "kind": "Challenge", "metadata": held, "spec": spec}


@pytest.fixture(scope="module")
def umbrella(pods, installed, pebble, helm4):
    """`cluster-infra` with the seed's values beside the proxy; the output of its installation."""
    pods.delete({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": objects.meta("letsencrypt-prod")})
    # This cluster has no storage classes.
    vaultwarden = {**SEED["vaultwarden"], "persistence": {"enabled": False}}
    values = {**SEED, "flow-proxy": {"enabled": False}, "vaultwarden": vaultwarden, "clusterIssuer": {"server": pebble.directory}}
    at = ["--kubeconfig", pods.kubeconfig, "-n", "cluster-infra", "--create-namespace"]
    said = helm4("install", "cluster-infra", "cluster-infra", *at, values=values).stdout
    pods.settled("vaultwarden", "app.kubernetes.io/name=vaultwarden", 1)
    return said


def test_the_umbrella_s_hosts_have_certificates(pods, umbrella):
    """Its ClusterIssuer and annotations are all that is needed."""
    assert "nobody issues certificates" not in umbrella
    for namespace, name, host in (("authentik", "auth-ominis-ai-tls", "auth.ominis.ai"), ("vaultwarden", "vault-ominis-ai-tls", "vault.ominis.ai")):
        eventually(lambda host=host: host in pki.names_of(presented(host)), 90, 0.2, f"a certificate for {host}")
        assert pods.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")["type"] == "kubernetes.io/tls"
        # Replicas serve a certificate as soon as its Secret exists, before its status says so.
        certificate = f"/apis/cert-manager.io/v1/namespaces/{namespace}/certificates/{name}"
        eventually(lambda path=certificate: [(c["type"], c["status"]) for c in pods.get(path)["status"]["conditions"] if c["type"] != "Ordered"] == [("Ready", "True")], 30)
    eventually(lambda: clients.fetch(WEBSECURE, "vault.ominis.ai", tls=True).status == 200, 20, what="Vaultwarden through the proxy")
    _, refused = pods.asked(USER)
    assert not refused, f"missing: {refused}"


def test_the_seed_s_backup_is_what_vaultwarden_has(pods, umbrella, tmp_path):
    """The command from the seed, in the pod that the umbrella chart made."""
    command = "kubectl exec -n vaultwarden vaultwarden-0 -- \\\n  tar -czf - /data > vaultwarden-backup-$(date +%Y%m%d).tar.gz"
    environment = {"PATH": f"{pathlib.Path(paths.tool('KUBECTL', 'kubectl')).parent}:/usr/bin:/bin", "KUBECONFIG": str(pods.kubeconfig)}
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    (archive,) = tmp_path.glob("vaultwarden-backup-2*.tar.gz")
    with tarfile.open(archive) as content:
        content.extract("data/db.sqlite3", tmp_path, filter="data")
    assert sqlite3.connect(tmp_path / "data/db.sqlite3").execute("SELECT email FROM users").fetchall() == [("admin@ominis.ai",)]
    failed = pods.kubectl("exec", "-n", "vaultwarden", "vaultwarden-0", "--", "cat", "/data/none", check=False)
    assert failed.returncode == 1 and "No such file" in failed.stderr, failed
    # Like the container itself: its user, environment and processes, and a read-only root.
    said = pods.kubectl("exec", "-i", "-n", "vaultwarden", "vaultwarden-0", "--", "sh", "-c", "cat; id -u; echo $DOMAIN; cat /proc/1/comm; touch /x 2>&1 || true", text="in ")
    assert said.startswith("in 1000\nhttps://vault.ominis.ai\npython3") and "Read-only" in said, said
