"""Services that fail, come and go, and mirrors that hang, under load: no client pays for what another server could have done.

A short form here; `tests/run soak` sets FLOW_SOAK_COUNT, FLOW_SOAK_SECONDS, FLOW_SOAK_REQUESTS and FLOW_SOAK_ROUNDS to the long one.
"""

import collections
import concurrent.futures
import itertools
import os
import random
import re
import statistics
import threading
import time
import zlib

import pytest
import yaml
from harness import load, mortals, objects
from harness.mortals import Mortals, address
from harness.proxy import Proxy
from harness.workers import Workers

pytestmark = pytest.mark.measures

# Requests with 10 MiB each, seconds of coming and going, requests whose shares are counted, rounds of a comparison.
COUNT = int(os.environ.get("FLOW_SOAK_COUNT", "24"))
SECONDS = float(os.environ.get("FLOW_SOAK_SECONDS", "10"))
REQUESTS = int(os.environ.get("FLOW_SOAK_REQUESTS", "10000"))
ROUNDS = int(os.environ.get("FLOW_SOAK_ROUNDS", "3"))

BODY = random.Random(1).randbytes(10 << 20)
CRC = zlib.crc32(BODY)
AT_ONCE = 4


def write(path, configuration):
    new = path.with_name(path.name + ".new")
    new.write_text(yaml.safe_dump({"http": configuration}))
    new.rename(path)


def servers(*numbers, **more):
    return {"loadBalancer": {"servers": [{"url": f"http://{address(n)}:{mortals.PORT}"} for n in numbers], **more}}


def router(host, service, *middlewares):
    return {"rule": f"Host(`{host}`)", "entryPoints": ["web"], "service": service, "middlewares": list(middlewares)}


@pytest.fixture
def started(tmp_path):
    """started(COUNT, ROUTED, ...): backends, and a proxy that reads a configuration; both end with the test."""
    running = []

    def start(count, configuration, *flags, **more):
        running.append(Mortals(count))
        file = tmp_path / "dynamic.yaml"
        write(file, configuration)
        running.append(Proxy(f"--providers.file.filename={file}", "--accesslog=false", *flags, **more))
        running[1].file = file
        return running

    yield start
    for each in reversed(running):
        each.stop()


