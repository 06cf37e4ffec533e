"""Certificates without a cluster: Traefik's certificate resolvers, and cert-manager's objects in a folder of manifests."""

import base64
import json
import socket
import stat
import time

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import acme, clients, documented, objects, paths, pki
from harness.backends import HTTP
from harness.issuing import acme_issuer, certificate, presented
from harness.issuing import pebble  # noqa: F401 (fixture)
from harness.processes import Process
from harness.proxy import Proxy
from harness.waiting import consistently, eventually


@pytest.fixture(scope="module")
def doors(pebble):
    """The ports that the CA connects to: those of the proxy that is running."""
    running = []
    http = acme.Balancer(acme.HTTP, lambda: [proxy.web for proxy in running])
    tls = acme.Balancer(acme.TLS, lambda: [proxy.websecure for proxy in running])
    yield running
    http.stop()
    tls.stop()


@pytest.fixture
def start(backends, pebble, doors, tmp_path):
    """Start the proxy with a folder of manifests, instead of the previous one."""
    folder = tmp_path / "manifests"
    folder.mkdir()

    def start(*flags):
        stop()
        doors.append(Proxy(*flags, manifests=folder, env={"SSL_CERT_FILE": str(pebble.authority_file)}))
        return doors[0]

    def stop():
        while doors:
            doors.pop().stop()

    start.folder = folder
    yield start
    stop()


def write(folder, name, *items):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(items))


