"""The programs that are compared: found, configured alike, started on one core."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

from harness import paths
from harness.processes import Process
from harness.waiting import eventually

from . import certificate, commands, net, origin, usage
from .failure import Failed, Mistake

SHOWN = {"nginx": "nginx", "haproxy": "HAProxy", "caddy": "Caddy", "traefik": "Traefik"}
PEERS = tuple(SHOWN)
PORTS = 25100
OWN = "flow-proxy"


class Subject:
    """A program to compare: its name in tables, its kind (a peer's, or `flow-proxy` for any build of it), its file, and options besides."""

    def __init__(self, name, kind, path, flags=()):
        self.name, self.kind, self.path, self.flags = name, kind, path, tuple(flags)

    def version(self):
        """The version that it prints, such as 1.22.1; empty if it prints none."""
        asked = ["-v"] if self.kind in ("nginx", "haproxy") else ["version"]
        done = subprocess.run([self.path, *asked], capture_output=True, text=True, timeout=20)
        first = (done.stdout + done.stderr).strip().partition("\n")[0]
        found = re.search(r"\d+\.\d+(\.\d+)?", first)
        return found[0] if found else ""


class Running:
    """A started subject under the name of its row, its ports, its access log and the number of its further routes."""

    def __init__(self, name, subject, process, plain, tls, log, route_count):
        self.name, self.subject, self.process, self.plain, self.tls, self.log = name, subject, process, plain, tls, log
        self.route_count = route_count

    def cpu(self):
        return usage.cpu(self.process.pid)

    def memory(self):
        return usage.memory(self.process.pid)


def choose(given, peers):
    """The subjects of a run: `given` are texts "NAME=PATH [OPTION...]"; `peers` are the names to compare with, or None for those
    that are installed.

    A name that is not a peer's is a build of flow-proxy; there may be several, to see what a change or an option did.
    """
    own, found = [], {}
    for text in given:
        name, _, command = text.partition("=")
        path, *flags = shlex.split(command) or [""]
        if not name or not path:
            raise Mistake(f"--subject wants NAME=PATH, not {text!r}")
        if not os.path.isfile(path) or not os.access(path, os.X_OK):
            raise Mistake(f"--subject {name}: {path} is not a program that can be run")
        path = os.path.abspath(path)
        if name.lower() in PEERS:
            if flags:
                raise Mistake(f"--subject {name}: options are for builds of flow-proxy")
            found[name.lower()] = path
        elif name in [subject.name for subject in own]:
            raise Mistake(f"--subject {name} is given twice")
        else:
            own.append(Subject(name, OWN, path, flags))
    if not own:
        own = [_default()]
    for name in PEERS if peers is None else peers:
        if name not in PEERS:
            raise Mistake(f"--peers: {name!r} is none of {', '.join(PEERS)}")
        path = found.get(name) or _installed(name)
        if path:
            own.append(Subject(SHOWN[name], name, path))
        elif peers is not None:
            raise Mistake(f"--peers: {name} is not installed")
        else:
            print(f"{SHOWN[name]} is not here and is left out" + (" (--with traefik builds it)" if name == "traefik" else ""))
    return own


def _installed(name):
    """A peer's file: that in the variable of its name (TRAEFIK), else the one on PATH."""
    path = os.environ.get(name.upper())
    if path and not os.access(path, os.X_OK):
        raise Mistake(f"{name.upper()}: {path} is not a program that can be run")
    return path or shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _default():
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or paths.ROOT / "target") / "dist" / "flow-proxy"
    path = pathlib.Path(os.environ.get("FLOW_PROXY") or built)
    if not os.access(path, os.X_OK):
        raise Mistake(f"{path} is not there: build it with `cargo build --profile dist`, or name one by --subject flow-proxy=PATH")
    return Subject(OWN, OWN, str(path.resolve()))


def start(subject, number, features, place, name=None, route_count=0):
    """Start a subject with the features of a workload at a place; `number` gives it ports of its own, `name` is that of its row,
    `route_count` says how many routes it has beside the one that is asked."""
    plain, tls, admin = (PORTS + number * 10 + i for i in range(3))
    log = paths.WORK / f"{number}-access.log"
    values = {
        "user": net.user(),
        "work": paths.WORK,
        "files": net.FILES,
        "log": log,
        "plain": plain,
        "tls": tls,
        "admin": admin,
        "workers": place.workers,
        "route_count": route_count,
        "origin": f"{origin.ADDRESS}:{origin.PORT}",
        "origin_address": origin.ADDRESS,
        "origin_port": origin.PORT,
        **certificate.files(),
    }
    folder = paths.WORK / f"configuration-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command, environment = commands.BY_KIND[subject.kind](subject, values, features, folder)
    process = Process(f"{number}-{subject.kind}", command, env=environment, cpu=place.subject)
    if subject.kind == "haproxy":
        log = process.log_path
    running = Running(name or subject.name, subject, process, plain, tls, log, route_count)
    try:
        eventually(lambda: _up(running), 30, what=f"the start of {running.name}")
    except (AssertionError, Failed) as error:
        process.stop()
        raise Failed(f"{error}\n{process.log()[-2000:]}") from None
    return running


def _up(running):
    if not running.process.running:
        raise Failed(f"{running.name} ended with {running.process.child.returncode} as it started")
    return net.listens(running.plain) and net.listens(running.tls)
