"""Issuers of the cluster's own: `selfSigned` and `ca`, as cert-manager's users have them, checked with OpenSSL."""

import base64
import datetime
import itertools
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from harness import objects, pki
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import SYSTEM, certificate, condition, events, listed, read, ready, secret, served_by
from harness.waiting import consistently, eventually

_numbers = itertools.count(1)


@pytest.fixture
def space(cluster):
    """A namespace of the test's own."""
    name = f"local-{next(_numbers)}"
    cluster.apply(objects.namespace(name))
    return name


def issuer_object(name, namespace=None, **spec):
    kind = "Issuer" if namespace else "ClusterIssuer"
    return {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": objects.meta(name, namespace), "spec": spec}


def root(name, namespace, issuer, **more):
    spec = {"commonName": "Inner CA", "isCA": True, "privateKey": {"algorithm": "ECDSA"}, **more}
    return certificate(name, namespace, issuer=issuer, kind="Issuer", **spec)


def content(cluster, namespace, name, entry="tls.crt"):
    found = secret(cluster, namespace, name)
    assert found, f"no Secret {namespace}/{name}"
    return base64.b64decode(found["data"][entry])


def loaded(cluster, namespace, name):
    return x509.load_pem_x509_certificates(content(cluster, namespace, name))


def verified(tmp_path, cluster, namespace, name, *more):
    """True if OpenSSL finds a way from a Secret's certificate to its ca.crt."""
    chain, trusted = tmp_path / f"{name}.pem", tmp_path / f"{name}-ca.pem"
    chain.write_bytes(content(cluster, namespace, name))
    trusted.write_bytes(content(cluster, namespace, name, "ca.crt"))
    run = ["openssl", "verify", "-CAfile", str(trusted), "-untrusted", str(chain), *more, str(chain)]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def unready(cluster, namespace, name, reason, words):
    found = condition(read(cluster, "issuers", namespace, name))
    assert (found.get("status"), found.get("reason")) == ("False", reason) and words in found["message"], found
    return True


@pytest.mark.parametrize("turn", range(3))
def test_three_objects_make_a_ca_in_any_order(cluster, replicas, space, tmp_path, turn):
    """A CA that signs itself, an issuer with it, and a host that is served with a certificate by it."""
    host = f"{space}.inner.test"
    service, slice_ = objects.service("backend", space), objects.endpoints("backend", space, ["10.99.0.1"])
    site = objects.ingress("site", space, host, tls=["site"])
    site["metadata"]["annotations"] = {"cert-manager.io/issuer": "ca"}
    site["spec"]["tls"][0]["hosts"] = [host]
    three = [issuer_object("self", space, selfSigned={}), root("root", space, "self"), issuer_object("ca", space, ca={"secretName": "root"})]
    cluster.apply(service, slice_, site, *three[turn:], *three[:turn])
    eventually(lambda: ready(cluster, space, "site"), 30, 0.1, "the certificate")
    assert verified(tmp_path, cluster, space, "site", "-x509_strict", "-verify_hostname", host)
    assert content(cluster, space, "site", "ca.crt") == content(cluster, space, "root")
    eventually(lambda: served_by(replicas, host), 10, 0.2, "the certificate over TLS")
    assert condition(read(cluster, "issuers", space, "self"))["reason"] == "IsReady"
    verdict = condition(read(cluster, "issuers", space, "ca"))
    assert (verdict["reason"], verdict["message"]) == ("KeyPairVerified", "Signing CA verified")
    assert not listed(cluster, "orders", space, "acme.cert-manager.io")
    notes = secret(cluster, space, "site")["metadata"]["annotations"]
    assert (notes["cert-manager.io/issuer-kind"], notes["cert-manager.io/issuer-name"]) == ("Issuer", "ca")
    assert [e for e in events(cluster, space, "CertificateIssued")], events(cluster, space)


def test_what_a_certificate_asks_for_is_in_it(cluster, replicas, space, tmp_path):
    """Names of every kind, subject, usages, duration, the CA's addresses, an intermediate CA with constraints."""
    urls = {"crlDistributionPoints": ["http://crl.test/a"], "ocspServers": ["http://ocsp.test"], "issuingCertificateURLs": ["http://ca.test/a.crt"]}
    limits = {"critical": True, "permitted": {"dnsDomains": ["inner.test"]}}
    names = {
        "dnsNames": ["a.inner.test", "*.b.inner.test"],
        "ipAddresses": ["192.0.2.7", "2001:db8::7"],
        "uris": ["spiffe://inner.test/ns/a"],
        "emailAddresses": ["ops@inner.test"],
        "otherNames": [{"oid": "1.3.6.1.4.1.311.20.2.3", "utf8Value": "user@inner.test"}],
    }
    leaf = {
        **names,
        "literalSubject": "CN=a.inner.test,OU=Two,OU=One,O=Inner",
        "duration": "2h",
        "usages": ["digital signature", "server auth", "client auth"],
        "privateKey": {"algorithm": "RSA", "size": 2048},
    }
    cluster.apply(
        issuer_object("self", space, selfSigned={}),
        root("root", space, "self", duration="8760h"),
        issuer_object("root", space, ca={"secretName": "root"}),
        root("middle", space, "root", commonName="Middle CA", nameConstraints=limits),
        issuer_object("middle", space, ca={"secretName": "middle", **urls}),
        certificate("leaf", space, issuer="middle", kind="Issuer", **leaf),
    )
    eventually(lambda: ready(cluster, space, "leaf"), 30, 0.1, "the certificate")
    assert verified(tmp_path, cluster, space, "leaf", "-x509_strict", "-verify_hostname", "a.inner.test", "-purpose", "sslclient")
    assert content(cluster, space, "leaf", "ca.crt") == content(cluster, space, "root")
    found, above = loaded(cluster, space, "leaf")
    assert above == loaded(cluster, space, "middle")[0]
    assert found.subject.rfc4514_string() == "CN=a.inner.test,OU=Two,OU=One,O=Inner"
    alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert alternative.get_values_for_type(x509.DNSName) == names["dnsNames"]
    assert [str(ip) for ip in alternative.get_values_for_type(x509.IPAddress)] == names["ipAddresses"]
    assert alternative.get_values_for_type(x509.UniformResourceIdentifier) == names["uris"]
    assert alternative.get_values_for_type(x509.RFC822Name) == names["emailAddresses"]
    assert [name.value[2:] for name in alternative.get_values_for_type(x509.OtherName)] == [b"user@inner.test"]
    assert found.not_valid_after_utc - found.not_valid_before_utc == datetime.timedelta(hours=2)
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_encipherment and not usage.key_cert_sign
    found.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    found.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    assert found.serial_number.bit_length() > 64 and found.serial_number != above.serial_number
    # Nothing more happens: the Certificates fit.
    revisions = lambda: {item["metadata"]["name"]: item["status"].get("revision") for item in listed(cluster, "certificates", space)}
    consistently(lambda: revisions() == {"root": 1, "middle": 1, "leaf": 1}, 3, 0.3)
    # Another subject is another certificate.
    cluster.apply(certificate("leaf", space, issuer="middle", kind="Issuer", **{**leaf, "literalSubject": "CN=a.inner.test,O=Other"}))
    eventually(lambda: "O=Other" in loaded(cluster, space, "leaf")[0].subject.rfc4514_string(), 20, 0.1, "the new subject")


def test_a_cluster_issuer_has_its_secret_in_the_proxys_namespace(cluster, replicas, space, tmp_path):
    own = pki.new_ca("Company CA")
    cluster.apply(objects.tls_secret("company", SYSTEM, own), issuer_object("company", ca={"secretName": "company"}))
    cluster.apply(certificate("web", space, "web.inner.test", issuer="company"))
    eventually(lambda: ready(cluster, space, "web"), 20, 0.1, "the certificate")
    assert verified(tmp_path, cluster, space, "web", "-verify_hostname", "web.inner.test")
    assert content(cluster, space, "web", "ca.crt").decode() == own.pem
    # Deleted: issued again, at once.
    first = content(cluster, space, "web")
    cluster.delete(secret(cluster, space, "web"))
    eventually(lambda: secret(cluster, space, "web") and content(cluster, space, "web") != first, 20, 0.1, "another certificate")


def test_a_ca_that_cannot_sign_is_told_and_recovers(cluster, replicas, space):
    """No Secret, no CA, another key, over: a condition and an event say so; requests wait, and go on once it is right."""
    good, other = pki.new_ca("Right CA"), pki.new_ca("Other CA")
    mixed = pki.Pair(good.certificate, other.key)
    cluster.apply(issuer_object("ca", space, ca={"secretName": "ca"}), certificate("web", space, "web.inner.test", issuer="ca", kind="Issuer"))
    eventually(lambda: unready(cluster, space, "ca", "ErrGetKeyPair", 'secret "ca" not found'), 15, 0.1)
    eventually(lambda: [e for e in events(cluster, space, "ErrGetKeyPair") if e[0] == "Issuer"], 10, 0.2, "the event")
    waiting = lambda: [condition(item) for item in listed(cluster, "certificaterequests", space)]
    eventually(lambda: [c for c in waiting() if c.get("reason") == "Pending" and "Ready status condition" in c["message"]], 10, 0.2)
    cluster.apply(objects.tls_secret("ca", space, mixed))
    eventually(lambda: unready(cluster, space, "ca", "ErrInvalidKeyPair", "does not match"), 15, 0.1)
    cluster.apply(objects.tls_secret("ca", space, pki.leaf("plain.test")))
    eventually(lambda: unready(cluster, space, "ca", "ErrInvalidKeyPair", "certificate is not a CA"), 15, 0.1)
    cluster.apply(objects.tls_secret("ca", space, pki.new_ca("Old CA", days=-1)))
    eventually(lambda: unready(cluster, space, "ca", "ErrInvalidKeyPair", "the certificate expired on"), 15, 0.1)
    told = lambda: [f for f in replicas.running[0].api("/diagnostics") if f["subject"]["name"] == "ca" and f["subject"]["namespace"] == space]
    eventually(told, 10, 0.2, "the finding")
    cluster.apply(objects.tls_secret("ca", space, good))
    eventually(lambda: ready(cluster, space, "web"), 20, 0.1, "the certificate")
    eventually(lambda: not told(), 10, 0.2, "no finding")


def test_a_request_without_a_certificate(cluster, replicas, space):
    """A CertificateRequest that somebody else made: signed by itself with the key that it names, or refused."""
    key = pki.new_ca().key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "by hand")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = csr.public_bytes(serialization.Encoding.PEM)
    forged = csr.public_bytes(serialization.Encoding.DER)
    forged = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(forged[:-1] + bytes([forged[-1] ^ 1])) + b"-----END CERTIFICATE REQUEST-----\n"

    def request(name, text, **notes):
        spec = {"request": base64.b64encode(text).decode(), "issuerRef": {"name": "self"}, "duration": "1h"}
        meta = objects.meta(name, space, annotations={f"cert-manager.io/{key.replace('_', '-')}": value for key, value in notes.items()})
        return {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": meta, "spec": spec}

    cluster.apply(issuer_object("self", space, selfSigned={}), objects.secret("mine", space, {"tls.key": pki.Pair(None, key).key_pem}))
    cluster.apply(
        request("good", pem, private_key_secret_name="mine"),
        request("nameless", pem),
        request("forged", forged, private_key_secret_name="mine"),
    )
    state = lambda name: condition(read(cluster, "certificaterequests", space, name))
    eventually(lambda: state("good").get("reason") == "Issued", 15, 0.1, "the certificate")
    status = read(cluster, "certificaterequests", space, "good")["status"]
    assert status["certificate"] == status["ca"]
    assert x509.load_pem_x509_certificate(base64.b64decode(status["certificate"])).subject == subject
    eventually(lambda: state("nameless").get("reason") == "Failed", 10, 0.1)
    assert "private-key-secret-name" in state("nameless")["message"]
    eventually(lambda: state("forged").get("reason") == "Failed", 10, 0.1)
    assert "is not signed with its own key" in state("forged")["message"]
