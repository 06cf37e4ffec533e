"""A real Kubernetes API server (tests/cluster), kubectl, and a small client for its objects."""

import itertools
import json
import subprocess
import sys

import requests
import urllib3
import yaml

from . import paths, watcher
from .processes import Process
from .waiting import eventually

urllib3.disable_warnings()

TOKEN = "testcluster-admin"
_ports = itertools.count(16443, 10)
_watches = itertools.count(1)


class Cluster:
    """One API server over its own etcd. Nothing runs pods: a test creates the EndpointSlices that it needs."""

    def __init__(self, name="cluster", port=None):
        self.name, self.port = name, port or next(_ports)
        self.directory = paths.WORK / name
        self.base = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = str(self.directory / "kubeconfig")
        self.http = requests.Session()
        self.http.trust_env, self.http.verify = False, False
        self.http.headers["Authorization"] = f"Bearer {TOKEN}"
        self._kinds = {}
        self.start()

    def start(self):
        """Start the API server (again, on the same data)."""
        binary = paths.tool("TESTCLUSTER", "the test cluster's executable")
        self.process = Process(f"{self.name}-apiserver", [binary, "-dir", self.directory, "-port", self.port])
        eventually(lambda: "ready\n" in self.process.log(), 90, 0.05, "the API server")
        # A namespace appears a moment after readiness.
        eventually(lambda: self.get("/api/v1/namespaces/default"), 30, 0.05, "the namespace default")

    def stop(self):
        self.process.stop()

    # --- kubectl -----------------------------------------------------------------------------------------------------

    def kubectl(self, *arguments, text=None, env=None, check=True):
        """Run kubectl; its output. With check=False the finished process instead."""
        done = subprocess.run(
            [paths.tool("KUBECTL", "kubectl"), "--kubeconfig", self.kubeconfig, *map(str, arguments)],
            input=text,
            text=True,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(paths.WORK), **(env or {})},
        )
        if not check:
            return done
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr.strip()}"
        return done.stdout

    # --- objects -----------------------------------------------------------------------------------------------------

    def url(self, item, name=True):
        """The path of an object (or of its collection) on the API server."""
        version, kind = item["apiVersion"], item["kind"]
        if (version, kind) not in self._kinds:
            base = "/api/" + version if "/" not in version else "/apis/" + version
            for resource in self.get(base)["resources"]:
                if "/" not in resource["name"]:
                    self._kinds[version, resource["kind"]] = (base, resource["name"], resource["namespaced"])
        base, plural, namespaced = self._kinds[version, kind]
        where = f"/namespaces/{item['metadata'].get('namespace', 'default')}" if namespaced else ""
        return f"{base}{where}/{plural}" + (f"/{item['metadata']['name']}" if name else "")

    def get(self, path, **parameters):
        """A JSON document; None if there is none."""
        answer = self.http.get(self.base + path, params=parameters, timeout=10)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.json()

    def apply(self, *items):
        """Create or replace objects by server-side apply; a `status` is written through the status subresource."""
        for item in items:
            url = self.base + self.url(item)
            self._patch(url, {key: value for key, value in item.items() if key != "status"})
            if "status" in item:
                head = {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": item["metadata"]}
                self._patch(url + "/status", {**head, "status": item["status"]})

    def _patch(self, url, item):
        answer = self.http.patch(
            url,
            data=json.dumps(item),
            params={"fieldManager": "tests", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            timeout=20,
        )
        assert answer.status_code in (200, 201), f"{item['kind']}/{item['metadata']['name']}: {answer.text[:500]}"

    def merge(self, item, change):
        """A JSON merge patch of one object."""
        answer = self.http.patch(
            self.base + self.url(item),
            data=json.dumps(change),
            headers={"Content-Type": "application/merge-patch+json"},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text[:500]

    def delete(self, *items):
        """Delete objects; those that are gone already do not matter."""
        for item in items:
            answer = self.http.delete(self.base + self.url(item), timeout=20)
            assert answer.status_code in (200, 202, 404), answer.text[:500]

    def apply_file(self, path):
        """Apply every document of a YAML file."""
        self.apply(*[item for item in yaml.safe_load_all(open(path)) if item])

    def install_crds(self, groups=None, files=None):
        """Install the project's CRDs (of some groups) and wait until they are served."""
        found = []
        for path in paths.CRDS if files is None else files:
            for item in yaml.safe_load_all(open(path)):
                if item and item.get("kind") == "CustomResourceDefinition":
                    if groups is None or item["spec"]["group"] in groups:
                        found.append(item)
        assert found, "no CRDs in deploy/crds"
        self.apply(*found)
        for item in found:
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + item["metadata"]["name"]
            eventually(lambda path=path: _established(self.get(path)), 30, 0.05, item["metadata"]["name"])
        return found

    def watch(self, path):
        """A Watch on a collection, started at its present state."""
        return Watch(self, path)


def _established(crd):
    conditions = crd.get("status", {}).get("conditions") or []  # null in the first moments
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


class Watch:
    """Notes when each event of a collection arrives, in a process of its own so that the test's work delays nothing.

    Times are of time.monotonic(), which all processes of one machine share.
    """

    def __init__(self, cluster, path):
        version = cluster.get(path)["metadata"]["resourceVersion"]
        url = f"{cluster.base}{path}?watch=1&resourceVersion={version}"
        self.process = Process(f"watch-{next(_watches)}", [sys.executable, "-u", watcher.__file__, url, TOKEN])
        eventually(lambda: "watching\n" in self.process.log(), 10, what="the watch")

    def events(self):
        """(time, type, object) of every event so far."""
        return [tuple(json.loads(line)) for line in self.process.log().splitlines(keepends=True)[1:] if line.endswith("\n")]

    def wait(self, matches, seconds=5):
        """The time at which the first event for which `matches(type, object)` holds arrived."""

        def find():
            return next((when for when, kind, item in self.events() if matches(kind, item)), None)

        return eventually(find, seconds, what="the watch event")

    def close(self):
        self.process.stop()
