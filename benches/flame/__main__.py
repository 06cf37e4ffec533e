"""The command `benches/run flame`."""

import argparse
import os
import pathlib
import sys

import runner_env
from compare import place, subjects, workloads
from compare.failure import Mistake, exit_code
from flame import profile, stacks

HELP = """
Where the CPU time of flow-proxy goes under a workload of `benches/run compare`: perf looks at its stack some hundred times a second of
CPU time, inferno draws what it saw, and a table names the functions. Load and backend are those of compare, on a core of their own.

  self         the share of samples in which the function itself was at work; what the compiler put into it counts as it
  with callees the share of samples in whose stack it was at all

perf needs the right to watch a process: root, or kernel.perf_event_paranoid at 2 or less (then without the kernel's part).
"""


def main(arguments):
    options = _parse(arguments)
    return exit_code("flame", lambda: _run(options))


def _run(options):
    workload = _workload(options.workload)
    subject = subjects.choose([f"flow-proxy={options.subject}"] if options.subject else [], [])[0]
    where = place.choose(None, 1)
    options.out.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, where.load)
    recorded = profile.record(subject, workload, options.seconds, where)
    folded, parts = stacks.fold(recorded, options.inferno)
    picture = options.out / f"flame-{options.workload}.svg"
    stacks.draw(folded, picture, f"flow-proxy, {workload.about}", options.inferno, options.least)
    print(stacks.table(folded, parts, options.rows))
    print(picture)


def _workload(name):
    """A workload by name; those with idle connections or several numbers of routes are refused."""
    driven = {workload.name: workload for workload in workloads.TABLE if hasattr(workload.load, "run") and not workload.routes}
    if name not in driven:
        raise Mistake(f"there is no load {name!r}; there are {', '.join(driven)}")
    return driven[name]


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="benches/run flame", formatter_class=argparse.RawDescriptionHelpFormatter, description=HELP)
    add = parser.add_argument
    add("workload", metavar="WORKLOAD", help="as in `benches/run compare`: h1, h2-32, handshake")
    add("--seconds", type=int, default=10, metavar="S", help="how long to watch (10)")
    add("--rows", type=int, default=25, metavar="N", help="lines of the table (25)")
    add("--least", type=float, default=0.3, metavar="PERCENT", help="what is narrower than so much of the picture is not drawn (0.3)")
    add("--subject", metavar="PATH", help="a build of flow-proxy with its symbols ($FLOW_PROXY or target/dist/flow-proxy)")
    add("--out", type=pathlib.Path, default=runner_env.ROOT / "target" / "flame", metavar="FOLDER", help="where flame-WORKLOAD.svg goes (target/flame)")
    add("--inferno", default=os.environ.get("INFERNO", ""), metavar="FOLDER", help="where inferno's programs are ($INFERNO, else PATH)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
