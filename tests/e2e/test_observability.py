"""Metrics, access log, API, ping, readiness and dashboard, under Traefik's names."""

import re
import signal
import socket
import time

import grpc
import pytest
import websockets.sync.client
from harness import backends as b
from harness import objects, paths, pki
from harness.proxy import Proxy
from harness.waiting import eventually


@pytest.fixture
def route(proxy, space):
    host = space.route(name="web")
    proxy.served(host)
    return host


def quiet(cluster, space, *flags, **more):
    """A proxy that sees one namespace only."""
    only = [f"--providers.kubernetesingress.namespaces={space.name}", f"--providers.kubernetescrd.namespaces={space.name}"]
    return Proxy(*only, *flags, cluster=cluster, **more)


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_entry_point_router_and_service(proxy, space, route):
    service, router = f"{space.name}-backend-80@kubernetes", f"{space.name}-web-{space.host.replace('.', '-')}@kubernetes"
    labels = {"code": "418", "method": "GET", "protocol": "http", "service": service}
    before = proxy.metric("traefik_service_requests_total", **labels)
    for _ in range(3):
        proxy.get(route, "/status/418")
    eventually(lambda: proxy.metric("traefik_service_requests_total", **labels) == before + 3, what="three more")
    assert proxy.metric("traefik_router_requests_total", code="418", service=service) >= 3
    names = {found["router"] for found, _ in proxy.metrics()["traefik_router_requests_total"]}
    assert any(name.endswith(router) for name in names), names
    assert proxy.metric("traefik_entrypoint_requests_total", entrypoint="web", code="418", method="GET", protocol="http") >= 3
    samples = proxy.metrics()
    for level in ("entrypoint", "router", "service"):
        for name in ("requests_total", "requests_bytes_total", "responses_bytes_total"):
            assert f"traefik_{level}_{name}" in samples
        bounds = [found["le"] for found, _ in samples[f"traefik_{level}_request_duration_seconds_bucket"]]
        assert {"0.1", "0.3", "1.2", "5", "+Inf"} <= set(bounds), set(bounds)
        assert f"traefik_{level}_request_duration_seconds_sum" in samples
        assert f"traefik_{level}_request_duration_seconds_count" in samples


def test_labels_come_from_headers(backends):
    with Proxy("--metrics.prometheus.headerlabels.team=X-Team", manifests=paths.TESTS / "fixtures" / "manifests") as own:
        own.served("static.test", headers={"X-Team": "blue"})
        own.get("static.test")
        counted = {"service": "default-backend-80@kubernetes", "code": "200"}
        eventually(lambda: own.metric("traefik_service_requests_total", team="blue", **counted) == 1, what="a request of team blue")
        eventually(lambda: own.metric("traefik_service_requests_total", team="", **counted) == 1, what="one of no team")
        assert own.metric("traefik_entrypoint_requests_total", team="blue", entrypoint="web", code="200") == 1
        assert not any("team" in labels for labels, _ in own.metrics()["traefik_service_responses_bytes_total"])


def test_bytes_are_counted(proxy, space, route):
    service = {"service": f"{space.name}-backend-80@kubernetes", "method": "POST"}
    proxy.get(route, "/size/5000", method="POST", body=b"x" * 3000)
    eventually(lambda: proxy.metric("traefik_service_responses_bytes_total", **service) == 5000, what="5,000 bytes out")
    assert proxy.metric("traefik_service_requests_bytes_total", **service) == 3000


def test_tls_requests_and_certificates(proxy, space, route):
    pair = pki.leaf(f"tls.{space.host}", f"www.{space.host}")
    space.apply(objects.tls_secret("pair", space.name, pair))
    host = space.route(f"tls.{space.host}", tls=["pair"])
    proxy.served(host)
    assert proxy.get_tls(host).status == 200
    assert proxy.metric("traefik_entrypoint_requests_tls_total", entrypoint="websecure", tls_version="1.3") >= 1
    expected = pair.certificate.not_valid_after_utc.timestamp()

    def shown():
        for labels, value in proxy.metrics().get("traefik_tls_certs_not_after", []):
            if host in labels["sans"]:
                return value == expected and labels["cn"] == host and labels["serial"]
        return None

    eventually(shown, what="the certificate's end")


def test_configuration_and_connections(proxy, route):
    assert proxy.metric("traefik_config_reloads_total") >= 1
    assert proxy.metric("traefik_config_last_reload_success") > 1.6e9
    before = proxy.metric("traefik_open_connections", entrypoint="web", protocol="TCP")
    with proxy.http1() as one, proxy.http1() as two:
        one.request(route)
        two.request(route)
        eventually(lambda: proxy.metric("traefik_open_connections", entrypoint="web", protocol="TCP") == before + 2, what="two more")
    eventually(lambda: proxy.metric("traefik_open_connections", entrypoint="web", protocol="TCP") == before, what="as before")


