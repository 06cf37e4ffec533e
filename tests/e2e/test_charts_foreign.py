"""Definitions that the real Traefik and the real cert-manager have installed: they stay unchanged, and work for flow-proxy too."""

import pathlib

import pytest
import yaml
from harness import objects, paths
from harness.charts import SEED
from harness.cluster import Cluster
from harness.issuing import Replicas, certificate, issuer_of, pebble, ready, served_by  # noqa: F401 (a fixture)
from harness.waiting import eventually

DEFINED = pathlib.Path(paths.tool("FOREIGN_DEFINITIONS", "the folder of Traefik's and cert-manager's definitions"))
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CERT_MANAGER = ("cert-manager.io", "acme.cert-manager.io")


def definitions(cluster):
    """The installed definitions by name: identity, version and group."""
    found = cluster.get(DEFINITIONS)["items"]
    return {item["metadata"]["name"]: (item["metadata"]["uid"], item["metadata"]["generation"], item["spec"]["group"]) for item in found}


@pytest.fixture(scope="module")
def cluster(backends):
    """A cluster in which Traefik and cert-manager were installed, each with its own definitions."""
    running = Cluster("foreign")
    running.install_crds(files=sorted(DEFINED.glob("*.yaml")))
    assert {group for _, _, group in definitions(running).values()} == {"traefik.io", *CERT_MANAGER}
    yield running
    running.stop()


def test_the_chart_of_the_definitions_stops_before_it_touches_them(helm, cluster):
    before = definitions(cluster)
    for values in ({}, {"skipGroups": ["traefik.io", "traefik.containo.us"]}):
        done = helm("install", "definitions", "flow-proxy-crds", "--kubeconfig", cluster.kubeconfig, "-n", "default", values=values, check=False)
        assert done.returncode != 0
        said = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
        assert len(said) == 1 and "CustomResourceDefinition" in said[0] and "exists and cannot be imported" in said[0], done.stderr
        assert definitions(cluster) == before
        assert not releases(cluster, "default"), "a release was begun"


def test_the_umbrella_is_installed_beside_them(helm, cluster):
    """Its objects are strictly valid by the real definitions, and those stay unchanged."""
    before = definitions(cluster)
    at = ["--kubeconfig", cluster.kubeconfig, "-n", "cluster-infra"]
    if helm("version", "--short").stdout.startswith("v4"):
        # Helm 4 would overwrite others' definitions with the chart's, and stops at the first of them.
        done = helm("install", "cluster-infra", "cluster-infra", *at, "--create-namespace", values=SEED, check=False)
        assert done.returncode != 0 and "failed to install CRD crds/traefik.io.yaml" in done.stderr, done.stderr
        assert {name: found for name, found in definitions(cluster).items() if name in before} == before
        assert not releases(cluster, "cluster-infra") and not cluster.get("/api/v1/namespaces/authentik"), "something was installed all the same"
    # As described in docs/migrate-from-traefik.md.
    cluster.kubectl("apply", "--server-side", "-f", paths.ROOT / "deploy/charts/flow-proxy/crds/traefik.containo.us.yaml")
    complete = definitions(cluster)
    said = helm("install", "cluster-infra", "cluster-infra", *at, "--create-namespace", "--skip-crds", values=SEED)
    assert "unknown field" not in said.stderr, said.stderr
    assert definitions(cluster) == complete and {name: complete[name] for name in before} == before, "a definition was changed"
    assert cluster.get("/apis/cert-manager.io/v1/clusterissuers/letsencrypt-prod")["spec"]["acme"]["email"] == "admin@ominis.ai"
    assert cluster.get("/apis/traefik.io/v1alpha1/namespaces/authentik/middlewares/authentik")
    helm("uninstall", "cluster-infra", *at)
    assert definitions(cluster) == complete


def releases(cluster, namespace):
    found = cluster.get(f"/api/v1/namespaces/{namespace}/secrets")
    return [item["metadata"]["name"] for item in (found or {"items": []})["items"]]


def fields(schema, at=""):
    """The path of each field that a schema keeps; a path's end `*` stands for any."""
    yield at + "*" if schema.get("x-kubernetes-preserve-unknown-fields") else at
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, f"{at}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from fields(inner, f"{at}[]")


@pytest.mark.parametrize("group", ["traefik.io", *CERT_MANAGER])
def test_nothing_is_lost_where_ours_are_put_over_them(group):
    """Helm 4 overwrites Traefik's silently if Helm 4 installed them; cert-manager's are replaced by `skipGroups: []` and --take-ownership."""

    def schemas(*files):
        for item in (item for file in files for item in yaml.safe_load_all(file.read_text()) if item):
            for version in item["spec"]["versions"]:
                yield (item["metadata"]["name"], version["name"]), version["schema"]["openAPIV3Schema"]

    theirs, ours = dict(schemas(*DEFINED.glob("*.yaml"))), dict(schemas(paths.ROOT / "deploy" / "crds" / f"{group}.yaml"))
    assert ours and set(ours) <= set(theirs)
    for name, schema in ours.items():
        kept = set(fields(schema))
        open_ended = tuple(path[:-1] for path in kept if path.endswith("*"))
        lost = [path for path in fields(theirs[name]) if path.rstrip("*") not in kept and not path.startswith(open_ended or ("none",))]
        assert not lost, (name, lost)


def test_certificates_and_middlewares_by_their_definitions(cluster, pebble):
    """The real definitions keep all that flow-proxy writes: nothing that it needs is pruned or refused."""
    host = "foreign.test"
    replicas = Replicas(cluster, pebble)
    cluster.apply(objects.ingress_class("traefik"), objects.namespace("foreign"), objects.service("backend", "foreign"))
    cluster.apply(
        objects.endpoints("backend", "foreign", ["10.99.0.1"]), issuer_of(pebble), certificate("page-tls", "foreign", host),
        objects.middleware("marked", "foreign", {"headers": {"customResponseHeaders": {"X-Marked": "yes"}}}),
        objects.ingress("page", "foreign", host, tls=["page-tls"], annotations={"router.middlewares": "foreign-marked@kubernetescrd"}, ingressClassName="traefik"),
    )
    try:
        replicas.start(2)
        eventually(lambda: served_by(replicas, host), 60, 0.1, "the certificate")
        eventually(lambda: ready(cluster, "foreign", "page-tls"), 20, 0.1, "the certificate's condition")
        for proxy in replicas.running:
            answer = proxy.get_tls(host)
            assert answer.status == 200 and answer.get("x-marked") == "yes", answer
            assert "unknown field" not in proxy.log() and "pruned" not in proxy.log(), proxy.log()
    finally:
        replicas.stop()
