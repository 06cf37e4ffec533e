"""A cluster whose controllers are real and whose pods are processes (tests/processcluster), and a cloud's load balancer."""

import json
import os
import subprocess
import threading
import time

import requests

from . import acme, audit, paths
from .cluster import Cluster
from .processes import Process
from .waiting import eventually

# The address of the tests in the pods' network.
HERE = "10.244.0.2"


def possible():
    """True if pods can be made here: they need real root."""
    return os.geteuid() == 0 and subprocess.run(["ip", "netns"], capture_output=True).returncode == 0


class PodCluster(Cluster):
    """API server, controllers and kubelet; `images` maps prefixes of images' names to command lines."""

    def __init__(self, name, images):
        self.images = {prefix: {"exec": [str(word) for word in command]} for prefix, command in images.items()}
        super().__init__(name, 6443)

    def start(self):
        self.directory.mkdir(parents=True)
        self.base = f"https://10.244.0.1:{self.port}"
        self.http.headers["Authorization"] = "Bearer processcluster-admin"
        images, policy = self.directory / "images.json", self.directory / "audit.yaml"
        images.write_text(json.dumps(self.images))
        policy.write_text(audit.POLICY)
        binary = paths.tool("PROCESSCLUSTER", "the cluster of pods")
        command = [binary, "-dir", self.directory, "-images", images, "-netns", self.name, "-port", self.port, "-audit", policy]
        self.process = Process(f"{self.name}-cluster", command)
        eventually(lambda: "ready\n" in self.process.log(), 120, 0.05, "the cluster of pods")
        # A veth pair from the tests' network to the pods'.
        for line in (
            f"link add {self.name} type veth peer name tests netns {self.name}",
            f"address add {HERE}/16 dev {self.name}",
            f"link set {self.name} up",
            f"-netns {self.name} link set tests master cluster0 up",
        ):
            subprocess.run(["ip", *line.split()], check=True)
        eventually(lambda: self.get("/api/v1/namespaces/default/serviceaccounts/default"), 60, 0.05, "the cluster's first account")

    def stop(self):
        self.process.stop()

    def asked(self, user):
        """(group, resource, verb) of every request of a user, and those that were refused."""
        return audit.asked(self.directory / "logs" / "audit.log", user)

    def pods(self, namespace, selector):
        return self.get(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)["items"]

    def settled(self, namespace, selector, count, seconds=90):
        """Wait until there are exactly `count` pods, all ready and none terminating."""

        def check():
            found = self.pods(namespace, selector)
            ready = [p for p in found if any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions", []))]
            state = [(p["metadata"]["name"], p["status"]["phase"], "deletionTimestamp" in p["metadata"]) for p in found]
            assert len(found) == len(ready) == count and not any(ending for _, _, ending in state), state
            return True

        eventually(check, seconds, 0.2, f"{count} settled pods {selector}")


class LoadBalancer:
    """A cloud's load balancer of a Service: an address in its status, and connections to its ready endpoints.

    It learns of changes late, as in clouds: a pod gets connections for `lag` seconds after it left the endpoints.
    """

    def __init__(self, cluster, namespace, name, ports, lag=2.0):
        self.cluster, self.namespace, self.name, self.lag = cluster, namespace, name, lag
        self.seen, self.ended = [], threading.Event()
        self.http = requests.Session()
        self.http.trust_env, self.http.verify = False, False
        self.http.headers.update(cluster.http.headers)
        self.balancers = [
            acme.Balancer(here, lambda port_name=port_name: self.targets(port_name)) for port_name, here in ports.items()
        ]
        threading.Thread(target=self._follow, daemon=True).start()

    def _get(self, path):
        answer = self.http.get(self.cluster.base + path, timeout=10)
        return answer.json() if answer.ok else None

    def _follow(self):
        while not self.ended.wait(0.1):
            try:
                self._publish()
                self.seen.append((time.monotonic(), self._ready()))
            except requests.RequestException:
                continue

    def _publish(self):
        service = self._get(f"/api/v1/namespaces/{self.namespace}/services/{self.name}")
        if service and not service["status"].get("loadBalancer", {}).get("ingress"):
            self.http.patch(
                f"{self.cluster.base}/api/v1/namespaces/{self.namespace}/services/{self.name}/status",
                data=json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": HERE}]}}}),
                headers={"Content-Type": "application/merge-patch+json"},
                timeout=10,
            )

    def _ready(self):
        found = {}
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices?labelSelector=kubernetes.io/service-name={self.name}"
        for item in (self._get(path) or {"items": []})["items"]:
            for port in item.get("ports") or []:
                for endpoint in item["endpoints"]:
                    if endpoint["conditions"].get("ready"):
                        found.setdefault(port["name"], []).append((endpoint["addresses"][0], port["port"]))
        return found

    def targets(self, port_name):
        """The ready endpoints as they were a while ago."""
        then = time.monotonic() - self.lag
        state = next((state for when, state in reversed(self.seen) if when <= then), self.seen[0][1] if self.seen else {})
        return state.get(port_name, [])

    def stop(self):
        self.ended.set()
        for balancer in self.balancers:
            balancer.stop()
