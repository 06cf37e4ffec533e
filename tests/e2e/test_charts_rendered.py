"""The charts as helm renders them, checked by the real API server, and the effects of values."""

import base64
import json
import subprocess

import pytest
import yaml
from harness import objects, paths
from harness.charts import CHARTS, SEED, SERVICES, SOURCE, TOGGLES, find, pods, render


def test_the_crds_in_the_charts_are_those_of_deploy():
    done = subprocess.run([SOURCE / "charts" / "sync-crds", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cert_manager_s_definitions_are_installed_only_when_asked_for(helm4):
    def groups(values):
        return {item["spec"]["group"] for item in render(helm4, "flow-proxy-crds", values)}

    assert groups({}) == {"traefik.io", "traefik.containo.us"}
    assert groups({"skipGroups": []}) == {"traefik.io", "traefik.containo.us", "cert-manager.io", "acme.cert-manager.io"}
    done = helm4("template", "flow-proxy", "flow-proxy", "--include-crds", values={})
    assert "name: middlewares.traefik.io" in done.stdout and "certificates.cert-manager.io" not in done.stdout


@pytest.mark.parametrize("chart", CHARTS)
def test_lint(helm, chart):
    done = helm("lint", "--strict", chart, "--kube-version", "1.36.0")
    assert "[WARNING]" not in done.stdout and "[ERROR]" not in done.stdout, done.stdout


@pytest.mark.parametrize("case", [*CHARTS, *TOGGLES])
def test_the_api_server_accepts_every_object(helm, cluster, case):
    chart, values = TOGGLES.get(case, (case, {}))
    items = render(helm, chart, values, "--api-versions", "cert-manager.io/v1")
    cluster.apply(*[objects.namespace(name) for name in SERVICES])
    # These kinds are not in this cluster.
    absent = ("cert-manager.io/", "monitoring.coreos.com/")
    text = yaml.safe_dump_all([item for item in items if not item["apiVersion"].startswith(absent)])
    assert text
    done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-", text=text, check=False)
    assert done.returncode == 0, done.stderr
    # Pod Security's verdict on a workload comes as a warning.
    assert "violate PodSecurity" not in done.stderr, done.stderr


def test_pods_are_restricted_and_complete(helm4):
    items = render(helm4, "cluster-infra", {**SEED, "vaultwarden": {**SEED["vaultwarden"], "backup": {"enabled": True, "existingSecret": "s3"}}})
    seen = set()
    for item, pod in pods(items):
        name = item["metadata"]["name"]
        seen.add(name)
        for container in pod.get("initContainers", []) + pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"], name
            assert security["capabilities"]["drop"] == ["ALL"], name
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"], name
            assert "@sha256:" in container["image"] or ":" in container["image"].rsplit("/", 1)[-1], name
        if name != "heplify":
            assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        assert pod.get("automountServiceAccountToken") is (name == "flow-proxy"), name
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])}
        for container in pod.get("initContainers", []) + pod["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, name
    assert {"flow-proxy", "authentik-server", "authentik-worker", "vaultwarden", "vaultwarden-backup", "homer-app", "heplify", "excalidraw-room"} <= seen


def test_pods_are_allowed_by_their_namespaces(helm4, cluster):
    """Pod Security itself judges each pod template, under the label of its namespace."""
    items = render(helm4, "cluster-infra", SEED)
    for namespace in (item for item in items if item["kind"] == "Namespace"):
        cluster.apply(namespace)
    for item, pod in pods(items):
        candidate = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": item["metadata"]["name"], "namespace": item["metadata"]["namespace"]},
                     "spec": {**pod, "volumes": [v for v in pod.get("volumes", [])] + [
                         {"name": claim["metadata"]["name"], "emptyDir": {}} for claim in item["spec"].get("volumeClaimTemplates", [])]}}
        done = cluster.kubectl("create", "--dry-run=server", "-f", "-", text=yaml.safe_dump(candidate), check=False)
        assert done.returncode == 0, done.stderr


