"""Settings without effect are reported: the table of docs/compatibility.md, row by row.

A row's first cell names its case in CASES. A case is a folder's files, or objects for the cluster, and the words that its
diagnostic holds; what else is expected (severity, the object's kind, log level, Event, `check`) stands in the row itself.
"""

import dataclasses
import json
import re
import subprocess
import typing

import pytest
import yaml
from harness import issuing, objects, paths, pki
from harness.proxy import Proxy
from harness.waiting import eventually

HEADING = "## What is told where"


def rows():
    """The table's rows by their first cell: (diagnostic, log, event, check)."""
    text = (paths.ROOT / "docs" / "compatibility.md").read_text().split(HEADING + "\n", 1)[1].split("\n## ", 1)[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    assert lines[0] == ["What is read", "Diagnostic", "Log", "Event", "`check`"], lines[0]
    return {first: tuple(rest) for first, *rest in lines[2:]}


@dataclasses.dataclass
class Case:
    """The cause of a row. All of `words` are in one diagnostic, and in one line of the log."""

    words: typing.Sequence[str]
    files: dict = dataclasses.field(default_factory=dict)  # a folder: {name: text, or objects for a YAML stream}
    dynamic: dict = dataclasses.field(default_factory=dict)  # dynamic configuration files: {name: text, or content}
    objects: typing.Callable = None  # objects for the cluster, of a Space
    start: typing.Sequence[str] = None  # flags of a start of its own; FOLDER in them is the folder of the files
    env: dict = dataclasses.field(default_factory=dict)  # of that start


CASES = {}


def ingress(name, **more):
    """An Ingress of a folder, of the host NAME.told.test."""
    annotations = more.pop("raw", {})
    item = objects.ingress(name, "default", f"{name}.told.test", **more)
    item["metadata"]["annotations"].update(annotations)
    return item


def reached_by(name, transport):
    """A dynamic configuration whose one server is reached by this ServersTransport."""
    router = {"rule": f"Host(`{name}.told.test`)", "service": name, "entryPoints": ["web"]}
    service = {"loadBalancer": {"servers": [{"url": "https://10.99.0.1"}], "serversTransport": name}}
    return {"http": {"routers": {name: router}, "services": {name: service}, "serversTransports": {name: transport}}}


def foreign(api_version, kind, name, spec=None):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec or {}}


def certificate(name, namespace, *hosts, **spec):
    """A Certificate; `issuerRef` in place of a ClusterIssuer of the name `issuer`."""
    reference = spec.pop("issuerRef", None)
    item = issuing.certificate(name, namespace, *hosts, **spec)
    item["spec"]["issuerRef"] = reference or item["spec"]["issuerRef"]
    return item


