"""The charts of deploy/charts: rendered by helm, held against the real API server, and their proxy run with the rights they give."""

import base64
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading

import pytest
import yaml
from harness import objects, paths
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import eventually

SOURCE = paths.ROOT / "deploy"
CHARTS = ["flow-proxy", "flow-proxy-crds", "postgresql", "authentik", "vaultwarden", "homer", "excalidraw", "cluster-infra"]
SERVICES = ["cert-manager", "flow-proxy", "authentik", "vaultwarden", "homer", "excalidraw"]

# Every value that the seed shows, under the names that it shows.
SEED = yaml.safe_load("""
flow-proxy:
  deployment: {replicas: 2}
  service:
    type: LoadBalancer
    annotations: {service.beta.kubernetes.io/ovh-loadbalancer-flavor: small}
  ports:
    web: {port: 80, exposedPort: 80}
    websecure: {port: 443, exposedPort: 443, tls: {enabled: true}}
  tlsOptions:
    default:
      minVersion: VersionTLS12
      cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  logs: {access: {enabled: true, format: json}}
  metrics: {prometheus: {enabled: true}}
authentik:
  postgresql: {enabled: true, persistence: {enabled: true, size: 10Gi}}
  ingress:
    enabled: true
    ingressClassName: traefik
    annotations: {cert-manager.io/cluster-issuer: letsencrypt-prod}
    hosts: [{host: auth.ominis.ai, paths: [{path: /, pathType: Prefix}]}]
    tls: [{secretName: auth-ominis-ai-tls, hosts: [auth.ominis.ai]}]
  secret_key: changeme-random-secret-key
  email: {host: smtp.sendgrid.net, port: 587, username: apikey, password: SG.xxx, from: noreply@ominis.ai}
vaultwarden:
  image: {repository: vaultwarden/server, tag: latest}
  persistence: {enabled: true, size: 1Gi}
  ingress:
    enabled: true
    className: traefik
    annotations: {cert-manager.io/cluster-issuer: letsencrypt-prod}
    hosts: [{host: vault.ominis.ai, paths: [{path: /, pathType: Prefix}]}]
    tls: [{secretName: vault-ominis-ai-tls, hosts: [vault.ominis.ai]}]
  env: {DOMAIN: "https://vault.ominis.ai", SIGNUPS_ALLOWED: "false", INVITATIONS_ALLOWED: "true", ADMIN_TOKEN: changeme-admin-token}
""")