def site(name, host, **more):
    """A Service outside of any cluster, and an Ingress that leads to it."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "ExternalName", "externalName": "10.99.0.1", "ports": [{"port": HTTP}]},
    }
    return service, objects.ingress(name, "default", host, backend=name, port=HTTP, **more)


def resolver(pebble, tmp_path, challenge="httpchallenge", **more):
    """Flags of a resolver `le`."""
    options = {
        "email": "ops@flow.test",
        "caserver": pebble.directory,
        "cacertificates": pebble.authority_file,
        "storage": tmp_path / "acme.json",
        "keytype": "EC256",
        challenge: "true",
        **more,
    }
    return [f"--certificatesresolvers.le.acme.{name}={value}" for name, value in options.items()]


def serves(proxy, *hosts):
    """The certificate for a host, once it has all these names."""
    shown = presented(proxy, hosts[0])
    assert sorted(pki.names_of(shown)) == sorted(hosts), pki.names_of(shown)
    return shown


RESOLVED = {"router.tls.certresolver": "le"}


@pytest.mark.parametrize("challenge", ["httpchallenge", "tlschallenge"])
def test_a_router_names_a_resolver(start, pebble, tmp_path, challenge, figures):
    host = f"{challenge}.files.test"
    write(start.folder, "site", *site("site", host, annotations=RESOLVED))
    before = pebble.issued()
    proxy = start(*resolver(pebble, tmp_path, challenge))
    first = eventually(lambda: serves(proxy, host), 40, 0.1, "the certificate")
    assert pebble.issued() == before + 1
    state = tmp_path / "acme.json.d"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    files = [path for path in state.rglob("*") if path.is_file()]
    assert files and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    # A new process serves the stored certificate.
    orders = pebble.orders()
    proxy = start(*resolver(pebble, tmp_path, challenge))
    assert eventually(lambda: serves(proxy, host), 10, 0.05, "the certificate") == first
    consistently(lambda: pebble.orders() == orders, 2, 0.2)
    # Another host, written while it runs.
    write(start.folder, "more", *site("more", f"more.{host}", annotations=RESOLVED))
    eventually(lambda: serves(proxy, f"more.{host}"), 40, 0.1, "the second certificate")
    assert pebble.issued() == before + 2


def test_domains_and_an_entry_points_resolver(start, pebble, tmp_path):
    domains = {"router.tls.domains.0.main": "main.files.test", "router.tls.domains.0.sans": "other.files.test"}
    write(start.folder, "site", *site("site", "main.files.test", annotations={"router.tls.certresolver": "le", **domains}))
    write(start.folder, "plain", *site("plain", "plain.files.test"))
    proxy = start(*resolver(pebble, tmp_path), "--entrypoints.websecure.http.tls.certresolver=le")
    eventually(lambda: serves(proxy, "main.files.test", "other.files.test"), 40, 0.1, "the certificate of both names")
    eventually(lambda: serves(proxy, "plain.files.test"), 40, 0.1, "the entry point's certificate")


@pytest.mark.parametrize("language", documented.LANGUAGES)
def test_the_documentations_page(start, pebble, doors, tmp_path, language):
    """A resolver's certificates for a router's domains, and as the default one."""
    page = next((documented.PAGES / language).glob(documented.RESOLVERS + ".*"))
    flags = resolver(pebble, tmp_path)
    if language == "kubernetes":
        service = site("backend", documented.host("unused"))
        write(start.folder, "backend", service[0], service[1])
        (start.folder / page.name).write_text(page.read_text().replace("port: 80", f"port: {HTTP}"))
        proxy = start(*flags)
    else:
        proxy = Proxy(f"--providers.file.filename={page}", *flags, env={"SSL_CERT_FILE": str(pebble.authority_file)})
        doors.append(proxy)
    resolved, others = documented.host("resolved"), documented.SUFFIX
    eventually(lambda: serves(proxy, resolved, f"www.{resolved}"), 40, 0.1, "the router's certificate")
    shown = eventually(lambda: clients.certificate_of(proxy.websecure, "unknown.test"), what="a certificate")
    eventually(lambda: pki.names_of(clients.certificate_of(proxy.websecure, "unknown.test")) == [others, f"other.{others}"], 40, 0.1, f"the default one, not {pki.names_of(shown)}")
    eventually(lambda: proxy.api("/diagnostics") == [], what="no finding")


def test_an_acme_json_is_taken_over(start, pebble, tmp_path):
    """Traefik's certificate is served from the start, without an order; the file stays unchanged."""
    pair = pki.leaf("taken.files.test", days=80)
    encode = lambda text: base64.b64encode(text.encode()).decode()
    account = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    text = json.dumps(
        {
            "le": {
                "Account": {"Email": "ops@flow.test", "PrivateKey": base64.b64encode(account).decode(), "KeyType": "4096"},
                "Certificates": [
                    {"domain": {"main": "taken.files.test"}, "certificate": encode(pair.chain_pem), "key": encode(pair.key_pem), "Store": "default"},
                    {"domain": {"main": "broken.files.test"}, "certificate": "bm9uZQ==", "key": "bm9uZQ==", "Store": "default"},
                    {"domain": {"main": "null.files.test"}, "certificate": None, "key": None, "Store": "default"},
                ],
            }
        }
    )
    (tmp_path / "acme.json").write_text(text)
    write(start.folder, "site", *site("site", "taken.files.test", annotations=RESOLVED))
    orders = pebble.orders()
    proxy = start(*resolver(pebble, tmp_path))
    assert eventually(lambda: serves(proxy, "taken.files.test"), 10, 0.05, "the certificate") == pair.der
    consistently(lambda: pebble.orders() == orders, 3, 0.2)
    for words in ("broken.files.test of le: error decoding", "null.files.test of le: it has no certificate", "chmod 600"):
        assert words in proxy.log(), words
    assert (tmp_path / "acme.json").read_text() == text


def told(proxy, words):
    found = [finding["message"] for finding in proxy.api("/diagnostics")]
    assert any(words in message for message in found), found
    return True


