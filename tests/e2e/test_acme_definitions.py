"""Definitions of cert-manager's kinds: the API server itself refuses what the webhook would, with a helpful message."""

import copy
import json

import pytest
from harness.issuing import acme_issuer, certificate

GOOD_REQUEST = {"issuerRef": {"name": "le"}, "request": "LS0tLS1CRUdJTg=="}


def merged(item, change):
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    item = copy.deepcopy(item) if isinstance(item, dict) else {}
    for key, value in change.items():
        if value is None:
            item.pop(key, None)
        else:
            item[key] = merged(item.get(key), value)
    return item


def tried(cluster, item):
    """The API server's error for an object; empty if it accepts it. Nothing is stored."""
    answer = cluster.http.post(
        cluster.base + cluster.url(item, name=False),
        data=json.dumps(item),
        params={"dryRun": "All"},
        headers={"Content-Type": "application/json"},
        timeout=20,
    )
    return "" if answer.status_code == 201 else f"{answer.status_code}: {answer.json()['message']}"


CERTIFICATE = certificate("site", "default", "a.test")
REFUSED_CERTIFICATES = [
    ({"secretName": ""}, "secretName must name a Secret"),
    ({"secretName": "A_b"}, "secretName must be a name that a Secret can have"),
    ({"issuerRef": {"name": ""}}, "issuerRef.name must name an issuer"),
    ({"issuerRef": {"kind": "clusterissuer"}}, "issuerRef.kind must be Issuer or ClusterIssuer"),
    ({"issuerRef": {"kind": "AWSPCAIssuer", "group": "cert-manager.io"}}, "needs its issuerRef.group too"),
    ({"dnsNames": None}, "at least one of commonName, dnsNames"),
    ({"dnsNames": [], "commonName": "", "ipAddresses": []}, "at least one of commonName, dnsNames"),
    ({"commonName": "a" * 65}, "commonName: Too long"),
    ({"ipAddresses": ["192.0.2.256"]}, "ipAddresses must be IP addresses"),
    ({"ipAddresses": ["a.test"]}, "spec.ipAddresses[0]"),
    ({"ipAddresses": ["2001:db8::1::2"]}, "ipAddresses must be IP addresses"),
    ({"emailAddresses": ["Ops <ops@a.test>"]}, "emailAddresses must be mail addresses and nothing else"),
    ({"emailAddresses": ["a.test"]}, "emailAddresses must be mail addresses and nothing else"),
    ({"uris": ["a.test/path"]}, "uris must have a scheme"),
    ({"duration": "59m"}, "duration must be at least 1h"),
    ({"duration": "90d"}, "duration must be like 2160h or 90m"),
    ({"renewBefore": "4m"}, "renewBefore must be at least 5m"),
    ({"renewBefore": "soon"}, "renewBefore must be like 360h or 90m"),
    ({"renewBefore": "2160h"}, "renewBefore must be shorter than duration"),
    ({"duration": "2h", "renewBefore": "3h"}, "renewBefore must be shorter than duration"),
    ({"renewBefore": "1h", "renewBeforePercentage": 30}, "mutually exclusive"),
    ({"renewBeforePercentage": 100}, "renewBeforePercentage must be between 1 and 99"),
    ({"renewBeforePercentage": 0}, "renewBeforePercentage must be between 1 and 99"),
    ({"duration": "1h", "renewBeforePercentage": 95}, "renewBeforePercentage must leave at least 5m"),
    ({"renewal": {"policy": "Never"}}, "renewal.policy must be RenewBefore or Disabled"),
    ({"renewal": {"policy": "Disabled", "windows": [{"windowDuration": "1h"}]}}, "renewal.windows cannot be set where"),
    ({"renewal": {"policy": "RenewBefore", "windows": [{"cron": "* * * * *"}]}}, "needs a windowDuration"),
    ({"revisionHistoryLimit": 0}, "revisionHistoryLimit must be at least 1"),
    ({"privateKey": {"size": 1024}}, "from 2048 to 8192 for RSA"),
    ({"privateKey": {"algorithm": "RSA", "size": 9000}}, "from 2048 to 8192 for RSA"),
    ({"privateKey": {"algorithm": "ECDSA", "size": 2048}}, "256, 384 or 521 for ECDSA"),
    ({"privateKey": {"algorithm": "DSA"}}, 'supported values: "RSA", "ECDSA", "Ed25519"'),
    ({"signatureAlgorithm": "ECDSAWithSHA256"}, "does not fit a private key of the kind RSA"),
    ({"privateKey": {"algorithm": "ECDSA"}, "signatureAlgorithm": "SHA256WithRSA"}, "does not fit a private key of the kind ECDSA"),
    ({"usages": ["server"]}, 'Unsupported value: "server"'),
    ({"literalSubject": "CN=a.test", "commonName": "a.test"}, "literalSubject and commonName cannot both be set"),
    ({"literalSubject": "CN=a.test", "subject": {"organizations": ["A"]}}, "literalSubject and subject cannot both be set"),
    ({"literalSubject": "a.test"}, "literalSubject must be like CN=a.example"),
    ({"nameConstraints": {"permitted": {"dnsDomains": ["a.test"]}}}, "nameConstraints needs isCA"),
    ({"isCA": True, "nameConstraints": {"critical": True}}, "nameConstraints needs permitted or excluded"),
    ({"secretTemplate": {"annotations": {"cert-manager.io/x": "1"}}}, "cannot have names of cert-manager.io/"),
    ({"secretTemplate": {"labels": {"a": "not a value"}}}, "must have values that a label can have"),
    ({"additionalOutputFormats": [{"type": "DER"}, {"type": "DER"}]}, "cannot name a type twice"),
    ({"additionalOutputFormats": [{"type": "PEM"}]}, 'supported values: "DER", "CombinedPEM"'),
    ({"keystores": {"jks": {"create": True}}}, "a key store needs one of password and passwordSecretRef"),
    ({"keystores": {"pkcs12": {"create": True, "password": "x", "passwordSecretRef": {"name": "p"}}}}, "a key store needs one of"),
    ({"keystores": {"pkcs12": {"create": True, "password": "x", "profile": "Best"}}}, 'Unsupported value: "Best"'),
    ({"keystores": {"pkcs12": {"create": True, "password": ""}}}, "the password of a key store cannot be empty"),
]
TAKEN_CERTIFICATES = [
    {},
    {"issuerRef": {"kind": "AWSPCAIssuer", "group": "awspca.cert-manager.io"}},
    {"issuerRef": {"kind": ""}},
    {"dnsNames": None, "commonName": "a.test"},
    {"dnsNames": None, "literalSubject": "CN=a.test,O=Example"},
    {"ipAddresses": ["192.0.2.1", "::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80:0:0:0:0:0:0:1"]},
    {"emailAddresses": ["ops+tls@a.test"], "uris": ["spiffe://cluster.local/ns/a/sa/b"]},
    {"duration": "2160h0m0s", "renewBefore": "2159h55m"},
    {"duration": "1h", "renewBefore": "20m"},
    {"duration": "1h30m", "renewBeforePercentage": 30},
    {"renewal": {"policy": "RenewBefore", "windows": [{"cron": "0 1 * * *", "windowDuration": "2h", "timezone": "Europe/Berlin"}]}},
    {"privateKey": {"algorithm": "ECDSA", "size": 521}, "signatureAlgorithm": "ECDSAWithSHA384"},
    {"privateKey": {"algorithm": "Ed25519", "rotationPolicy": "Never"}, "signatureAlgorithm": "PureEd25519"},
    {"privateKey": {"size": 4096, "encoding": "PKCS8"}, "signatureAlgorithm": "SHA512WithRSA"},
    {"usages": ["server auth", "client auth", "digital signature"]},
    {"isCA": True, "nameConstraints": {"critical": True, "permitted": {"dnsDomains": ["a.test"]}}},
    {"secretTemplate": {"annotations": {"cert-manager.io/allow-direct-injection": "true"}, "labels": {"a": "b.c_d-e", "f": ""}}},
    {"additionalOutputFormats": [{"type": "DER"}, {"type": "CombinedPEM"}]},
    {"keystores": {"jks": {"create": True, "password": "x", "alias": "app"}, "pkcs12": {"create": True, "password": "x", "profile": "Modern2023"}}},
    {"keystores": {"jks": {"create": True, "password": "x"}, "pkcs12": {"create": True, "passwordSecretRef": {"name": "p", "key": "k"}}}},
    {"dnsNames": [f"host-{n}.a.test" for n in range(500)]},
]

