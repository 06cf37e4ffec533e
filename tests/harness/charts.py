"""The charts of deploy/charts, the values that tests give them, and helm."""

import json
import os
import subprocess

import yaml

from . import paths

SOURCE = paths.ROOT / "deploy"
CHARTS = ["flow-proxy", "flow-proxy-crds", "postgresql", "authentik", "vaultwarden", "homer", "excalidraw", "cluster-infra"]
SERVICES = ["cert-manager", "flow-proxy", "authentik", "vaultwarden", "homer", "excalidraw"]

# Every value in the seed, under its name there.
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

# Values in which everything is on, or differs from the default.
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


def environment():
    home = paths.WORK / "helm"
    return {"PATH": os.environ["PATH"], "HOME": str(home), "HELM_CACHE_HOME": str(home), "HELM_CONFIG_HOME": str(home), "HELM_DATA_HOME": str(home)}


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


def notes(helm, chart, values):
    done = helm("install", chart, chart, "-n", "default", "--dry-run=client", values=values)
    return done.stdout.partition("WARNINGS")[2]
