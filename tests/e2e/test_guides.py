"""The guides' own commands and manifests."""

import json
import re
import subprocess

import pytest
import yaml
from harness import objects, paths
from harness.backends import ADDRESSES, HTTP
from harness.waiting import eventually

NGINX = (paths.ROOT / "docs" / "migrate-from-ingress-nginx.md").read_text()


@pytest.fixture(scope="module")
def shop(cluster, proxy):
    """The manifests of the guide from ingress-nginx, with the Services and the Secret that were there before."""
    examples = [item for text in re.findall(r"```yaml\n(.*?)```", NGINX, re.DOTALL) for item in yaml.safe_load_all(text)]
    cluster.apply(objects.namespace("shop"))
    done = cluster.kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-", text=yaml.safe_dump_all(examples), check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    before = [
        objects.service("api", "shop"), objects.endpoints("api", "shop", ADDRESSES[:1], HTTP), objects.endpoints("pages", "shop", ADDRESSES[:3], HTTP),
        # As `htpasswd -s` and the guide of ingress-nginx make it.
        objects.secret("basic-auth", "shop", {"auth": "foo:{SHA}Ys23Ag/5IOWqZCw9QGaVDdHwH00=\n"}),
    ]
    cluster.apply(*before, *examples)
    yield
    cluster.delete(*examples, *before)


def test_an_api_of_ingress_nginx_goes_on(proxy, shop):
    proxy.served("shop.example.org", "/api/orders", status=403)  # not from inside
    cors = {"Origin": "https://a.example.org", "Access-Control-Request-Method": "PUT"}
    assert proxy.get("shop.example.org", "/api/orders", method="OPTIONS", headers=cors).status == 403
    routers = {router["name"]: router for router in proxy.api("/http/routers")}
    found = next(router for name, router in routers.items() if "api-flow" in name)
    assert found["status"] == "enabled", found
    names = [name.partition("@")[0] for name in found["middlewares"]]
    assert names == ["shop-from-inside", "shop-ten-a-second", "shop-cors", "shop-without-api"]


def test_from_inside_the_api_is_there(cluster, proxy, shop):
    """The same with the tests' own network as the inside: prefix, limit and CORS."""
    inside = objects.middleware("from-inside", "shop", {"ipAllowList": {"sourceRange": ["10.0.0.0/8", "127.0.0.0/8"]}})
    cluster.apply(inside)
    answer = proxy.served("shop.example.org", "/api/orders")
    assert answer.json()["target"] == "/orders"
    cors = {"Origin": "https://a.example.org", "Access-Control-Request-Method": "PUT"}
    preflight = proxy.get("shop.example.org", "/api/orders", method="OPTIONS", headers=cors)
    assert preflight.status == 200 and preflight.get("access-control-allow-origin") == "*" and preflight.get("access-control-max-age") == "1728000"
    statuses = [proxy.get("shop.example.org", "/api/orders").status for _ in range(80)]
    assert 429 in statuses, "there is no limit"


def test_a_password_of_ingress_nginx_goes_on(proxy, shop):
    proxy.served("pages.example.org", status=401)
    answer = proxy.get("pages.example.org", headers={"Authorization": "Basic Zm9vOmJhcg=="})  # foo, bar
    wrong = proxy.get("pages.example.org", headers={"Authorization": "Basic Zm9vOmJheg=="})
    assert (answer.status, wrong.status) == (200, 401)
    assert answer.get("strict-transport-security") == "max-age=31536000; includeSubDomains"
    assert answer.get("set-cookie").startswith("INGRESSCOOKIE=")


def test_copies_leave_what_is_nginx_s_behind(cluster, proxy, shop, make_space):
    """The guide's own jq."""
    program = re.search(r"jq ('\.items.*?\]')", NGINX, re.DOTALL)[1].strip("'")
    space = make_space()
    annotations = {"nginx.ingress.kubernetes.io/ssl-redirect": "true", "cert-manager.io/cluster-issuer": "x", "mine": "kept"}
    original = objects.ingress("page", space.name, space.host, tls=["page-tls"], ingressClassName="nginx")
    original["metadata"]["annotations"] = annotations
    space.apply(original)
    listed = cluster.kubectl("get", "ingress", "-n", space.name, "-o", "json")
    done = subprocess.run(["jq", program], input=listed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    copies = json.loads(done.stdout)["items"]
    assert [copy["metadata"]["name"] for copy in copies] == ["page-flow"]
    assert copies[0]["metadata"]["annotations"] == {"mine": "kept"} and copies[0]["spec"]["tls"] == original["spec"]["tls"]
    cluster.kubectl("apply", "--server-side", "-f", "-", text=done.stdout)
    space.applied += [{**copies[0], "kind": "Ingress", "apiVersion": "networking.k8s.io/v1"}]
    eventually(lambda: any("page-flow" in router["name"] for router in proxy.api("/http/routers")), what="the copy's router")