ISSUER = acme_issuer("le", "https://ca.test/dir", "default")
SOLVER = {"http01": {"ingress": {"class": "traefik"}}}
REFUSED_ISSUERS = [
    ({"acme": None}, "an issuer needs a type: acme, ca, selfSigned, vault or venafi"),
    ({"selfSigned": {}}, "an issuer can have one type only"),
    ({"acme": {"server": ""}}, "acme.server must be the URL of an ACME directory"),
    ({"acme": {"server": "ca.test"}}, "acme.server must be the URL of an ACME directory"),
    ({"acme": {"email": "ops at a.test"}}, "acme.email must be a mail address"),
    ({"acme": {"privateKeySecretRef": {"name": ""}}}, "acme.privateKeySecretRef.name must name a Secret"),
    ({"acme": {"privateKeySecretRef": None}}, "privateKeySecretRef: Required value"),
    ({"acme": {"caBundle": "YQ==", "skipTLSVerify": True}}, "mutually exclusive"),
    ({"acme": {"externalAccountBinding": {"keyID": "", "keySecretRef": {"name": "k", "key": "s"}}}}, "externalAccountBinding needs a keyID"),
    ({"acme": {"externalAccountBinding": {"keyID": "1", "keySecretRef": {"name": "k"}}}}, "keySecretRef needs a name and a key"),
    ({"acme": {"solvers": [{}]}}, "a solver needs one of http01 and dns01"),
    ({"acme": {"solvers": [{**SOLVER, "dns01": {"cloudflare": {}}}]}}, "a solver needs one of http01 and dns01"),
    ({"acme": {"solvers": [{"http01": {}}]}}, "http01 needs one of ingress and gatewayHTTPRoute"),
    ({"acme": {"solvers": [{"http01": {"ingress": {}, "gatewayHTTPRoute": {}}}]}}, "http01 needs one of ingress and gatewayHTTPRoute"),
    ({"acme": {"solvers": [{"http01": {"ingress": {"class": "a", "ingressClassName": "a"}}}]}}, "only one of ingressClassName, class and name"),
    ({"acme": {"solvers": [{"http01": {"ingress": {"ingressClassName": "azure/gateway"}}}]}}, "must be the name of an IngressClass"),
    ({"acme": {"solvers": [{"http01": {"ingress": {"serviceType": "LoadBalancer"}}}]}}, 'Unsupported value: "LoadBalancer"'),
    ({"acme": None, "ca": {"secretName": ""}}, "ca.secretName must name a Secret"),
    ({"acme": None, "vault": {"server": "https://vault.test"}}, "vault.path: Required value"),
]
TAKEN_ISSUERS = [
    {},
    {"acme": {"email": ""}},
    {"acme": {"solvers": [{"http01": {"ingress": {"class": "azure/application-gateway", "podTemplate": {"spec": {}}}}, "selector": {"dnsZones": ["a.test"]}}]}},
    {"acme": {"solvers": [{"dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "t", "key": "k"}}}}]}},
    {"acme": {"solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [{"name": "g", "kind": "Gateway"}]}}}]}},
    {"acme": {"externalAccountBinding": {"keyID": "1", "keySecretRef": {"name": "k", "key": "s"}}}},
    {"acme": None, "selfSigned": {}},
    {"acme": None, "ca": {"secretName": "ca", "crlDistributionPoints": ["http://a.test"]}},
    {"acme": None, "vault": {"server": "https://vault.test", "path": "pki/sign/a", "auth": {"tokenSecretRef": {"name": "t", "key": "k"}}}},
]


def spec(item, change):
    return {**item, "spec": merged(item["spec"], change)}


@pytest.mark.parametrize(("change", "words"), REFUSED_CERTIFICATES, ids=lambda value: json.dumps(value)[:60])
def test_certificates_that_are_refused(cluster, change, words):
    said = tried(cluster, spec(CERTIFICATE, change))
    assert said.startswith("422") and words in said, said
    assert "rule evaluation error" not in said, said


def test_certificates_that_are_taken(cluster):
    for change in TAKEN_CERTIFICATES:
        assert tried(cluster, spec(CERTIFICATE, change)) == "", change


@pytest.mark.parametrize("kind", ["Issuer", "ClusterIssuer"])
def test_issuers(cluster, kind):
    item = {**ISSUER, "kind": kind}
    for change, words in REFUSED_ISSUERS:
        said = tried(cluster, spec(item, change))
        assert said.startswith("422") and words in said, (change, said)
        assert "rule evaluation error" not in said, said
    for change in TAKEN_ISSUERS:
        assert tried(cluster, spec(item, change)) == "", change


def request(name, **change):
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": metadata, "spec": merged(GOOD_REQUEST, change)}


def test_requests(cluster):
    for change, words in (
        ({"request": ""}, "request must be a signing request"),
        ({"issuerRef": {"name": ""}}, "issuerRef.name must name an issuer"),
        ({"issuerRef": {"kind": "issuer"}}, "issuerRef.kind must be Issuer or ClusterIssuer"),
        ({"usages": ["none"]}, 'Unsupported value: "none"'),
    ):
        said = tried(cluster, request("bad", **change))
        assert said.startswith("422") and words in said, (change, said)
    item = request("decided")
    cluster.apply(item)
    try:
        patched = lambda change, part="": cluster.http.patch(
            cluster.base + cluster.url(item) + part,
            data=json.dumps(change),
            headers={"Content-Type": "application/merge-patch+json"},
            timeout=20,
        )
        refused = lambda answer, words: answer.status_code == 422 and words in answer.text
        assert refused(patched({"spec": {"isCA": True}}), "the spec cannot be changed after creation")
        approved, denied = ({"type": kind, "status": "True", "reason": "x"} for kind in ("Approved", "Denied"))
        status = lambda *conditions: patched({"status": {"conditions": list(conditions)}}, "/status")
        assert refused(status(approved, denied), "a request cannot be both Approved and Denied")
        assert refused(status({**approved, "status": "False"}), "the conditions Approved and Denied can only be True")
        assert refused(status(approved, approved), "Duplicate value")
        assert status(approved).status_code == 200
        assert refused(status(), "the condition Approved cannot be changed once it is set")
        assert status(approved, {"type": "Ready", "status": "False"}).status_code == 200
    finally:
        cluster.delete(item)
