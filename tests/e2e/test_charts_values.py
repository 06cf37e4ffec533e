"""Values: wrong ones stop helm with one clear line; unknown, unserved and unsafe ones are named."""

import base64

import pytest
import yaml
from harness.charts import CHARTS, SEED, find, notes, pods, render


@pytest.mark.parametrize(("chart", "values", "words"), [
    ("flow-proxy", {"deployment": {"replicas": "two"}}, "replicas"),
    ("flow-proxy", {"deployment": {"kind": "Pod"}}, "kind"),
    ("flow-proxy", {"ports": {"web": {"port": 70000}}}, "port"),
    ("flow-proxy", {"ingressClass": {"name": "My Class"}}, "name"),
    ("flow-proxy", {"rbac": {"namespaced": "yes"}}, "namespaced"),
    ("flow-proxy", {"metrics": {"prometheus": {"serviceMonitor": {"enabled": True}}}}, "need the Prometheus operator's CRDs"),
    ("flow-proxy", {"tlsOptions": {"default": {"minVersion": "TLS12"}}}, "minVersion"),
    ("authentik", {"secretkey": "x"}, "secretkey"),
    ("authentik", {"ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
    ("authentik", {"postgresql": {"enabled": False}}, "externalDatabase.password or .existingSecret is needed"),
    ("vaultwarden", {"env": {"SIGNUPS_ALLOWED": ["no"]}}, "SIGNUPS_ALLOWED"),
    ("vaultwarden", {"replicas": 2}, "replicas"),
    ("vaultwarden", {"backup": {"enabled": True}}, "backup.accessKeyId or .existingSecret is needed"),
    ("homer", {"agent": {"ports": "sip"}}, "ports"),
    ("cluster-infra", {"authentic": {}}, "authentic"),
    ("cluster-infra", {"authentik": {"enabled": False}}, "homer.protection.enabled needs authentik.enabled"),
])
def test_bad_values_stop_helm(helm4, chart, values, words):
    done = helm4("template", chart, chart, "--kube-version", "1.36.0", values=values, check=False)
    assert done.returncode != 0 and words in done.stderr, done.stderr


@pytest.mark.parametrize("chart", [chart for chart in CHARTS if chart != "flow-proxy"])
def test_a_name_that_no_chart_knows_stops_helm(helm, chart):
    """Except in the proxy's own chart, which takes the values of Traefik's chart and warns instead."""
    done = helm("template", chart, chart, "--kube-version", "1.36.0", values={"persistance": {}}, check=False)
    assert done.returncode != 0 and "persistance" in done.stderr, done.stderr


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


@pytest.mark.parametrize(("chart", "values"), [
    ("authentik", {"env": {"A": False, "B": True, "C": 5000000, "D": 0.5, "E": None, "F": "text"}}),
    ("vaultwarden", {"env": {"A": False, "B": True, "C": 5000000, "D": 0.5, "E": None, "F": "text"}}),
    ("homer", {"agent": {"env": {"A": False, "B": True, "C": 5000000, "D": 0.5, "E": None, "F": "text"}}}),
])
def test_variables_are_written_without_quotes(helm, chart, values):
    """Booleans and numbers become text as written; null is no variable."""
    found = {}
    for _, pod in pods(render(helm, chart, values)):
        for container in pod["containers"]:
            found |= {entry["name"]: entry.get("value") for entry in container.get("env", [])}
    assert {name: found.get(name) for name in "ABCDEF"} == {"A": "false", "B": "true", "C": "5000000", "D": "0.5", "E": None, "F": "text"}
    assert "E" not in found


def test_a_secret_variable_is_written_without_quotes(helm4):
    secret = find(render(helm4, "vaultwarden", {"env": {"ADMIN_TOKEN": 12345678, "SMTP_PASSWORD": None}}), "Secret", "vaultwarden")
    assert base64.b64decode(secret["data"]["ADMIN_TOKEN"]) == b"12345678" and "SMTP_PASSWORD" not in secret["data"]
    assert "env.ADMIN_TOKEN is in clear" in notes(helm4, "vaultwarden", {"env": {"ADMIN_TOKEN": 12345678}})
    more = find(render(helm4, "vaultwarden", {"extraEnv": [{"name": "EXTRA", "value": False}]}), "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "EXTRA", "value": "false"} in more
    settings = find(render(helm4, "postgresql", {"settings": {"max_connections": 5000000, "fsync": False}}), "StatefulSet")
    arguments = settings["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {"max_connections=5000000", "fsync=false"} <= set(arguments)


def test_annotations_are_written_without_quotes(helm):
    """On Ingresses, a Service and pods: a value that is no text would be refused by the API server."""
    annotation = {"traefik.ingress.kubernetes.io/router.tls": True, "traefik.ingress.kubernetes.io/router.priority": 42}
    ingress = {"enabled": True, "annotations": annotation, "hosts": [{"host": "a.example.org"}]}
    for chart in ("authentik", "vaultwarden", "homer", "excalidraw"):
        found = next(item for item in render(helm, chart, {"ingress": ingress}) if item["kind"] == "Ingress")["metadata"]["annotations"]
        assert found.items() >= {name: str(value).lower() for name, value in annotation.items()}.items(), chart
    values = {"service": {"annotations": {"a": True}}, "deployment": {"podAnnotations": {"prometheus.io/port": 9100}}}
    items = render(helm, "flow-proxy", values)
    assert find(items, "Service", "flow-proxy")["metadata"]["annotations"] == {"a": "true"}
    assert find(items, "Deployment")["spec"]["template"]["metadata"]["annotations"] == {"prometheus.io/port": "9100"}


def test_a_middleware_is_made_where_its_kind_is(helm, helm4):
    """Authentik installs without Traefik's definitions; the umbrella brings them."""

    def made(chart, values, *more):
        return [item["metadata"]["name"] for item in render(helm, chart, values, *more) if item["kind"] == "Middleware"]

    kind = ("--api-versions", "traefik.io/v1alpha1")
    assert made("authentik", {}) == [] and made("authentik", {}, *kind) == ["authentik"]
    assert made("authentik", {"forwardAuth": {"middleware": "always"}}) == ["authentik"]
    assert made("authentik", {"forwardAuth": {"middleware": "never"}}, *kind) == made("authentik", {"forwardAuth": {"enabled": False}}, *kind) == []
    assert made("cluster-infra", SEED) == ["authentik"]
    application = {"forwardAuth": {"applications": [{"name": "a", "host": "a.example.org"}]}}
    assert find(render(helm, "authentik", application), "Ingress", "authentik-outpost"), "the log-in's paths are there as before"
    assert "no Middleware authentik was made" in notes(helm4, "authentik", {})
    assert "Middleware" not in notes(helm4, "authentik", {"forwardAuth": {"enabled": False}})