def test_the_name_of_the_ca_and_its_authorities(start, pebble, tmp_path):
    """A CA whose certificate has another name than its URL; the system's authorities beside those that are given."""
    write(start.folder, "site", *site("site", "named.files.test", annotations=RESOLVED))
    proxy = start(*resolver(pebble, tmp_path, caservername="elsewhere.files.test"))
    eventually(lambda: told(proxy, "elsewhere.files.test"), 30, 0.1, "the name that is missing")
    other = pki.new_ca("another")
    (tmp_path / "other.pem").write_text(other.pem)
    # The environment's SSL_CERT_FILE is the system's store: it has Pebble's authority, the given file has not.
    alone = resolver(pebble, tmp_path, cacertificates=tmp_path / "other.pem")
    proxy = start(*alone)
    eventually(lambda: told(proxy, "UnknownIssuer"), 30, 0.1, "an authority that is not trusted")
    proxy = start(*alone, "--certificatesresolvers.le.acme.casystemcertpool=true", "--certificatesresolvers.le.acme.caservername=127.0.0.1")
    eventually(lambda: serves(proxy, "named.files.test"), 40, 0.1, "the certificate")


def test_a_silent_ca_is_given_up_after_the_time_that_is_set(start, tmp_path, pebble):
    write(start.folder, "site", *site("site", "silent.files.test", annotations=RESOLVED))
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        silent_ca = f"http://127.0.0.1:{silent.getsockname()[1]}/dir"
        began = time.monotonic()
        proxy = start(*resolver(pebble, tmp_path, caserver=silent_ca, clientresponseheadertimeout="1s"))
        eventually(lambda: told(proxy, "no head of an answer in time"), 15, 0.1, "the time-out")
        assert time.monotonic() - began < 10
        proxy = start(*resolver(pebble, tmp_path, caserver=silent_ca, clienttimeout="1s"))
        eventually(lambda: told(proxy, "no answer in time"), 15, 0.1, "the time-out")


@pytest.mark.parametrize("challenge", ["httpchallenge", "tlschallenge"])
def test_a_challenge_waits_for_the_delay(start, pebble, tmp_path, challenge):
    host = f"{challenge}.delayed.files.test"
    write(start.folder, "site", *site("site", host, annotations=RESOLVED))
    began, before = time.monotonic(), pebble.requests("/chalZ/")
    proxy = start(*resolver(pebble, tmp_path, challenge, **{f"{challenge}.delay": "6s"}))
    eventually(lambda: pebble.requests("/chalZ/") > before, 40, 0.05, "the CA is told")
    assert time.monotonic() - began > 5
    eventually(lambda: serves(proxy, host), 40, 0.1, "the certificate")


def test_addresses_of_the_request_and_the_time_of_the_renewal(start, pebble, tmp_path):
    """E-mail addresses are in the signing request; the life time that is set decides when a certificate is renewed."""
    write(start.folder, "site", *site("site", "mail.files.test", annotations=RESOLVED))
    proxy = start(*resolver(pebble, tmp_path, emailaddresses="ops@files.test", certificatesduration="720"))
    state = tmp_path / "acme.json.d"

    def request():
        (file,) = (state / "certificaterequests").glob("*.json")
        return x509.load_pem_x509_csr(base64.b64decode(json.loads(file.read_text())["spec"]["request"]))

    csr = eventually(request, 30, 0.1, "a request")
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["ops@files.test"]
    eventually(lambda: serves(proxy, "mail.files.test"), 40, 0.1, "the certificate")
    (file,) = (state / "certificates").glob("*.json")
    assert json.loads(file.read_text())["spec"]["renewBefore"] == "240h0m0s"


def test_what_a_resolver_cannot_do_is_told(start, pebble, tmp_path):
    write(start.folder, "nobody", *site("nobody", "nobody.files.test", annotations={"router.tls.certresolver": "nobody"}))
    write(start.folder, "wild", *site("wild", "wild.files.test", annotations={**RESOLVED, "router.tls.domains.0.main": "*.files.test"}))
    proxy = start(*resolver(pebble, tmp_path))

    eventually(lambda: told(proxy, "certificate resolver nobody does not exist"), 10, 0.1)
    eventually(lambda: told(proxy, "*.files.test needs a DNS-01 solver"), 20, 0.1)


