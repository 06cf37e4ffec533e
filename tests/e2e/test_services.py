"""The cluster's services behind the proxy on their own wire protocols, with real clients where the registries have them."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import zlib

import msgpack
import pytest
import websockets.sync.client
from harness import clients, fakes, objects, paths
from harness.charts import SEED, find, render
from harness.processes import Process
from harness.proxy import Proxy
from harness.waiting import eventually

ADDRESS = "10.99.0.8"
HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def running():
    process = Process("fakes", [sys.executable, "-m", "harness.fakes", ADDRESS], env={"PYTHONPATH": str(paths.TESTS)})
    eventually(lambda: "serving\n" in process.log(), 20, what="the fakes")
    yield process
    process.stop()


@pytest.fixture
def services(cluster, make_space, running):
    """A space, and a proxy that watches nothing else."""
    space = make_space()
    with Proxy(f"--providers.kubernetesingress.namespaces={space.name}", f"--providers.kubernetescrd.namespaces={space.name}", cluster=cluster) as proxy:
        yield space, proxy


@pytest.fixture(scope="module")
def node():
    """Runs a script of tests/node."""
    if not os.environ.get("NODE_PACKAGES") or not shutil.which("node"):
        pytest.skip("there is no Node with npm")
    folder = paths.WORK / "node"
    shutil.copytree(paths.TESTS / "node", folder)
    (folder / "node_modules").symlink_to(os.environ["NODE_PACKAGES"])

    def run(script, *arguments):
        return subprocess.run(["node", folder / script, *arguments], capture_output=True, text=True, timeout=120)

    return run


def served_by(space, name, port, **more):
    space.apply(objects.service(name, space.name, **more), objects.endpoints(name, space.name, [ADDRESS], port))


@pytest.fixture
def homer(services, helm4):
    """An application behind Authentik, by the chart's own Middleware (but for the address) and the outpost's route."""
    space, proxy = services
    item = find(render(helm4, "cluster-infra", SEED), "Middleware", "authentik")
    specification = item["spec"]
    place = urllib.parse.urlsplit(specification["forwardAuth"]["address"])
    specification["forwardAuth"]["address"] = f"http://{ADDRESS}:{fakes.OUTPOST}{place.path}"
    served_by(space, "homer", fakes.OUTPOST)
    space.route(space.host, "homer", middlewares=[specification])
    space.apply(objects.ingress("outpost", space.name, space.host, paths=[objects.path("homer", at="/outpost.goauthentik.io/")]))
    proxy.served(space.host, status=401)
    eventually(lambda: proxy.get(space.host, "/outpost.goauthentik.io/start").status == 302, what="the outpost's route")
    return space.host, proxy


def test_authentik_lets_in_who_is_logged_in_and_nobody_else(homer):
    host, proxy = homer
    refused = proxy.get(host, "/api/calls")
    assert refused.status == 401 and refused.get("www-authenticate") == 'Basic realm="authentik"' and refused.body == b"Unauthorized"

    # A browser: redirected to the log-in, back with a code, and then let in.
    first = proxy.get(host, "/calls?from=1%2F2", headers=HTML)
    assert first.status == 302 and first.get("set-cookie") == "authentik_csrf=1; Path=/"
    asked = f"http://{host}/calls?from=1%2F2"
    start = urllib.parse.urlsplit(first.get("location"))
    assert start.netloc == host and dict(urllib.parse.parse_qsl(start.query)) == {"rd": asked}
    to_login = proxy.get(host, f"{start.path}?{start.query}", headers=HTML)
    assert to_login.status == 302 and to_login.get("location").startswith("https://auth.ominis.ai/application/o/authorize/")
    back = proxy.get(host, f"/outpost.goauthentik.io/callback?code=x&state={urllib.parse.quote(asked, safe='')}", headers=HTML)
    assert back.status == 302 and back.get("location") == asked
    session = back.get("set-cookie").partition(";")[0]
    inside = proxy.get(host, "/calls?from=1%2F2", headers={**HTML, "Cookie": session, "X-authentik-username": "root", "X-authentik-jwt": "forged"})
    assert inside.status == 200 and inside.json()["path"] == "/calls?from=1%2F2"
    assert [value for name, value in inside.json()["headers"] if name.lower() == "x-authentik-username"] == ["akadmin"]
    assert inside.seen("X-authentik-groups") == "admins|users"
    assert inside.seen("X-authentik-jwt") is None, "what the outpost did not say came from the client"
    assert inside.seen("X-authentik-asked") is None, "only what the Middleware names is taken over"

    out = proxy.get(host, "/outpost.goauthentik.io/sign_out", headers={"Cookie": session})
    assert out.status == 302
    assert proxy.get(host, "/calls", headers={"Cookie": session}).status == 401


def test_vaultwarden_s_clients_hear_of_changes(services, node):
    """SignalR over WebSocket with MessagePack, by the library of Bitwarden's clients."""
    space, proxy = services
    served_by(space, "vaultwarden", fakes.VAULT)
    space.apply(objects.ingress("hub", space.name, None, paths=[objects.path("vaultwarden", at="/notifications/hub")]))
    eventually(lambda: proxy.get("any.test", "/notifications/hub").status == 426, what="the hub's route")
    done = node("hub.js", f"http://127.0.0.1:{proxy.web}/notifications/hub")
    assert done.returncode == 0, done.stderr
    heard = json.loads(done.stdout)
    assert heard["Type"] == 5 and heard["ContextId"] == "127.0.0.1", "Vaultwarden would see another client"


