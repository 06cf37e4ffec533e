"""The environment of one run, shared by the tests' harness and every started program: to be imported first."""

import atexit
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = os.environ["FLOW_TEST_WORK"] = tempfile.mkdtemp(prefix="flow-bench-")
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benches")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
os.environ["PATH"] += os.pathsep + "/usr/sbin"
