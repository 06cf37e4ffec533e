"""Recorded responses: which fields are ignored, how they are compared, which differences are intended."""

import copy
import json
import os
import pathlib
import re

import yaml

from . import paths

GOLDEN = pathlib.Path(os.environ.get("FLOW_GOLDEN", paths.ROOT.parent / "shared" / "golden")).resolve()
ORDER = {"Namespace": 0, "GatewayClass": 1, "IngressClass": 1, "Secret": 2, "ConfigMap": 2}
UNORDERED = ("servers", "services", "entryPoints")
LEFT_OUT = ("serverStatus", "error", "using", "usedBy")
CLUSTER_ADDRESS = re.compile(r"10\.(9[6-9]|10\d|11[01])\.\d+\.\d+")


def meant(suite, name):
    """The line of docs/compatibility.md that names this case as deliberately different, `suite/name` in backquotes."""
    page = paths.ROOT / "docs" / "compatibility.md"
    if not page.exists():
        return None
    return next((line for line in page.read_text().splitlines() if f"`{suite}/{name}`" in line), None)


def documents(path):
    """The objects of a file in the order in which they can be created, as an API server takes them."""
    items = []
    for item in yaml.safe_load_all(open(path)):
        if item:
            items += item["items"] if item.get("kind") == "List" else [item]
    items.sort(key=lambda item: ORDER.get(item.get("kind"), 5))
    for number, item in enumerate(items):
        meta = item.setdefault("metadata", {})
        meta["name"] = meta.get("name") or f"unnamed-{number}"
        if item["kind"] == "Service":
            spec = item.setdefault("spec", {})
            spec.pop("clusterIPs", None)
            if spec.get("clusterIP") not in (None, "None", ""):
                spec.pop("clusterIP")  # the API server gives an address of its own
    return items


def comparable(raw):
    """/api/rawdata without internal objects, live state, wording of errors and order of lists."""
    return {
        section: found
        for section, objects in (raw or {}).items()
        if (found := {name: settled(item) for name, item in (objects or {}).items() if not name.endswith("@internal")})
    }


def settled(value, key=""):
    """One value of it, with all that is nested in it."""
    if isinstance(value, dict):
        return {k: settled(v, k) for k, v in sorted(value.items()) if k not in LEFT_OUT}
    if isinstance(value, list):
        items = [settled(item) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if key in UNORDERED else items
    return CLUSTER_ADDRESS.sub("CLUSTER-IP", value) if isinstance(value, str) else value


def within(expected, found, at=""):
    """The differences to what is expected, field by field. Fields that are not expected are ignored."""
    if isinstance(expected, dict) and isinstance(found, dict):
        lines = []
        for key, value in expected.items():
            if key not in found:
                lines.append(f"{at}.{key} is missing")
            else:
                lines += within(value, found[key], f"{at}.{key}")
        return lines
    return [] if expected == found else [f"{at} is {found!r}, expected {expected!r}"]


class Objects:
    """Creates objects unchanged (a create, not an apply), namespaces as needed, and removes them again."""

    def __init__(self, cluster):
        self.cluster, self.namespaces, self.created = cluster, {"default", "kube-system"}, []

    def create(self, item):
        """None, or why the API server refused it."""
        item = copy.deepcopy(item)
        namespace = item["metadata"].get("namespace")
        if item["kind"] == "Namespace":
            self.cluster.apply(item)
            self.namespaces.add(item["metadata"]["name"])
            return None
        if namespace and namespace not in self.namespaces:
            self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            self.namespaces.add(namespace)
        url = self.cluster.base + self.cluster.url(item, name=False)
        answer = self.cluster.http.post(url, json=item, timeout=20)
        if answer.status_code != 201:
            return f"{item['kind']}/{item['metadata']['name']}: {answer.text[:300]}"
        self.created.append(item)
        if item.get("status") and item["kind"] in ("Ingress", "Node", "Service"):
            stored = answer.json()
            stored["status"] = item["status"]
            self.cluster.http.put(f"{url}/{item['metadata']['name']}/status", json=stored, timeout=20).raise_for_status()
        return None

    def clear(self):
        self.cluster.delete(*reversed(self.created))
        self.created.clear()
