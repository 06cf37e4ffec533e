"""The command `benches/run certificates`."""

import argparse
import json
import os
import pathlib
import sys

import runner_env
from compare.failure import exit_code
from scale.__main__ import subject

from . import figures, wave

HELP = """
Certificates for thousands of hosts: two replicas of flow-proxy before a real API server and a real ACME server (Pebble without its
delays, which refuses no nonce and validates every name). So many Ingresses of one host each, annotated with a ClusterIssuer and spread over 20
namespaces, are created at once. Everything runs on this machine, in a network namespace of its own.

  first, all        from the first Ingress to be created to the first Certificate that is ready, and to the last
  CPU for each      of both replicas (beside it: of the API server, of the CA), from the first Ingress to two seconds after the last Certificate,
                    divided by the number of certificates; what the replicas use at rest is told apart and not subtracted
  requests          to the API server, by its own count, without leases and without those that create the Ingresses
  one more          an Ingress beside them, the median of five; its CPU until two seconds after it is ready
  restart           of both replicas in turn: from the start of the process to /ready, the slower one; memory (MB = 10^6 bytes) at rest after that
  --renewals        all Certificates are to be issued again, as by `cmctl renew`; twenty new hosts come one after the other: seconds until each is ready
  --failing         a tenant has hosts whose names do not resolve or lead elsewhere; twenty new hosts of other tenants come
  --traffic         p99 over TLS through the leader, on four connections: before; while objects are written that nobody reads, which is what the API
                    server next door costs; while hosts get certificates. The replicas have one core, API server and CA the other, with less priority

Progress is told on standard error. Exit code 1: the run could not be finished. Exit code 2: the command asks for what there is not. Goals that are
missed do not fail a run; where certificates are missing at the end of the time, the figures are those of the certificates that are ready.
"""


def main(arguments):
    options = _parse(arguments)
    return exit_code("certificates", lambda: _run(options))


def _run(options):
    os.environ["FLOW_PROXY"] = str(subject(options.subject))
    options.out.mkdir(parents=True, exist_ok=True)
    columns = wave.everything(options)
    print("\n" + figures.table(columns))
    verdicts = figures.verdicts(columns)
    for line, _ in verdicts:
        print("  goal: " + line)
    print(f"\n{sum(reached for _, reached in verdicts)} of {len(verdicts)} goals reached")
    file = options.out / "certificates.json"
    file.write_text(json.dumps({str(size): found for size, found in columns}, indent=1) + "\n")
    print(file)


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="benches/run certificates", formatter_class=argparse.RawDescriptionHelpFormatter, description=HELP)
    add = parser.add_argument
    add("--sizes", type=_sizes, default=[100, 1000, 10000], metavar="N,N", help="how many hosts (100,1000,10000)")
    add("--key", choices=["ecdsa", "rsa"], default="ecdsa", help="the keys; cert-manager's default, rsa, costs the making of a key for each (ecdsa)")
    add("--limit", type=float, metavar="S", help="seconds for all certificates of a size to be ready (one for each, at least 120)")
    add("--subject", metavar="PATH", help="a build of flow-proxy ($FLOW_PROXY or target/dist/flow-proxy)")
    add("--out", type=pathlib.Path, default=runner_env.ROOT / "target" / "certificates", metavar="FOLDER", help="where certificates.json (every value) goes (target/certificates)")
    more = {"nargs": "?", "type": _number, "default": 0}
    add("--renewals", const=50_000, metavar="N", help="afterwards so many of the hosts (all) are renewed at once, and 20 new ones come", **more)
    add("--failing", const=1000, metavar="N", help="afterwards one tenant has so many hosts that fail (1000), and 20 new ones of others come", **more)
    add("--traffic", const=1000, metavar="R", help="afterwards up to 1,000 more hosts come during so many requests a second (1000)", **more)
    add("--seconds", type=_number, default=3, metavar="S", help="seconds of each turn of traffic (3)")
    options = parser.parse_args(arguments)
    options.limit_of = lambda size: options.limit or max(120.0, size)
    return options


def _number(text):
    if not 1 <= int(text) <= 50_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 50000")
    return int(text)


def _sizes(text):
    return sorted({_number(part) for part in text.split(",")})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