def test_reloads_are_counted_only_when_something_changed(proxy, space, route):
    count = lambda: proxy.metric("traefik_config_reloads_total")
    before = count()
    proxy.served(space.route(f"more.{space.host}"))
    eventually(lambda: count() > before, what="a higher count")


def test_protocols_are_told_apart(proxy, space):
    space.backend("grpc", port=b.GRPC, annotations={"service.serversscheme": "h2c"})
    space.backend("ws", port=b.WEBSOCKET)
    hosts = [space.route(f"{name}.{space.host}", backend=name) for name in ("grpc", "ws")]
    for host in hosts:
        eventually(lambda host=host: proxy.get(host).status != 404, what=host)
    options = [("grpc.default_authority", hosts[0]), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{proxy.web}", options) as channel:
        channel.unary_unary("/flow.Echo/Say")(b"x", timeout=5)
    raw = socket.create_connection(("127.0.0.1", proxy.web), 5)
    with websockets.sync.client.connect(f"ws://{hosts[1]}/", sock=raw) as connection:
        connection.send("x")
        connection.recv()
    of = lambda name, **labels: proxy.metric("traefik_service_requests_total", service=f"{space.name}-{name}-80@kubernetes", **labels)
    eventually(lambda: of("grpc", protocol="grpc", code="0") == 1, what="a gRPC request with its own status")
    eventually(lambda: of("ws", protocol="websocket") == 1, what="a WebSocket request")


def test_an_upgraded_connection_is_told_at_its_end(proxy, space):
    """With its duration and the bytes in both directions."""
    space.backend("ws", port=b.WEBSOCKET)
    host = space.route(f"told.{space.host}", backend="ws")
    eventually(lambda: proxy.get(host).status != 404, what=host)
    service = {"service": f"{space.name}-ws-80@kubernetes", "protocol": "websocket", "code": "101"}
    of = lambda what: proxy.metric(f"traefik_service_{what}", **service)
    open_connections = lambda: proxy.metric("traefik_open_connections", entrypoint="web", protocol="TCP")
    before = open_connections()
    raw = socket.create_connection(("127.0.0.1", proxy.web), 5)
    with websockets.sync.client.connect(f"ws://{host}/told", sock=raw, compression=None) as connection:
        began = time.monotonic()
        for _ in range(3):
            connection.send("x" * 1000)
            connection.recv()
        assert of("requests_total") == 0 and not [r for r in proxy.access_lines() if r["RequestHost"] == host and r["RequestPath"] == "/told"]
        assert open_connections() == before + 1
        lasted = time.monotonic() - began
    record = proxy.access_line(RequestHost=host, RequestPath="/told")
    assert (record["DownstreamStatus"], record["OriginStatus"]) == (101, 101)
    assert record["Duration"] >= lasted * 1e9 > record["OriginDuration"] > 0
    assert record["RequestContentSize"] >= 3000 and record["DownstreamContentSize"] == record["OriginContentSize"] >= 3000
    eventually(lambda: of("requests_total") == 1, what="one request")
    assert of("request_duration_seconds_sum") >= lasted
    assert (of("requests_bytes_total"), of("responses_bytes_total")) == (record["RequestContentSize"], record["DownstreamContentSize"])
    eventually(lambda: open_connections() == before, what="as many as before")


def test_series_of_vanished_objects_go(proxy, space, route):
    service = {"service": f"{space.name}-backend-80@kubernetes"}
    eventually(lambda: proxy.metric("traefik_service_requests_total", **service) > 0)
    space.delete(objects.ingress("web", space.name, route))
    proxy.served(route, status=404)
    eventually(lambda: proxy.metric("traefik_service_requests_total", **service) == 0, 10, 0.1, "the end of the series")


def test_metrics_are_prometheus_text(proxy, route):
    answer = proxy.admin_get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", answer.text, re.M))
    assert typed["traefik_service_requests_total"] == "counter"
    assert typed["traefik_service_request_duration_seconds"] == "histogram"
    assert typed["traefik_open_connections"] == "gauge"
    assert "process_resident_memory_bytes" in typed


# --- access log ------------------------------------------------------------------------------------------------------


def test_json_record(proxy, space, route):
    headers = {"User-Agent": "probe/1", "Referer": "http://from.test/", "Authorization": "Bearer secret"}
    proxy.get(route, "/path?a=1", headers=headers, method="POST", body=b"four")
    record = proxy.access_line(RequestHost=route, RequestPath="/path?a=1")
    expected = {
        "RequestMethod": "POST",
        "RequestProtocol": "HTTP/1.1",
        "RequestScheme": "http",
        "RequestPort": "-",
        "RequestAddr": route,
        "RequestContentSize": 4,
        "DownstreamStatus": 200,
        "OriginStatus": 200,
        "RetryAttempts": 0,
        "ClientHost": "127.0.0.1",
        "ClientUsername": "-",
        "ServiceName": f"{space.name}-backend-80@kubernetes",
        "ServiceURL": "http://10.99.0.1:9080",
        "ServiceAddr": "10.99.0.1:9080",
        "entryPointName": "web",
        "level": "info",
        "msg": "",
    }
    assert {key: record.get(key) for key in expected} == expected
    assert record["RouterName"].endswith(f"{space.name}-web-{space.host.replace('.', '-')}@kubernetes")
    assert record["ClientAddr"].startswith("127.0.0.1:")
    for name in ("Duration", "OriginDuration", "Overhead"):
        assert isinstance(record[name], int) and record[name] > 0, name
    assert record["DownstreamContentSize"] == record["OriginContentSize"] > 0
    for name in ("StartUTC", "StartLocal", "time"):
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", record[name])
    assert not [key for key in record if key.startswith(("request_", "downstream_", "origin_"))], "headers are dropped by default"
    assert "secret" not in str(record)


def test_record_of_an_unrouted_request(proxy, route):
    proxy.get("unrouted.test", "/none")
    record = proxy.access_line(RequestHost="unrouted.test")
    assert (record["DownstreamStatus"], record["OriginStatus"]) == (404, 0)
    assert not record.get("ServiceName")


def test_header_rules_and_query(cluster, backends, make_space):
    space = make_space()
    host = space.route()
    flags = [
        "--accesslog.fields.headers.defaultmode=keep",
        "--accesslog.fields.headers.names.Authorization=redact",
        "--accesslog.fields.headers.names.X-Quiet=drop",
        "--accesslog.fields.names.ClientUsername=drop",
    ]
    with quiet(cluster, space, *flags) as own:
        own.served(host)
        own.get(host, "/kept", headers={"User-Agent": "probe/2", "Authorization": "Basic secret", "X-Quiet": "1", "X-Loud": "2"})
        record = own.access_line(RequestPath="/kept")
    assert record["request_User-Agent"] == "probe/2"
    assert record["request_Authorization"] == "REDACTED"
    assert record["request_X-Loud"] == "2"
    assert "request_X-Quiet" not in record
    assert "ClientUsername" not in record
    assert record["downstream_Content-Type"] == "application/json"
    assert record["origin_Content-Type"] == "application/json"


def test_filters_keep_what_any_of_them_wants(cluster, backends, make_space):
    space = make_space()
    host = space.route()
    flags = ["--accesslog.filters.statuscodes=400-499,503", "--accesslog.filters.minduration=150ms"]
    with quiet(cluster, space, *flags) as own:
        own.served(host)
        for path in ("/fine", "/status/418", "/status/503", "/status/500", "/slow/300"):
            own.get(host, path)
        own.get(host, "/status/404")
        own.access_line(RequestPath="/status/404")
        paths = [r["RequestPath"] for r in own.access_lines() if r["RequestHost"] == host]
    assert sorted(set(paths) - {"/"}) == ["/slow/300", "/status/404", "/status/418", "/status/503"]


@pytest.mark.parametrize("form", ["common", "genericCLF"])
def test_text_forms(cluster, backends, make_space, form):
    space = make_space()
    host = space.route(name="web")
    with quiet(cluster, space, f"--accesslog.format={form}") as own:
        own.served(host, "/first")
        own.get(host, "/second?q=1", headers={"User-Agent": "probe"})
        line = eventually(lambda: next((x for x in own.access_log.read_text().splitlines() if "/second" in x), None), what="a line")
    start = r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /second\?q=1 HTTP/1\.1" 200 \d+ "-" "-"'
    end = "" if form == "genericCLF" else rf' \d+ ".*{space.name}-web-.*@kubernetes" "http://10\.99\.0\.1:9080" \d+ms'
    assert re.fullmatch(start + end, line), line


def test_log_is_reopened_on_usr1(cluster, backends, make_space):
    space = make_space()
    host = space.route()
    with quiet(cluster, space) as own:
        own.served(host, "/one")
        own.access_line(RequestPath="/one")
        rotated = own.access_log.with_suffix(".1")
        own.access_log.rename(rotated)
        own.process.signal(signal.SIGUSR1)
        eventually(own.access_log.exists, what="a new file")
        own.get(host, "/two")
        own.access_line(RequestPath="/two")
        assert not [r for r in own.access_lines() if r["RequestPath"] == "/one"]


def test_log_to_standard_output(cluster, backends, make_space):
    space = make_space()
    host = space.route()
    with quiet(cluster, space, "--accesslog.filepath=") as own:
        own.served(host, "/to-stdout")
        eventually(lambda: '"RequestPath":"/to-stdout"' in own.log(), what="the record")


# --- API -------------------------------------------------------------------------------------------------------------


def test_api_router_service_and_middleware(proxy, space):
    host = space.route(name="shown", middlewares=[{"addPrefix": {"prefix": "/p"}}])
    proxy.served(host)
    found = [r for r in proxy.api("/http/routers?per_page=10000") if host in r["rule"]]
    assert found
    router = proxy.api(f"/http/routers/{found[0]['name']}")
    rule = f'Host("{host}") && PathPrefix("/")'
    assert router["rule"] == rule
    assert router["priority"] == len(rule)
    assert router["middlewares"] == [f"{space.name}-shown-0@kubernetescrd"]
    assert router["service"] == f"{space.name}-backend-80"
    assert (router["status"], router["provider"]) == ("enabled", "kubernetes")
    service = proxy.api(f"/http/services/{space.name}-backend-80@kubernetes")
    assert service["loadBalancer"]["servers"] == [{"url": "http://10.99.0.1:9080"}]
    assert service["loadBalancer"]["passHostHeader"] is True
    assert (service["status"], service["type"]) == ("enabled", "loadbalancer")
    assert any(name in service["usedBy"] for name in (r["name"] for r in found))
    middleware = proxy.api(f"/http/middlewares/{space.name}-shown-0@kubernetescrd")
    assert middleware["type"] == "addprefix"
    assert middleware["usedBy"]


def test_api_lists_in_pages_with_search(proxy, space):
    for i in range(5):
        space.route(f"p{i}.{space.host}")
    proxy.served(f"p4.{space.host}")
    whole = proxy.api("/http/routers?per_page=10000")
    answer = proxy.admin_get("/api/http/routers?per_page=2&page=1")
    assert len(answer.json()) == 2
    assert answer.headers["X-Next-Page"] == "2"
    assert proxy.admin_get("/api/http/routers?per_page=10000").headers["X-Next-Page"] == "1"
    assert proxy.admin_get(f"/api/http/routers?per_page=10&page={len(whole)}").status_code == 400
    found = proxy.api(f"/http/routers?search=p3.{space.host}&per_page=100")
    assert found and all(f"p3.{space.host}" in r["rule"] for r in found)
    assert all(r["status"] == "enabled" for r in proxy.api("/http/routers?status=enabled&per_page=10000"))


def test_api_entry_points_version_and_raw_data(proxy, route):
    names = {e["name"]: e for e in proxy.api("/entrypoints")}
    assert set(names) == {"web", "websecure", "traefik"}
    assert names["web"]["address"] == f":{proxy.web}"
    assert proxy.api("/entrypoints/web")["name"] == "web"
    assert {"Version", "Codename", "startDate"} <= set(proxy.api("/version"))
    raw = proxy.api("/rawdata")
    assert {"routers", "services"} <= set(raw)
    assert any(route in r["rule"] for r in raw["routers"].values())
    overview = proxy.api("/overview")
    assert overview["http"]["routers"]["total"] >= 1
    assert set(overview["features"]) >= {"tracing", "metrics", "accessLog"}
    assert overview["features"]["metrics"] == "Prometheus"
    assert {"KubernetesIngress", "KubernetesCRD"} <= set(overview["providers"])


@pytest.mark.parametrize("path", ["/api/http/routers/nobody@kubernetes", "/api/http/services/nobody@x", "/api/entrypoints/nobody"])
def test_api_names_what_is_missing(proxy, path):
    answer = proxy.admin_get(path)
    assert answer.status_code == 404
    assert answer.json()["message"]


def test_ping_ready_and_dashboard(proxy):
    answer = proxy.admin_get("/ping")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert proxy.admin_get("/ready").status_code == 200
    page = proxy.admin_get("/dashboard/")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<html" in page.text.lower()
    for path in ("/", "/dashboard"):
        answer = proxy.admin_get(path)
        assert answer.status_code in (301, 302, 307, 308), path
        assert answer.headers["Location"].endswith("/dashboard/")


def test_api_is_not_on_other_entry_points(proxy, route):
    for path in ("/api/rawdata", "/dashboard/", "/ping", "/metrics", "/ready"):
        assert proxy.get("localhost", path).status == 404


def test_api_is_off_unless_asked_for(cluster, backends, make_space):
    space = make_space()
    with quiet(cluster, space, "--api.insecure=false") as own:
        assert own.admin_get("/api/rawdata").status_code == 404
        assert own.admin_get("/dashboard/").status_code == 404
        assert own.admin_get("/ping").status_code == 200