def asking(name, secret, space=None):
    """An Ingress that asks a ClusterIssuer for a certificate."""
    host = f"{name}.{space.host}" if space else f"{name}.told.test"
    item = objects.ingress(name, space.name if space else "default", host)
    item["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] = "told"
    item["spec"]["tls"] = [{"hosts": [host], **({"secretName": secret} if secret else {})}]
    return item


# --- the cases ---------------------------------------------------------------------------------------------------------

ROUTE = {"routes": [{"match": "Host(`x.test`)", "kind": "Rule", "services": [{"name": "backend", "port": 80}]}]}

CASES |= {
    "a kind of Traefik's that is not served, in a folder": Case(
        ["kinds/route.yaml:5", "IngressRouteTCP default/told", "traefik.io/v1alpha1", "not served", "only HTTP is proxied"],
        {
            "kinds/route.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: beside}\n---\n"
            + yaml.safe_dump(foreign("traefik.io/v1alpha1", "IngressRouteTCP", "told", ROUTE))
        },
    ),
    "an Ingress in an old version, in a folder": Case(
        ["kinds/old.yaml:1", "Ingress default/old", "extensions/v1beta1", "write networking.k8s.io/v1"],
        {"kinds/old.yaml": [foreign("extensions/v1beta1", "Ingress", "old")]},
    ),
    "a kind of the Gateway API, in a folder": Case(
        ["HTTPRoute default/told", "gateway.networking.k8s.io/v1", "not served"],
        {"kinds/gateway.yaml": [foreign("gateway.networking.k8s.io/v1", "HTTPRoute", "told")]},
    ),
    "a kind of cert-manager's in an old version, in a folder": Case(
        ["Certificate default/told", "certmanager.k8s.io/v1alpha1", "write cert-manager.io/v1"],
        {"kinds/certificate.yaml": [foreign("certmanager.k8s.io/v1alpha1", "Certificate", "told")]},
    ),
    "a kind of another controller's, in a folder": Case(
        ["VirtualService default/told", "networking.istio.io/v1", "Istio"],
        {"kinds/istio.yaml": [foreign("networking.istio.io/v1", "VirtualService", "told")]},
    ),
    "a kustomization": Case(["kustomize/kustomization.yaml", "kubectl kustomize"], {"kustomize/kustomization.yaml": "resources: [base]\n"}),
    "a Helm template": Case(
        ["chart/templates/ingress.yaml", "Helm template"],
        {"chart/templates/ingress.yaml": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {{ .Release.Name }}\n"},
    ),
    "a template that is YAML": Case(
        ["chart/templates/quoted.yaml", "Helm template"],
        {"chart/templates/quoted.yaml": [ingress("templated") | {"metadata": {"name": "{{ .Release.Name }}"}}]},
    ),
    "values of a chart": Case(["chart/values.yaml", "values of a Helm chart"], {"chart/values.yaml": "replicaCount: 1\n"}),
    "configuration of Traefik's file provider, in a folder of manifests": Case(
        ["dynamic.yml", "file provider"], {"dynamic.yml": {"http": {"routers": {"a": {"rule": "Host(`a.test`)", "service": "a"}}}}}
    ),
    "a document that is no object": Case(["list.json", "no Kubernetes object"], {"list.json": '{"name": "package"}'}),
    "a number as an annotation": Case(
        ["numbers.yaml", "Ingress numbers", "router.priority"],
        {"numbers.yaml": [ingress("numbers", raw={"traefik.ingress.kubernetes.io/router.priority": 42})]},
    ),
    "a field of an Ingress that does not exist, in a folder": Case(
        ["fields.yaml", "Ingress default/fields", "spec.ingresClassName", "did you mean ingressClassName?"],
        {"fields.yaml": [ingress("fields", ingresClassName="traefik")]},
    ),
    "a field of a Middleware that does not exist": Case(
        ["spec.rateLimit.avrage", "did you mean average?"],
        {"middleware.yaml": [objects.middleware("fields", "default", {"rateLimit": {"avrage": 5}})]},
    ),
    "an annotation of Traefik 1 that protects": Case(
        ["traefik1", "ingress.kubernetes.io/auth-type", "without the protection", "basicAuth"],
        {"traefik1.yaml": [ingress("traefik1", raw={"ingress.kubernetes.io/auth-type": "basic"})]},
    ),
    "an annotation of ingress-nginx that protects": Case(
        ["nginx", "nginx.ingress.kubernetes.io/auth-url", "without the protection", "forwardAuth"],
        {"nginx.yaml": [ingress("nginx", raw={"nginx.ingress.kubernetes.io/auth-url": "https://login.told.test"})]},
    ),
    "an annotation of ingress-nginx that does not protect": Case(
        ["nginx-size", "nginx.ingress.kubernetes.io/proxy-body-size has no effect here"],
        {"nginx-size.yaml": [ingress("nginx-size", raw={"nginx.ingress.kubernetes.io/proxy-body-size": "8m"})]},
    ),
    "an annotation of HAProxy's that protects": Case(
        ["haproxy", "haproxy.org/allow-list", "without the protection", "ipAllowList"],
        {"haproxy.yaml": [ingress("haproxy", raw={"haproxy.org/allow-list": "192.0.2.0/24"})]},
    ),
    "an annotation with our prefix that is no option": Case(
        ["slip", "router-middlewares", "without the protection", "did you mean traefik.ingress.kubernetes.io/router.middlewares?"],
        {"slip.yaml": [ingress("slip", annotations={"router-middlewares": "default-auth@kubernetescrd"})]},
    ),
    "an unknown option of a router": Case(
        ["unknown", "router.middleware:", "did you mean traefik.ingress.kubernetes.io/router.middlewares?"],
        {"unknown.yaml": [ingress("unknown", annotations={"router.middleware": "default-auth@kubernetescrd"})]},
    ),
    "an option of a Service on an Ingress": Case(
        ["misplaced", "service.sticky.cookie", "write it on the Service"],
        {"misplaced.yaml": [ingress("misplaced", annotations={"service.sticky.cookie": "true"})]},
    ),
    "an option of a router on a Service": Case(
        ["routed", "router.middlewares", "write it on the Ingress"],
        {
            "routed.yaml": [
                objects.service("routed", "default", annotations={"traefik.ingress.kubernetes.io/router.middlewares": "default-auth@kubernetescrd"}),
                ingress("by-service", backend="routed"),
            ]
        },
    ),
    "a switch that is neither true nor false": Case(
        ["switch", "router.tls", "neither true nor false"],
        {"switch.yaml": [ingress("switch", annotations={"router.tls": "yes"})]},
    ),
}

CASES |= {
    "a pattern of version 2 of rules under version 3": Case(
        ["pattern", "/{id:[0-9]+}", "version 3", "router.rulesyntax: v2", "core.defaultRuleSyntax"],
        {"pattern.yaml": [ingress("pattern", paths=[objects.path("backend", at="/{id:[0-9]+}", kind="ImplementationSpecific")])]},
    ),
    "a path matcher that no path takes": Case(
        ["matcher", "router.pathmatcher has no effect"],
        {"matcher.yaml": [ingress("matcher", annotations={"router.pathmatcher": "PathRegexp"})]},
    ),
    "a class that does not exist": Case(
        ["classless", "there is no IngressClass nowhere"], {"classless.yaml": [ingress("classless", ingressClassName="nowhere")]}
    ),
    "a class misspelt in the annotation": Case(
        ["misspelt", "kubernetes.io/ingress.class", "did you mean traefik?"],
        {"misspelt.yaml": [ingress("misspelt", raw={"kubernetes.io/ingress.class": "treafik"})]},
    ),
    "a Service without endpoints": Case(
        ["no-endpoints", "Service default/empty port 80 has no endpoints"],
        {"no-endpoints.yaml": [objects.service("empty", "default"), ingress("no-endpoints", backend="empty")]},
    ),
    "a port that does not exist": Case(
        ["no-port", "Service default/backend has no port 4242"], {"no-port.yaml": [ingress("no-port", port=4242)]}
    ),
    "a Secret of an Ingress that is missing": Case(
        ["no-secret", "spec.tls", "default/nowhere-tls"], {"no-secret.yaml": [ingress("no-secret", tls=["nowhere-tls"])]}
    ),
    "a Secret of a Middleware that is missing": Case(
        ["no-users", "basicAuth", "default/nowhere-users"],
        {"no-users.yaml": [objects.middleware("no-users", "default", {"basicAuth": {"secret": "nowhere-users"}})]},
    ),
    "a client certificate of forwardAuth that is none": Case(
        ["default-asks@kubernetescrd", "tls: ", "KeyMismatch"],
        {
            "asks.yaml": [
                objects.secret("asks", "default", {"tls.crt": pki.leaf("a.told.test").chain_pem, "tls.key": pki.leaf("b.told.test").key_pem}),
                objects.middleware("asks", "default", {"forwardAuth": {"address": "https://login.told.test", "tls": {"certSecret": "asks"}}}),
                ingress("asks", annotations={"router.middlewares": "default-asks@kubernetescrd", "router.entrypoints": "web"}),
            ]
        },
    ),
    "a kind of Traefik's that is not served, in a cluster": Case(
        ["SPACE", "told", "IngressRouteTCP is not served", "only HTTP is proxied"],
        objects=lambda space: [
            *[objects.definition("traefik.io", "IngressRouteTCP")],
            objects.custom("IngressRouteTCP", "told", space.name, ROUTE),
        ],
    ),
    "a kind of the Gateway API where no other controller has a class, in a cluster": Case(
        ["SPACE", "told", "HTTPRoute is not served"],
        objects=lambda space: [
            objects.definition("gateway.networking.k8s.io", "GatewayClass", "v1", "gatewayclasses", "Cluster"),
            objects.definition("gateway.networking.k8s.io", "HTTPRoute", "v1"),
            objects.custom("HTTPRoute", "told", space.name, {}, "gateway.networking.k8s.io/v1"),
        ],
    ),
    "an annotation that protects elsewhere, in a cluster": Case(
        ["SPACE", "told", "nginx.ingress.kubernetes.io/whitelist-source-range", "without the protection", "ipAllowList"],
        objects=lambda space: [annotated(space, {"nginx.ingress.kubernetes.io/whitelist-source-range": "192.0.2.0/24"})],
    ),
    "a Service that does not exist, in a cluster": Case(
        ["SPACE", "told", "nowhere does not exist"], objects=lambda space: [objects.ingress("told", space.name, space.host, "nowhere")]
    ),
}


CASES |= {
    "a Certificate of another signer, in a folder": Case(
        ["signer", "awspca.cert-manager.io", "works through cert-manager"],
        {"certificates/signer.yaml": [certificate("signer", "default", "signer.told.test", issuerRef={"name": "a", "group": "awspca.cert-manager.io"})]},
    ),
    "a Certificate of an issuer that does not exist, in a folder": Case(
        ["orphan", "nowhere", "not found"],
        {"certificates/orphan.yaml": [certificate("orphan", "default", "orphan.told.test", issuer="nowhere")]},
    ),
    "a Certificate of an issuer of a type that is not served, in a folder": Case(
        ["vaulted", "of the type vault", "which flow-proxy does not serve"],
        {
            "certificates/vaulted.yaml": [
                {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "own"}, "spec": {"vault": {"server": "https://vault.test", "path": "pki/sign/web"}}},
                certificate("vaulted", "default", "vaulted.told.test", issuer="own"),
            ]
        },
    ),
    "two Ingresses that ask for certificates in one Secret, in a folder": Case(
        ["shares-too", "shared-tls", "which is not for shares-too.told.test"],
        {"certificates/shared.yaml": [asking("shares", "shared-tls"), asking("shares-too", "shared-tls")]},
    ),
    "a block of TLS that asks for a certificate and names no Secret, in a folder": Case(
        ["unnamed", "spec.tls[0].secretName", "Required value"],
        {"certificates/unnamed.yaml": [asking("unnamed", None)]},
    ),
    "a Certificate of another signer, in a cluster": Case(
        ["SPACE", "told", "awspca.cert-manager.io", "works through cert-manager"],
        objects=lambda space: [certificate("told", space.name, space.host, issuerRef={"name": "a", "group": "awspca.cert-manager.io"})],
    ),
    "two Ingresses that ask for certificates in one Secret, in a cluster": Case(
        ["SPACE", "younger", "shared-tls", "which is not for"],
        objects=lambda space: [asking("elder", "shared-tls", space), asking("younger", "shared-tls", space)],
    ),
    "an unknown field, in a dynamic configuration file": Case(
        ["unknown.yaml:3:9", "http.routers.a.rulle", "did you mean rule?"],
        dynamic={"unknown.yaml": "http:\n  routers:\n    a: {rulle: Path(`/`)}\n"},
    ),
    "a dynamic configuration file that is neither YAML nor TOML": Case(["half.toml:2:"], dynamic={"half.toml": "[http.routers.a]\nrule = \n"}),
    "a template with a function that is not served, in a dynamic configuration file": Case(
        ["template.yaml:2:7", "the function genCA is not served"], dynamic={"template.yaml": "http:\n  {{- genCA \"a\" 365 }}\n"}
    ),
    "a section that is not served, in a dynamic configuration file": Case(
        ["streams.yaml:1:1", "TCP is not served yet"], dynamic={"streams.yaml": {"tcp": {"routers": {"a": {"rule": "HostSNI(`*`)"}}}}}
    ),
    "a middleware without a kind, in a dynamic configuration file": Case(
        ["kinds.yaml:3:5", "http.middlewares.none: it has no kind"], dynamic={"kinds.yaml": "http:\n  middlewares:\n    none: {}\n"}
    ),
    "a file that is not there, named by a dynamic configuration file": Case(
        ["tls.yaml:2:19", "tls.certificates.[0].certFile: cannot read /gone.crt"],
        dynamic={"tls.yaml": "tls:\n  certificates: [{certFile: /gone.crt, keyFile: /gone.key}]\n"},
    ),
    "a name in two dynamic configuration files": Case(
        ["two-b.yaml:3:5", "http.services.twice is defined in", "two-a.yaml too"],
        dynamic={name: "http:\n  services:\n    twice: {loadBalancer: {}}\n" for name in ("two-a.yaml", "two-b.yaml")},
    ),
    "static configuration in a dynamic configuration file": Case(
        ["static.yaml:1:1", "entryPoints: it is no dynamic configuration"], dynamic={"static.yaml": {"entryPoints": {"web": {"address": ":80"}}}}
    ),
    "a service that does not exist, in a dynamic configuration file": Case(
        ["lost@file", "nowhere@file"], dynamic={"lost.yaml": {"http": {"routers": {"lost": {"rule": "Host(`lost.test`)", "service": "nowhere", "entryPoints": ["web"]}}}}}
    ),
    "a cipher suite of a ServersTransport that is not served, in a dynamic configuration file": Case(
        ["weak@file", "not served, as only suites with forward secrecy and AEAD are: TLS_RSA_WITH_AES_128_CBC_SHA"],
        dynamic={
            "weak.yaml": reached_by(
                "weak", {"cipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}
            )
        },
    ),
    "`spiffe` without authorities, in a dynamic configuration file": Case(
        ["known@file", "SPIFFE's Workload API is not served, so spiffe needs rootCAs beside it"],
        dynamic={"known.yaml": reached_by("known", {"spiffe": {"trustDomain": "a.test"}})},
    ),
    "a variable that names no proxy": Case(["HTTPS_PROXY is no URL, and is ignored"], start=[], env={"HTTPS_PROXY": "http://"}),
    "no provider": Case(["no provider is given, so nothing is routed", "--providers.manifests.directory"], start=[]),
    "an empty folder of manifests": Case(["holds no .yaml, .yml or .json file"], start=["--providers.manifests.directory=FOLDER"]),
    "an empty folder of dynamic configuration": Case(["there is no .toml, .yaml or .yml file in"], start=["--providers.file.directory=FOLDER"]),
    "a folder of dynamic configuration that is not there yet": Case(
        ["there is no", "/later yet", "as soon as it is there"], start=["--providers.file.directory=FOLDER/later"]
    ),
    "a provider that is not served": Case(["providers.docker is not served yet"], start=["--providers.docker"]),
    "an option below a group that is off": Case(
        ["providers.kubernetesingress is off", "ingressclass"],
        start=["--providers.kubernetesingress=false", "--providers.kubernetesingress.ingressclass=x"],
    ),
    "a group of options that is not served": Case(["tracing is not served yet"], start=["--tracing.otlp=true"]),
    "an entry point for UDP": Case(["entry point dns", "nothing listens there"], start=["--entrypoints.dns.address=:21122/udp"]),
    "a certificate resolver of an entry point that is not defined": Case(
        ["entryPoints.web.http.tls.certResolver", "nowhere"], start=["--entrypoints.web.http.tls.certresolver=nowhere"]
    ),
    "an entry point that takes header names for one another": Case(["entryPoints.web.http.aliasHeadersStrategy is not set"], start=[]),
    "variables beside flags": Case(
        ["taken from", "ignored: ", "TRAEFIK_LOG_LEVEL"], start=[], env={"TRAEFIK_LOG_LEVEL": "DEBUG"}
    ),
    "dynamic configuration in the static file": Case(
        ["http is not static configuration and is ignored"],
        {"traefik.yml": {"entryPoints": {"web": {"address": ":21121"}}, "ping": {"entryPoint": "web"}, "http": {"routers": {}}}},
        start=["--configfile=FOLDER/traefik.yml"],
    ),
}


def annotated(space, annotations):
    item = objects.ingress("told", space.name, space.host)
    item["metadata"]["annotations"].update(annotations)
    return item


# --- the walk ----------------------------------------------------------------------------------------------------------


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else yaml.safe_dump_all([content] if isinstance(content, dict) else content))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of all cases that need no proxy of their own."""
    root = tmp_path_factory.mktemp("told")
    write(root, {"base.yaml": (paths.TESTS / "fixtures" / "manifests" / "base.yaml").read_text()})
    for case in CASES.values():
        if case.files and case.start is None:
            write(root, case.files)
    return root


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory):
    """The folder of all dynamic configuration files."""
    root = tmp_path_factory.mktemp("told-dynamic")
    for case in CASES.values():
        write(root, case.dynamic)
    return root


@pytest.fixture(scope="module")
def shared(folder, dynamic, backends):
    with Proxy(f"--providers.file.directory={dynamic}", manifests=folder, name="told") as running:
        yield running


def check(*flags, env=None):
    """All that `flow-proxy check` prints."""
    command = [paths.tool("FLOW_PROXY", "the proxy's executable"), "check", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=env)
    return done.stdout + done.stderr


def assert_start_tells(case, folder):
    """A start with the case's options says it at once, and so does `check`."""
    write(folder, case.files)
    flags = [flag.replace("FOLDER", str(folder)) for flag in case.start]
    if not any(flag.startswith("--configfile") for flag in flags):
        flags = ["--entrypoints.web.address=:21121", "--ping.entrypoint=web", *flags]
    with Proxy(*flags, env=case.env, defaults=False, ready=False) as own:
        told = eventually(lambda: [line for line in own.log().splitlines() if holds(line, case.words)], what=f"{case.words} in {own.log()}")
        assert len(told) == 1 and told[0].startswith("warning: "), told
    told = check(*flags, env=case.env)
    assert any(holds(line, case.words) for line in told.splitlines()), told


def holds(text, words):
    return all(word in text for word in words)


def assert_told(running, case, diagnostic, level):
    """One diagnostic of the row's severity and kind, and one line of the log at the row's level."""
    if diagnostic != "–":
        severity, kind = re.fullmatch(r"(error|warning), `(\w+)`", diagnostic).groups()

        def listed():
            found = [d for d in running.api("/diagnostics") if d["severity"] == severity and d["subject"]["kind"] == kind]
            return [d for d in found if holds(json.dumps(d, ensure_ascii=False).replace('\\"', '"'), case.words)]

        eventually(listed, 10, what=f"a diagnostic with {case.words} in {running.api('/diagnostics')}")
    lines = [line for line in running.log().splitlines() if f" {level} " in line and holds(line.replace('\\"', '"'), case.words)]
    assert lines, f"no line at {level} with {case.words}: {running.log()[-3000:]}"
    assert len(lines) == 1, f"told more than once: {lines}"


def test_every_row_has_a_case_and_every_case_a_row():
    assert set(rows()) == set(CASES)


@pytest.mark.parametrize("row", CASES)
def test_row(row, request, tmp_path):
    case = CASES[row]
    diagnostic, log, event, checked = rows()[row]
    if case.objects:
        proxy, space = request.getfixturevalue("proxy"), request.getfixturevalue("space")
        case = dataclasses.replace(case, words=[word.replace("SPACE", space.name) for word in case.words])
        for item in case.objects(space):
            if item["kind"] == "CustomResourceDefinition":
                # The object stays, as in a cluster, and is served a moment later.
                space.cluster.apply(item)
                group = "/apis/{}/{}".format(item["spec"]["group"], item["spec"]["versions"][0]["name"])
                plural = item["spec"]["names"]["plural"]
                eventually(lambda g=group, p=plural: p in [r["name"] for r in (space.cluster.get(g) or {}).get("resources", [])], 20, what=plural)
            else:
                space.apply(item)
        assert_told(proxy, case, diagnostic, log)
        if event != "–":
            reason = event.strip("`")

            def written():
                found = proxy_events(space)
                return [e for e in found if e["reason"] == reason and e["type"] == "Warning" and holds(json.dumps(e).replace('\\"', '"'), case.words)]

            assert len(eventually(written, 20, what=f"an Event {reason} with {case.words}")) == 1
        return
    assert event == "–", "without a cluster there are no Events"
    if case.start is not None:
        assert (diagnostic, log, checked) == ("–", "standard error", "yes")
        return assert_start_tells(case, tmp_path)
    own = request.getfixturevalue("folder")
    assert_told(request.getfixturevalue("shared"), case, diagnostic, log)
    if checked == "yes":
        other = request.getfixturevalue("dynamic")
        told = check(f"--providers.manifests.directory={own}", f"--providers.file.directory={other}", "--entrypoints.web.address=:28080")
        assert any(holds(line.replace('\\"', '"'), case.words) for line in told.splitlines()), told


def proxy_events(space):
    """The Events of a namespace."""
    return space.cluster.get(f"/apis/events.k8s.io/v1/namespaces/{space.name}/events")["items"]
