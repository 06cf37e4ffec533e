"""CPU per proxied request beside nginx and HAProxy in the same run: 1 KiB answers, 64 connections, one core, metrics on."""

import os
import shutil

import pytest
from harness import load
from harness.proxy import Proxy

pytestmark = pytest.mark.measures

ROUNDS = 5
SECONDS = 3
ATTEMPTS = 3  # on a shared machine, one attempt may be disturbed
GOAL = 1.2
# Today's ratio is 1.03 to 1.15 (docs/performance.md); more than this is a regression.
LIMIT = 1.4


@pytest.fixture(scope="module")
def origin():
    _, other = load.cpus()
    process = load.nginx_backend("10.99.0.6", 9500, other)
    yield "10.99.0.6:9500"
    process.stop()


def test_cpu_per_request(cluster, backends, make_space, origin, figures):
    assert shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "nginx is missing"
    subject_cpu, load_cpu = load.cpus()
    space = make_space()
    space.backend("origin", addresses=["10.99.0.6"], port=9500)
    host = space.route(backend="origin")
    flags = [f"--providers.kubernetesingress.namespaces={space.name}", "--accesslog=false", "--workers=1"]
    nginx, haproxy = load.nginx_proxy(21201, origin, subject_cpu), load.haproxy(21202, origin, subject_cpu)
    try:
        with Proxy(*flags, cluster=cluster, cpu=subject_cpu) as own:
            own.served(host)
            subjects = {
                "flow-proxy": (own.process, f"http://127.0.0.1:{own.web}/", host),
                "nginx": (nginx, "http://127.0.0.1:21201/", host),
                "HAProxy": (haproxy, "http://127.0.0.1:21202/", host),
            }
            for process, url, name in subjects.values():
                load.wrk(url, name, 1, cpu=load_cpu)
            for _ in range(ATTEMPTS):
                cost = load.interleaved(subjects, ROUNDS, SECONDS, load_cpu)
                ratio = cost["flow-proxy"] / cost["nginx"]
                shown = ", ".join(f"{name} {value:.1f} µs" for name, value in cost.items())
                figures(f"CPU a request (median of {ROUNDS} rounds): {shown}; {ratio:.2f} times nginx's (the goal is {GOAL})")
                if ratio <= LIMIT:
                    break
            assert ratio <= LIMIT
            assert own.metric("traefik_service_requests_total", service=f"{space.name}-origin-80@kubernetes") > 1000
    finally:
        nginx.stop()
        haproxy.stop()


def test_memory_after_load(cluster, backends, make_space, origin, figures):
    """A thousand connections come and go; their memory is freed, or at least is little."""
    space = make_space()
    space.backend("origin", addresses=["10.99.0.6"], port=9500)
    host = space.route(backend="origin")
    with Proxy(f"--providers.kubernetesingress.namespaces={space.name}", "--accesslog=false", cluster=cluster) as own:
        own.served(host)
        idle = own.process.resident_mb()
        load.wrk(f"http://127.0.0.1:{own.web}/", host, 3, connections=1000)
        after = own.process.resident_mb()
        figures(f"memory: {idle:.0f} MB at rest, {after:.0f} MB after a load on 1,000 connections")
        assert after < 150
