"""What is made of Kubernetes objects: answers of a running Traefik (where they are at hand), and cases of our own."""

import json

import pytest
from harness import paths, recorded
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import eventually

FLAGS = ["--entrypoints.web.address=:8180", "--entrypoints.websecure.address=:8543", "--entrypoints.traefik.address=:8081"]
FLAGS += ["--api.insecure=true", "--ping=true", "--providers.kubernetesingress=true"]

CRD_FLAGS = ["--entrypoints.web.address=:8180", "--entrypoints.websecure.address=:8543", "--entrypoints.traefik.address=:8081"]
CRD_FLAGS += ["--entrypoints.foo.address=:8181", "--entrypoints.bar.address=:8182/udp", "--api.insecure=true", "--ping=true"]
CRD_FLAGS += ["--providers.kubernetescrd=true", "--providers.kubernetescrd.allowcrossnamespace=true"]
CRD_FLAGS += ["--providers.kubernetescrd.allowexternalnameservices=true"]

RECORDED = [("ingress", FLAGS, path) for path in sorted((recorded.GOLDEN / "ingress").glob("*.yaml"))]
# Objects of TCP and UDP are not served.
RECORDED += [
    ("crd", CRD_FLAGS, path) for path in sorted((recorded.GOLDEN / "crd").glob("*.yaml")) if not path.stem.startswith(("tcp-", "udp-"))
]
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
    try:
        # Some recorded Services have names that an API server refuses: nothing was made of them either.
        refused = [error for error in map(objects.create, recorded.documents(path)) if error]
        assert all(error.startswith("Service/") and " is invalid: " in error for error in refused), refused
        return settled(cluster, flags, check)
    finally:
        objects.clear()


def settled(cluster, flags, check):
    """Start the proxy and wait until `check(rawdata)` finds no difference; the differences."""
    own = Proxy(*flags, cluster=cluster, defaults=False, ready=False)
    own.web, own.websecure, own.admin = 8180, 8543, 8081
    last = []
    with own:
        own.wait_ready()

        def equal():
            last[:] = check(own.api("/rawdata"))
            return not last

        try:
            eventually(equal, 2, 0.05)
        except AssertionError:
            pass
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


@pytest.mark.parametrize("case", RECORDED or [None], ids=lambda case: f"{case[0]}-{case[2].stem}" if case else "none")
def test_recorded(empty, case):
    if case is None:
        pytest.skip(f"no recorded answers in {recorded.GOLDEN}; FLOW_GOLDEN names their folder")
    suite, flags, path = case
    wanted = recorded.comparable(json.loads(path.with_suffix(".json").read_text()))
    wrong = settle(empty, path, flags, lambda raw: differences(wanted, recorded.comparable(raw)))
    conclude(suite, path.stem, wrong)


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
