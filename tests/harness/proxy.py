"""The proxy under test: started with flags, asked over its own API, stopped."""

import itertools
import json
import os
import re

import requests

from . import clients, paths, pki
from .processes import Process
from .waiting import eventually

_numbers = itertools.count(1)

# The program that FLOW_PROXY names: `flow`, or `traefik` to run a test against the original.
SUBJECT = os.environ.get("FLOW_TEST_SUBJECT", "flow")


class Proxy:
    """One running proxy with the entry points web, websecure and traefik on ports of its own: those of `number`, if it is given."""

    def __init__(self, *flags, cluster=None, manifests=None, env=None, ready=True, cpu=None, defaults=True, name=None, number=None):
        self.number = number = number or next(_numbers)
        self.name = name or f"proxy-{number}"
        self.web, self.websecure, self.admin = (20000 + number * 10 + i for i in range(3))
        self.access_log = paths.WORK / f"{self.name}-access.log"
        command = [paths.tool("FLOW_PROXY", "the proxy's executable")]
        if defaults:
            command += [
                f"--entrypoints.web.address=:{self.web}",
                f"--entrypoints.websecure.address=:{self.websecure}",
                "--entrypoints.websecure.http.tls=true",
                f"--entrypoints.traefik.address=:{self.admin}",
                "--api.insecure=true",
                "--ping=true",
                "--metrics.prometheus=true",
                "--metrics.prometheus.addrouterslabels=true",
                "--accesslog=true",
                "--accesslog.format=json",
                f"--accesslog.filepath={self.access_log}",
                "--log.level=INFO",
            ]
        if cluster and defaults:
            command += ["--providers.kubernetesingress=true", "--providers.kubernetescrd=true"]
        if manifests:
            command += [f"--providers.manifests.directory={manifests}"]
        if SUBJECT == "traefik":
            command += ["--providers.providersthrottleduration=20ms"]
        environment = {**({"KUBECONFIG": cluster.kubeconfig} if cluster else {}), **(env or {})}
        self.process = Process(self.name, command + list(flags), env=environment, cpu=cpu)
        self.http = requests.Session()
        self.http.trust_env = False
        if ready:
            self.wait_ready()

    # --- life --------------------------------------------------------------------------------------------------------

    def wait_ready(self, seconds=20):
        def ready():
            assert self.process.running, f"the proxy ended with {self.process.child.returncode}"
            return self.ready()

        try:
            eventually(ready, seconds, 0.01, "readiness")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-3000:]}") from None

    def ready(self):
        """True if /ready responds with 200 now."""
        try:
            return self.admin_get("/ready" if SUBJECT == "flow" else "/ping").status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self):
        return self.process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        return self.process.log()

    # --- requests ----------------------------------------------------------------------------------------------------

    def get(self, host, path="/", **more):
        """A request to the entry point web."""
        return clients.fetch(self.web, host, path, **more)

    def get_tls(self, host, path="/", tls=True, **more):
        """A request to the entry point websecure."""
        return clients.fetch(self.websecure, host, path, tls=tls, **more)

    def http1(self, tls=False, host=None, **more):
        context = pki.client_context(alpn=["http/1.1"]) if tls is True else (tls or None)
        return clients.Http1(self.websecure if tls else self.web, context, host, **more)

    def http2(self, tls=False, host=None, **more):
        context = pki.client_context(alpn=["h2", "http/1.1"]) if tls is True else (tls or None)
        return clients.Http2(self.websecure if tls else self.web, context, host, **more)

    def served(self, host, path="/", status=200, seconds=5, **more):
        """Wait until a host responds with a status; return that response."""

        def check():
            answer = self.get(host, path, **more)
            assert answer.status == status, answer
            return answer

        return eventually(check, seconds, what=f"{status} from {host}{path}")

    # --- its own API -------------------------------------------------------------------------------------------------

    def admin_get(self, path, **more):
        return self.http.get(f"http://127.0.0.1:{self.admin}{path}", timeout=5, allow_redirects=False, **more)

    def api(self, path):
        answer = self.admin_get("/api" + path)
        assert answer.status_code == 200, f"/api{path}: {answer.status_code} {answer.text[:200]}"
        return answer.json()

    def router(self, name, seconds=5):
        """A router of /api/http/routers once it is there."""
        return eventually(lambda: self.api("/http/routers/" + name), seconds, what=f"router {name}")

    def metrics(self):
        """All samples: {name: [(labels, value)]}."""
        samples = {}
        for line in self.admin_get("/metrics").text.splitlines():
            if line and not line.startswith("#"):
                match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?', line)
                assert match, line
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
                samples.setdefault(match[1], []).append((labels, float(match[3])))
        return samples

    def metric(self, name, **labels):
        """The sum of the samples of a metric that have these labels."""
        return sum(v for found, v in self.metrics().get(name, []) if all(found.get(k) == w for k, w in labels.items()))

    def access_lines(self, path=None):
        """The access log's JSON records."""
        text = (path or self.access_log).read_text() if (path or self.access_log).exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def access_line(self, **fields):
        """The access record with these fields, once it is written."""

        def find():
            for record in self.access_lines():
                if all(record.get(key) == value for key, value in fields.items()):
                    return record
            return None

        return eventually(find, 5, what=f"an access record with {fields}")
