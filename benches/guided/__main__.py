"""The command `benches/run guided`."""

import argparse
import os
import pathlib
import shutil
import sys
import time

import runner_env
from compare import origin, place, rounds, subjects, workloads
from compare.failure import Failed, exit_code
from compare.load.own import Idle
from guided import build

HELP = """
A build that knows what is called often: flow-proxy is built with counters, put under every load of `benches/run compare` for some
seconds, and built once more by what they counted (profile-guided optimisation). What a request costs in user space becomes a quarter
less. This is how the image is made (deploy/Dockerfile).

Two builds by the profile `dist` and some minutes of load; the program is target/guided/flow-proxy.
"""
# A body of a gigabyte adds nothing to the profile of one of a megabyte.
LEFT_OUT = ("down-1g", "up-1g")
BEGUN = time.monotonic()


def main(arguments):
    options = _parse(arguments)
    return exit_code("guided", lambda: _run(options))


def _run(options):
    where = place.choose(None, 1)
    options.out.mkdir(parents=True, exist_ok=True)
    # Always the same folder: its name is in the flags, and other flags would cause a rebuild.
    raw = (options.out / "raw").resolve()
    shutil.rmtree(raw, ignore_errors=True)
    _say("building it with counters")
    os.environ["LLVM_PROFILE_FILE"] = f"{raw}/%p-%m.profraw"
    program = build.build(runner_env.ROOT, options.out / "counting", f"-Cprofile-generate={raw}")
    _load(program, options.seconds, where)
    for old in options.out.glob("flow-*.profdata"):
        old.unlink()
    profile = build.merge(raw, options.out)
    shutil.rmtree(raw)
    made = profile
    if not options.profile_only:
        _say("building it by what was counted")
        program = build.build(runner_env.ROOT, options.out / "guided", f"-Cprofile-use={profile.resolve()}")
        made = shutil.copy2(program, options.out / "flow-proxy")
    _say(made)


def _load(program, seconds, where):
    """Run every load once; the program writes its counters when it ends."""
    subject = subjects.choose([f"flow-proxy={program}"], [])[0]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, where.load)
    for workload in workloads.TABLE:
        if workload.name in LEFT_OUT or isinstance(workload.load, Idle):
            continue
        _say(workload.about)
        backend = origin.start(workload.origin, where.load)
        try:
            for name, count in workload.rows(subject):
                one = subjects.start(subject, 0, workload.features, where, name, count)
                try:
                    workload.load.run(one, workload.path, seconds, rounds.ready(one, workload))
                finally:
                    code = one.process.stop()
                if code:
                    raise Failed(f"flow-proxy ended with {code}:\n{one.process.log()[-1500:]}")
        finally:
            backend.stop()
    os.sched_setaffinity(0, cores)


def _say(what):
    print(f"== {time.monotonic() - BEGUN:4.0f}s  {what}", flush=True)


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="benches/run guided", formatter_class=argparse.RawDescriptionHelpFormatter, description=HELP)
    add = parser.add_argument
    add("--seconds", type=int, default=4, metavar="S", help="how long each load takes (4)")
    add("--profile-only", action="store_true", help="end with the profile: `-Cprofile-use` in RUSTFLAGS takes it, for any target")
    add("--out", type=pathlib.Path, default=runner_env.ROOT / "target" / "guided", metavar="FOLDER", help="where everything goes (target/guided)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
