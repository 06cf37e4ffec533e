"""The commands of benches/run measure what they promise, and fail clearly if they cannot."""

import json
import os
import re
import socketserver
import ssl
import subprocess
import sys
import threading
import types
import xml.etree.ElementTree as tree

import pytest
from harness import namespace, paths, pki

sys.path.insert(0, str(paths.ROOT / "benches"))

from certificates import figures as certificate_figures  # noqa: E402
from compare.failure import Failed  # noqa: E402
from compare.clients import huge  # noqa: E402
from compare.goals import Goal  # noqa: E402
from compare.load.own import Own  # noqa: E402
from compare.load.wrk import Wrk  # noqa: E402
from flame import stacks  # noqa: E402
from guided import build  # noqa: E402
from scale import figures as scale_figures  # noqa: E402

pytestmark = pytest.mark.measures


def compare(*options, **variables):
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT / "benches"), **variables}
    command = [sys.executable, "-m", "compare", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_one_round_beside_nginx(tmp_path):
    subject = "mine=" + paths.tool("FLOW_PROXY", "the proxy's executable")
    done = compare("--workload", "policy", "--rounds", 1, "--seconds", 1, "--subject", subject, "--peers", "nginx", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert float(rows["mine"][0]) > 0 and float(rows["nginx"][0]) > 0, done.stdout
    picture = tree.parse(tmp_path / "compare.svg").getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "mine" in texts and "nginx" in texts
    values = json.loads((tmp_path / "compare.json").read_text())["workloads"]["policy"]["mine"]
    assert len(values["cpu"]) == 1 and values["rate"][0] > 0 and values["memory"][0] > 1


def test_goals_and_markdown(tmp_path):
    """Rows of one subject are compared with each other; the page keeps the text around the marks."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- compare: begin -->\nold\n<!-- compare: end -->\nafter\n")
    subject = "mine=" + paths.tool("FLOW_PROXY", "the proxy's executable") + " --log.level=error"
    few = ["--workload", "routes", "--rounds", 1, "--seconds", 1]
    done = compare(*few, "--subject", subject, "--peers", "", "--out", tmp_path, "--markdown", page)
    assert done.returncode == 0, done.stdout + done.stderr
    goal = next(line for line in done.stdout.splitlines() if line.startswith("  goal: "))
    assert goal.startswith("  goal: mine, 10,000 routes against 10: CPU ≤ 10 routes × 1.03: "), goal
    assert goal.endswith(", reached") or ", missed by " in goal
    lines = page.read_text().splitlines()
    assert lines[:2] == ["before", "<!-- compare: begin -->"] and lines[-2:] == ["<!-- compare: end -->", "after"]
    assert "old" not in lines
    costs = [line.split("|") for line in lines if line.startswith("| 1 KiB answers")]
    assert [cells[1].split(", ", 3)[-1] for cells in costs] == ["10 routes (request) ", "10,000 routes (request) "], costs
    assert all(float(cells[2]) > 0 for cells in costs)
    assert any(line.startswith("| 10,000 routes against 10 | `routes` | CPU ≤ 10 routes × 1.03 | ") for line in lines)


def test_page_without_marks_is_kept(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("mine\n")
    done = compare("--subject", "mine=/bin/true", "--peers", "", "--out", tmp_path, "--markdown", page)
    assert done.returncode == 2 and "has no lines <!-- compare: begin -->" in done.stderr
    assert page.read_text() == "mine\n"


def test_program_named_by_the_environment_must_be_one(tmp_path):
    done = compare("--subject", "mine=/bin/true", "--peers", "traefik", "--out", tmp_path, TRAEFIK="/nowhere/traefik")
    assert done.returncode == 2
    assert "TRAEFIK: /nowhere/traefik is not a program" in done.stderr


@pytest.mark.parametrize(
    "options,told",
    [
        (["--subject", "mine=/nowhere/flow-proxy"], "/nowhere/flow-proxy is not a program"),
        (["--subject", "/bin/true"], "NAME=PATH"),
        (["--subject", "mine=/bin/true", "--workload", "teapot"], "no workload 'teapot'; there are h1,"),
        (["--subject", "mine=/bin/true", "--peers", "apache"], "'apache' is none of nginx"),
        (["--subject", "mine=/bin/true", "--cpus", "many"], "two numbers"),
        (["--subject", "mine=/bin/true", "--workers", "2", "--cpus", "0,1"], "several use every core"),
        (["--subject", "nginx=/bin/true --fast"], "options are for builds of flow-proxy"),
        (["--subject", "mine="], "NAME=PATH"),
        (["--subject", "mine=/bin/true", "--markdown", "/nowhere/page.md"], "--markdown /nowhere/page.md"),
        (["--subject", "mine=/bin/true", "--out", "/proc/nowhere"], "--out /proc/nowhere"),
        (["--rounds", "0"], "--rounds"),
    ],
)
def test_mistakes_are_named(options, told):
    done = compare(*options)
    assert done.returncode == 2
    assert told in done.stderr


def test_subject_that_does_not_serve_fails_the_run(tmp_path):
    done = compare("--workload", "policy", "--subject", "mine=/bin/false", "--peers", "", "--out", tmp_path)
    assert done.returncode == 1
    assert "mine ended with 1 as it started" in done.stderr
    assert not (tmp_path / "compare.svg").exists()


class Answering(socketserver.ThreadingTCPServer):
    """Sends the same bytes to every client, and closes; with `whole`, only after a body of a MiB has arrived, if there is one."""

    daemon_threads = allow_reuse_address = True
    name = "server"

    def __init__(self, answer, whole=False):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                data = self.request.recv(4096)
                while whole and data.startswith(b"PUT") and data.count(0) < huge.MIB:
                    data += self.request.recv(huge.MIB)
                self.request.sendall(answer)

        super().__init__(("127.0.0.1", 0), Handler)
        self.plain = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_close(self):
        self.shutdown()
        super().server_close()


@pytest.mark.parametrize(
    "answer,told",
    [
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nkkkk", "errors"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nk", "errors"),
        (b"this is not HTTP\r\n\r\n", "errors"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nkkkk", "short bodies"),
    ],
)
def test_wrong_answers_fail_the_run(answer, told):
    with Answering(answer) as server, pytest.raises(Failed, match=told):
        Wrk(2).run(server, "/", 1, 1000)


def test_right_answers_are_counted():
    body = b"k" * 1000
    with Answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + body) as server:
        assert Wrk(2).run(server, "/", 1, 1000).count > 0


@pytest.fixture
def modules(monkeypatch):
    """Clients find their package, as those that benches/run starts do."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(paths.ROOT / "benches"), str(paths.ROOT / "tests")]))


@pytest.mark.parametrize("direction", ["down", "up"])
def test_bodies_pass_whole(modules, direction):
    size = 3 * huge.MIB
    with huge.Server(("127.0.0.1", 0), huge.Bodies) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running = types.SimpleNamespace(name="server", plain=server.server_address[1])
        count = Own("huge", False, (direction, size)).run(running, "/", 0, None).count
        server.shutdown()
    assert count == 3


@pytest.mark.parametrize(
    "direction,answer,told",
    [
        ("down", b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\nkkkk", "a body ended after 4 bytes of 1048576"),
        ("down", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkkkk", "'content-length': '4'"),
        ("down", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1048576\r\n\r\n", "502 Bad Gateway"),
        ("down", b"", "closed before a head was whole"),
        ("up", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1048575", "1048575 bytes of 1048576 arrived"),
    ],
)
def test_broken_bodies_fail_the_run(modules, direction, answer, told):
    with Answering(answer, whole=True) as server, pytest.raises(Failed, match=re.escape(told)):
        Own("huge", False, (direction, huge.MIB)).run(server, "/", 0, None)


def test_goals_are_ratios_within_a_round():
    def told(goal, own, others):
        verdict = goal.verdict(own, others)
        return str(verdict), verdict.reached

    goal = Goal("h1", "cpu", 1.1, ("nginx",))
    # A second round on a machine three times as slow changes nothing.
    assert told(goal, {"cpu": [10, 30, 11]}, {"nginx": {"cpu": [10, 30, 10]}}) == ("h1: CPU ≤ nginx × 1.1: 1.00, reached", True)
    assert told(goal, {"cpu": [22]}, {"nginx": {"cpu": [10]}}) == ("h1: CPU ≤ nginx × 1.1: 2.20, missed by 100.0%", False)
    assert goal.verdict({"cpu": [22]}, {}) is None
    assert told(Goal("idle", "held", 25.0), {"held": [20.0]}, {}) == ("idle: KiB each ≤ 25: 20.0, reached", True)
    better = {"nginx": {"p99": [50]}, "haproxy": {"p99": [40]}}
    assert told(Goal("p99", "p99", 1.2, ("nginx", "haproxy")), {"p99": [50]}, better) == (
        "p99: p99 at half load ≤ haproxy × 1.2: 1.25, missed by 4.2%",
        False,
    )


class Secure(Answering):
    """The same over TLS, with so many tickets for each connection."""

    def __init__(self, folder, tickets):
        super().__init__(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nk")
        certificate, key = pki.leaf("localhost").write(folder, "pair")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.num_tickets = tickets
        self.tls = self.plain

    def finish_request(self, request, client_address):
        with self.context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)


@pytest.mark.parametrize("kind,tickets", [("full", 0), ("full", 2), ("resumed", 2)])
def test_handshakes_are_of_one_kind(modules, tmp_path, kind, tickets):
    with Secure(tmp_path, tickets) as server:
        assert Own("handshakes", True, (kind,)).run(server, "/", 0.2, None).count > 0


def test_handshakes_that_are_not_resumed_fail_the_run(modules, tmp_path):
    with Secure(tmp_path, 0) as server, pytest.raises(Failed, match="connection 2 was not resumed"):
        Own("handshakes", True, ("resumed",)).run(server, "/", 0.2, None)


def test_stacks_are_told_by_parts_and_functions():
    task = "tokio::runtime::task::raw::poll"
    folded, parts = stacks.counted(
        [
            f"worker-0;clone3;{task};<own::Wire<S,T> as tokio::io::async_read::AsyncRead>::poll_read;__libc_recv;tcp_recvmsg_[k] 6000000",
            f"worker-0;[unknown];{task};hyper::proto::h1::dispatch::Dispatcher<D,Bs,I,T>::poll_write::h0123456789abcdef 2000000",
            f"worker-0;{task};hyper::proto::h1::dispatch::Dispatcher<D,Bs,I,T>::poll_write;__memmove_avx512_unaligned_erms 1000000",
            f"worker-0;{task};rustls::sign;aws_lc_0_47_0_sha512_block_data_order_nohw 1000000",
        ]
    )
    assert parts == {"kernel": 6000, "hyper": 2000, "memory copied or compared": 1000, "aws-lc": 1000}
    assert folded[(task, "<Wire as AsyncRead>::poll_read", "__libc_recv", "tcp_recvmsg")] == 6000
    lines = [line.split(maxsplit=2) for line in stacks.table(folded, parts, 3).splitlines()]
    assert ["60.0%", "kernel"] in lines
    assert ["20.0%", "30.0%", "hyper::proto::h1::dispatch::Dispatcher::poll_write"] in lines
    assert ["0.0%", "100.0%", task] in lines


@pytest.mark.parametrize("workload", ["teapot", "idle", "routes"])
def test_no_flames_of_what_is_no_load(workload):
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT / "benches")}
    command = [sys.executable, "-m", "flame", workload, "--subject", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert f"there is no load '{workload}'; there are h1, " in done.stderr


def scale(*options):
    return nested("scale", *options)


def nested(bench, *options):
    """In a namespace within the tests' own, because it uses the same ports."""
    environment = {key: value for key, value in os.environ.items() if key != namespace.MARK}
    environment["PYTHONPATH"] = str(paths.ROOT / "benches")
    command = [sys.executable, namespace.__file__, sys.executable, "-m", bench, *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_scale_with_few(tmp_path):
    few = ["--sizes", 200, "--certificates", 50, "--routes", 50, "--changes", 6, "--rounds", 1, "--seconds", 1, "--rate", 100]
    done = scale(*few, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    for row in scale_figures.ROWS:
        shown = next(line for line in lines if line.startswith(row.heading))
        values = [float(cell) for cell in shown.removeprefix(row.heading).split("≤")[0].split()]
        assert len(values) == 4, shown
        assert row.heading.startswith("moved") or min(values) > 0, shown
    found = json.loads((tmp_path / "scale.json").read_text())
    assert list(found) == ["200", "50 with certificates", "50 IngressRoutes", "50 IngressRoutes, own Middlewares"]
    assert len(found["200"]["live"]) == 6 and len(found["200"]["changing"]) == 1


@pytest.mark.parametrize(
    "options,told",
    [
        (["--subject", "/nowhere/flow-proxy"], "/nowhere/flow-proxy is not a program"),
        (["--sizes", "many"], "--sizes"),
        (["--sizes", "0"], "--sizes"),
        (["--certificates", "-1"], "--certificates"),
        (["--out", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_mistakes_of_scale_are_named(options, told):
    done = scale(*options)
    assert done.returncode == 2
    assert told in done.stderr


def test_goals_of_scale_are_for_ten_thousand():
    figures = {name: [1.0] for name in ("memory after", "told", "quiet", "pace")}
    figures |= {"ready": [1, 2.5, 9], "memory": [88.0], "live": [1.0] * 98 + [29.0, 99.0], "cpu": [2.0]}
    figures |= {"beside": [1.0, 10.0, 1.0], "changing": [1.05, 10.5, 9.0]}
    assert scale_figures.verdicts([("1,000", figures)]) == []
    assert scale_figures.verdicts([("10,000", figures)]) == [
        ("ready, s ≤ 2: 2.50, 25% over", False),
        ("memory at rest, MB ≤ 80: 88, 10% over", False),
        ("a change live, p99, ms ≤ 30: 29.0, reached", True),
        ("CPU a change, ms ≤ 10: 2.00, reached", True),
        ("moved by the endpoints, % ≤ 10: 5, reached", True),
    ]


def test_certificates_for_few(tmp_path):
    done = nested("certificates", "--sizes", 3, "--renewals", 2, "--failing", 4, "--traffic", 40, "--seconds", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3: 3 ready after " in done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    for row in certificate_figures.ROWS:
        assert any(line.startswith(row.heading) for line in lines), row.heading
    found = json.loads((tmp_path / "certificates.json").read_text())["3"]
    assert found["ready"] == 3 and 0 < found["first"] <= found["all"]
    assert found["kinds"]["POST certificates"] == 1 and "POST ingresses" not in found["kinds"]
    assert found["requests"] > 5 and found["cpu"] > 0
    assert found["renewed"] == found["renewals due"] == 2
    assert len(found["new beside renewals"]) == len(found["new beside failing"]) == 20 and max(found["new beside failing"]) < 100
    assert found["issued during traffic"] == 3 and min(found["p99 during"]) > 0


@pytest.mark.parametrize(
    "options,told",
    [
        (["--subject", "/nowhere/flow-proxy"], "/nowhere/flow-proxy is not a program"),
        (["--sizes", "0"], "--sizes"),
        (["--key", "dsa"], "--key"),
    ],
)
def test_mistakes_of_certificates_are_named(options, told):
    done = nested("certificates", *options)
    assert done.returncode == 2
    assert told in done.stderr


def test_missing_certificates_miss_their_goal():
    told = certificate_figures.verdicts([(1000, {"ready": 900, "all": 120.0, "cpu": 12.0, "kinds": {}})])
    assert ("1,000: all ready: 900 of them after 120 s, missed", False) in told
    assert ("1,000: CPU of the replicas for each, ms ≤ 15: 12.0, reached", True) in told


def test_a_build_guided_by_a_profile(tmp_path, monkeypatch):
    """The profile has the counts of a program; a build with it is a different program that does the same."""
    asked = subprocess.run(["bash", "-c", f"source {paths.ROOT}/tests/setup.sh; profile_tools >&2 && echo $LLVM_PROFDATA"], capture_output=True, text=True)
    if asked.returncode:
        pytest.skip(asked.stderr)
    monkeypatch.setenv("LLVM_PROFDATA", asked.stdout.strip())
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "flow-proxy"\nversion = "1.0.0"\nedition = "2024"\n[workspace]\n')
    (tmp_path / "src" / "main.rs").write_text(
        "#[inline(never)] fn often(n: u64) -> u64 { if n % 7 == 0 { n } else { 1 } }\nfn main() { println!(\"{}\", (0..1000).map(often).sum::<u64>()) }\n"
    )
    subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=tmp_path, check=True)
    raw = tmp_path / "raw"
    monkeypatch.setenv("LLVM_PROFILE_FILE", f"{raw}/%p-%m.profraw")
    counting = build.build(tmp_path, tmp_path / "counting", f"-Cprofile-generate={raw}")
    told = subprocess.run([counting], capture_output=True, text=True, check=True).stdout
    profile = build.merge(raw, tmp_path)
    shown = subprocess.run([asked.stdout.strip(), "show", "--all-functions", "--counts", profile], capture_output=True, text=True, check=True).stdout
    assert "often" in shown and "1000" in shown, shown
    guided = build.build(tmp_path, tmp_path / "guided", f"-Cprofile-use={profile}")
    assert subprocess.run([guided], capture_output=True, text=True, check=True).stdout == told
    assert guided.read_bytes() != counting.read_bytes()
    with pytest.raises(Failed, match="llvm-profdata"):
        build.merge(tmp_path / "nothing", tmp_path)
