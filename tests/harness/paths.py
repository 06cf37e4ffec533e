"""Paths of files and tools. `tests/run` exports the tools' paths; only what it installed is looked up on PATH."""

import os
import pathlib
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
CRDS = sorted(pathlib.Path(os.environ.get("FLOW_TEST_CRDS", ROOT / "deploy" / "crds")).glob("*.yaml"))
WORK = pathlib.Path(os.environ.get("FLOW_TEST_WORK") or tempfile.mkdtemp(prefix="flow-tests-"))


def tool(variable, purpose):
    """The executable that an environment variable names; a clear error where the variable is missing."""
    value = os.environ.get(variable)
    if not value or not os.access(value, os.X_OK):
        raise RuntimeError(f"{variable} must name {purpose}; start the tests with tests/run, which sets it")
    return value
