"""Builds of flow-proxy to make the profile, and with it."""

import hashlib
import os
import pathlib
import re
import subprocess

from compare.failure import Failed


def host():
    """rustc's default target."""
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (.+)$", told, re.M)[1]


def build(source, folder, flag):
    """Build `source` by the profile `dist` with a further flag of rustc, in a folder of its own; return the program.

    The target is named so that the flag does not apply to build scripts and macros.
    """
    target = host()
    flags = " ".join(filter(None, [os.environ.get("RUSTFLAGS"), flag]))
    command = ["cargo", "build", "--profile", "dist", "--locked", "--bin", "flow-proxy", "--target", target]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(folder), "RUSTFLAGS": flags}
    if subprocess.run(command, cwd=source, env=environment).returncode:
        raise Failed("the build failed")
    return folder / target / "dist" / "flow-proxy"


def merge(raw, folder):
    """Merge all that flow-proxy wrote into one profile.

    Its name is made of its content: with the same flags, cargo would not rebuild for another profile.
    """
    profile = folder / "flow.profdata"
    found = sorted(map(str, pathlib.Path(raw).glob("*.profraw")))
    done = subprocess.run([os.environ["LLVM_PROFDATA"], "merge", "-o", str(profile), *found], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"llvm-profdata: {done.stderr[-1500:]}")
    return profile.rename(folder / f"flow-{hashlib.sha256(profile.read_bytes()).hexdigest()[:16]}.profdata")
