"""Key stores for Java and others, additional formats, and windows of renewals: checked with keytool and OpenSSL."""

import base64
import itertools
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from harness import objects
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import certificate, condition, events, read, ready, secret
from harness.waiting import consistently, eventually

_numbers = itertools.count(1)
MARK = "flow-proxy.ominis.ai/keystores"


@pytest.fixture
def space(cluster):
    """A namespace with a CA of its own."""
    name = f"stores-{next(_numbers)}"
    own = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer"}
    cluster.apply(
        objects.namespace(name),
        {**own, "metadata": objects.meta("self", name), "spec": {"selfSigned": {}}},
        {**own, "metadata": objects.meta("ca", name), "spec": {"ca": {"secretName": "root"}}},
        certificate("root", name, issuer="self", kind="Issuer", commonName="Store CA", isCA=True),
    )
    return name


def wish(space, **spec):
    return certificate("app", space, "app.inner.test", issuer="ca", kind="Issuer", **spec)


def password(space, text, name="words"):
    return objects.secret(name, space, {"pass": text})


def stores(**more):
    reference = {"create": True, "passwordSecretRef": {"name": "words", "key": "pass"}}
    return {"keystores": {"jks": {**reference, **more.get("jks", {})}, "pkcs12": {**reference, **more.get("pkcs12", {})}}}


def data(cluster, space):
    found = secret(cluster, space, "app")
    return {name: base64.b64decode(value) for name, value in (found or {}).get("data", {}).items()}


def written(cluster, space, *entries):
    found = data(cluster, space)
    assert set(entries) <= set(found), sorted(found)
    return found


ALL = ("keystore.jks", "truststore.jks", "keystore.p12", "truststore.p12")


def keytool(tmp_path, content, kind, word):
    """What keytool lists of a store: (alias, kind of entry)."""
    if not shutil.which("keytool"):
        return None
    path = tmp_path / "store"
    path.write_bytes(content)
    run = ["keytool", "-list", "-v", "-keystore", str(path), "-storetype", kind, "-storepass", word]
    done = subprocess.run(run, capture_output=True, text=True)
    if done.returncode:
        return done.stdout + done.stderr
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    aliases = [value for name, _, value in lines if name == "Alias name"]
    kinds = [value for name, _, value in lines if name == "Entry type"]
    return list(zip(aliases, kinds))


@pytest.mark.parametrize("profile", [None, "LegacyDES", "Modern2023"])
def test_stores_hold_the_key_its_chain_and_the_ca(cluster, replicas, space, tmp_path, profile):
    more = {"pkcs12": {"profile": profile} if profile else {}, "jks": {"alias": "App"}}
    cluster.apply(password(space, "chang3it"), wish(space, **stores(**more)))
    eventually(lambda: ready(cluster, space, "app"), 30, 0.1, "the certificate")
    found = eventually(lambda: written(cluster, space, *ALL), 10, 0.1, "the stores")
    key = serialization.load_pem_private_key(found["tls.key"], None)
    encoded = lambda key: key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    opened = pkcs12.load_pkcs12(found["keystore.p12"], b"chang3it")
    assert encoded(opened.key) == encoded(key)
    assert opened.cert.certificate.public_bytes(serialization.Encoding.PEM) == found["tls.crt"]
    assert [c.certificate.public_bytes(serialization.Encoding.PEM) for c in opened.additional_certs] == [found["ca.crt"]]
    path = tmp_path / "keystore.p12"
    path.write_bytes(found["keystore.p12"])
    shown = subprocess.run(["openssl", "pkcs12", "-in", path, "-info", "-noout", "-legacy", "-passin", "pass:chang3it"], capture_output=True, text=True)
    ciphers = {None: "RC2", "LegacyDES": "TripleDES", "Modern2023": "AES-256"}
    assert shown.returncode == 0 and ciphers[profile] in shown.stderr, shown.stderr
    for entry, kind, expected in (
        ("keystore.jks", "JKS", [("app", "PrivateKeyEntry"), ("ca", "trustedCertEntry")]),
        ("truststore.jks", "JKS", [("ca", "trustedCertEntry")]),
        ("keystore.p12", "PKCS12", [("1", "PrivateKeyEntry")]),
        ("truststore.p12", "PKCS12", [("cn=store ca", "trustedCertEntry")]),
    ):
        listed = keytool(tmp_path, found[entry], kind, "chang3it")
        assert listed is None or sorted(listed) == sorted(expected), (entry, listed)
        wrong = keytool(tmp_path, found[entry], kind, "another")
        assert wrong is None or "password was incorrect" in wrong, (entry, wrong)


