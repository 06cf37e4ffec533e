"""Flags, files and environment: Traefik's names, all mistakes at once, exit code 2 before a socket is bound."""

import contextlib
import pathlib
import shutil
import subprocess
import time

import pytest
from harness import paths
from harness.proxy import Proxy
from harness.waiting import eventually


def run(*flags, env=None, seconds=10):
    """Start with flags that must be refused; the finished process."""
    return subprocess.run(
        [paths.tool("FLOW_PROXY", "the proxy's executable"), *flags],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={"PATH": "/usr/bin:/bin", "HOME": str(paths.WORK), **(env or {})},
        cwd=paths.WORK,
    )


@pytest.fixture
def folder(tmp_path):
    """A folder with one route to the backends."""
    return pathlib.Path(shutil.copytree(paths.TESTS / "fixtures" / "manifests", tmp_path / "manifests"))



def test_unknown_option_stops_with_the_nearest_name():
    done = run("--entrypoints.web.adress=:8000")
    assert done.returncode == 2
    assert "entrypoints.web.adress" in done.stderr.lower()
    assert "address" in done.stderr.lower().replace("adress=", "")


def test_all_mistakes_are_told_at_once():
    done = run("--entrypoints.web.address=:8000", "--pign=true", "--log.level=NOISY", "--entrypoints.web.http2.maxconcurrentstreams=many")
    assert done.returncode == 2
    for word in ("pign", "noisy", "maxconcurrentstreams"):
        assert word in done.stderr.lower(), done.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ["--entrypoints.web.address=:99999"],
        ["--entrypoints.web.address=nonsense"],
        ["--entrypoints.web.address=:8000", "--entrypoints.web.http.redirections.entrypoint.to=nobody"],
        ["--entrypoints.web.address=:8000", "--ping.entrypoint=nobody", "--ping=true"],
        ["--configfile=/does/not/exist.yaml"],
    ],
    ids=["port", "address", "redirection", "ping", "file"],
)
def test_impossible_settings_are_refused(flags):
    done = run(*flags)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()
    assert "panicked" not in done.stderr


def test_occupied_port_is_named(proxy):
    done = run(f"--entrypoints.web.address=:{proxy.admin}")
    assert done.returncode not in (0, 2)
    assert str(proxy.admin) in done.stderr + done.stdout


@pytest.mark.parametrize("kind", ["yaml", "toml"])
def test_configuration_file(backends, folder, tmp_path, kind):
    text = {
        "yaml": """
entryPoints:
  web: {address: ":21001"}
  traefik: {address: ":21003"}
api: {insecure: true}
ping: {}
providers: {manifests: {directory: FOLDER}}
""",
        "toml": """
[entryPoints.web]
address = ":21001"
[entryPoints.traefik]
address = ":21003"
[api]
insecure = true
[ping]
[providers.manifests]
directory = "FOLDER"
""",
    }[kind]
    file = tmp_path / f"static.{kind}"
    file.write_text(text.replace("FOLDER", str(folder)))
    own = Proxy(f"--configfile={file}", defaults=False, ready=False)
    own.web, own.admin = 21001, 21003
    with own:
        own.wait_ready()
        own.served("static.test")


def test_file_with_an_unknown_option(tmp_path):
    file = tmp_path / "static.yaml"
    file.write_text('entryPoints: {web: {adress: ":21001"}}\n')
    done = run(f"--configfile={file}")
    assert done.returncode == 2
    assert "adress" in done.stderr and "address" in done.stderr.replace("adress", "")


def test_environment(backends, folder):
    env = {
        "TRAEFIK_ENTRYPOINTS_WEB_ADDRESS": ":21011",
        "TRAEFIK_ENTRYPOINTS_TRAEFIK_ADDRESS": ":21013",
        "TRAEFIK_API_INSECURE": "true",
        "TRAEFIK_PING": "true",
        "TRAEFIK_PROVIDERS_MANIFESTS_DIRECTORY": str(folder),
    }
    own = Proxy(defaults=False, ready=False, env=env)
    own.web, own.admin = 21011, 21013
    with own:
        own.wait_ready()
        own.served("static.test")