def test_a_ping_of_the_hub_comes_back_at_once(services):
    space, proxy = services
    served_by(space, "vaultwarden", fakes.VAULT)
    space.route(space.host, "vaultwarden")
    proxy.served(space.host, status=426)
    with websockets.sync.client.connect(f"ws://{space.host}/notifications/hub", sock=clients.connect(proxy.web), compression=None) as hub:
        hub.send('{"protocol":"messagepack","version":1}\x1e')
        assert hub.recv(5) == b"{}\x1e"
        assert msgpack.unpackb(hub.recv(5)[1:])[3] == "ReceiveMessage"
        for _ in range(3):
            hub.send(fakes.framed([6]))
            assert hub.recv(5) == fakes.framed([6])


def test_half_a_gigabyte_goes_through_in_a_steady_memory(services, figures):
    space, proxy = services
    served_by(space, "uploads", fakes.UPLOADS)
    space.route(space.host, "uploads")
    eventually(lambda: proxy.get(space.host, "/", method="POST", body=b"small").status == 200, what="the route")
    block, count = os.urandom(1 << 20), 500
    checksum = 0
    for _ in range(count):
        checksum = zlib.crc32(block, checksum)
    before, most = proxy.process.resident_mb(), 0
    with clients.Http1(proxy.web, timeout=120) as connection:
        connection.send(clients.request_bytes(space.host, "/api/ciphers/1/attachment", "POST", {"Content-Length": str(count << 20)}))
        started = time.monotonic()
        for number in range(count):
            connection.send(block)
            if number % 10 == 0:
                most = max(most, proxy.process.resident_mb())
        answer = connection.read("POST")
    assert answer.status == 200 and json.loads(answer.body) == {"size": count << 20, "crc32": checksum}
    figures(f"an upload of 500 MiB took {time.monotonic() - started:.1f} s and {most - before:.1f} MB of the proxy's memory")
    assert most - before < 40


@pytest.fixture(scope="module")
def rooms(node):
    """Two servers like excalidraw-room, with its library."""
    servers = [Process(f"room-{i}", ["node", paths.WORK / "node" / "room.js", f"10.99.0.{6 + i}", "9704", f"room-{i}"]) for i in range(2)]
    for server in servers:
        eventually(lambda server=server: "serving\n" in server.log(), 20, what="the room")
    yield servers
    for server in servers:
        server.stop()


def room(space, proxy, annotations):
    """Both servers under one path."""
    annotations = {objects.ANNOTATION + name: value for name, value in annotations.items()}
    space.apply(
        objects.service("room", space.name, annotations=annotations), objects.endpoints("room", space.name, ["10.99.0.6", "10.99.0.7"], 9704),
        objects.ingress("room", space.name, None, paths=[objects.path("room", at="/socket.io/")]),
    )
    eventually(lambda: proxy.get("any.test", "/socket.io/").status == 400, what="the room's route")
    return f"http://127.0.0.1:{proxy.web}"


@pytest.mark.parametrize("mode", ["websocket", "polling", "upgrade"])
def test_two_people_draw_in_one_room_of_two_servers(services, rooms, node, mode):
    space, proxy = services
    sticky = {"service.sticky.cookie": "true", "service.sticky.cookie.name": "room"}
    done = node("draw.js", room(space, proxy, sticky), mode)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["servers"][0] == seen["servers"][1], seen
    assert seen["cookie"].startswith("room=") and seen["same"] and seen["size"] == 70000 and seen["iv"] == "iv"
    assert seen["transport"] == ("polling" if mode == "polling" else "websocket")


def test_without_the_cookie_a_room_falls_apart(services, rooms, node):
    """The reason for the cookie: of two servers polled in turn, one does not know the session and refuses."""
    space, proxy = services
    done = node("draw.js", room(space, proxy, {}), "polling")
    assert done.returncode != 0 and "Session ID unknown" in done.stderr, done.stdout + done.stderr


def test_the_chart_of_excalidraw_asks_for_that_cookie(helm4):
    service = find(render(helm4, "excalidraw"), "Service", "excalidraw-room")
    assert service["metadata"]["annotations"]["traefik.ingress.kubernetes.io/service.sticky.cookie"] == "true"
