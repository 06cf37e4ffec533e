"""Fixtures for tests of certificates behind a CA that can be made to fail: beside those of `issuing`."""

import itertools
import subprocess

import pytest

from . import faults, objects, paths
from .issuing import *  # noqa: F403 (fixtures)

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def ca(pebble):
    running = faults.FaultyCa(pebble)
    yield running
    running.stop()


@pytest.fixture
def nobody_falls(ca, replicas):
    """After each test the CA works again, and every replica must be alive."""
    yield
    ca.mend()
    for proxy in replicas.running:
        assert proxy.process.running and "panicked" not in proxy.log()


@pytest.fixture
def make_space(cluster, request):
    """Makes namespaces of the test's own."""
    prefix = request.module.__name__.rsplit("_", 1)[-1]

    def make():
        name = f"{prefix}-{next(_numbers)}"
        cluster.apply(objects.namespace(name))
        return name

    return make


@pytest.fixture
def space(make_space):
    """A namespace of the test's own."""
    return make_space()


def cert(cluster, *arguments):
    """Run `flow-proxy cert …`."""
    command = [paths.tool("FLOW_PROXY", "the proxy's executable"), "cert", *arguments]
    environment = {"KUBECONFIG": cluster.kubeconfig, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
