"""Fixtures: one API server, one set of backends and one proxy with default flags serve most tests."""

import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import namespace, objects, paths
from harness.backends import ADDRESSES, HTTP, Backends
from harness.cluster import Cluster
from harness.proxy import Proxy

_spaces = itertools.count(1)


def pytest_configure(config):
    if not namespace.inside():
        pytest.exit("start the tests with tests/run: they need a network namespace of their own", 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the proxy's log."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Proxy):
                report.sections.append((f"log of {value.name}", value.log()[-3000:]))


@pytest.fixture(scope="session")
def figures(request):
    """Prints measured figures at once and again at the end of the run."""
    lines = []

    def note(text):
        lines.append(text)
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n[figure] {text}", flush=True)

    yield note
    if lines:
        (paths.WORK / "figures.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def backends():
    running = Backends()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cluster():
    """The API server with the project's CRDs of both groups and the IngressClass `traefik`."""
    running = Cluster()
    running.install_crds()
    running.apply(objects.ingress_class("traefik"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def proxy(cluster, backends):
    """The proxy with default flags, watching the whole cluster."""
    with Proxy(cluster=cluster, name="proxy") as running:
        yield running


class Space:
    """A Kubernetes namespace of a test's own, with a ready Service `backend`; what was applied goes with the test."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.applied = cluster, name, []
        self.host = f"{name}.test"
        cluster.apply(objects.namespace(name))
        self.backend("backend")

    def apply(self, *items):
        for item in items:
            if item not in self.applied:
                self.applied.append(item)
        self.cluster.apply(*items)

    def delete(self, *items):
        self.cluster.delete(*items)

    def backend(self, name, port=HTTP, addresses=ADDRESSES[:1], annotations=None, conditions=None, **spec):
        """A Service on port 80 with its EndpointSlice."""
        self.apply(
            objects.service(name, self.name, annotations={objects.ANNOTATION + k: v for k, v in (annotations or {}).items()}, **spec),
            objects.endpoints(name, self.name, addresses, port, conditions),
        )

    def route(self, host=None, backend="backend", name=None, middlewares=(), annotations=None, group=objects.CRD, **more):
        """An Ingress for a host; `middlewares` are specs, made into objects that the Ingress refers to. The host."""
        host = host or self.host
        name = name or "ing-" + host.replace("*", "any").replace(".", "-")
        references = []
        for i, spec in enumerate(middlewares):
            self.apply(objects.middleware(f"{name}-{i}", self.name, spec, group))
            references.append(f"{self.name}-{name}-{i}@kubernetescrd")
        annotations = dict(annotations or {})
        if references:
            annotations["router.middlewares"] = ",".join(references)
        self.apply(objects.ingress(name, self.name, host, backend, annotations=annotations, **more))
        return host

    def clear(self):
        self.cluster.delete(*reversed(self.applied))


@pytest.fixture
def space(cluster):
    own = Space(cluster, f"t{next(_spaces)}")
    yield own
    own.clear()


@pytest.fixture
def make_space(cluster):
    """Spaces in any cluster."""
    made = []

    def make(where=None):
        made.append(Space(where or cluster, f"t{next(_spaces)}"))
        return made[-1]

    yield make
    for own in made:
        if own.cluster.process.running:
            own.clear()
