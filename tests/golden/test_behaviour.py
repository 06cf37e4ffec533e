"""What clients get and backends see behind a running Traefik, replayed in both API groups."""

import gzip
import json
import re
import socket

import pytest
import yaml
from harness import objects, recorded
from harness.cluster import Cluster
from harness.proxy import Proxy
from harness.waiting import eventually

CASES_FILE = recorded.GOLDEN / "http" / "cases.yaml"
CASES = yaml.safe_load(CASES_FILE.read_text()) if CASES_FILE.exists() else []
ANSWERS = json.loads((recorded.GOLDEN / "http" / "answers.json").read_text()) if CASES else {}
GROUPS = {"traefik.io": objects.CRD, "traefik.containo.us": objects.LEGACY_CRD}
PORT = 8180
USERS = (
    "test:$apr1$VQcDa6FE$O27mnZQoEti307vy0Z1Aw1\n"
    "sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"
    "bc:$2y$05$HOajhpvUpUvTLm5GuLaP7OlAQ8UdUXa30qO15ojpZOr6rPs8tDw6e\n"
)


def manifests(case, group):
    """An Ingress with its Middlewares for one case."""
    name, items, references = case["name"], [], []
    for i, spec in enumerate(case.get("middlewares", [])):
        items.append(objects.middleware(f"{name}-{i}", "default", spec, group))
        references.append(f"default-{name}-{i}@kubernetescrd")
    paths = [
        objects.path(case.get("service", "backend"), at=line.split(" ")[1], kind=line.split(" ")[0])
        for line in case.get("paths", ["Prefix /"])
    ]
    item = objects.ingress(name, "default", case.get("host", f"{name}.test"), paths=paths)
    item["metadata"]["annotations"] = dict(case.get("annotations", {}))
    if references:
        item["metadata"]["annotations"][objects.ANNOTATION + "router.middlewares"] = ",".join(references)
    return [*items, item]


@pytest.fixture(scope="module", params=GROUPS)
def subject(request, recording_backend_port):
    """All cases in a cluster of one group, and the proxy before it."""
    group = GROUPS[request.param]
    cluster = Cluster(f"behaviour-{request.param.split('.')[1]}")
    cluster.install_crds(groups={request.param})
    cluster.apply(
        objects.service("backend", "default"),
        objects.endpoints("backend", "default", ["10.99.0.1"], recording_backend_port),
        objects.service("dead", "default"),
        objects.endpoints("dead", "default", ["10.99.0.2"], 9999),
        objects.secret("users", "default", {"users": USERS}),
    )
    for case in [*CASES, {"name": "zz-last"}]:
        cluster.apply(*manifests(case, group))
    flags = [f"--entrypoints.web.address=127.0.0.1:{PORT}", "--providers.kubernetesingress=true", "--providers.kubernetescrd=true"]
    flags += ["--entrypoints.traefik.address=127.0.0.1:8081", "--ping=true"]
    own = Proxy(*flags, cluster=cluster, defaults=False, ready=False)
    own.web, own.admin = PORT, 8081
    with own:
        own.wait_ready()
        eventually(lambda: send("zz-last.test", "GET /")["status"] == 200, 10, what="the last case")
        yield own
    cluster.stop()


def send(host, text):
    """One request, written as a head without its end, and a body; the answer as the recording has it."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.strip("\n").split("\n")
    method, target = first.split(" ", 1)
    lines = [line for line in lines if line]
    names = {line.split(":")[0].lower() for line in lines}
    raw = f"{method} {target} HTTP/1.1\r\n" + ("" if "host" in names else f"Host: {host}\r\n")
    raw += "".join(line + "\r\n" for line in lines)
    if body and not names & {"content-length", "transfer-encoding"}:
        raw += f"Content-Length: {len(body.encode())}\r\n"
    raw += ("" if "connection" in names else "Connection: close\r\n") + "\r\n"
    return comparable(exchange(raw.encode("latin1") + body.encode()), names)


def exchange(data):
    answer = b""
    with socket.create_connection(("127.0.0.1", PORT), 5) as connection:
        connection.sendall(data)
        connection.settimeout(5)
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionResetError):
            pass
    while answer.startswith(b"HTTP/1.1 1"):
        answer = answer.partition(b"\r\n\r\n")[2]
    return answer


def unchunked(data):
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        whole, data = whole + data[:length], data[length + 2 :]
        if not length:
            break
    return whole


NOT_COMPARED = ("date", "content-length", "transfer-encoding", "connection", "server")


def comparable(data, sent):
    head, _, payload = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin1").split("\r\n")
    if not first:
        return {"status": 0}
    fields = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""] for line in lines]
    low = {name.lower(): value for name, value in fields}
    if low.get("transfer-encoding") == "chunked":
        payload = unchunked(payload)
    coding = low.get("content-encoding")
    if coding == "gzip" and payload:
        payload = gzip.decompress(payload)
    elif coding in ("br", "zstd"):
        payload = f"({coding})".encode()
    answer = {
        "status": int(first.split(" ")[1]),
        "headers": sorted(
            [name.lower(), "DURATION" if name.lower() == "x-retry-in" else value]
            for name, value in fields
            if name.lower() not in NOT_COMPARED
        ),
    }
    if "content-length" in low and not coding and int(low["content-length"]) < 100_000 and low.get("content-type") != "application/json":
        answer["length"] = int(low["content-length"])
    text = payload.decode("latin1")
    try:
        seen = json.loads(text)
        # A host's name, a trace, and what the recorded proxy's own client adds.
        own = {"x-forwarded-server", "traceparent"} | ({"accept-encoding"} - sent)
        seen["headers"] = [[n, v] for n, v in seen["headers"] if n.lower() not in own and not v.startswith("Go-http-client")]
        answer["seen"] = seen
    except (ValueError, TypeError, KeyError):
        answer["body"] = text if len(text) <= 300 else f"({len(text)} characters)"
    return answer


def folded(answer):
    """Names of headers in lower case, in order."""
    answer = dict(answer)
    answer["headers"] = sorted([name.lower(), value] for name, value in answer.get("headers", []))
    if isinstance(answer.get("seen"), dict):
        answer["seen"] = {**answer["seen"], "headers": sorted([n.lower(), v] for n, v in answer["seen"]["headers"])}
    return answer


@pytest.mark.skipif(not CASES, reason=f"no recorded answers in {recorded.GOLDEN}; FLOW_GOLDEN names their folder")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_recorded(subject, case):
    name = case["name"]
    host = case.get("host", f"{name}.test")
    wrong = []
    for line, wanted in zip(case["requests"], ANSWERS[name], strict=True):
        found, wanted = folded(send(host, line)), folded(wanted)
        if found != wanted:
            wrong.append(f"{re.sub(chr(10), ' | ', line)}\n   got {json.dumps(found)}\n  want {json.dumps(wanted)}")
    line = recorded.meant("http", name)
    if wrong and line:
        pytest.xfail(f"meant: {line.strip()}")
    assert not wrong, "\n".join(wrong)
    assert not line, f"docs/compatibility.md names http/{name}, but it is equal"