def peak_mb(proxy):
    """The most memory that the proxy has had, in MB."""
    status = open(f"/proc/{proxy.process.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024 / 1e6


# --- bodies that a server does not live to see the end of -------------------------------------------------------------------


def upload(proxy, host, method, key):
    """Sends 10 MiB over a connection of its own, and reads the response whether or not the whole was taken."""
    head = f"{method} /{key} HTTP/1.1\r\nHost: {host}\r\nX-Id: {key}\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
    with proxy.http1(timeout=60) as connection:
        try:
            connection.send(head.encode() + BODY)
        except ConnectionError:
            pass  # it was answered before its end
        return connection.read(method)


# Host: method, how many of its uploads, and the most that the proxy may keep of each of them, in MiB.
UPLOADS = {
    "kept.test": ("PUT", 1, 16),
    "posted.test": ("POST", 4, 16),
    "repeated.test": ("POST", 4, 16),
    "long.test": ("PUT", 4, 2),
}


@pytest.mark.parametrize("host", UPLOADS)
def test_a_server_dies_in_mid_body(started, figures, host):
    method, part, limit = UPLOADS[host]
    retry = {"attempts": 2, **({"maxRequestBodyBytes": 16 << 20} if limit == 16 else {})}
    middlewares = {"kept": {"retry": retry}, "repeated": {"retry": {**retry, "retryNonIdempotentMethod": True}}}
    middleware = "repeated" if host == "repeated.test" else "kept"
    backend, proxy = started(2, {"routers": {"r": router(host, "s", middleware)}, "services": {"s": servers(1, 2)}, "middlewares": middlewares})
    proxy.served(host)
    backend.set(1, "dying")
    before, begun = peak_mb(proxy), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        keys = [f"upload-{n}" for n in range(max(COUNT // part, 20))]
        answers = dict(zip(keys, pool.map(lambda key: upload(proxy, host, method, key), keys)))
    tries = backend.tries()
    lost = [key for key, answer in answers.items() if answer.status != 200]
    died = sum(any(number == 1 for number, *_ in tries.get(key, [])) for key in keys)
    grown = peak_mb(proxy) - before
    figures(
        f"{len(keys)} {method} of 10 MiB to {host}, {died} begun by the server that dies: {len(lost)} failed, "
        f"at most {grown:.0f} MB more ({time.monotonic() - begun:.0f} s)"
    )
    assert died > len(keys) / 4
    for key, answer in answers.items():
        came = tries.get(key, [])
        if answer.status == 200:
            assert (answer.json()["length"], answer.json()["crc"]) == (len(BODY), CRC)
        assert sum(answered for *_, answered in came) <= 1, f"served twice: {came}"
        assert len(came) <= 2
    if host in ("kept.test", "repeated.test"):
        assert not lost, [answers[key] for key in lost[:3]]
    elif host == "posted.test":
        assert all(len(came) == 1 for came in tries.values()), "sent twice"
    else:
        # Sent again only as long as the beginning was still there; what is in the sockets' buffers was not read by anybody.
        assert all(came[0][1] < 2 << 20 for came in tries.values() if len(came) == 2)
    assert {answers[key].status for key in lost} <= {502}
    assert all(tries[key][0][0] == 1 for key in lost)
    # What is kept, what is on its way through the sockets of both sides, and what the allocator has not given back.
    assert grown < AT_ONCE * (limit + 4) * 1.05 + 30, f"{grown} MB"


# --- endpoints that come and go ----------------------------------------------------------------------------------------------


class Clients(Workers):
    """Threads that request pages in turn, each over a connection of its own as long as it lasts; some keep their cookies."""

    def __init__(self, proxy, host, sticky):
        super().__init__()
        self.proxy, self.host = proxy, host
        self.count, self.moves, self.failures, self.seen = 0, [], [], collections.Counter()
        self.lock = threading.Lock()
        for number in range(2 * sticky):
            self.add(self._run, number < sticky)

    def _run(self, is_sticky):
        cookies, last, connection = {}, None, None
        for number in itertools.count():
            if self.ended.is_set():
                return
            method, body = ("GET", None) if number % 3 else ("PUT", b"x" * 20_000)
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
            try:
                connection = connection or self.proxy.http1()
                answer = connection.request(self.host, f"/{number}", method, headers, body)
                assert answer.status == 200, answer
                came = answer.json()
                assert came["length"] == len(body or b"")
            except Exception as error:  # noqa: BLE001  everything is a failure here
                self.failures.append(f"{time.strftime('%X')} {method} {self.host} after {number}: {error!r}")
                connection = None
                continue
            with self.lock:
                self.count += 1
                self.seen[came["server"]] += 1
                if is_sticky and last not in (None, came["server"]):
                    self.moves.append((time.monotonic(), last))
            if is_sticky:
                last = came["server"]
                cookies.update(line.split(";")[0].split("=", 1) for line in answer.all("Set-Cookie"))
            if (answer.get("Connection") or "").lower() == "close":
                connection = None
            time.sleep(0.002)


# The servers of the two weighted services; the mirror has one of its own, which hangs.
FIRST, SECOND, HANGING = (1, 2, 3), (4, 5, 6), 7


class Life:
    """What is happening to servers, so that a sticky client's move can be judged."""

    def __init__(self, backend):
        self.backend, self.unwell = backend, []

    def was_unwell(self, moment, server):
        """True if a server was, or had just been, something else than well."""
        return any(number == server and begin <= moment <= end + 2 for number, begin, end in self.unwell)

    def suffer(self, server, state, seconds, before=None, after=None):
        """Puts a server into a state for a while; `before` and `after` take it out of the configuration and back in."""
        begin = time.monotonic()
        entry = [server, begin, float("inf")]
        self.unwell.append(entry)
        if before:
            before()
        self.backend.set(server, state)
        time.sleep(seconds)
        self.backend.set(server, "up")
        if after:
            after()
        entry[2] = time.monotonic()


def checked(numbers):
    check = {"path": "/health", "interval": "100ms", "timeout": "1s"}
    return servers(*numbers, healthCheck=check, sticky={"cookie": {"name": "server"}}, passiveHealthCheck={"failureWindow": "300ms"})


def mixed(gone=None):
    """A mirrored, weighted, sticky and checked service behind a retry, without the server that is gone."""
    first, second = ([n for n in numbers if n != gone] for numbers in (FIRST, SECOND))
    return {
        "routers": {"r": router("mixed.test", "mirrored", "again")},
        "middlewares": {"again": {"retry": {"attempts": 4}}},
        "services": {
            "mirrored": {"mirroring": {"service": "weighted", "mirrors": [{"name": "mirror", "percent": 50}]}},
            "weighted": {
                "weighted": {
                    "services": [{"name": "first", "weight": 2}, {"name": "second", "weight": 1}],
                    "sticky": {"cookie": {"name": "service"}},
                    "healthCheck": {},
                }
            },
            "first": checked(first),
            "second": checked(second),
            "mirror": servers(HANGING),
        },
    }


def judged(figures, life, traffic, made, begun):
    moved = [(moment, server) for moment, server in traffic.moves if not life.was_unwell(moment, server)]
    figures(
        f"{traffic.host}: {traffic.count} requests in {time.monotonic() - begun:.0f} s, {made} changes of its servers: "
        f"{len(traffic.failures)} failed, {len(traffic.moves)} moves of sticky clients, {len(moved)} without a reason"
    )
    assert not traffic.failures, traffic.failures[:10]
    assert not moved, moved[:10]
    assert traffic.moves or SECONDS < 60
    assert traffic.count > 20 * SECONDS


def test_servers_of_a_file_come_and_go(started, figures):
    """Servers fall ill, die, are reset in mid-request, and are taken out of the file before they end."""
    backend, proxy = started(HANGING, mixed())
    backend.set(HANGING, "hangs")
    proxy.served("mixed.test")
    life, begun, made = Life(backend), time.monotonic(), 0
    with Clients(proxy, "mixed.test", 4) as traffic:
        while time.monotonic() < begun + SECONDS:
            server = random.choice(FIRST + SECOND)
            kind = made % 4
            if kind == 0:
                life.suffer(server, "ill", 0.6)
            elif kind == 1:
                life.suffer(server, "down", 0.6)
            elif kind == 2:
                life.suffer(server, "dying", 0.6)
            else:
                # As a rolling update does it: first out of the configuration, then no more.
                leave = lambda server=server: (write(proxy.file, mixed(gone=server)), time.sleep(0.4))
                life.suffer(server, "down", 0.3, leave, lambda: write(proxy.file, mixed()))
            made += 1
            time.sleep(0.3)
    counts = backend.counts()
    assert all(counts[number] for number in FIRST + SECOND), counts
    judged(figures, life, traffic, made, begun)


def test_endpoints_of_a_cluster_come_and_go(started, cluster, space, figures):
    """EndpointSlices of a mirrored and weighted TraefikService with sticky Services lose their endpoints before these end."""
    backend, proxy = started(HANGING, {"routers": {}}, cluster=cluster)
    backend.set(HANGING, "hangs")

    def endpoints(name, numbers):
        space.apply(objects.endpoints(name, space.name, [address(n) for n in numbers], mortals.PORT))

    for name, numbers in [("first", FIRST), ("second", SECOND), ("mirror", [HANGING])]:
        space.apply(objects.service(name, space.name))
        endpoints(name, numbers)
    passive = {"passiveHealthCheck": {"failureWindow": "300ms"}}
    children = [{"name": n, "port": 80, "weight": w, "sticky": {"cookie": {"name": "server"}}, **passive} for n, w in [("first", 2), ("second", 1)]]
    weighted = {"weighted": {"services": children, "sticky": {"cookie": {"name": "service"}}}}
    mirrored = {"mirroring": {"name": "weighted", "kind": "TraefikService", "mirrors": [{"name": "mirror", "port": 80, "percent": 50}]}}
    space.apply(
        objects.custom("TraefikService", "weighted", space.name, weighted),
        objects.custom("TraefikService", "mirrored", space.name, mirrored),
        objects.middleware("again", space.name, {"retry": {"attempts": 4}}),
    )
    services = [{"name": "mirrored", "kind": "TraefikService"}]
    routes = [{"match": f"Host(`{space.host}`)", "kind": "Rule", "services": services, "middlewares": [{"name": "again"}]}]
    space.apply(objects.custom("IngressRoute", "route", space.name, {"routes": routes}))
    proxy.served(space.host)
    life, begun, made = Life(backend), time.monotonic(), 0
    with Clients(proxy, space.host, 4) as traffic:
        while time.monotonic() < begun + SECONDS:
            name, numbers = random.choice([("first", FIRST), ("second", SECOND)])
            server = random.choice(numbers)
            leave = lambda: (endpoints(name, [n for n in numbers if n != server]), time.sleep(0.4))  # noqa: B023
            # A pod that is deleted leaves its slice first; one whose node dies does not.
            life.suffer(server, "down", 0.3, leave if made % 3 else None, lambda: endpoints(name, numbers))  # noqa: B023
            made += 1
            time.sleep(0.3)
    judged(figures, life, traffic, made, begun)


# --- shares ------------------------------------------------------------------------------------------------------------------


def test_shares_are_those_of_the_weights(started, figures):
    """Of services and of servers, over real sockets, by several connections at once."""
    shares = {1: 70, 2: 20, 3: 10}
    services = {f"s{n}": servers(n) for n in shares}
    services["services"] = {"weighted": {"services": [{"name": f"s{n}", "weight": weight} for n, weight in shares.items()]}}
    weights = [{"url": f"http://{address(n)}:{mortals.PORT}", "weight": weight} for n, weight in shares.items()]
    services["servers"] = {"loadBalancer": {"servers": weights}}
    hosts = {"services.test": "services", "servers.test": "servers"}
    backend, proxy = started(3, {"routers": {name: router(host, name) for host, name in hosts.items()}, "services": services})
    for host in hosts:
        proxy.served(host)
        backend.counts()
        total = collections.Counter()
        while total.total() < REQUESTS:
            load.wrk(f"http://127.0.0.1:{proxy.web}/", host, 2, connections=32)
            total.update(backend.counts())
        off = {n: total[n] / total.total() / (weight / 100) - 1 for n, weight in shares.items()}
        shown = ", ".join(f"{weight} %: {total[n] / total.total():.3%}" for n, weight in shares.items())
        figures(f"{total.total()} requests to {host}: {shown}")
        assert max(map(abs, off.values())) < 0.01, off


# --- a mirror that hangs -----------------------------------------------------------------------------------------------------


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def test_a_mirror_that_hangs_costs_the_client_nothing(started, figures):
    hosts = {"plain.test": "plain", "mirrored.test": "mirrored"}
    mirrored = {"mirroring": {"service": "plain", "mirrors": [{"name": "mirror", "percent": 100}]}}
    services = {"plain": servers(1), "mirror": servers(2), "mirrored": mirrored}
    backend, proxy = started(2, {"routers": {name: router(host, name) for host, name in hosts.items()}, "services": services})
    backend.set(2, "hangs")
    for host in hosts:
        proxy.served(host)
    # The first thousand requests are sent twice, which takes CPU time that the load wants; then the mirror holds all that it may.
    load.wrk(f"http://127.0.0.1:{proxy.web}/", "mirrored.test", 2, connections=8)
    for _ in range(3):
        found = {host: [] for host in hosts}
        for number in range(ROUNDS):
            for host in (list(hosts), list(hosts)[::-1])[number % 2]:
                found[host].append(milliseconds(load.wrk(f"http://127.0.0.1:{proxy.web}/", host, 2, connections=8).p99))
        plain, beside = (statistics.median(values) for values in found.values())
        rounds = statistics.median(b / a for a, b in zip(*found.values()))
        figures(f"p99 of {ROUNDS} rounds in turns: {plain:.2f} ms without a mirror, {beside:.2f} ms with one that hangs; ratio {beside / plain:.2f}, by rounds {rounds:.2f}")
        # A few rounds on a machine with other work tell only whether anybody waits for the mirror.
        if min(beside / plain, rounds) <= (1.1 if ROUNDS >= 15 else 2):
            return
    raise AssertionError("clients pay for the mirror in three attempts")