@pytest.mark.parametrize(("content", "words"), [("{", "this is no JSON: EOF"), ('{"Account": {}}', "the acme.json of Traefik 1"), ("[]", "not Traefik's acme.json")])
def test_a_file_that_is_no_acme_json_stops_the_start(tmp_path, content, words):
    storage = tmp_path / "acme.json"
    storage.write_text(content)
    flags = [f"--certificatesresolvers.le.acme.storage={storage}", "--certificatesresolvers.le.acme.tlschallenge=true"]
    process = Process("resolver", [paths.tool("FLOW_PROXY", "the proxy's executable"), "--entrypoints.web.address=:29990", *flags])
    assert process.child.wait(10) == 2
    assert words in process.log() and "move it away: certificates are then issued anew" in process.log(), process.log()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--certificatesresolvers.le.acme.email=a@flow.test"], "give httpChallenge or tlsChallenge"),
        (["--certificatesresolvers.le.acme.tlschallenge=true", "--certificatesresolvers.le.acme.cacertificates=/missing.pem"], "/missing.pem"),
    ],
)
def test_a_resolver_that_cannot_work_stops_the_start(tmp_path, flags, words):
    storage = f"--certificatesresolvers.le.acme.storage={tmp_path}/acme.json"
    process = Process("resolver", [paths.tool("FLOW_PROXY", "the proxy's executable"), "--entrypoints.web.address=:29990", storage, *flags])
    assert process.child.wait(10) == 2
    assert words in process.log()


def test_manifests_ask_for_certificates(start, pebble, tmp_path):
    """A ClusterIssuer, a Certificate and an annotated Ingress in files: cert-manager's objects without a cluster."""
    bundle = base64.b64encode(pebble.authority_file.read_bytes()).decode()
    issuer = acme_issuer("le", pebble.directory, caBundle=bundle)
    service, ingress = site("shim", "shim.files.test", tls=["shim-tls"])
    ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] = "le"
    ingress["spec"]["tls"][0]["hosts"] = ["shim.files.test"]
    write(start.folder, "shim", service, ingress)
    write(start.folder, "site", *site("site", "site.files.test", tls=["site-tls"]))
    write(start.folder, "certificate", certificate("site-tls", "default", "site.files.test", issuer="le"))
    flags = [f"--acme.storage={tmp_path}/state"]
    before = pebble.issued()
    proxy = start(*flags)
    words = lambda: [finding["message"] for finding in proxy.api("/diagnostics")]
    eventually(lambda: any('Referenced "ClusterIssuer" not found' in text for text in words()), 15, 0.1, "the issuer that is missing")
    write(start.folder, "issuer", issuer)
    for host in ("shim.files.test", "site.files.test"):
        eventually(lambda host=host: serves(proxy, host), 40, 0.1, f"the certificate of {host}")
    assert pebble.issued() == before + 2
    eventually(lambda: not words(), 10, 0.1, "no findings")
    orders, proxy = pebble.orders(), start(*flags)
    for host in ("shim.files.test", "site.files.test"):
        eventually(lambda host=host: serves(proxy, host), 10, 0.1, f"the certificate of {host}")
    consistently(lambda: pebble.orders() == orders, 2, 0.2)


def test_a_broken_manifest_spares_the_others(start, pebble, tmp_path):
    bundle = base64.b64encode(pebble.authority_file.read_bytes()).decode()
    broken = certificate("broken", "default", "broken.files.test", issuer="le")
    broken["spec"]["dnsNames"] = "broken.files.test"
    write(start.folder, "all", acme_issuer("le", pebble.directory, caBundle=bundle), broken)
    write(start.folder, "good", *site("good", "good.files.test", tls=["good-tls"]), certificate("good-tls", "default", "good.files.test", issuer="le"))
    proxy = start(f"--acme.storage={tmp_path}/state")
    eventually(lambda: serves(proxy, "good.files.test"), 40, 0.1, "the certificate")
    assert any("spec.dnsNames" in finding["message"] for finding in proxy.api("/diagnostics"))
    # With mode off, nothing is issued.
    proxy = start(f"--acme.storage={tmp_path}/other", "--acme.mode=off")
    assert proxy.ready() and not (tmp_path / "other").exists()