def test_flags_of_a_helm_install_start(cluster, backends, make_space):
    """The flags and ports of a pod of Traefik's chart."""
    space = make_space()
    host = space.route()
    flags = [
        "--entryPoints.metrics.address=:9100/tcp",
        "--entryPoints.traefik.address=:8080/tcp",
        "--entryPoints.web.address=:8000/tcp",
        "--entryPoints.websecure.address=:8443/tcp",
        "--api.dashboard=true",
        "--ping=true",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=metrics",
        "--providers.kubernetescrd",
        "--providers.kubernetescrd.allowEmptyServices=true",
        "--providers.kubernetesingress",
        "--providers.kubernetesingress.allowEmptyServices=true",
        f"--providers.kubernetesingress.ingressendpoint.publishedservice={space.name}/backend",
        "--entryPoints.websecure.http.tls=true",
        "--global.checknewversion",
        "--global.sendanonymoususage=false",
        "--log.level=INFO",
    ]
    own = Proxy(*flags, cluster=cluster, defaults=False, ready=False)
    own.web, own.websecure, own.admin = 8000, 8443, 8080
    with own:
        own.wait_ready()
        own.served(host)
        assert own.get_tls(host).status == 200
        text = own.http.get("http://127.0.0.1:9100/metrics", timeout=5).text
        assert "traefik_config_reloads_total" in text
        assert own.admin_get("/metrics").status_code == 404


def test_known_but_not_served_options_are_warned_about(backends, folder):
    with Proxy("--tracing.otlp.http.endpoint=http://collector.test:4318", manifests=folder) as own:
        own.served("static.test")
        eventually(lambda: any("tracing" in line for line in own.log().splitlines()), what="a warning that names it")


def test_version():
    done = run("version")
    assert done.returncode == 0
    assert any(part[0].isdigit() for part in done.stdout.split())


def test_healthcheck_command(proxy):
    flags = [f"--entrypoints.traefik.address=:{proxy.admin}", "--ping=true"]
    assert run("healthcheck", *flags).returncode == 0
    assert run("healthcheck", "--entrypoints.traefik.address=:1", "--ping=true").returncode == 1


# --- entry points ----------------------------------------------------------------------------------------------------


def test_redirection_to_another_entry_point(backends, folder):
    with Proxy("--entrypoints.web.http.redirections.entrypoint.to=websecure", manifests=folder) as own:
        answer = eventually(lambda: (a := own.get("static.test", "/x?y=1")).status == 301 and a, what="the redirection")
        assert answer.get("Location") == f"https://static.test:{own.websecure}/x?y=1"
        assert own.get("nobody.test").status == 301
        assert own.get_tls("static.test").status == 200


def test_middlewares_of_an_entry_point(backends, folder):
    (folder / "mw.yaml").write_text(
        "{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: pre, namespace: default}, spec: {addPrefix: {prefix: /ep}}}"
    )
    with Proxy("--entrypoints.web.http.middlewares=default-pre@kubernetescrd", manifests=folder) as own:
        assert own.served("static.test", "/x").json()["target"] == "/ep/x"
        assert own.get_tls("static.test", "/x").json()["target"] == "/x"


def test_trusted_forwarded_headers(backends, folder):
    sent = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}
    with Proxy("--entrypoints.web.forwardedheaders.trustedips=127.0.0.0/8", manifests=folder) as own:
        answer = own.served("static.test", headers=sent)
        assert answer.seen("x-forwarded-for") == "192.0.2.9, 127.0.0.1"
        assert answer.seen("x-forwarded-proto") == "https"
        assert own.get_tls("static.test", headers=sent).seen("x-forwarded-for") == "127.0.0.1"


