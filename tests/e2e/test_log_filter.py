"""The log's filter: more of some requests, by their spans, while the others stay silent."""

import json
import re
import subprocess

import pytest
from harness import objects, paths
from harness.proxy import Proxy
from harness.waiting import eventually
from test_manifests import write

NOTHING_LISTENS = 9


def application(namespace):
    """An Ingress of a namespace, for NAMESPACE.log.test, and its Service, which nobody serves."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "gone", "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": NOTHING_LISTENS}]},
    }
    return [service, objects.ingress("app", namespace, f"{namespace}.log.test", backend="gone", port=NOTHING_LISTENS)]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "shop.yaml", *application("shop"))
    write(tmp_path / "blog.yaml", *application("blog"))
    return tmp_path


def lines(text):
    """Lines without escape sequences."""
    return [line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if "no answer" in line or "routed" in line]


@pytest.mark.parametrize("field", ["namespace=shop", "router=shop-app.*", "host=shop.log.test"])
def test_one_tenant_is_followed_and_the_others_are_not(folder, field):
    with Proxy(f"--log.filter=[request{{{field}}}]=debug", "--log.level=WARN", manifests=folder) as proxy:
        for namespace in ("blog", "shop", "blog"):
            assert proxy.served(f"{namespace}.log.test", status=502)
        found = eventually(lambda: [line for line in lines(proxy.log()) if "no answer" in line], what="the error")
        assert all("shop.log.test" in line for line in lines(proxy.log())), proxy.log()
    assert re.search(r"request\{.*path=\"/\".* namespace=\"shop\"\}", found[0]), found
    assert "Connection refused" in found[0]
    # The attempts are in the request, with their servers.
    assert any(re.search(r"attempt\{server=\"localhost:9\"", line) for line in proxy.log().splitlines()) or "localhost:9" in found[0]


def test_spans_are_fields_of_json(folder):
    with Proxy("--log.filter=[request]=debug", "--log.format=json", "--log.level=WARN", manifests=folder) as proxy:
        assert proxy.served("shop.log.test", status=502)
        text = eventually(lambda: [line for line in proxy.log().splitlines() if '"no answer"' in line], what="the error")[0]
    record = json.loads(text)
    request = next(span for span in record["spans"] if span["name"] == "request")
    assert (request["namespace"], request["method"], request["host"]) == ("shop", "GET", "shop.log.test")


def test_nothing_of_requests_is_logged_unless_asked_for(folder):
    with Proxy("--log.level=INFO", manifests=folder) as proxy:
        assert proxy.served("shop.log.test", status=502)
    assert not lines(proxy.log())


def test_a_malformed_filter_is_refused(folder):
    command = [paths.tool("FLOW_PROXY", "the proxy's executable"), "--log.filter=[request{namespace=]=debug"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "log.filter" in done.stderr and "[request{namespace=shop}]=debug" in done.stderr, done.stderr
