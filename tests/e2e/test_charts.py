"""The charts of deploy/charts: rendered by helm, held against the real API server, and their proxy run with the rights they give."""

import base64
import json
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml
from harness import objects, paths
from harness.cluster import Cluster
from harness.processes import Process
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
        "metrics": {"prometheus": {"headerLabels": {"agent": "User-Agent"}, "buckets": "0.1,1", "disableAPICheck": True,
                                   "serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}},
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
    "crds-all": ("flow-proxy-crds", {"skipGroups": []}),
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


def test_install_upgrade_rollback_uninstall(helm, own_cluster):
    def at(*arguments, **more):
        return helm(*arguments, "--kubeconfig", own_cluster.kubeconfig, "-n", "cluster-infra", **more)

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

    second = helm("install", "second", "flow-proxy", "--kubeconfig", own_cluster.kubeconfig, "-n", "default", check=False)
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


def test_a_foreign_ingress_class_is_taken_over(helm, own_cluster):
    """The last step of docs/migrate-from-traefik.md, with a class as Traefik's chart makes it."""
    labels = {"app.kubernetes.io/name": "traefik", "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "traefik-37.0.0"}
    item = objects.ingress_class("takeover")
    item["metadata"].update(labels=labels, annotations={"ingressclass.kubernetes.io/is-default-class": "true", "meta.helm.sh/release-name": "traefik",
                                                        "meta.helm.sh/release-namespace": "traefik"})
    own_cluster.apply(item)
    before = own_cluster.get("/apis/networking.k8s.io/v1/ingressclasses/takeover")["metadata"]["uid"]
    at = ["--kubeconfig", own_cluster.kubeconfig, "-n", "takeover"]
    values = {"ingressClass": {"name": "takeover", "enabled": False}, "fullnameOverride": "takeover"}
    helm("install", "takeover", "flow-proxy", *at, "--create-namespace", values=values)
    values["ingressClass"]["enabled"] = True
    refused = helm("upgrade", "takeover", "flow-proxy", *at, values=values, check=False)
    assert refused.returncode != 0 and "IngressClass takeover is there already" in refused.stderr
    own_cluster.kubectl("label", "ingressclass", "takeover", "app.kubernetes.io/managed-by=Helm", "--overwrite")
    own_cluster.kubectl("annotate", "ingressclass", "takeover", "meta.helm.sh/release-name=takeover", "meta.helm.sh/release-namespace=takeover", "--overwrite")
    version = helm("version", "--short").stdout
    helm("upgrade", "takeover", "flow-proxy", *at, *(["--force-conflicts"] if version.startswith("v4") else []), values=values)
    after = own_cluster.get("/apis/networking.k8s.io/v1/ingressclasses/takeover")["metadata"]
    assert after["uid"] == before and after["labels"]["app.kubernetes.io/name"] == "flow-proxy"
    helm("uninstall", "takeover", *at)


def test_the_chart_of_the_crds_takes_over_what_the_other_installed(helm, own_cluster):
    definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/middlewares.traefik.io"
    if not own_cluster.get(definition):
        own_cluster.install_crds()
    before = own_cluster.get(definition)["metadata"]["uid"]
    release = "crds-" + helm("version", "--short").stdout[:2]
    version = helm("version", "--short").stdout
    more = ["--force-conflicts"] if version.startswith("v4") else []
    at = ["--kubeconfig", own_cluster.kubeconfig, "-n", "default"]
    helm("upgrade", "--install", release, "flow-proxy-crds", *at, "--take-ownership", *more)
    helm("upgrade", "--install", release, "flow-proxy-crds", *at)
    assert own_cluster.get(definition)["metadata"]["uid"] == before
    helm("uninstall", release, *at)
    assert own_cluster.get(definition)["metadata"]["uid"] == before, "with the definition went every Middleware"


def test_the_umbrella_s_ingresses_are_served(helm4, own_cluster, backends):
    """What must be open is, what Authentik protects is not open, and both come before or after each other as they should."""
    at = ["--kubeconfig", own_cluster.kubeconfig, "-n", "cluster-infra"]
    helm4("install", "cluster-infra", "cluster-infra", *at, "--create-namespace", values=SEED)
    for namespace, name, port in (("authentik", "authentik-server", "http"), ("homer", "homer-app", "http"), ("excalidraw", "excalidraw", "http"),
                                  ("excalidraw", "excalidraw-room", "http"), ("vaultwarden", "vaultwarden", "http")):
        own_cluster.apply(objects.endpoints(name, namespace, ["10.99.0.1"], port_name=port))
    with Proxy(cluster=own_cluster, name="umbrella") as running:
        for host, path in (("auth.ominis.ai", "/"), ("vault.ominis.ai", "/"), ("vault.ominis.ai", "/notifications/hub"),
                           ("homer.ominis.ai", "/outpost.goauthentik.io/start"), ("excalidraw.ominis.ai", "/outpost.goauthentik.io/callback")):
            running.served(host, path)
        # Authentik cannot be asked here: its name does not resolve. Nobody comes in.
        for host, path in (("homer.ominis.ai", "/"), ("excalidraw.ominis.ai", "/"), ("excalidraw.ominis.ai", "/socket.io/?EIO=4")):
            assert running.get(host, path).status in (500, 502, 504), f"{host}{path} is open"
        names = {router["name"] for router in running.api("/http/routers")}
        assert any("excalidraw-room" in name and "socket" in name for name in names), names
    helm4("uninstall", "cluster-infra", *at)


class AuditedCluster(Cluster):
    """A cluster that writes down who asked for what."""

    def start(self):
        self.directory.mkdir(parents=True)
        policy = self.directory / "audit.yaml"
        policy.write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n")
        self.audit_log = self.directory / "audit.log"
        binary = paths.tool("TESTCLUSTER", "the test cluster's executable")
        flags = [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}", "--audit-log-mode=blocking"]
        self.process = Process(f"{self.name}-apiserver", [binary, "-dir", self.directory, "-port", self.port, "--", *flags])
        eventually(lambda: "ready\n" in self.process.log(), 90, 0.05, "the API server")
        eventually(lambda: self.get("/api/v1/namespaces/default"), 30, 0.05, "the namespace default")

    def asked(self, user):
        """(group, resource, verb) of every request of a user, and those that were refused."""
        done, refused = set(), set()
        for line in self.audit_log.read_text().splitlines():
            event = json.loads(line)
            if event["user"].get("username") == user and "objectRef" in event:
                target = event["objectRef"]
                resource = target["resource"] + ("/" + target["subresource"] if "subresource" in target else "")
                request = (target.get("apiGroup", ""), resource, event["verb"])
                done.add(request)
                if event.get("responseStatus", {}).get("code") == 403:
                    refused.add(request)
        return done, refused


@pytest.fixture
def audited():
    running = AuditedCluster("audited")
    yield running
    running.stop()


def test_the_rendered_rights_are_enough_and_all_used(helm4, audited, backends):
    """Two replicas with the rendered arguments and the rendered account's token; the API server's audit log against the roles."""
    values = {
        "ports": {"web": {"port": 29080}, "websecure": {"port": 29443}, "traefik": {"port": 29088}, "metrics": {"port": 29089}},
        "fullnameOverride": "rights", "deployment": {"replicas": 2},
        "providers": {"kubernetesIngress": {"publishedService": {"enabled": False}, "ingressEndpoint": {"ip": "192.0.2.7"}}},
    }
    helm4("install", "rights", "flow-proxy", "--kubeconfig", audited.kubeconfig, "-n", "rights", "--create-namespace", values=values)
    arguments = audited.get("/apis/apps/v1/namespaces/rights/deployments/rights")["spec"]["template"]["spec"]["containers"][0]["args"]
    kubeconfig = yaml.safe_load(pathlib.Path(audited.kubeconfig).read_text())
    kubeconfig["users"][0]["user"] = {"token": audited.kubectl("create", "token", "rights", "-n", "rights").strip()}
    path = paths.WORK / "rights.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))

    def replica(number):
        moved = [argument.replace(":290", f":29{number + 2}").replace(":29443", f":29{number}43") for argument in arguments]
        environment = {"KUBECONFIG": str(path), "POD_NAMESPACE": "rights", "POD_NAME": f"rights-{number}"}
        running = Proxy(*moved, env=environment, defaults=False, ready=False, name=f"rights-{number}")
        running.web, running.admin = 29080 + (number + 2) * 100, 29088 + (number + 2) * 100
        running.wait_ready()
        return running

    def protected(name, host):
        """A host with a password, and a backend whose CA is in a ConfigMap."""
        users = objects.secret(f"users-{name}", "rights", {"users": "u:{SHA}C+7Hteo/D9vJXQ3UfzxbwnXaijM="})
        ca = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"ca-{name}", "namespace": "rights"}, "data": {"ca.crt": ""}}
        audited.apply(
            users, ca, objects.middleware(f"auth-{name}", "rights", {"basicAuth": {"secret": f"users-{name}"}}),
            objects.custom("ServersTransport", f"transport-{name}", "rights", {"rootCAs": [{"configMap": f"ca-{name}"}]}),
            objects.ingress(name, "rights", host, annotations={"router.middlewares": f"rights-auth-{name}@kubernetescrd"}, ingressClassName="traefik"),
        )

    annotation = {"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}
    audited.apply(
        objects.service("backend", "rights"), objects.endpoints("backend", "rights", ["10.99.0.1"]),
        objects.service("by-node", "rights", annotations=annotation, type="NodePort"),
        objects.ingress("by-node", "rights", "node.example.org", "by-node", ingressClassName="traefik"),
    )
    protected("first", "first.example.org")
    with replica(0) as leader, replica(1) as follower:
        # What is named only later is fetched, which is another verb than what was there at the start.
        protected("second", "second.example.org")
        for running in (leader, follower):
            for host in ("first.example.org", "second.example.org"):
                running.served(host, status=401)

        def published():
            status = audited.get("/apis/networking.k8s.io/v1/namespaces/rights/ingresses/second")["status"]
            return status["loadBalancer"].get("ingress") == [{"ip": "192.0.2.7"}]

        eventually(published, 20, what="the status")
        user = "system:serviceaccount:rights:rights"

        granted = set()
        roles = audited.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/rights-rights")["rules"]
        roles += audited.get("/apis/rbac.authorization.k8s.io/v1/namespaces/rights/roles/rights-leader")["rules"]
        for rule in roles:
            granted |= {(group, resource, verb) for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}

        def all_used():
            done, refused = audited.asked(user)
            assert not refused, f"missing: {refused}"
            # Lists come as streams, which is `watch`; `list` is for API servers that do not stream them.
            streamed = {(group, resource, "list") for group, resource, verb in done if verb == "watch"}
            assert granted <= done | streamed, f"unused: {sorted(granted - done - streamed)}"
            return True

        eventually(all_used, 30, what="the use of every permission")
        for running in (leader, follower):
            assert "forbidden" not in running.log().lower() and "grant " not in running.log(), running.log()
