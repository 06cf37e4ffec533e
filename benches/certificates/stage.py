"""One API server, one CA and the replicas before them, for one size."""

import pathlib

from harness import acme, load, objects, paths
from harness.cluster import Cluster
from harness.issuing import Replicas, acme_issuer, condition
from harness.processes import Process
from harness.waiting import eventually

ISSUER = "ca"
# Where all hosts lead to.
ADDRESS, PORT = "10.99.0.7", 9600
# The numbers of the replicas, which are those of their ports.
NUMBERS = (1, 2)


class Stage:
    """Two replicas of the proxy with an issuer that is ready. Everything else is the machine's: its CPU time is told beside theirs."""

    def __init__(self, name):
        self.cluster = Cluster(name)
        self.cluster.install_crds()
        self.cluster.apply(objects.ingress_class("traefik"))
        self.origin = load.nginx_backend(ADDRESS, PORT, None)
        self.pebble = acme.Pebble(PEBBLE_WFE_NONCEREJECT="0")
        self.replicas = Replicas(self.cluster, self.pebble, "--accesslog=false", balance=balancer)
        self.replicas.start(len(NUMBERS))
        eventually(self.replicas.leader, 30, what="a leader")
        self.cluster.apply(acme_issuer(ISSUER, self.pebble.directory))
        eventually(self._registered, 30, 0.1, "the issuer's account")

    def _registered(self):
        return condition(self.cluster.get(f"/apis/cert-manager.io/v1/clusterissuers/{ISSUER}")).get("status") == "True"

    def cpu(self):
        """CPU seconds so far: of both replicas, of the API server, of the CA with its DNS server and the load balancer."""
        return {
            "replicas": sum(proxy.process.cpu_seconds() for proxy in self.replicas.running),
            "API server": self.cluster.process.cpu_seconds(),
            "CA": sum(process.cpu_seconds() for process in self.ca()),
        }

    def ca(self):
        """The processes of the CA, with its DNS server and the load balancer."""
        return [self.pebble.server, self.pebble.dns, self.replicas.http.process, self.replicas.tls.process]

    def stop(self):
        self.replicas.stop()
        self.pebble.stop()
        self.origin.stop()
        self.cluster.stop()


class balancer:
    """HAProxy before one entry point of both replicas: a connection that one of them refuses goes to the other."""

    def __init__(self, port, _):
        offset = {acme.HTTP: 0, acme.TLS: 1}[port]
        servers = "\n".join(f"  server replica-{number} 127.0.0.1:{20000 + number * 10 + offset}" for number in NUMBERS)
        file = pathlib.Path(paths.WORK) / f"balancer-{port}.cfg"
        file.write_text(f"""
global
  maxconn 8192
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
listen all
  bind 127.0.0.1:{port}
{servers}
""")
        self.process = Process(f"balancer-{port}", ["haproxy", "-f", file, "-db"])

    def stop(self):
        self.process.stop()
