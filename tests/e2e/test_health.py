"""Services of services, strategies and health checks, from a dynamic configuration file."""

import collections
import http.server
import itertools
import socketserver
import threading
import time

import pytest
import yaml
from harness.proxy import Proxy
from harness.waiting import consistently, eventually


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A backend that is up or down as the test says, and counts what it gets."""

    daemon_threads, request_queue_size = True, 512

    def __init__(self, name):
        super().__init__(("127.0.0.1", 0), Handler)
        self.name, self.status, self.check, self.requests = name, 200, 200, collections.Counter()
        self.bodies, self.large, self.hanging = [], 0, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    """`/up` is the health check; `/hang` waits for the end of the test."""

    protocol_version, disable_nagle_algorithm, wbufsize = "HTTP/1.1", True, -1

    def answer(self):
        server = self.server
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        server.requests[self.path] += 1
        if self.path != "/up":
            server.bodies.append(body)
        if self.path == "/hang" and server.name == "hangs":
            server.hanging.wait(60)
        status = server.check if self.path == "/up" else server.status
        text = b"x" * server.large if self.path == "/up" and server.large else server.name.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text)
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_HEAD = answer

    def log_message(self, *_):
        pass


_numbers = itertools.count(1)


class Scene:
    """Servers, and a proxy that reads one file."""

    def __init__(self, folder):
        self.file, self.servers, self.proxy = folder / "dynamic.yaml", {}, None

    def server(self, name):
        return self.servers.setdefault(name, Server(name))

    def balancer(self, *names, **options):
        """A load balancer over servers; those named twice have twice the weight."""
        weights = collections.Counter(names)
        servers = [{"url": self.server(name).url, "weight": weight} for name, weight in weights.items()]
        return {"loadBalancer": {"servers": servers, **options}}

    def serve(self, services, hosts):
        """Puts services into the file, with a router for each host, and waits until these are served."""
        word = f"v{next(_numbers)}"
        routers = {host: {"rule": f"Host(`{host}.test`)", "service": service, "entryPoints": ["web"]} for host, service in hosts.items()}
        routers[word] = {"rule": f"Host(`{word}.test`)", "service": "noop@internal", "entryPoints": ["web"]}
        new = self.file.with_suffix(".new")
        new.write_text(yaml.safe_dump({"http": {"routers": routers, "services": services}}))
        new.rename(self.file)
        if not self.proxy:
            self.proxy = Proxy(f"--providers.file.filename={self.file}")
        eventually(lambda: self.proxy.api(f"/http/routers/{word}@file"), what="the new file")

    def by(self, host, count=1, path="/", **more):
        """The names of the servers that responded, or the statuses, by how often."""
        counts = collections.Counter()
        with self.proxy.http1() as connection:
            for _ in range(count):
                answer = connection.request(f"{host}.test", path, **more)
                counts[answer.text.strip() if answer.status == 200 else answer.status] += 1
        return dict(counts)

    def states(self, service):
        """`serverStatus` of a service, by the names of its servers."""
        shown = self.proxy.api(f"/http/services/{service}@file")["serverStatus"]
        return {server.name: shown[server.url] for server in self.servers.values() if server.url in shown}

    def gauge(self, service, name):
        for labels, value in self.proxy.metrics().get("traefik_service_server_up", []):
            if labels == {"service": f"{service}@file", "url": self.servers[name].url}:
                return value
        return None


@pytest.fixture
def scene(tmp_path):
    scene = Scene(tmp_path)
    yield scene
    for server in scene.servers.values():
        server.hanging.set()
    if scene.proxy:
        scene.proxy.stop()
    for server in scene.servers.values():
        server.shutdown()


# Answers at once, and again only after an hour while it is down.
QUICK = {"path": "/up", "interval": "50ms", "timeout": "1s"}
ONCE_DOWN = {**QUICK, "unhealthyInterval": "1h"}


def test_a_server_that_is_down_gets_nothing_until_it_is_up_again(scene):
    scene.serve({"s": scene.balancer("a", "b", "c", "c", healthCheck=QUICK)}, {"s": "s"})
    assert scene.by("s", 400) == {"a": 100, "b": 100, "c": 200}
    assert scene.states("s") == {"a": "UP", "b": "UP", "c": "UP"} and scene.gauge("s", "a") == 1
    scene.servers["a"].check = 503
    eventually(lambda: scene.states("s")["a"] == "DOWN")
    assert scene.by("s", 300) == {"b": 100, "c": 200}
    assert [scene.gauge("s", name) for name in "abc"] == [0, 1, 1]
    for name in "bc":
        scene.servers[name].check = 404
    eventually(lambda: scene.states("s") == {"a": "DOWN", "b": "DOWN", "c": "DOWN"})
    refused = scene.proxy.get("s.test")
    assert refused.status == 503 and refused.body == b"no available server\n"
    scene.servers["a"].check = 200
    eventually(lambda: scene.by("s") == {"a": 1})
    assert "a server is down: its health check failed" in scene.proxy.log()


def test_what_is_known_of_a_server_outlives_changes_of_the_others(scene):
    checked = {"healthCheck": ONCE_DOWN, "sticky": {"cookie": {"name": "c"}}}
    scene.serve({"s": scene.balancer("a", "b", **checked)}, {"s": "s"})
    first = scene.proxy.get("s.test")
    cookie = first.get("set-cookie").split(";")[0]
    scene.servers["a"].check = scene.servers["b"].check = 500
    eventually(lambda: scene.by("s") == {503: 1})
    scene.servers["a"].check = scene.servers["b"].check = 200
    scene.serve({"s": scene.balancer("a", "c", **checked), "t": scene.balancer("b", healthCheck=ONCE_DOWN)}, {"s": "s", "t": "t"})
    # Asked again only after an hour, so a fresh state would be UP.
    assert scene.by("s", 20) == {"c": 20}
    assert scene.states("s") == {"a": "DOWN", "c": "UP"} and scene.states("t") == {"b": "DOWN"}
    assert scene.proxy.get("s.test", headers={"Cookie": cookie}).text == "c"
    scene.serve({"s": scene.balancer("c", "b", healthCheck={**ONCE_DOWN, "interval": "60ms"})}, {"s": "s"})
    assert scene.states("s") == {"b": "UP", "c": "UP"}, "another check"


def test_a_server_is_asked_once_however_many_services_have_it(scene):
    check = {"path": "/up", "interval": "200ms"}
    services = {f"s{n}": scene.balancer("a", healthCheck=check) for n in range(5)}
    scene.serve(services, {f"{name}-{n}": name for name in services for n in range(2)})
    eventually(lambda: scene.servers["a"].requests["/up"] >= 3)
    begun, before = time.monotonic(), scene.servers["a"].requests["/up"]
    eventually(lambda: scene.servers["a"].requests["/up"] >= before + 5)
    assert time.monotonic() - begun >= 0.75, "five of one, not one of five"
    scene.serve({"t": scene.balancer("b")}, {"t": "t"})
    gone = scene.servers["a"].requests["/up"]
    consistently(lambda: scene.servers["a"].requests["/up"] <= gone + 1, 0.7)
    assert "traefik_service_server_up" not in scene.proxy.metrics()


def test_checks_that_answer_too_much_or_too_late(scene):
    scene.server("a").large = 10 << 20
    checked = {"healthCheck": {"path": "/up", "interval": "30ms", "timeout": "200ms"}}
    late = {"healthCheck": {"path": "/hang", "interval": "30ms", "timeout": "100ms"}}
    scene.serve({"s": scene.balancer("a", **checked), "t": scene.balancer("hangs", **late)}, {"s": "s", "t": "t"})
    eventually(lambda: scene.servers["a"].requests["/up"] >= 10)
    assert scene.states("s") == {"a": "UP"} and scene.by("s", 3) == {"a": 3}
    eventually(lambda: scene.states("t") == {"hangs": "DOWN"})
    assert scene.by("t") == {503: 1}


def test_failed_requests_take_a_server_out(scene):
    passive = {"passiveHealthCheck": {"maxFailedAttempts": 3, "failureWindow": "700ms"}}
    scene.serve({"s": scene.balancer("a", "b", **passive)}, {"s": "s"})
    scene.servers["a"].status = 502
    assert scene.by("s", 20) == {"b": 17, 502: 3}
    assert scene.states("s") == {"a": "DOWN", "b": "UP"} and scene.gauge("s", "a") == 0
    scene.servers["a"].status = 200
    eventually(lambda: "a" in scene.by("s", 2))
    assert scene.states("s") == {"a": "UP", "b": "UP"}


def test_failover_by_health_and_by_status(scene):
    scene.serve(
        {
            "main": scene.balancer("main", healthCheck=QUICK),
            "other": scene.balancer("other"),
            "health": {"failover": {"service": "main", "fallback": "other"}},
            "status": {"failover": {"service": "plain", "fallback": "nested", "errors": {"status": ["500-503"], "maxRequestBodyBytes": 10}}},
            "plain": scene.balancer("plain"),
            "nested": {"weighted": {"services": [{"name": "health"}]}},
        },
        {"health": "health", "status": "status"},
    )
    assert scene.by("health") == {"main": 1} and scene.by("status") == {"plain": 1}
    scene.servers["plain"].status = 503
    assert scene.by("status", method="POST", body=b"0123456789") == {"main": 1}
    assert scene.servers["main"].bodies[-1] == b"0123456789"
    large = scene.proxy.get("status.test", method="POST", body=b"0123456789+")
    assert large.status == 413 and large.body == b"Request body too large\n"
    scene.servers["main"].check = 500
    eventually(lambda: scene.by("health") == {"other": 1})
    assert scene.by("status") == {"other": 1}
    scene.servers["main"].check = 200
    eventually(lambda: scene.by("health") == {"main": 1})


def test_mirrors_get_their_share_and_delay_nobody(scene):
    mirrors = [{"name": "half", "percent": 50}, {"name": "hangs", "percent": 100}]
    scene.serve(
        {
            "main": scene.balancer("main"),
            "half": scene.balancer("half"),
            "hangs": scene.balancer("hangs"),
            "m": {"mirroring": {"service": "main", "maxBodySize": 5, "mirrors": mirrors}},
        },
        {"m": "m"},
    )
    scene.server("half").status = 500
    begun = time.monotonic()
    assert scene.by("m", 200, "/hang") == {"main": 200}
    assert time.monotonic() - begun < 10
    eventually(lambda: scene.servers["half"].requests["/hang"] == 100)
    eventually(lambda: scene.servers["hangs"].requests["/hang"] == 200)
    scene.servers["half"].bodies.clear()
    assert scene.by("m", 2, method="POST", body=b"12345") == {"main": 2}
    assert scene.by("m", 2, method="POST", body=b"123456") == {"main": 2}
    eventually(lambda: scene.servers["half"].bodies == [b"12345"])
    assert scene.servers["main"].bodies[-4:] == [b"12345"] * 2 + [b"123456"] * 2


def test_weighted_services_and_cookies_on_both_levels(scene):
    def cookie(name):
        return {"cookie": {"name": name, "secure": True, "httpOnly": True, "sameSite": "strict", "maxAge": 60, "path": "/p", "domain": "w.test"}}

    both = [{"name": "one", "weight": 3}, {"name": "two"}]
    scene.serve(
        {
            "w": {"weighted": {"services": both, "sticky": cookie("upper"), "healthCheck": {}}},
            "one": scene.balancer("a", "b", sticky=cookie("lower"), healthCheck=QUICK),
            "two": scene.balancer("c", healthCheck=QUICK),
        },
        {"w": "w"},
    )
    shares = scene.by("w", 400)
    assert (shares["a"], shares["b"], shares["c"]) == (150, 150, 100)
    counted = {labels["service"]: value for labels, value in scene.proxy.metrics()["traefik_service_requests_total"]}
    assert (counted["one@file"], counted["two@file"]) == (300, 100) and "w@file" not in counted
    attributes = "; Path=/p; Domain=w.test; Max-Age=60; HttpOnly; Secure; SameSite=Strict"
    answers = [scene.proxy.get("w.test") for _ in range(4)]
    to_one = next(answer for answer in answers if answer.text in "ab")
    upper, lower = to_one.all("set-cookie")
    assert upper.startswith("upper=") and upper.endswith(attributes) and lower.startswith("lower=") and lower.endswith(attributes)
    jar = {"Cookie": "; ".join(line.split(";")[0] for line in (upper, lower))}
    assert scene.by("w", 20, headers=jar) == {to_one.text: 20}
    scene.servers["a"].check = scene.servers["b"].check = 500
    eventually(lambda: scene.by("w", 4) == {"c": 4})
    moved = scene.proxy.get("w.test", headers=jar)
    assert moved.text == "c" and moved.get("set-cookie").startswith("upper=")


def test_no_request_fails_while_servers_come_and_go(scene):
    """A mirrored, weighted, sticky, health-checked service; `a` is always there, the others change at every step."""
    everything = {"sticky": {"cookie": {"name": "lower"}}, "healthCheck": {**QUICK, "interval": "20ms"}, "passiveHealthCheck": {}}

    def serve(*names):
        scene.serve(
            {
                "m": {"mirroring": {"service": "w", "mirrors": [{"name": "hangs", "percent": 30}], "healthCheck": {}}},
                "w": {"weighted": {"services": [{"name": "one", "weight": 2}, {"name": "two"}], "sticky": {"cookie": {"name": "upper"}}, "healthCheck": {}}},
                "one": scene.balancer("a", *names, strategy="p2c", **everything),
                "two": scene.balancer("a", *names, **everything),
                "hangs": scene.balancer("hangs"),
            },
            {"m": "m"},
        )

    serve("b")
    done, ended, failures = collections.Counter(), threading.Event(), []

    def load():
        while not ended.is_set():
            cookies = {}
            with scene.proxy.http1() as connection:
                for _ in range(20):
                    answer = connection.request("m.test", "/hang", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
                    cookies.update(line.split(";")[0].split("=", 1) for line in answer.all("set-cookie"))
                    done[answer.text] += 1
                    if answer.status != 200:
                        failures.append(answer)

    threads = [threading.Thread(target=load, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(12):
        serve(*"bcd"[: step % 4])
        for name in "bcd":
            scene.server(name).check = 500 if (step + ord(name)) % 3 == 0 else 200
        before = sum(done.values())
        eventually(lambda before=before: sum(done.values()) > before + 30)
    ended.set()
    for thread in threads:
        thread.join(20)
    assert not failures, failures[:3]
    assert set(done) == set("abcd"), done


@pytest.mark.parametrize("strategy", ["p2c", "hrw", "leasttime"])
def test_strategies(scene, strategy):
    scene.serve({"s": scene.balancer("a", "b", "c", strategy=strategy, healthCheck=QUICK)}, {"s": "s"})
    shares = scene.by("s", 60)
    assert sum(shares.values()) == 60 and set(shares) <= set("abc") and (len(shares) == 1) == (strategy == "hrw")
    assert scene.proxy.api("/http/services/s@file")["loadBalancer"]["strategy"] == strategy
    chosen = next(iter(shares))
    scene.servers[chosen].check = 500
    eventually(lambda: scene.states("s")[chosen] == "DOWN")
    after = scene.by("s", 60)
    assert chosen not in after and sum(after.values()) == 60


def test_what_does_not_hold_disables_itself(scene):
    scene.serve(
        {
            "good": scene.balancer("a"),
            "ring": {"mirroring": {"service": "knot"}},
            "knot": {"failover": {"service": "good", "fallback": "ring", "errors": {"status": ["500"]}}},
            "unknown": {"highestRandomWeight": {"services": [{"name": "nobody"}]}},
            "percent": {"mirroring": {"service": "good", "mirrors": [{"name": "good", "percent": 101}]}},
            "blind": {"failover": {"service": "good", "fallback": "good"}},
            "path": scene.balancer("b", healthCheck={"path": "http://elsewhere.test/"}),
            "status": {"failover": {"service": "good", "fallback": "good", "errors": {"status": ["5xx"]}}},
            "zero": {"weighted": {"services": [{"name": "good", "weight": 0}]}},
        },
        {name: name for name in ("good", "ring", "unknown", "percent", "blind", "path", "status", "zero")},
    )
    assert scene.by("good", 3) == {"a": 3}
    for name, words in {
        "ring": "holds itself",
        "unknown": "does not exist",
        "percent": "between 0 and 100",
        "blind": "no healthCheck",
        "path": "is not a path",
        "status": "5xx",
    }.items():
        router = scene.proxy.api(f"/http/routers/{name}@file")
        assert router["status"] == "disabled" and words in router["error"][0], router
        assert scene.by(name) == {404: 1}
    assert scene.by("zero") == {503: 1}
    scene.serve({"s": scene.balancer("a", "a", strategy="p2c")}, {"s": "s"})
    assert [(d["subject"], d["message"]) for d in scene.proxy.api("/diagnostics")] == [
        ({"kind": "service", "namespace": "", "name": "s@file"}, "weights of servers have no effect with the strategy p2c")
    ]
