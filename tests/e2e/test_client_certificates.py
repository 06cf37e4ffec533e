"""The client's certificate, as backends get it from passTLSClientCert."""

import base64
import urllib.parse

import pytest
from harness import objects, pki
from harness.waiting import eventually

CERTIFICATE, INFO = "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info"
WANTED = {
    "pem": True,
    "info": {
        "notAfter": True,
        "sans": True,
        "serialNumber": True,
        "subject": {"commonName": True, "organization": True},
        "issuer": {"commonName": True},
    },
}


@pytest.fixture
def asked(proxy, space, tmp_path):
    """A host whose clients may show certificates of an authority, with a chain; the host, and a client's certificate."""
    ca = pki.new_ca("Clients")
    space.apply(
        objects.secret("client-ca", space.name, {"tls.ca": ca.pem}),
        objects.custom(
            "TLSOption", "may", space.name, {"clientAuth": {"secretNames": ["client-ca"], "clientAuthType": "VerifyClientCertIfGiven"}}
        ),
    )
    option = f"{space.name}-may@kubernetescrd"
    host = space.route(
        middlewares=[
            {"headers": {"customRequestHeaders": {CERTIFICATE: "ours", "X-Before": "1"}}},
            {"passTLSClientCert": WANTED},
            {"compress": {"minResponseBodyBytes": 1}},
        ],
        annotations={"router.tls": "true", "router.tls.options": option},
    )
    leaf = pki.leaf("alice", "192.0.2.7", "alice.test", ca=ca, client=True)
    eventually(lambda: proxy.get_tls(host).status == 200, what="the host over TLS")
    return host, leaf, leaf.write(tmp_path, "client")


def test_the_backend_gets_the_certificate_and_its_parts(proxy, asked):
    host, leaf, files = asked

    def answered():
        answer = proxy.get_tls(host, tls=pki.client_context(certificate=files), headers={INFO: "forged", "Accept-Encoding": "gzip"})
        return answer if answer.status == 200 and answer.seen(INFO) else None

    answer = eventually(answered, what="the headers")
    assert answer.get("content-encoding") == "gzip" and answer.seen("x-before") == "1"
    first = base64.b64decode(answer.seen(CERTIFICATE).split(",")[0])
    assert first == leaf.der
    parts = urllib.parse.unquote_plus(answer.seen(INFO)).split(',Subject="')[0]
    end = int(leaf.certificate.not_valid_after_utc.timestamp())
    number = leaf.certificate.serial_number
    assert parts == f'Subject="CN=alice";Issuer="CN=Clients";SerialNumber="{number}";NA="{end}";SAN="alice,alice.test,192.0.2.7"'


def test_a_client_without_a_certificate_cannot_claim_one(proxy, asked):
    host, _, _ = asked
    answer = proxy.get_tls(host, headers={CERTIFICATE: "forged", INFO: "forged"})
    assert answer.seen(INFO) is None and answer.seen(CERTIFICATE) == "ours", "set by the middleware before"
