"""The command `benches/run compare`."""

import argparse
import datetime
import json
import os
import pathlib
import sys

import runner_env
from compare import markdown, place, plot, rounds, subjects, syscalls, table, workloads
from compare.failure import Mistake, exit_code

HELP = """
flow-proxy beside nginx, HAProxy, Caddy and Traefik: every subject runs with an equal configuration (benches/compare/templates) and one worker on
one core; load and backend have another core; all of it on 127.0.0.1, in a network namespace of its own. The subjects take turns in every
round. Who is not installed is left out; Traefik is the program that TRAEFIK names, or built by --with traefik. The table shows medians with the smallest and the largest of the rounds; goals are ratios within a round.

  CPU µs, user, system   of all the subject's processes, from /proc, for each request (connection, message)
  per second             what the subject reached while load and backend shared the other core
  p50, p99               at half the rate that nginx reached (of the first subject, if nginx is left out), the same for all; "–" where a
                         subject could not keep that rate
  KiB each               what a resting connection holds
  bytes sent             the size of one compressed answer
  memory MB              resident, after the load (where connections rested: after they were closed)
  system calls           for each request, with --syscalls; that its connections are opened counts as well, as it does for the CPU

A run fails (exit code 1) on any answer but 2xx, a socket error, a short body, a header or a line of the access log that is missing.
Exit code 2: the command asks for what there is not. Goals that are missed do not fail a run.
"""


def main(arguments):
    options = _parse(arguments)
    return exit_code("compare", lambda: _run(options), (Mistake,))


def _run(options):
    chosen = subjects.choose(options.subject, options.peers)
    wanted = [_workload(name) for name in _names(options.workload)]
    where = place.choose(options.cpus, options.workers)
    if options.markdown:
        markdown.check(options.markdown)
    if options.syscalls:
        syscalls.available()
    _make(options.out)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, where.load)
    results, goals = [], []
    for workload in wanted:
        figures = rounds.measure(workload, chosen, options.rounds, options.seconds, where, options.out if options.syscalls else None)
        verdicts = table.verdicts(workload, figures, chosen)
        print("\n" + table.text(workload, figures))
        for name, verdict in verdicts:
            print(f"  goal: {name}, {verdict}")
        sys.stdout.flush()
        results.append((workload, figures))
        goals += [(workload, name, verdict) for name, verdict in verdicts]
    os.sched_setaffinity(0, cores)
    _write(options, chosen, results, goals)


def _parse(arguments):
    listed = "\n".join(f"  {'*' if w.name in workloads.CORE else ' '} {w.name:12} {w.about}" for w in workloads.TABLE)
    parser = argparse.ArgumentParser(
        prog="benches/run compare",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=HELP,
        epilog=f"workloads (* is in `core`, the default; `goals` are those with a goal, `all` is every one):\n{listed}",
    )
    add = parser.add_argument
    add("--workload", action="append", default=[], metavar="NAME", help="a workload, `core`, `goals` or `all`; may be given again, or take commas")
    add("--rounds", type=_positive(int), default=5, metavar="N", help="rounds in which every subject has a turn (5)")
    add("--seconds", type=_positive(int), default=3, metavar="S", help="seconds of each turn (3)")
    add("--subject", action="append", default=[], metavar='"NAME=PATH [OPTION...]"',
        help="a build of flow-proxy under a name of your choice, again for several, to see what a change or an option did; or another "
        "nginx, haproxy, caddy, traefik (default: flow-proxy=$FLOW_PROXY or target/dist/flow-proxy)")
    add("--peers", type=lambda text: [name for name in text.split(",") if name], metavar="NAMES",
        help="whom to compare with, as in nginx,haproxy; '' is nobody (default: nginx, haproxy, caddy and traefik, as far as they are here)")
    add("--with", dest="built", choices=["traefik"], help="build Traefik from its Go module, once, and compare with it too")
    add("--syscalls", action="store_true", help="count system calls as well (strace, in three seconds of load of their own); its tables go to the folder of --out")
    add("--cpus", metavar="SUBJECT,LOAD", help="the two cores (default: the last and the first that may be used)")
    add("--workers", type=_positive(int), default=1, metavar="N",
        help="workers of every subject (1); with several all cores are shared by subjects, load and backend")
    add("--markdown", type=pathlib.Path, metavar="FILE",
        help="write tables and goals to a new file, or to one that has the lines `<!-- compare: begin -->` and `<!-- compare: end -->`, between them")
    add("--out", type=pathlib.Path, default=runner_env.ROOT / "target" / "compare", metavar="FOLDER",
        help="where compare.svg (the plot) and compare.json (every value of every round) go (target/compare)")
    return parser.parse_args(arguments)


def _positive(kind):
    def convert(text):
        value = kind(text)
        if not 0 < value < 100000:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    convert.__name__ = kind.__name__
    return convert


def _names(given):
    names = [name for text in given or ["core"] for name in text.split(",")]
    return list(dict.fromkeys(one for name in names for one in workloads.SETS.get(name, [name])))


def _workload(name):
    if name not in workloads.BY_NAME:
        raise Mistake(f"there is no workload {name!r}; there are {', '.join(workloads.BY_NAME)}, {', '.join(workloads.SETS)}")
    return workloads.BY_NAME[name]


def _make(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"--out {folder}: {error.strerror}") from None


def _write(options, chosen, results, goals):
    if goals:
        print(f"\n{sum(verdict.reached for *_, verdict in goals)} of {len(goals)} goals reached")
    title = f"flow-proxy beside its peers, {datetime.date.today()}: medians of {options.rounds} rounds of {options.seconds} s"
    picture = options.out / "compare.svg"
    picture.write_text(plot.svg(results, chosen, title))
    values = {"rounds": options.rounds, "seconds": options.seconds, "workloads": {w.name: figures for w, figures in results}}
    (options.out / "compare.json").write_text(json.dumps(values, indent=1) + "\n")
    if options.markdown:
        markdown.write(options.markdown, markdown.text(options, chosen, results, goals))
        print(options.markdown)
    print(picture)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
