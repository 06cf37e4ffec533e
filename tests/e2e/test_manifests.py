"""A folder of manifests instead of a cluster: the same objects, watched."""

import json
import shutil

import pytest
import yaml
from harness import changes, clients, objects, paths, pki
from harness.proxy import Proxy
from harness.waiting import consistently, eventually


@pytest.fixture
def folder(tmp_path):
    shutil.copy(paths.TESTS / "fixtures" / "manifests" / "base.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def own(folder, backends):
    with Proxy(manifests=folder) as running:
        running.served("static.test")
        yield running


def write(path, *items):
    """Many documents in one file, put in place at once as editors and Kubernetes volumes do."""
    new = path.with_name("." + path.name + ".new")
    new.write_text(yaml.safe_dump_all(items))
    new.rename(path)


def ingress(host, **more):
    return objects.ingress(host.replace(".", "-"), "default", host, **more)


def test_file_that_comes_changes_and_goes(own, folder):
    file = folder / "more.yaml"
    write(file, ingress("one.test"), ingress("two.test"))
    own.served("one.test")
    own.served("two.test")
    write(file, ingress("two.test"), ingress("three.test"))
    own.served("three.test")
    assert own.get("one.test").status == 404
    file.unlink()
    own.served("three.test", status=404)
    assert own.get("static.test").status == 200


def test_file_written_in_place(own, folder):
    (folder / "slow.yaml").write_text(yaml.safe_dump(ingress("inplace.test")))
    own.served("inplace.test")
    with open(folder / "slow.yaml", "a") as file:
        file.write("---\n" + yaml.safe_dump(ingress("appended.test")))
    own.served("appended.test")


def test_change_is_served_soon(own, folder, figures):
    latencies = changes.file_latencies(own, lambda host: write(folder / "soon.yaml", ingress(host)))
    figures(f"a changed manifest file is served after {latencies[10] * 1e3:.0f} ms (median), {latencies[-1] * 1e3:.0f} ms (worst of 20)")
    assert latencies[10] < 0.5


def test_middlewares_of_both_groups_and_kubernetes_lists(own, folder):
    items = [
        objects.middleware("new", "default", {"addPrefix": {"prefix": "/new"}}),
        objects.middleware("old", "default", {"addPrefix": {"prefix": "/old"}}, objects.LEGACY_CRD),
        ingress("both.test", annotations={"router.middlewares": "default-new@kubernetescrd,default-old@kubernetescrd"}),
    ]
    write(folder / "list.yaml", {"apiVersion": "v1", "kind": "List", "items": items})
    assert own.served("both.test", "/x").json()["target"] == "/old/new/x"


def test_json_and_subfolders(own, folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "one.yml").write_text(yaml.safe_dump(ingress("sub.test")))
    (folder / "two.json").write_text(json.dumps(ingress("json.test")))
    (folder / "notes.txt").write_text("not: [a manifest")
    own.served("json.test")
    own.served("sub.test")


def test_secret_with_string_data_and_rotation(own, folder):
    for _ in range(2):
        pair = pki.leaf("cert.test")
        secret = objects.tls_secret("pair", "default", pair)
        secret["stringData"] = {"tls.crt": pair.chain_pem, "tls.key": pair.key_pem}
        del secret["data"]
        write(folder / "tls.yaml", secret, ingress("cert.test", tls=["pair"]))
        eventually(lambda pair=pair: clients.certificate_of(own.websecure, "cert.test") == pair.der, what="the certificate")


BROKEN = ["kind: [", "\x00\x01\x02", "apiVersion: v1\n  kind: Bad\n indent", "- just\n- a list\n", "kind: " + "[" * 100_000]


@pytest.mark.parametrize("text", BROKEN, ids=["open", "bytes", "indent", "list", "brackets"])
def test_broken_file_keeps_its_last_good_state(own, folder, text):
    file = folder / "changing.yaml"
    write(file, ingress("kept.test"))
    own.served("kept.test")
    file.write_text(text)
    eventually(lambda: any("changing.yaml" in line for line in own.log().splitlines()), what="a line naming the file")
    consistently(lambda: own.get("kept.test").status == 200 and own.get("static.test").status == 200, 0.5)
    assert own.ready()
    write(file, ingress("mended.test"))
    own.served("mended.test")
    assert own.get("kept.test").status == 404


def test_one_broken_document_leaves_the_others(own, folder):
    broken = objects.middleware("bad", "default", {"addPrefix": {"prefix": ["list"]}})
    bound = ingress("bound.test", annotations={"router.middlewares": "default-bad@kubernetescrd"})
    write(folder / "mixed.yaml", broken, bound, ingress("free.test"), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    own.served("free.test")
    assert own.get("bound.test").status == 404


def test_broken_file_at_the_start(backends, folder):
    (folder / "broken.yaml").write_text("kind: [")
    with Proxy(manifests=folder) as own:
        own.served("static.test")
        assert "broken.yaml" in own.log()


def test_missing_folder_is_told(tmp_path):
    own = Proxy(manifests=tmp_path / "nowhere", ready=False)
    with own:
        eventually(lambda: "nowhere" in own.log(), 10, what="the folder's name in the log")


def test_cert_managers_kinds_are_let_pass(own, folder):
    kinds = [("ClusterIssuer", "letsencrypt"), ("Certificate", "site")]
    items = [{"apiVersion": "cert-manager.io/v1", "kind": k, "metadata": {"name": n, "namespace": "default"}, "spec": {}} for k, n in kinds]
    write(folder / "cert-manager.yaml", *items, ingress("beside.test"))
    own.served("beside.test")
    assert own.ready()
