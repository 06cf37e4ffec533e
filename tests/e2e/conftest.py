"""Fixtures of the charts' tests: the charts with their dependencies, both majors of helm, and a fresh cluster."""

import shutil
import subprocess

import pytest
from harness import paths
from harness.charts import SOURCE, environment, runner
from harness.cluster import Cluster


@pytest.fixture(scope="session")
def charts():
    """A copy of the charts with their dependencies packed."""
    copy = paths.WORK / "deploy"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("charts/*/charts"))
    subprocess.run([copy / "charts" / "build", paths.tool("HELM", "helm")], check=True, capture_output=True, env=environment())
    return copy / "charts"


@pytest.fixture(scope="module", params=["HELM", "HELM3"])
def helm(request, charts):
    """Runs helm 4, then helm 3; the finished process."""
    return runner(request.param, charts)


@pytest.fixture(scope="session")
def helm4(charts):
    return runner("HELM", charts)


@pytest.fixture(scope="module")
def own_cluster():
    """A fresh cluster, with nothing installed."""
    running = Cluster("charts")
    yield running
    running.stop()