def findings(proxy, *words):
    """True if the findings have all these words; else an error with the findings."""
    found = [f"{f['subject']['kind']} {f['subject']['name']}: {f['message']}" for f in proxy.api("/diagnostics")]
    missing = [word for word in words if not any(word in text for text in found)]
    assert not missing, (missing, found)
    return True


def test_a_secret_that_is_lost_is_ordered_anew_once_an_hour(start, pebble, tmp_path):
    """Whatever happened to the folder: a restart changes nothing, a changed spec is a wish."""
    bundle = base64.b64encode(pebble.authority_file.read_bytes()).decode()
    write(start.folder, "issuer", acme_issuer("le", pebble.directory, caBundle=bundle))
    write(start.folder, "site", *site("site", "lost.files.test", tls=["lost-tls"]), certificate("lost-tls", "default", "lost.files.test", issuer="le"))
    flags = [f"--acme.storage={tmp_path}/state"]
    proxy = start(*flags)
    eventually(lambda: serves(proxy, "lost.files.test"), 40, 0.1, "the certificate")
    proxy.stop()
    lost = [path for path in (tmp_path / "state" / "secrets").iterdir() if "lost-tls" in path.name and "tls.crt" in path.read_text()]
    assert len(lost) == 1
    lost[0].unlink()
    orders, issued, proxy = pebble.orders(), pebble.issued(), start(*flags)
    eventually(lambda: findings(proxy, "Certificate lost-tls: the last order was placed at 20"), 15, 0.1)
    consistently(lambda: pebble.orders() == orders, 3, 0.2)
    write(start.folder, "site", *site("site", "lost.files.test", tls=["lost-tls"]), certificate("lost-tls", "default", "lost.files.test", "more.files.test", issuer="le"))
    eventually(lambda: serves(proxy, "lost.files.test", "more.files.test"), 40, 0.1, "the certificate of both names")
    assert pebble.issued() == issued + 1


def test_wishes_that_nobody_grants_are_told(start, tmp_path):
    """Issuers of other types and groups, misspelt ones, and Secrets that another Certificate fills."""
    def named(title, **reference):
        spec = {"secretName": title, "dnsNames": [f"{title}.files.test"], "issuerRef": reference}
        return {**certificate(title, "default", f"{title}.files.test"), "spec": spec}

    own = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": objects.meta("own", "default"), "spec": {"vault": {"server": "https://vault.test", "path": "pki/sign/web"}}}
    write(
        start.folder,
        "certificates",
        own,
        acme_issuer("le", "https://127.0.0.1:1/dir"),
        named("nokind", name="le"),
        named("group", name="le", kind="ClusterIssuer", group="certmanager.k8s.io"),
        named("vaulted", name="own"),
        named("typo", name="lf", kind="ClusterIssuer"),
        named("lower", name="le", kind="clusterissuer"),
        certificate("first", "default", "first.files.test", issuer="le"),
        certificate("second", "default", "second.files.test", issuer="le", secretName="first"),
    )
    items = []
    for name in ("alpha", "zulu"):
        service, ingress = site(name, f"{name}.files.test", tls=["crowded"])
        ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] = "le"
        ingress["spec"]["tls"][0]["hosts"] = [f"{name}.files.test"]
        items += [service, ingress]
    write(start.folder, "sites", *items)
    proxy = start(f"--acme.storage={tmp_path}/state")
    told = (
        'Certificate nokind: Referenced "Issuer" not found: issuer.cert-manager.io "le" not found, but ClusterIssuer "le" is there',
        'Certificate group: issuerRef.group "certmanager.k8s.io" is not served: write cert-manager.io',
        'Certificate vaulted: Issuer "own" is of the type vault',
        'Certificate typo: Referenced "ClusterIssuer" not found',
        'Certificate lower: issuerRef.kind "clusterissuer" does not exist: write ClusterIssuer',
        'Certificate second: Secret "first" is filled by Certificate "first"',
        'Ingress zulu: Secret "crowded" is filled by Certificate "crowded" of Ingress "alpha", which is not for zulu.files.test',
    )
    eventually(lambda: findings(proxy, *told), 15, 0.1)
    for words in told:
        assert words.partition(": ")[2].replace('"', '') in proxy.log().replace('\\"', '"').replace('"', ''), words


