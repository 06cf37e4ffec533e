"""Certificates by server name, options, client certificates, rotation, sessions."""

import socket
import ssl

import pytest
from harness import clients, objects, pki
from harness.proxy import Proxy
from harness.waiting import consistently, eventually

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture
def served(proxy, space):
    """serve(host, names...) gives a host a route and a Secret; the certificate's pair."""

    def serve(host, *names, annotations=None, pair=None, secret=None):
        pair = pair or pki.leaf(*(names or (host,)))
        secret = secret or "tls-" + host.replace("*", "any").replace(".", "-")
        space.apply(objects.tls_secret(secret, space.name, pair))
        space.route(host, tls=[secret], annotations=annotations)
        eventually(lambda: certificate(proxy, names[0] if names else host) == pair.der, what=f"the certificate of {host}")
        return pair

    return serve


def certificate(proxy, name, context=None):
    return clients.certificate_of(proxy.websecure, name, context)


def option(proxy, space, host, spec, group=objects.CRD):
    """A TLSOption on a host of the space, once it is in force."""
    name = "opt-" + host.split(".")[0]
    space.apply(objects.custom("TLSOption", name, space.name, spec, group))
    reference = f"{space.name}-{name}@kubernetescrd"
    space.route(host, tls=["tls-" + host.replace(".", "-")], annotations={"router.tls": "true", "router.tls.options": reference})

    def in_force():
        routers = proxy.api("/http/routers?per_page=10000")
        return any(host in r["rule"] and r.get("tls", {}).get("options") == reference for r in routers)

    eventually(in_force, what="the option in the API")


def refused(proxy, host, context):
    """True if a handshake, or the first request after it, fails."""
    try:
        proxy.get_tls(host, tls=context)
        return False
    except (ssl.SSLError, ConnectionError):
        return True


def test_certificate_by_server_name(proxy, served):
    one, two = served("one.names.test"), served("two.names.test")
    assert certificate(proxy, "one.names.test") == one.der
    assert certificate(proxy, "TWO.names.test") == two.der
    assert proxy.get_tls("one.names.test", tls=pki.client_context(ca=pki.authority())).status == 200


def test_wildcard_serves_one_label_and_exact_wins(proxy, served, space):
    wildcard = served("any.wild.test", pair=pki.leaf("*.wild.test"), secret="wild")
    exact = served("exact.wild.test")
    assert certificate(proxy, "whatever.wild.test") == wildcard.der
    assert certificate(proxy, "exact.wild.test") == exact.der
    assert certificate(proxy, "a.b.wild.test") not in (wildcard.der, exact.der)
    assert certificate(proxy, "wild.test") not in (wildcard.der, exact.der)


def test_unknown_name_and_no_name_get_the_default_certificate(proxy, served):
    known = served("known.default.test")
    unknown = certificate(proxy, "nobody.default.test")
    assert unknown not in (None, known.der)
    assert certificate(proxy, None) == unknown
    assert proxy.get_tls("known.default.test", name="nobody.default.test").status == 200


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_key_types_over_both_versions(proxy, served, kind):
    host = f"{kind}.keys.test"
    pair = served(host, pair=pki.leaf(host, rsa_key=kind == "rsa"))
    for version in (V12, V13):
        context = pki.client_context(maximum=version, minimum=version, ca=pki.authority())
        assert certificate(proxy, host, context) == pair.der