@pytest.mark.parametrize("trusted", [True, False])
def test_proxy_protocol(backends, folder, trusted):
    ips = "127.0.0.0/8" if trusted else "192.0.2.0/24"
    with Proxy(f"--entrypoints.web.proxyprotocol.trustedips={ips}", manifests=folder) as own:
        if trusted:
            for header in (b"PROXY TCP4 203.0.113.5 10.0.0.1 1234 80\r\n", VERSION_2):
                with own.http1() as connection:
                    connection.send(header)
                    assert connection.request("static.test").seen("x-forwarded-for") == "203.0.113.5"
        # Without the header, a connection is served under its own address.
        assert own.served("static.test").seen("x-forwarded-for") == "127.0.0.1"


VERSION_2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([203, 0, 113, 5]) + bytes([10, 0, 0, 1]) + (1234).to_bytes(2, "big") + (80).to_bytes(2, "big")
)


def test_idle_connections_end(backends, folder):
    with Proxy("--entrypoints.web.transport.respondingtimeouts.idletimeout=300ms", manifests=folder) as own:
        own.served("static.test")
        with own.http1() as connection:
            assert connection.request("static.test").status == 200
            assert connection.closed(5)


def test_request_that_takes_too_long_to_send(backends, folder):
    with Proxy("--entrypoints.web.transport.respondingtimeouts.readtimeout=400ms", manifests=folder) as own:
        own.served("static.test")
        with own.http1() as connection:
            connection.send("GET / HTTP/1.1\r\nHost: static.test\r\nX-Slow: ")
            connection.socket.settimeout(5)
            try:
                data = connection.socket.recv(65536)
                assert data == b"" or data.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408"))
            except ConnectionError:
                pass


def test_http2_body_that_pauses_for_too_long(backends, folder):
    """Only its stream ends, however lively the others are."""
    with Proxy("--entrypoints.web.transport.respondingtimeouts.readtimeout=1s", manifests=folder) as own:
        own.served("static.test")
        with own.http2() as connection:
            silent = connection.start("static.test", "/up", "POST", end=False)
            connection.data(silent, b"x", end=False)
            slow = connection.start("static.test", "/up", "POST", end=False)
            for _ in range(15):
                connection.data(slow, b"x", end=False)
                time.sleep(0.1)
            connection.data(slow, b"x")
            assert connection.wait(slow).json()["length"] == 16
            assert connection.wait(silent).status == 408
            while silent not in connection.reset:
                connection.step()
            assert connection.request("static.test").status == 200


def test_connections_are_closed_after_so_many_requests(backends, folder):
    with Proxy("--entrypoints.web.transport.keepalivemaxrequests=3", manifests=folder) as own:
        own.served("static.test")
        with own.http1() as connection:
            answers = [connection.request("static.test") for _ in range(3)]
            assert answers[-1].get("Connection") == "close"
            assert connection.closed()


def test_smaller_header_limit(backends, folder):
    with Proxy("--entrypoints.web.http.maxheaderbytes=4096", manifests=folder) as own:
        own.served("static.test")
        assert own.get("static.test", headers={"X-A": "a" * 2000}).status == 200
        assert own.get("static.test", headers={"X-A": "a" * 20000}).status == 431


@pytest.mark.parametrize(
    "flags,sockets",
    [(["--workers=1"], 1), (["--workers=3"], 3), (["--workers=3", "--workstealing"], 1)],
)
def test_workers(backends, folder, flags, sockets):
    """Each worker has a socket of its own, unless they take over each other's work; all serve, also on kept connections."""
    with Proxy(*flags, manifests=folder) as own:
        own.served("static.test")
        known = [line.split() for table in ("tcp", "tcp6") for line in pathlib.Path("/proc/net", table).read_text().splitlines()]
        listening = [fields for fields in known if fields[3] == "0A" and fields[1].endswith(f":{own.web:04X}")]
        assert len(listening) == sockets
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(own.http1()) for _ in range(12)]
            for _ in range(3):
                assert all(connection.request("static.test").status == 200 for connection in connections)
