"""The programs that are compared: found, configured alike, started on one core."""

import base64
import functools
import os
import pathlib
import shutil

from harness import paths, pki
from harness.processes import Process
from harness.waiting import eventually

from . import net, origin, template, usage
from .failure import Failed, Mistake

PEERS = ("nginx", "haproxy", "caddy")
SHOWN = {"nginx": "nginx", "haproxy": "HAProxy", "caddy": "Caddy"}
PORTS = 25100


class Subject:
    """A program to compare: its name in tables, its kind (a peer's, or `flow-proxy` for any build of it), its file."""

    def __init__(self, name, kind, path):
        self.name, self.kind, self.path = name, kind, path


class Running:
    """A started subject and its ports."""

    def __init__(self, subject, process, plain, tls, log):
        self.subject, self.process, self.plain, self.tls, self.log = subject, process, plain, tls, log
        self.name = subject.name

    def cpu(self):
        return usage.cpu(self.process.pid)

    def memory(self):
        return usage.memory(self.process.pid)


def choose(given, peers):
    """The subjects of a run: `given` are texts NAME=PATH; `peers` are the names to compare with, or None for those that are here.

    A name that is not a peer's is a build of flow-proxy; there may be several, to see what a change did.
    """
    own, found = [], {}
    for text in given:
        name, _, path = text.partition("=")
        if not name or not path:
            raise Mistake(f"--subject wants NAME=PATH, not {text!r}")
        if not os.path.isfile(path) or not os.access(path, os.X_OK):
            raise Mistake(f"--subject {name}: {path} is not a program that can be run")
        path = os.path.abspath(path)
        if name.lower() in PEERS:
            found[name.lower()] = path
        elif name in [subject.name for subject in own]:
            raise Mistake(f"--subject {name} is given twice")
        else:
            own.append(Subject(name, "flow-proxy", path))
    if not own:
        own = [_default()]
    for name in PEERS if peers is None else peers:
        if name not in PEERS:
            raise Mistake(f"--peers: {name!r} is none of {', '.join(PEERS)}")
        path = found.get(name) or shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path:
            own.append(Subject(SHOWN[name], name, path))
        elif peers is not None:
            raise Mistake(f"--peers: {name} is not installed")
        else:
            print(f"{SHOWN[name]} is not here and is left out")
    return own


def _default():
    built = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or paths.ROOT / "target") / "release" / "flow-proxy"
    path = pathlib.Path(os.environ.get("FLOW_PROXY") or built)
    if not os.access(path, os.X_OK):
        raise Mistake(f"{path} is not there: build it with `cargo build --release`, or name one by --subject flow-proxy=PATH")
    return Subject("flow-proxy", "flow-proxy", str(path.resolve()))


def start(subject, number, features, cpu):
    """Start a subject with the features of a workload; `number` gives it ports of its own."""
    pair = _pair()
    plain, tls, admin = (PORTS + number * 10 + i for i in range(3))
    log = paths.WORK / f"{number}-access.log"
    values = {
        "user": net.user(),
        "work": paths.WORK,
        "files": net.FILES,
        "log": log,
        "plain": plain,
        "tls": tls,
        "origin": f"{origin.ADDRESS}:{origin.PORT}",
        "origin_address": origin.ADDRESS,
        "origin_port": origin.PORT,
        **pair,
    }
    command, environment = _command(subject, values, features, admin, paths.WORK / f"configuration-{number}")
    process = Process(f"{number}-{subject.kind}", command, env=environment, cpu=cpu)
    if subject.kind == "haproxy":
        log = process.log_path
    running = Running(subject, process, plain, tls, log)
    try:
        eventually(lambda: _up(running), 20, what=f"the start of {subject.name}")
    except (AssertionError, Failed) as error:
        process.stop()
        raise Failed(f"{error}\n{process.log()[-2000:]}") from None
    return running


def _up(running):
    if not running.process.running:
        raise Failed(f"{running.name} ended with {running.process.child.returncode} as it started")
    return net.listens(running.plain) and net.listens(running.tls)


def _command(subject, values, features, admin, folder):
    """(command, environment) that starts a subject; its configuration is written to a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def write(name):
        file = folder / name
        file.write_text(template.render(name, values, features))
        return file

    if subject.kind == "nginx":
        return [subject.path, "-c", write("nginx.conf"), "-e", "stderr"], {}
    if subject.kind == "haproxy":
        return [subject.path, "-f", write("haproxy.cfg"), "-db"], {}
    if subject.kind == "caddy":
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "GOMAXPROCS": "1"}
        return [subject.path, "run", "--config", write("Caddyfile"), "--adapter", "caddyfile"], home
    write("flow-proxy.yaml")
    flags = [
        "--workers=1",
        f"--entrypoints.web.address=127.0.0.1:{values['plain']}",
        f"--entrypoints.websecure.address=127.0.0.1:{values['tls']}",
        "--entrypoints.websecure.http.tls=true",
        f"--entrypoints.traefik.address=127.0.0.1:{admin}",
        "--metrics.prometheus=true",
        "--serverstransport.maxidleconnsperhost=1024",
        f"--providers.manifests.directory={folder}",
    ]
    if "log" in features:
        flags += ["--accesslog=true", f"--accesslog.filepath={values['log']}"]
    return [subject.path, *flags], {}


@functools.cache
def certificate():
    """The certificate of all, ECDSA P-256."""
    return pki.leaf("localhost")


def _pair():
    """The certificate in the files and forms that the programs want."""
    pair = certificate()
    crt, key = pair.write(paths.WORK, "pair")
    pem = paths.WORK / "pair.pem"
    pem.write_text(pair.chain_pem + pair.key_pem)
    return {
        "crt": crt,
        "key": key,
        "pem": pem,
        "crt_base64": base64.b64encode(pair.chain_pem.encode()).decode(),
        "key_base64": base64.b64encode(pair.key_pem.encode()).decode(),
    }