def test_old_versions_are_refused(proxy, served):
    served("old.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert refused(proxy, "old.test", context)


def test_rotated_certificate_serves_the_next_handshake(proxy, served, space):
    host = "rotate.test"
    served(host)
    open_before = proxy.http1(tls=True, host=host)
    assert open_before.request(host).status == 200
    for _ in range(3):
        new = pki.leaf(host)
        space.apply(objects.tls_secret("tls-rotate-test", space.name, new))
        eventually(lambda new=new: certificate(proxy, host) == new.der, 1, what="the new certificate")
        consistently(lambda new=new: certificate(proxy, host) == new.der, 0.1)
    assert open_before.request(host).status == 200
    open_before.close()


def test_secret_that_comes_later(proxy, space):
    host = space.route("later.test", tls=["not-there-yet"])
    proxy.served(host)
    pair = pki.leaf(host)
    assert certificate(proxy, host) != pair.der
    space.apply(objects.tls_secret("not-there-yet", space.name, pair))
    eventually(lambda: certificate(proxy, host) == pair.der, what="the certificate")


def test_minimum_version(proxy, served, space):
    served("min.test")
    option(proxy, space, "min.test", {"minVersion": "VersionTLS13"})
    assert refused(proxy, "min.test", pki.client_context(maximum=V12))
    assert proxy.get_tls("min.test", tls=pki.client_context(minimum=V13)).status == 200


def test_maximum_version_and_cipher_suites(proxy, served, space):
    served("suites.test", pair=pki.leaf("suites.test", rsa_key=True))
    option(
        proxy,
        space,
        "suites.test",
        {"maxVersion": "VersionTLS12", "cipherSuites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]},
    )
    with clients.connect(proxy.websecure, tls=pki.client_context(), name="suites.test") as connection:
        assert connection.version() == "TLSv1.2"
        assert connection.cipher()[0] == "ECDHE-RSA-AES256-GCM-SHA384"


@pytest.mark.parametrize("group", [objects.CRD, objects.LEGACY_CRD], ids=["traefik.io", "traefik.containo.us"])
def test_client_certificate(proxy, served, space, group, tmp_path):
    host = "mtls-io.test" if group == objects.CRD else "mtls-legacy.test"
    served(host)
    ours, theirs = pki.new_ca("Ours"), pki.new_ca("Theirs")
    space.apply(objects.secret("client-ca", space.name, {"tls.ca": ours.pem}))
    auth = {"clientAuth": {"secretNames": ["client-ca"], "clientAuthType": "RequireAndVerifyClientCert"}}
    option(proxy, space, host, auth, group)
    good = pki.leaf("client", ca=ours, client=True).write(tmp_path, "good")
    bad = pki.leaf("client", ca=theirs, client=True).write(tmp_path, "bad")
    assert refused(proxy, host, pki.client_context())
    assert refused(proxy, host, pki.client_context(certificate=bad))
    assert proxy.get_tls(host, tls=pki.client_context(certificate=good)).status == 200


def test_client_certificate_is_asked_for_whoever_else_has_the_host(proxy, served, space, make_space, tmp_path):
    host = "mtls-shared.test"
    served(host)
    ours = pki.new_ca("Ours")
    space.apply(objects.secret("client-ca", space.name, {"tls.ca": ours.pem}))
    option(proxy, space, host, {"clientAuth": {"secretNames": ["client-ca"], "clientAuthType": "RequireAndVerifyClientCert"}})
    good = pki.leaf("client", ca=ours, client=True).write(tmp_path, "good")
    guest = make_space()
    guest.route(host, name="guest", paths=[objects.path("backend", at="/guest")])

    def told(router, other):
        return any(router in d["subject"]["name"] and other in d["message"] for d in proxy.api("/diagnostics"))

    owner = f"{space.name}-ing-mtls-shared-test"
    eventually(lambda: told(f"{guest.name}-guest", owner) and told(owner, f"{guest.name}-guest"), what="word to both sides")
    assert refused(proxy, host, pki.client_context())
    assert proxy.get_tls(host, tls=pki.client_context(certificate=good)).status == 200


def test_strict_sni_refuses_names_without_certificate(proxy, served, space):
    served("strict.test")
    option(proxy, space, "strict.test", {"sniStrict": True})
    assert proxy.get_tls("strict.test").status == 200
    # The same host after its Secret is deleted: it has no certificate left.
    space.delete(objects.tls_secret("tls-strict-test", space.name, pki.leaf("strict.test")))
    eventually(lambda: refused(proxy, "strict.test", pki.client_context()), what="the refusal")


def test_alpn(proxy, served):
    served("alpn.test")
    for offered, chosen in ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (None, None)):
        with clients.connect(proxy.websecure, tls=pki.client_context(alpn=offered), name="alpn.test") as connection:
            assert connection.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_sessions_resume(proxy, served, version):
    """A second handshake with the first one's session is short, whichever worker takes it."""
    host = "resume.test"
    served(host)
    context = pki.client_context(maximum=version, minimum=version)
    with clients.Http1(proxy.websecure, context, host) as first:
        assert first.request(host).status == 200  # in TLS 1.3 the tickets come with the first data
        session = first.socket.session
    resumed = 0
    for _ in range(8):
        with clients.Http1(proxy.websecure, context, host, session=session) as again:
            assert again.request(host).status == 200
            resumed += again.socket.session_reused
            session = again.socket.session or session
    assert resumed == 8


def test_misdirected_request(proxy, served, space):
    """A connection made under one name's option may not be used for a host with another option."""
    served("plain.front.test")
    served("strong.front.test")
    option(proxy, space, "strong.front.test", {"minVersion": "VersionTLS13"})
    answer = proxy.get_tls("strong.front.test", name="plain.front.test", tls=pki.client_context(maximum=V12))
    assert (answer.status, answer.body.strip()) == (421, b"Misdirected Request")
    assert proxy.get_tls("strong.front.test").status == 200


def test_default_certificate_of_the_store(cluster, backends, make_space):
    """TLSStore `default`; in a proxy of its own, for the store is the whole cluster's."""
    space = make_space()
    pair = pki.leaf("fallback.test")
    host = space.route()
    space.apply(
        objects.tls_secret("fallback", space.name, pair),
        objects.custom("TLSStore", "default", space.name, {"defaultCertificate": {"secretName": "fallback"}}),
    )
    flags = [f"--providers.kubernetescrd.namespaces={space.name}", f"--providers.kubernetesingress.namespaces={space.name}"]
    with Proxy(*flags, cluster=cluster) as own:
        own.served(host)
        assert certificate(own, "nobody.test") == pair.der
        space.delete(space.applied[-1])
        eventually(lambda: certificate(own, "nobody.test") != pair.der, what="the generated certificate")


def test_plain_http_on_the_tls_port_is_not_routed(proxy, served):
    served("plain.test")
    with socket.create_connection(("127.0.0.1", proxy.websecure), 5) as raw:
        raw.sendall(clients.request_bytes("plain.test", "/count/plain-on-tls"))
        raw.settimeout(5)
        try:
            answer = raw.recv(65536)
        except ConnectionError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 200")
    assert proxy.get_tls("plain.test", "/seen/plain-on-tls").text == "0"
    # The port still serves.
    assert proxy.get_tls("plain.test").status == 200


def test_garbage_and_silence_do_not_hold_others_up(proxy, served):
    served("garbage.test")
    silent = [socket.create_connection(("127.0.0.1", proxy.websecure), 5) for _ in range(20)]
    for connection in silent[:10]:
        connection.sendall(b"\x16\x03\x01\x40\x00garbage")
    assert proxy.get_tls("garbage.test").status == 200
    for connection in silent:
        connection.close()
