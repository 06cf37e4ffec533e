"""Builds of flow-proxy for its profile, and by it."""

import hashlib
import os
import pathlib
import re
import subprocess

from compare.failure import Failed


def host():
    """The target that rustc compiles for by itself."""
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (.+)$", told, re.M)[1]


def build(source, folder, flag):
    """The build of `source` by the profile `dist` with a flag of rustc's more, in a folder of its own; the program.

    With a target named, the flag is not for build scripts and macros.
    """
    target = host()
    flags = " ".join(filter(None, [os.environ.get("RUSTFLAGS"), flag]))
    command = ["cargo", "build", "--profile", "dist", "--locked", "--bin", "flow-proxy", "--target", target]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(folder), "RUSTFLAGS": flags}
    if subprocess.run(command, cwd=source, env=environment).returncode:
        raise Failed("the build failed")
    return folder / target / "dist" / "flow-proxy"


def merge(raw, folder):
    """One profile of all that was written while flow-proxy ran.

    Its name tells its content: cargo takes what it compiled by another one for new as long as the flags are the same.
    """
    profile = folder / "flow.profdata"
    found = sorted(map(str, pathlib.Path(raw).glob("*.profraw")))
    done = subprocess.run([os.environ["LLVM_PROFDATA"], "merge", "-o", str(profile), *found], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"llvm-profdata: {done.stderr[-1500:]}")
    return profile.rename(folder / f"flow-{hashlib.sha256(profile.read_bytes()).hexdigest()[:16]}.profdata")