def test_stores_follow_their_password_and_nothing_else(cluster, replicas, space):
    cluster.apply(password(space, "first-word"), wish(space, **stores()))
    eventually(lambda: written(cluster, space, *ALL), 30, 0.1, "the stores")
    before = secret(cluster, space, "app")
    consistently(lambda: secret(cluster, space, "app") == before, 3, 0.3)
    cluster.apply(password(space, "second-word"))
    eventually(lambda: pkcs12.load_pkcs12(data(cluster, space)["keystore.p12"], b"second-word"), 20, 0.2, "stores under the new password")
    after = data(cluster, space)
    assert all(after[entry] != base64.b64decode(before["data"][entry]) for entry in ALL)
    assert after["tls.crt"] == base64.b64decode(before["data"]["tls.crt"])
    # No longer wanted: gone, and the mark with them.
    cluster.apply(wish(space))
    eventually(lambda: not set(ALL) & set(data(cluster, space)), 20, 0.2, "no stores")
    assert MARK not in secret(cluster, space, "app")["metadata"]["annotations"]


def test_without_a_password_the_certificate_is_served_all_the_same(cluster, replicas, space):
    cluster.apply(wish(space, **stores()))
    eventually(lambda: ready(cluster, space, "app"), 30, 0.1, "the certificate")
    told = lambda: condition(read(cluster, "certificates", space, "app"), "KeystoresWritten")
    eventually(lambda: told().get("status") == "False", 10, 0.1, "the condition")
    words = 'fetching JKS keystore password from Secret: secret "words" not found'
    assert words in told()["message"], told()
    found = lambda: [f for f in replicas.running[0].api("/diagnostics") if f["subject"]["namespace"] == space and words in f["message"]]
    eventually(found, 10, 0.2, "the finding")
    assert not set(ALL) & set(data(cluster, space))
    cluster.apply(objects.secret("words", space, {"other": "x"}))
    eventually(lambda: 'contains no data for key "pass"' in told().get("message", ""), 10, 0.1, "the other words")
    cluster.apply(password(space, "at-last"))
    eventually(lambda: written(cluster, space, *ALL), 20, 0.1, "the stores")
    eventually(lambda: not told(), 10, 0.1, "no condition")


def test_additional_formats_come_and_go(cluster, replicas, space):
    cluster.apply(wish(space, additionalOutputFormats=[{"type": "DER"}, {"type": "CombinedPEM"}]))
    found = eventually(lambda: written(cluster, space, "key.der", "tls-combined.pem"), 30, 0.1, "the formats")
    assert found["tls-combined.pem"] == found["tls.key"] + b"\n" + found["tls.crt"]
    assert serialization.load_der_private_key(found["key.der"], None).key_size == 2048
    cluster.apply(wish(space, additionalOutputFormats=[{"type": "DER"}]))
    eventually(lambda: "tls-combined.pem" not in data(cluster, space), 20, 0.2, "one less")
    assert "key.der" in data(cluster, space)


def test_renewals_wait_for_a_window(cluster, replicas, space):
    """Due now, a certificate waits for its window; in an open one it is renewed at once."""
    def renewal(*windows, **more):
        return wish(space, duration="2h", renewBefore="1h59m59s", renewal={"policy": "RenewBefore", "windows": list(windows)}, **more)

    never_now = {"timezone": "Europe/Berlin", "cron": "0 0 1 1 *", "windowDuration": "1m"}
    cluster.apply(renewal({**never_now, "windowDuration": "9000h"}))
    eventually(lambda: ready(cluster, space, "app"), 30, 0.1, "the certificate")
    status = lambda: read(cluster, "certificates", space, "app")["status"]
    # A window that is open: the renewal is due a second after the certificate was made.
    eventually(lambda: status().get("revision", 1) > 1, 40, 0.2, "the renewal")
    # A broken one: said, and nothing is renewed.
    for window, words in (
        ({"cron": "0 25 * * *", "windowDuration": "1h"}, "is no hour"),
        ({"cron": "0 2 * * *", "windowDuration": "1h", "timezone": "Mars/Olympus"}, "unknown time zone Mars/Olympus"),
        ({"cron": "0 2 * * *", "windowDuration": "soon"}, "error parsing windowDuration"),
        (never_now, "cannot find a time with the given windows"),
    ):
        cluster.apply(renewal(window))
        found = lambda: condition(read(cluster, "certificates", space, "app"))
        eventually(lambda: found().get("reason") == "WindowError" and words in found()["message"], 20, 0.1, words)
        eventually(lambda: [e for e in events(cluster, space, "WindowError") if words in e[3]], 10, 0.2, "the event")
        assert not status().get("renewalTime"), json.dumps(status())
    revision = status()["revision"]
    consistently(lambda: status()["revision"] == revision, 2, 0.3)