# Values in which everything is on, or otherwise than by default.
TOGGLES = {
    "proxy-daemonset": ("flow-proxy", {
        "deployment": {"kind": "DaemonSet"},
        "ports": {"web": {"hostPort": 80, "redirections": {"entryPoint": {"to": "websecure"}}}, "websecure": {"hostPort": 443}},
        "service": {"type": "ClusterIP"}, "networkPolicy": {"enabled": False},
    }),
    "proxy-namespaced": ("flow-proxy", {
        "rbac": {"namespaced": True, "aggregateTo": ["admin", "edit"], "secretResourceNames": ["one"]},
        "providers": {
            "kubernetesIngress": {"namespaces": ["default"], "disableClusterScopeResources": True, "publishedService": {"enabled": False},
                                  "ingressEndpoint": {"ip": "192.0.2.1"}},
            "kubernetesCRD": {"namespaces": ["default"]},
        },
        "autoscaling": {"enabled": True}, "persistence": {"enabled": True}, "ingressClass": {"name": "other", "isDefaultClass": False},
        "tlsStore": {"default": {"defaultCertificate": {"secretName": "wildcard"}}}, "podAntiAffinity": "hard",
    }),
    "proxy-everything": ("flow-proxy", {
        "acme": {"enabled": True}, "hostNetwork": True, "image": {"digest": "sha256:" + "a" * 64},
        "rbac": {"secrets": {"namespaces": ["default"]}},
        "certificatesResolvers": {"le": {"acme": {"email": "a@example.org", "storage": "/data/acme.json", "httpChallenge": {"entryPoint": "web"}}}},
        "logs": {"access": {"enabled": True, "filters": {"statuscodes": "200,300-302", "retryattempts": True, "minduration": "10ms"},
                            "fields": {"general": {"names": {"ClientUsername": "drop"}}, "headers": {"defaultmode": "keep", "names": {"Authorization": "redact"}}}}},
        "ports": {
            "web": {"forwardedHeaders": {"trustedIPs": ["10.0.0.0/8"]}, "proxyProtocol": {"trustedIPs": ["10.0.0.0/8"]}, "redirectTo": {"port": "websecure"}},
            "websecure": {"middlewares": ["default-a@kubernetescrd"], "transport": {"respondingTimeouts": {"readTimeout": "5m"}},
                          "http": {"tls": {"domains": [{"main": "example.org", "sans": ["*.example.org"]}]}}},
            "internal": {"port": 9443, "expose": False, "exposedPort": 9443, "tls": {"enabled": True}},
        },
        "volumes": [{"name": "a-config-map", "mountPath": "/x", "type": "configMap"}],
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra", "namespace": "default"}}],
        "additionalArguments": ["--serversTransport.maxIdleConnsPerHost=7"],
        "metrics": {"prometheus": {"headerLabels": {"agent": "User-Agent"}, "buckets": "0.1,1"}},
    }),
    "vaultwarden-everything": ("vaultwarden", {
        "postgresql": {"enabled": True}, "backup": {"enabled": True, "accessKeyId": "a", "secretAccessKey": "b", "endpoint": "https://s3.example.org"},
        "sso": {"enabled": True, "authority": "https://auth.example.org/application/o/vaultwarden/", "clientId": "v", "clientSecret": "s"},
        "ingress": {"enabled": True, "className": "traefik", "hosts": [{"host": "vault.example.org"}]}, "adminProtection": {"enabled": True},
    }),
    "vaultwarden-external": ("vaultwarden", {"externalDatabase": {"host": "db.example.org", "password": "x"}, "persistence": {"enabled": False}}),
    "authentik-external": ("authentik", {
        "postgresql": {"enabled": False}, "externalDatabase": {"host": "db.example.org", "password": "x"}, "persistence": {"enabled": True},
        "server": {"replicas": 2}, "forwardAuth": {"applications": [{"name": "a", "host": "a.example.org"}]},
        "grafana": {"enabled": True, "host": "grafana.example.org"}, "env": {"AUTHENTIK_LOG_LEVEL": "info"},
    }),
    "homer-external": ("homer", {
        "postgresql": {"enabled": False}, "externalDatabase": {"host": "db.example.org", "password": "x"}, "agent": {"ports": "5060"},
        "server": {"service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"]}},
    }),
    "excalidraw-replicas": ("excalidraw", {"replicas": 2, "room": {"enabled": False}, "ingress": {"enabled": True, "hosts": [{"host": "e.example.org"}]}}),
    "umbrella-seed": ("cluster-infra", SEED),
    "umbrella-parts": ("cluster-infra", {"homer": {"enabled": False}, "excalidraw": {"enabled": False}, "namespaces": {"defaultDeny": False}}),
}


@pytest.fixture(scope="module")
def charts():
    """A copy of the charts with their dependencies packed."""
    copy = paths.WORK / "deploy"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("charts/*/charts"))
    subprocess.run([copy / "charts" / "build", paths.tool("HELM", "helm")], check=True, capture_output=True, env=environment())
    return copy / "charts"


def environment():
    home = paths.WORK / "helm"
    return {"PATH": os.environ["PATH"], "HOME": str(home), "HELM_CACHE_HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_DATA_HOME": str(home)}


@pytest.fixture(scope="module", params=["HELM", "HELM3"])
def helm(request, charts):
    """Runs helm 4, and helm 3 where HELM3 names it; the finished process."""
    if request.param == "HELM3" and not os.environ.get("HELM3"):
        pytest.skip("HELM3 names no helm 3")
    return runner(request.param, charts)


@pytest.fixture(scope="module")
def helm4(charts):
    return runner("HELM", charts)


def runner(variable, charts):
    binary = paths.tool(variable, "helm")

    def run(*arguments, values=None, check=True):
        command = [binary, *map(str, arguments)] + (["-f", "-"] if values is not None else [])
        done = subprocess.run(command, input=json.dumps(values), text=True, capture_output=True, cwd=charts, env=environment())
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done

    return run


