"""What is made of Kubernetes objects: answers of a running Traefik (where they are at hand), and cases of our own."""

import json

import pytest
from harness import paths, recorded
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import eventually

FLAGS = ["--entrypoints.web.address=:8180", "--entrypoints.websecure.address=:8543", "--entrypoints.traefik.address=:8081"]
FLAGS += ["--api.insecure=true", "--ping=true", "--providers.kubernetesingress=true"]

RECORDED = sorted((recorded.GOLDEN / "ingress").glob("*.yaml"))
OWN = sorted((paths.TESTS / "cases").glob("*.yaml"))


@pytest.fixture(scope="module")
def empty():
    """A cluster that holds nothing but one case at a time."""
    running = Cluster("golden")
    running.install_crds()
    yield running
    running.stop()


def settle(cluster, path, flags, check):
    """Load a file's objects, start the proxy, and wait until `check(rawdata)` finds no difference; the differences."""
    objects = recorded.Objects(cluster)
    refused = [error for error in map(objects.create, recorded.documents(path)) if error]
    assert not refused, refused
    own = Proxy(*flags, cluster=cluster, defaults=False, ready=False)
    own.web, own.websecure, own.admin = 8180, 8543, 8081
    last = []
    try:
        with own:
            own.wait_ready()

            def equal():
                last[:] = check(own.api("/rawdata"))
                return not last

            try:
                eventually(equal, 2, 0.05)
            except AssertionError:
                pass
    finally:
        objects.clear()
    return last


def differences(wanted, found):
    lines = []
    for section in sorted(wanted.keys() | found.keys()):
        ours, theirs = found.get(section, {}), wanted.get(section, {})
        lines += [f"{section}: {name} is missing" for name in theirs.keys() - ours.keys()]
        lines += [f"{section}: {name} should not be" for name in ours.keys() - theirs.keys()]
        for name in sorted(ours.keys() & theirs.keys()):
            if ours[name] != theirs[name]:
                lines.append(f"{section}: {name}\n   got {json.dumps(ours[name])}\n  want {json.dumps(theirs[name])}")
    return lines


def conclude(suite, name, wrong):
    """A difference that docs/compatibility.md names is expected; one that is named but gone is an error of the page."""
    line = recorded.meant(suite, name)
    if wrong and line:
        pytest.xfail(f"meant: {line.strip()}")
    assert not wrong, "\n".join(wrong)
    assert not line, f"docs/compatibility.md names {suite}/{name}, but it is equal"


@pytest.mark.parametrize("path", RECORDED or [None], ids=lambda path: path.stem if path else "none")
def test_recorded(empty, path):
    if path is None:
        pytest.skip(f"no recorded answers in {recorded.GOLDEN}; FLOW_GOLDEN names their folder")
    wanted = recorded.comparable(json.loads(path.with_suffix(".json").read_text()))
    wrong = settle(empty, path, FLAGS, lambda raw: differences(wanted, recorded.comparable(raw)))
    conclude("ingress", path.stem, wrong)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_own(empty, path):
    """Names must be exactly those expected; of each object the fields that the case is about."""
    wanted = json.loads(path.with_suffix(".json").read_text())
    wanted.pop("why")

    def check(raw):
        found = recorded.comparable(raw)
        lines = []
        for section in ("routers", "services", "middlewares"):
            ours, theirs = found.get(section, {}), wanted.get(section, {})
            if ours.keys() != theirs.keys():
                lines.append(f"{section}: {sorted(ours)}, expected {sorted(theirs)}")
            else:
                lines += recorded.within(recorded.settled(theirs), ours, section)
        return lines

    assert not (wrong := settle(empty, path, FLAGS + ["--providers.kubernetescrd=true"], check)), "\n".join(wrong)
