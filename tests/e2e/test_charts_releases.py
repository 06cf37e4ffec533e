"""Releases of the charts in a real API server: install, upgrade, rollback, uninstall, and earlier installations."""

import base64

from harness import objects
from harness.charts import SEED, SERVICES
from harness.proxy import Proxy


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


def test_what_is_wrong_installs_nothing(helm, own_cluster):
    """A missing value, a wrong type, an unknown name, in a real cluster: no release is begun, and no object made."""
    own_cluster.apply(objects.namespace("wrong"))
    for chart, values, words in (
        ("flow-proxy", {"ingressClass": {"name": "My Class"}}, "/ingressClass/name"),
        ("flow-proxy", {"deployment": {"replicas": "two"}}, "replicas"),
        ("vaultwarden", {"presistence": {}}, "presistence"),
        ("cluster-infra", {"vaultwarden": {"env": {"SIGNUPS_ALLOWED": ["no"]}}}, "SIGNUPS_ALLOWED"),
    ):
        done = helm("install", "wrong", chart, "--kubeconfig", own_cluster.kubeconfig, "-n", "wrong", values=values, check=False)
        assert done.returncode != 0 and words in done.stderr, done.stderr
        assert len([line for line in done.stderr.splitlines() if line.startswith("Error:")]) == 1, done.stderr
        for path in ("/api/v1/namespaces/wrong/secrets", "/api/v1/namespaces/wrong/services", "/apis/apps/v1/namespaces/wrong/deployments"):
            assert own_cluster.get(path)["items"] == [], path
        for role in own_cluster.get("/apis/rbac.authorization.k8s.io/v1/clusterroles")["items"]:
            assert (role["metadata"].get("annotations") or {}).get("meta.helm.sh/release-name") != "wrong", role["metadata"]["name"]


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
    """Open paths are open, those that Authentik protects are not, and the order of both is right."""
    at = ["--kubeconfig", own_cluster.kubeconfig, "-n", "cluster-infra"]
    helm4("install", "cluster-infra", "cluster-infra", *at, "--create-namespace", values=SEED)
    for namespace, name, port in (("authentik", "authentik-server", "http"), ("homer", "homer-app", "http"), ("excalidraw", "excalidraw", "http"),
                                  ("excalidraw", "excalidraw-room", "http"), ("vaultwarden", "vaultwarden", "http")):
        own_cluster.apply(objects.endpoints(name, namespace, ["10.99.0.1"], port_name=port))
    with Proxy(cluster=own_cluster, name="umbrella") as running:
        for host, path in (("auth.ominis.ai", "/"), ("vault.ominis.ai", "/"), ("vault.ominis.ai", "/notifications/hub"),
                           ("homer.ominis.ai", "/outpost.goauthentik.io/start"), ("excalidraw.ominis.ai", "/outpost.goauthentik.io/callback")):
            running.served(host, path)
        # Authentik cannot be reached here: its name does not resolve. All requests are refused.
        for host, path in (("homer.ominis.ai", "/"), ("excalidraw.ominis.ai", "/"), ("excalidraw.ominis.ai", "/socket.io/?EIO=4")):
            assert running.get(host, path).status in (500, 502, 504), f"{host}{path} is open"
        names = {router["name"] for router in running.api("/http/routers")}
        assert any("excalidraw-room" in name and "socket" in name for name in names), names
    helm4("uninstall", "cluster-infra", *at)
