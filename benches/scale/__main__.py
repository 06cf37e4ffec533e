"""The command `benches/run scale`."""

import argparse
import json
import os
import pathlib
import sys

import runner_env
from compare.failure import Mistake, exit_code
from scale import figures, measure

HELP = """
flow-proxy before a real API server that holds thousands of Ingresses, a Service and an EndpointSlice each; then the same with as many
certificates; then with IngressRoutes instead, with two Middlewares each. Everything runs on this machine, in a network namespace of its own.

  ready             from the start of the process to /ready, the median of three starts
  memory            resident, at rest after everything was read (MB = 10^6 bytes)
  a change live     an Ingress or IngressRoute is created, edited or deleted: from the moment it is written to the first answer that shows it; also from
                    its watch event, without what the API server takes for the writing
  CPU a change      of the proxy's process
  p99 of traffic    at --rate requests a second over four connections, one worker on one core: quiet; while ten EndpointSlices a second
                    change; and while as many objects are written that nobody watches, which is what the API server next door costs and
                    what the goal compares with. The API server gives way to the load (SCHED_IDLE). Rounds of the three take turns.

Goals are those for 10,000 Ingresses. Exit code 1: something was not served as it should be. Exit code 2: the command asks for what
there is not. Goals that are missed do not fail a run.
"""


def main(arguments):
    options = _parse(arguments)
    return exit_code("scale", lambda: _run(options))


def _run(options):
    os.environ["FLOW_PROXY"] = str(subject(options.subject))
    options.out.mkdir(parents=True, exist_ok=True)
    columns = measure.everything(options)
    print("\n" + figures.table(columns))
    verdicts = figures.verdicts(columns)
    for line, _ in verdicts:
        print("  goal: " + line)
    if verdicts:
        print(f"\n{sum(reached for _, reached in verdicts)} of {len(verdicts)} goals reached")
    file = options.out / "scale.json"
    file.write_text(json.dumps(dict(columns), indent=1) + "\n")
    print(file)


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="benches/run scale", formatter_class=argparse.RawDescriptionHelpFormatter, description=HELP)
    add = parser.add_argument
    add("--sizes", type=_sizes, default=[1000, 5000, 10000, 20000], metavar="N,N", help="how many Ingresses (1000,5000,10000,20000)")
    add("--certificates", type=_count(0), default=20000, metavar="N", help="how many Ingresses with a certificate each; 0 leaves that out (20000)")
    add("--routes", type=_count(0), default=10000, metavar="N", help="how many IngressRoutes with two Middlewares, shared by all and then of their own; 0 leaves that out (10000)")
    add("--changes", type=_count(3), default=120, metavar="N", help="how many changes are timed (120)")
    add("--rounds", type=_count(1), default=5, metavar="N", help="rounds of traffic (5)")
    add("--seconds", type=_count(1), default=5, metavar="S", help="seconds of each turn of traffic (5)")
    add("--rate", type=_count(4), default=1000, metavar="R", help="requests a second (1000)")
    add("--subject", metavar="PATH", help="a build of flow-proxy ($FLOW_PROXY or target/dist/flow-proxy)")
    add("--out", type=pathlib.Path, default=runner_env.ROOT / "target" / "scale", metavar="FOLDER", help="where scale.json (every value) goes (target/scale)")
    return parser.parse_args(arguments)


def _count(least):
    def convert(text):
        if not least <= int(text) <= 200_000:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and 200000")
        return int(text)

    convert.__name__ = "number"
    return convert


def _sizes(text):
    return sorted(_count(10)(part) for part in text.split(","))


def subject(given):
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or runner_env.ROOT / "target") / "dist" / "flow-proxy"
    path = pathlib.Path(given or os.environ.get("FLOW_PROXY") or built)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise Mistake(f"{path} is not a program that can be run: build it with `cargo build --profile dist`, or name one by --subject PATH")
    return path.resolve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
