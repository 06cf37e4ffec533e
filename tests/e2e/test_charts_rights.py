"""The proxy under the account that its chart gives it: no permission is missing, none is unused."""

import pathlib

import pytest
import yaml
from harness import audit, objects, paths
from harness.charts import find, render
from harness.cluster import Cluster
from harness.processes import Process
from harness.proxy import Proxy
from harness.waiting import eventually


class AuditedCluster(Cluster):
    """A cluster with an audit log."""

    def start(self):
        self.directory.mkdir(parents=True)
        policy = self.directory / "audit.yaml"
        policy.write_text(audit.POLICY)
        self.audit_log = self.directory / "audit.log"
        binary = paths.tool("TESTCLUSTER", "the test cluster's executable")
        flags = [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}", "--audit-log-mode=blocking"]
        self.process = Process(f"{self.name}-apiserver", [binary, "-dir", self.directory, "-port", self.port, "--", *flags])
        eventually(lambda: "ready\n" in self.process.log(), 90, 0.05, "the API server")
        eventually(lambda: self.get("/api/v1/namespaces/default"), 30, 0.05, "the namespace default")

    def asked(self, user):
        return audit.asked(self.audit_log, user)


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

    # Kinds that are not served are watched too, to report their objects by Events.
    audited.apply(*objects.unserved_definitions())
    open_elsewhere = objects.ingress("open", "rights", "open.example.org", ingressClassName="traefik")
    open_elsewhere["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-url"] = "https://login.example.org"
    audited.apply(open_elsewhere)
    annotation = {"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}
    audited.apply(
        objects.service("backend", "rights"), objects.endpoints("backend", "rights", ["10.99.0.1"]),
        objects.service("by-node", "rights", annotations=annotation, type="NodePort"),
        objects.ingress("by-node", "rights", "node.example.org", "by-node", ingressClassName="traefik"),
    )
    protected("first", "first.example.org")
    with replica(0) as leader, replica(1) as follower:
        # Objects that are named later are fetched, which is another verb than for those named at the start.
        protected("second", "second.example.org")
        for running in (leader, follower):
            for host in ("first.example.org", "second.example.org"):
                running.served(host, status=401)

        def published():
            status = audited.get("/apis/networking.k8s.io/v1/namespaces/rights/ingresses/second")["status"]
            return status["loadBalancer"].get("ingress") == [{"ip": "192.0.2.7"}]

        eventually(published, 20, what="the status")
        user = "system:serviceaccount:rights:rights"

        allowed = audit.granted(audited, "clusterroles/rights-rights", "namespaces/rights/roles/rights-leader")
        eventually(lambda: audit.compare(*audited.asked(user), allowed), 30, what="the use of every permission")
        for running in (leader, follower):
            assert "forbidden" not in running.log().lower() and "grant " not in running.log(), running.log()


def test_resolvers_may_keep_their_secrets(helm4):
    """Secrets of the proxy's own namespace, only where a resolver is served in a cluster."""
    resolver = {"certificatesResolvers": {"le": {"acme": {"httpChallenge": {"entryPoint": "web"}}}}, "rbac": {"secrets": {"namespaces": ["shop"]}}}
    role = find(render(helm4, "flow-proxy", resolver), "Role", "flow-proxy-resolvers")
    assert role["metadata"]["namespace"] == "default"
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch", "create", "patch", "delete"]}]
    off = {"providers": {"kubernetesIngress": {"enabled": False}, "kubernetesCRD": {"enabled": False}}}
    for values in ({}, {**resolver, **off}):
        assert not [item for item in render(helm4, "flow-proxy", values) if item["metadata"]["name"].endswith("-resolvers")]
