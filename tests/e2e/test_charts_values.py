"""Values: what is wrong stops helm in one clear line, what is unknown, unserved or unsafe is named."""

import pytest
import yaml
from harness.charts import CHARTS, SEED, notes


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


@pytest.mark.parametrize("chart", [chart for chart in CHARTS if chart != "flow-proxy"])
def test_a_name_that_no_chart_knows_stops_helm(helm, chart):
    """All but the proxy's own, which takes the values of Traefik's chart and warns instead."""
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