def render(helm, chart, values=None, *more):
    """The objects of a chart."""
    done = helm("template", chart, chart, "-n", "default", "--kube-version", "1.36.0", *more, values=values or {})
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def find(items, kind, name=None):
    found = [item for item in items if item["kind"] == kind and name in (None, item["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects {kind}/{name}"
    return found[0]


def pods(items):
    for item in items:
        if item["kind"] in ("Deployment", "DaemonSet", "StatefulSet"):
            yield item, item["spec"]["template"]["spec"]
        elif item["kind"] == "CronJob":
            yield item, item["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_the_crds_in_the_charts_are_those_of_deploy():
    done = subprocess.run([SOURCE / "charts" / "sync-crds", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("chart", CHARTS)
def test_lint(helm, chart):
    done = helm("lint", "--strict", chart, "--kube-version", "1.36.0")
    assert "[WARNING]" not in done.stdout and "[ERROR]" not in done.stdout, done.stdout


@pytest.mark.parametrize("case", [*CHARTS, *TOGGLES])
def test_the_api_server_accepts_every_object(helm, cluster, case):
    chart, values = TOGGLES.get(case, (case, {}))
    items = render(helm, chart, values, "--api-versions", "cert-manager.io/v1")
    cluster.apply(*[objects.namespace(name) for name in SERVICES])
    # cert-manager's kinds are not in this cluster.
    text = yaml.safe_dump_all([item for item in items if not item["apiVersion"].startswith("cert-manager.io")])
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


@pytest.mark.parametrize(("chart", "values", "words"), [
    ("flow-proxy", {"deployment": {"replicas": "two"}}, "replicas"),
    ("flow-proxy", {"deployment": {"kind": "Pod"}}, "kind"),
    ("flow-proxy", {"ports": {"web": {"port": 70000}}}, "port"),
    ("flow-proxy", {"ingressClass": {"name": ""}}, "ingressClass.name is needed"),
    ("flow-proxy", {"rbac": {"namespaced": True}}, "rbac.namespaced needs providers.kubernetesIngress.namespaces"),
    ("flow-proxy", {"metrics": {"prometheus": {"serviceMonitor": {"enabled": True}}}}, "need the Prometheus operator's CRDs"),
    ("flow-proxy", {"tlsOptions": {"default": {"minVersion": "TLS12"}}}, "minVersion"),
    ("authentik", {"secretkey": "x"}, "secretkey"),
    ("authentik", {"ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
    ("authentik", {"postgresql": {"enabled": False}}, "externalDatabase.password or .existingSecret is needed"),
    ("vaultwarden", {"env": {"SIGNUPS_ALLOWED": False}}, "SIGNUPS_ALLOWED"),
    ("vaultwarden", {"replicas": 2}, "replicas"),
    ("vaultwarden", {"backup": {"enabled": True}}, "backup.accessKeyId or .existingSecret is needed"),
    ("homer", {"agent": {"ports": "sip"}}, "ports"),
    ("cluster-infra", {"authentic": {}}, "authentic"),
    ("cluster-infra", {"authentik": {"enabled": False}}, "homer.protection.enabled needs authentik.enabled"),
])
def test_bad_values_stop_helm(helm4, chart, values, words):
    done = helm4("template", chart, chart, "--kube-version", "1.36.0", values=values, check=False)
    assert done.returncode != 0 and words in done.stderr, done.stderr


def notes(helm, chart, values):
    done = helm("install", chart, chart, "-n", "default", "--dry-run=client", values=values)
    return done.stdout.partition("WARNINGS")[2]


def test_notes_name_what_is_unknown_unserved_or_unsafe(helm4):
    said = notes(helm4, "flow-proxy", {
        "deployement": {}, "ports": {"web": {"prot": 1}}, "tracing": {"otlp": {"enabled": True}}, "experimental": {"plugins": {}}, "hub": {"token": "x"},
        "deployment": {"terminationGracePeriodSeconds": 10}, "networkPolicy": {"enabled": False},
    })
    for words in ("deployement is not known", "ports.web.prot is not known", "tracing is known from Traefik's chart and not served", "hub is known",
                  "draining may take 45 s", "api.insecure without networkPolicy"):
        assert words in said, said
    assert "experimental" not in said, "an empty group asks for nothing"
    said = notes(helm4, "cluster-infra", SEED)
    for words in ('authentik: secret_key IS STILL "changeme-random-secret-key"', 'vaultwarden: env.ADMIN_TOKEN IS STILL "changeme-admin-token"', "SG.xxx"):
        assert words in said, said
    assert "is not known" not in said and "not served" not in said, said
    assert notes(helm4, "flow-proxy", {}).strip() == ""


def test_every_default_value_is_known(charts):
    known = yaml.safe_load((charts / "flow-proxy/files/known-values.yaml").read_text())

    def check(values, rules, at):
        for name, value in values.items():
            rule = rules.get(name, rules.get("*"))
            assert rule, f"{at}{name} is not in files/known-values.yaml"
            if isinstance(rule, dict):
                check(value or {}, rule, f"{at}{name}.")

    check(yaml.safe_load((charts / "flow-proxy/values.yaml").read_text()), known, "")


@pytest.fixture(scope="module")
def own_cluster():
    """A cluster that nobody has prepared."""
    running = Cluster("charts")
    yield running
    running.stop()


def test_install_upgrade_rollback_uninstall(helm4, own_cluster):
    def at(*arguments, **more):
        return helm4(*arguments, "--kubeconfig", own_cluster.kubeconfig, "-n", "cluster-infra", **more)

    def secrets():
        return {(item["metadata"]["namespace"], item["metadata"]["name"]): item["data"] for name in SERVICES
                for item in own_cluster.get(f"/api/v1/namespaces/{name}/secrets")["items"]}

    done = at("install", "cluster-infra", "cluster-infra", "--create-namespace", values=SEED)
    assert "nobody issues certificates" in done.stdout or own_cluster.get("/apis/cert-manager.io/v1")
    made = secrets()
    assert len(base64.b64decode(made["authentik", "authentik-postgresql"]["password"])) == 32
    assert own_cluster.get("/apis/traefik.io/v1alpha1/namespaces/authentik/middlewares/authentik")
    assert own_cluster.get("/apis/traefik.io/v1alpha1/namespaces/flow-proxy/tlsoptions/default")

    changed = {**SEED, "flow-proxy": {**SEED["flow-proxy"], "deployment": {"replicas": 3}}}
    at("upgrade", "cluster-infra", "cluster-infra", values=changed)
    deployment = "/apis/apps/v1/namespaces/flow-proxy/deployments/flow-proxy"
    assert own_cluster.get(deployment)["spec"]["replicas"] == 3
    assert secrets() == made, "an upgrade changed a secret"
    at("rollback", "cluster-infra", "1")
    assert own_cluster.get(deployment)["spec"]["replicas"] == 2
    assert secrets() == made

    second = helm4("install", "second", "flow-proxy", "--kubeconfig", own_cluster.kubeconfig, "-n", "default", check=False)
    assert second.returncode != 0 and "IngressClass traefik is there already" in second.stderr, second.stderr
    assert own_cluster.get("/apis/apps/v1/namespaces/default/deployments")["items"] == [], "something was installed all the same"

    at("uninstall", "cluster-infra")
    assert own_cluster.get(deployment) is None
    kept = secrets()
    assert kept["authentik", "authentik"] == made["authentik", "authentik"], "what opens the volumes must stay"
    assert own_cluster.get("/apis/traefik.io/v1alpha1"), "the CRDs must stay"
    at("install", "cluster-infra", "cluster-infra", values=SEED)
    assert secrets()["authentik", "authentik-postgresql"] == made["authentik", "authentik-postgresql"]
    at("uninstall", "cluster-infra")


def test_foreign_namespaces_are_left_alone(helm4, own_cluster):
    foreign = objects.namespace("cert-manager")
    own_cluster.apply(foreign)
    own_cluster.merge(foreign, {"metadata": {"annotations": None, "labels": {"mine": "yes"}}})
    before = own_cluster.get("/api/v1/namespaces/cert-manager")["metadata"]
    parts = {name: {"enabled": False} for name in ("authentik", "vaultwarden", "homer", "excalidraw")}
    done = helm4("install", "parts", "cluster-infra", "--kubeconfig", own_cluster.kubeconfig, "-n", "parts", "--create-namespace", values=parts)
    assert "the namespace cert-manager is not of this release" in done.stdout, done.stdout
    assert own_cluster.get("/api/v1/namespaces/cert-manager")["metadata"] == before
    policies = own_cluster.get("/apis/networking.k8s.io/v1/namespaces/cert-manager/networkpolicies")["items"]
    assert [policy for policy in policies if policy["metadata"]["annotations"]["meta.helm.sh/release-name"] == "parts"] == []
    helm4("uninstall", "parts", "--kubeconfig", own_cluster.kubeconfig, "-n", "parts")


def test_the_rendered_rights_are_enough(helm4, own_cluster, backends):
    """The rendered arguments with the rendered account's token: routes, a Secret, a Middleware, the status, the Lease."""
    values = {
        "ports": {"web": {"port": 29080}, "websecure": {"port": 29443}, "traefik": {"port": 29088}, "metrics": {"port": 29089}},
        "fullnameOverride": "rights", "ingressClass": {"name": "rights"}, "dashboardService": {"name": "rights-dashboard"},
        "providers": {"kubernetesIngress": {"ingressClass": "rights", "publishedService": {"enabled": False}, "ingressEndpoint": {"ip": "192.0.2.7"}}},
    }
    helm4("install", "rights", "flow-proxy", "--kubeconfig", own_cluster.kubeconfig, "-n", "rights", "--create-namespace", values=values)
    arguments = own_cluster.get("/apis/apps/v1/namespaces/rights/deployments/rights")["spec"]["template"]["spec"]["containers"][0]["args"]
    token = own_cluster.kubectl("create", "token", "rights", "-n", "rights").strip()
    kubeconfig = yaml.safe_load(pathlib.Path(own_cluster.kubeconfig).read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    path = paths.WORK / "rights.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    host = "rights.example.org"
    own_cluster.apply(
        objects.service("backend", "rights"), objects.endpoints("backend", "rights", ["10.99.0.1"]),
        objects.secret("users", "rights", {"users": "u:{SHA}C+7Hteo/D9vJXQ3UfzxbwnXaijM="}),
        objects.middleware("auth", "rights", {"basicAuth": {"secret": "users"}}),
        objects.ingress("app", "rights", host, annotations={"router.middlewares": "rights-auth@kubernetescrd"}, ingressClassName="rights"),
    )
    environment = {"KUBECONFIG": str(path), "POD_NAMESPACE": "rights", "POD_NAME": "rights-0"}
    running = Proxy(*arguments, env=environment, defaults=False, ready=False, name="rights")
    running.web, running.websecure, running.admin = 29080, 29443, 29088
    with running:
        running.wait_ready()
        running.served(host, status=401)

        def published():
            status = own_cluster.get("/apis/networking.k8s.io/v1/namespaces/rights/ingresses/app")["status"]
            return status["loadBalancer"].get("ingress") == [{"ip": "192.0.2.7"}]

        eventually(published, 20, what="the status")
        assert own_cluster.get("/apis/coordination.k8s.io/v1/namespaces/rights/leases/flow-proxy")["spec"]["holderIdentity"] == "rights-0"
        log = running.log().lower()
        assert "forbidden" not in log and "grant" not in log, running.log()
    helm4("uninstall", "rights", "--kubeconfig", own_cluster.kubeconfig, "-n", "rights")


# --- scripts ---------------------------------------------------------------------------------------------------------

# In Vaultwarden's place: the same statement on the same file.
BACKUP = """#!{python}
import os, sqlite3, sys, time
assert sys.argv[1:] == ["backup"]
data = os.environ["DATA_FOLDER"]
sqlite3.connect(data + "/db.sqlite3", timeout=30).execute("VACUUM INTO ?", (data + time.strftime("/db_%Y%m%d_%H%M%S.sqlite3"),))
"""
# In the place of S3: a folder.
AWS = """#!{python}
import os, shutil, sys
place = lambda url: os.environ["BUCKETS"] + "/" + url.removeprefix("s3://") if url.startswith("s3://") else url
words = [word for word in sys.argv[1:] if not word.startswith("--")]
assert words.pop(0) == "s3"
verb = words.pop(0)
if verb == "cp":
    shutil.copy(place(words[0]), place(words[1]))
elif verb == "rm":
    os.remove(place(words[0]))
else:
    for name in sorted(os.listdir(place(words[0]))):
        print("2026-01-01 00:00:00", os.path.getsize(place(words[0]) + name), name)
"""


@pytest.fixture
def vault(tmp_path):
    """A folder of Vaultwarden's with a database that somebody writes to all the time."""
    data = tmp_path / "data"
    (data / "attachments").mkdir(parents=True)
    (data / "icon_cache").mkdir()
    (data / "icon_cache" / "x.png").write_bytes(b"x")
    (data / "attachments" / "a").write_bytes(b"attached")
    (data / "rsa_key.pem").write_text("key")
    for name, text in (("vaultwarden", BACKUP), ("aws", AWS)):
        program = tmp_path / name
        program.write_text(text.replace("{python}", sys.executable))
        program.chmod(0o755)
    bucket = tmp_path / "buckets" / "backups" / "vaultwarden"
    bucket.mkdir(parents=True)
    database = sqlite3.connect(data / "db.sqlite3", check_same_thread=False, timeout=30)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE pairs (a INTEGER, b INTEGER)")
    database.commit()
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            with database:
                database.execute("INSERT INTO pairs VALUES (?, ?)", (number, 0))
                database.execute("UPDATE pairs SET b = ?", (number,))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()

    def script(name, *arguments, check=True):
        env = {"PATH": "/usr/bin:/bin", "VAULTWARDEN": str(tmp_path / "vaultwarden"), "AWS": str(tmp_path / "aws"), "BUCKETS": str(tmp_path / "buckets")}
        done = subprocess.run(["sh", SOURCE / "charts/vaultwarden/files" / name, *map(str, arguments)], capture_output=True, text=True, env=env)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def end():
        stop.set()
        writer.join()

    yield script, data, bucket, end
    end()
    database.close()


def test_a_backup_is_consistent_and_comes_back(vault, tmp_path):
    script, data, bucket, end = vault
    work = tmp_path / "work"
    work.mkdir()
    script("snapshot.sh", data, work)
    assert not list(data.glob("db_*.sqlite3")), "the snapshot stayed in the data"
    names = {name.removeprefix("./") for name in tarfile.open(work / "archive.tar.gz").getnames()}
    assert {"db.sqlite3", "attachments/a", "rsa_key.pem"} <= names
    assert not any("wal" in name or "icon_cache" in name for name in names), names

    for name in ("vaultwarden-backup-20200101.tar.gz", "vaultwarden-backup-2020.tar.gz", "else.tar.gz"):
        (bucket / name).write_bytes(b"old")
    script("upload.sh", work / "archive.tar.gz", "s3://backups/vaultwarden/", 30)
    left = {path.name for path in bucket.iterdir()}
    assert "vaultwarden-backup-20200101.tar.gz" not in left
    assert {"vaultwarden-backup-2020.tar.gz", "else.tar.gz"} < left, "only exact names may be deleted"

    end()
    (data / "attachments" / "a").write_bytes(b"spoilt")
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    script("fetch.sh", "s3://backups/vaultwarden/", fetched)
    script("restore.sh", fetched / "archive.tar.gz", data)
    assert (data / "attachments" / "a").read_bytes() == b"attached"
    assert (data / "before-restore" / "attachments" / "a").read_bytes() == b"spoilt"
    assert not (data / "db.sqlite3-wal").exists()
    restored = sqlite3.connect(data / "db.sqlite3")
    assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows, least, most, newest = restored.execute("SELECT count(*), min(b), max(b), max(a) FROM pairs").fetchone()
    assert rows > 0 and least == most == newest == rows - 1, "a transaction was cut in two"


def test_a_bad_archive_changes_nothing(vault, tmp_path):
    script, data, _, end = vault
    end()
    before = sorted(path.name for path in data.iterdir())
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    foreign = tmp_path / "foreign.tar.gz"
    with tarfile.open(foreign, "w:gz") as archive:
        archive.add(data / "rsa_key.pem", "something")
    for path, words in ((broken, "gzip"), (foreign, "not a backup of Vaultwarden")):
        done = script("restore.sh", path, data, check=False)
        assert done.returncode != 0 and words in done.stderr, done.stderr
    assert sorted(path.name for path in data.iterdir()) == before
    empty = script("fetch.sh", "s3://backups/vaultwarden/", tmp_path, check=False)
    assert empty.returncode != 0 and "no backup" in empty.stderr


def test_excalidraw_is_given_its_own_collaboration_server(tmp_path):
    site, out = tmp_path / "site", tmp_path / "out"
    (site / "assets").mkdir(parents=True)
    out.mkdir()
    (site / "index.html").write_text("<html>")
    (site / "assets" / "a.js").write_text('x("https://oss-collab.excalidraw.com")')
    (site / "assets" / "a.js.gz").write_bytes(b"old")
    (site / "service-worker.js").write_text("precache")
    script = SOURCE / "charts/excalidraw/files/site.sh"
    subprocess.run(["sh", script, site, out, "https://e.example.org"], check=True, capture_output=True)
    assert (out / "assets" / "a.js").read_text() == 'x("https://e.example.org")'
    assert not (out / "assets" / "a.js.gz").exists()
    assert "precache" not in (out / "service-worker.js").read_text()
    assert (site / "assets" / "a.js").read_text() == 'x("https://oss-collab.excalidraw.com")'
    (site / "assets" / "a.js").write_text("another build")
    done = subprocess.run(["sh", script, site, out, "https://e.example.org"], capture_output=True, text=True)
    assert done.returncode != 0 and "built differently" in done.stderr


# --- the image -------------------------------------------------------------------------------------------------------

# What the base image brings: glibc and libgcc.
LIBRARIES = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"}


def test_the_binary_needs_what_the_image_has():
    listed = subprocess.run(["ldd", paths.tool("FLOW_PROXY", "the proxy")], check=True, capture_output=True, text=True).stdout
    needed = {line.split()[0] for line in listed.splitlines()}
    assert {name for name in needed if not name.startswith("/lib")} <= LIBRARIES, needed


def test_the_image_takes_every_crate_along():
    ignored = (SOURCE / "Dockerfile.dockerignore").read_text().splitlines()
    workspace = (paths.ROOT / "Cargo.toml").read_text().partition("members = [")[2].partition("]")[0]
    crates = [name.strip().strip('"') for name in workspace.split(",")]
    assert crates and {f"!{name}" for name in [*crates, "src", "Cargo.toml", "Cargo.lock"]} <= set(ignored)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_binary_runs_as_the_image_s_user_with_nothing_of_its_own(tmp_path_factory):
    """User 65532, no home, no environment, a root that cannot be written."""
    image = USER_SCRIPT.format(proxy=paths.tool("FLOW_PROXY", "the proxy"))
    done = subprocess.run(["unshare", "--mount", "sh", "-ec", image], capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    assert done.returncode == 0, done.stderr
    assert "200" in done.stdout, done.stdout + done.stderr


USER_SCRIPT = """
mkdir -p /tmp/image && mount -t tmpfs none /tmp/image
cp {proxy} /tmp/image/flow-proxy && chmod 755 /tmp/image /tmp/image/flow-proxy
cd /tmp/image && mount -o remount,ro /tmp/image
setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all env -i /tmp/image/flow-proxy \\
    --entryPoints.web.address=127.0.0.1:29180 --entryPoints.traefik.address=127.0.0.1:29188 --ping --api.insecure >&2 &
pid=$!
for attempt in $(seq 100); do
    curl -fsS -o /dev/null -w '%{{http_code}}' http://127.0.0.1:29188/ready 2>/dev/null && break
    sleep 0.1
done
kill $pid
"""
