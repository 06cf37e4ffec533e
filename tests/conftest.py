"""Fixtures: one API server, one set of backends and one proxy with default flags serve most tests."""

import functools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import namespace, objects, paths
from harness.backends import Backends
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.space import Space


def pytest_configure(config):
    if not namespace.inside():
        pytest.exit("start the tests with tests/run: they need a network namespace of their own", 2)


@functools.cache
def ours(file):
    """Whether this run is the one that runs a file: the first of those side by side that comes to it (`tests/run`)."""
    claims = os.environ.get("FLOW_TEST_CLAIMS")
    if not claims:
        return True
    try:
        os.close(os.open(os.path.join(claims, file.stem), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Leaves a file out that another run has."""
    if ours(item.path):
        return None
    # As after a test that ran: what the next one does not share ends. pytest has no public name for it.
    item.session._setupstate.teardown_exact(nextitem)
    return True


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


@pytest.fixture
def space(cluster):
    own = Space(cluster)
    yield own
    own.clear()


@pytest.fixture
def make_space(cluster):
    """Spaces in any cluster."""
    made = []

    def make(where=None):
        made.append(Space(where or cluster))
        return made[-1]

    yield make
    for own in made:
        if own.cluster.process.running:
            own.clear()