def test_labels_that_leave_a_template_leave_the_secret(start, pebble, tmp_path):
    bundle = base64.b64encode(pebble.authority_file.read_bytes()).decode()
    def wish(**template):
        spec = {"secretTemplate": template} if template else {}
        return acme_issuer("le", pebble.directory, caBundle=bundle), certificate("template", "default", "template.files.test", issuer="le", **spec)

    def marks():
        path = next(path for path in (tmp_path / "state" / "secrets").iterdir() if "template" in path.name and "tls.crt" in path.read_text())
        metadata = json.loads(path.read_text())["metadata"]
        ours = lambda names: {name: value for name, value in names.items() if "/" not in name}
        return ours(metadata["labels"]), ours(metadata["annotations"])

    write(start.folder, "all", *wish(labels={"team": "one", "old": "x"}, annotations={"reloader": "true"}), *site("site", "template.files.test", tls=["template"]))
    proxy = start(f"--acme.storage={tmp_path}/state")
    eventually(lambda: serves(proxy, "template.files.test"), 40, 0.1, "the certificate")
    assert marks() == ({"team": "one", "old": "x"}, {"reloader": "true"})
    write(start.folder, "all", *wish(labels={"team": "two"}))
    eventually(lambda: marks() == ({"team": "two"}, {}), 10, 0.1, "the labels of the second template")
    orders = pebble.orders()
    write(start.folder, "all", *wish())
    eventually(lambda: marks() == ({}, {}), 10, 0.1, "no labels")
    assert pebble.orders() == orders


def test_resolvers_issue_whatever_the_mode_of_cert_managers_objects(start, pebble, tmp_path):
    write(start.folder, "site", *site("site", "off.files.test", annotations=RESOLVED))
    proxy = start(*resolver(pebble, tmp_path), "--acme.mode=off")
    eventually(lambda: serves(proxy, "off.files.test"), 40, 0.1, "the certificate")


def test_issuers_of_ones_own_in_a_folder(start, tmp_path):
    """A CA that signs itself, and one whose Secret is a manifest: both serve hosts, and no CA outside is asked."""
    def issuer_object(name, **spec):
        return {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": objects.meta(name, "default"), "spec": spec}

    given = pki.new_ca("Given CA")
    write(
        start.folder,
        "issuers",
        issuer_object("self", selfSigned={}),
        certificate("root", "default", issuer="self", kind="Issuer", commonName="Made CA", isCA=True),
        issuer_object("made", ca={"secretName": "root"}),
        issuer_object("given", ca={"secretName": "given"}),
        objects.tls_secret("given", "default", given),
        issuer_object("lost", ca={"secretName": "lost"}),
    )
    for issuer in ("made", "given"):
        service, ingress = site(issuer, f"{issuer}.own.test", tls=[issuer])
        ingress["metadata"]["annotations"]["cert-manager.io/issuer"] = issuer
        ingress["spec"]["tls"][0]["hosts"] = [f"{issuer}.own.test"]
        write(start.folder, issuer, service, ingress)
    proxy = start(f"--acme.storage={tmp_path}/state")
    for issuer, name in (("made", "Made CA"), ("given", "Given CA")):
        eventually(lambda: serves(proxy, f"{issuer}.own.test"), 30, 0.1, f"the certificate by {name}")
        shown = x509.load_der_x509_certificate(presented(proxy, f"{issuer}.own.test"))
        assert name in shown.issuer.rfc4514_string()
    eventually(lambda: findings(proxy, 'Issuer lost: Error getting keypair for CA issuer: secret "lost" not found'), 15, 0.1)