def test_the_seed_values_mean_what_they_say(helm4):
    items = render(helm4, "cluster-infra", SEED)
    service = find(items, "Service", "flow-proxy")
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["metadata"]["annotations"] == {"service.beta.kubernetes.io/ovh-loadbalancer-flavor": "small"}
    assert {(p["name"], p["port"]) for p in service["spec"]["ports"]} == {("web", 80), ("websecure", 443)}
    assert find(items, "Service", "traefik-dashboard")["spec"]["ports"][0]["port"] == 9000
    proxy = find(items, "Deployment", "flow-proxy")
    assert proxy["spec"]["replicas"] == 2
    assert proxy["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = proxy["spec"]["template"]["spec"]
    assert {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"} in pod["securityContext"]["sysctls"]
    probe = {kind: pod["containers"][0][kind]["httpGet"]["path"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probe == {"startupProbe": "/ping", "readinessProbe": "/ready", "livenessProbe": "/ping"}
    assert pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] == 5
    assert find(items, "TLSOption", "default")["spec"] == SEED["flow-proxy"]["tlsOptions"]["default"]
    assert find(items, "IngressClass", "traefik")["spec"]["controller"] == "traefik.io/ingress-controller"
    ingresses = {(i["metadata"]["namespace"], i["spec"]["rules"][0]["host"]): i for i in items if i["kind"] == "Ingress"}
    for namespace, host, secret in (("authentik", "auth.ominis.ai", "auth-ominis-ai-tls"), ("vaultwarden", "vault.ominis.ai", "vault-ominis-ai-tls")):
        ingress = ingresses[namespace, host]
        assert ingress["spec"]["ingressClassName"] == "traefik" and ingress["spec"]["tls"][0]["secretName"] == secret
        assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt-prod"
    vaultwarden = find(items, "StatefulSet", "vaultwarden")
    assert vaultwarden["metadata"]["namespace"] == "vaultwarden"
    container = vaultwarden["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "vaultwarden/server:latest"
    env = {entry["name"]: entry for entry in container["env"]}
    assert env["DOMAIN"]["value"] == "https://vault.ominis.ai" and env["SIGNUPS_ALLOWED"]["value"] == "false"
    assert env["ADMIN_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "vaultwarden", "key": "ADMIN_TOKEN"}
    authentik = find(items, "StatefulSet", "authentik-postgresql")
    assert authentik["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "10Gi"
    secret = find(items, "Secret", "authentik")["data"]
    assert base64.b64decode(secret["secret-key"]).decode() == "changeme-random-secret-key"
    assert {item["metadata"]["name"] for item in items if item["kind"] == "Namespace"} == set(SERVICES)


def test_the_issuer_is_made_where_its_kind_is(helm4):
    issuer = find(render(helm4, "cluster-infra", SEED, "--api-versions", "cert-manager.io/v1"), "ClusterIssuer")
    acme = issuer["spec"]["acme"]
    assert issuer["metadata"]["name"] == "letsencrypt-prod" and acme["email"] == "admin@ominis.ai"
    assert acme["privateKeySecretRef"] == {"name": "letsencrypt-prod"} and acme["solvers"] == [{"http01": {"ingress": {"class": "traefik"}}}]
    assert not [item for item in render(helm4, "cluster-infra", SEED) if item["kind"] == "ClusterIssuer"]


@pytest.mark.parametrize("case", ["flow-proxy", "umbrella-seed", *(name for name in TOGGLES if name.startswith("proxy"))])
def test_the_proxy_accepts_its_arguments(helm4, case):
    chart, values = TOGGLES.get(case, (case, {}))
    items = [item for item in render(helm4, chart, values) if item["metadata"]["name"] == "flow-proxy"]
    workload = next(item for item in items if item["kind"] in ("Deployment", "DaemonSet"))
    arguments = workload["spec"]["template"]["spec"]["containers"][0]["args"]
    done = subprocess.run([paths.tool("FLOW_PROXY", "the proxy"), "check", *arguments], capture_output=True, text=True, env={})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    settings = json.loads(done.stdout)
    assert settings["entryPoints"]["websecure"]["http"]["tls"] is not None
    assert settings["entryPoints"]["web"]["transport"]["lifeCycle"] == {"requestAcceptGraceTimeout": "5s", "graceTimeOut": "30s"}
    if case == "proxy-everything":
        assert settings["entryPoints"]["web"]["http"]["redirections"]["entryPoint"]["to"] == ":443"
        assert settings["entryPoints"]["websecure"]["http"]["tls"]["domains"] == [{"main": "example.org", "sans": ["*.example.org"]}]


def test_prometheus_finds_the_metrics(helm4):
    items = render(helm4, *TOGGLES["proxy-everything"])
    monitor = find(items, "ServiceMonitor")
    service = find(items, "Service", "flow-proxy-metrics")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    others = [item for item in items if item["kind"] == "Service" and item is not service]
    assert not [other for other in others if monitor["spec"]["selector"]["matchLabels"].items() <= other["metadata"]["labels"].items()]
    assert all(rule["expr"] and rule["alert"] for rule in find(items, "PrometheusRule")["spec"]["groups"][0]["rules"])
