"""DNS-PERSIST-01: a wildcard proved by a TXT record that stays, without the right to change DNS records in anybody's hands."""

import re
import subprocess

import pytest
from harness import acme, objects, paths, pki
from harness.backends import HTTP
from harness.issuing import *  # noqa: F403 (fixtures)
from harness.issuing import ACME, Replicas, acme_issuer, certificate, listed, presented, read, ready
from harness.waiting import consistently, eventually

SERVERS = f"--acme.nameservers=127.0.0.1:{acme.Pebble.DNS}"
METHOD = {"flow-proxy.ominis.ai/challenge-type": "DNS-PERSIST-01"}
WAITING = re.compile(r'create the TXT record (\S+) with "([^"]+)" \(([^)]+)\)')


@pytest.fixture(scope="module")
def replicas(cluster, pebble):
    running = Replicas(cluster, pebble, SERVERS)
    running.start(2)
    eventually(running.leader, 20, what="a leader")
    yield running
    running.stop()


def wanted(cluster, namespace):
    """Name, text and fault of the record that the challenges of a namespace wait for."""
    reasons = [item.get("status", {}).get("reason", "") for item in listed(cluster, "challenges", namespace, ACME)]
    found = [match.groups() for match in map(WAITING.search, reasons) if match]
    assert found, reasons
    return found[0]


def told(proxy, words):
    found = [finding["message"] for finding in proxy.api("/diagnostics")]
    assert any(words in message for message in found), found
    return True


def test_a_wildcard_is_proved_by_a_record_that_stays(cluster, replicas, pebble):
    namespace, host = "persist", "persist.flow.test"
    cluster.apply(objects.namespace(namespace), acme_issuer("by-record", pebble.directory, namespace, METHOD))
    asked = pebble.requests("/chalZ/")
    cluster.apply(certificate("wild", namespace, f"*.{host}", issuer="by-record", kind="Issuer"))
    name, text, fault = eventually(lambda: wanted(cluster, namespace), 30, 0.1, "the record")
    account = read(cluster, "issuers", namespace, "by-record")["status"]["acme"]["uri"]
    assert (name, fault) == (f"_validation-persist.{host}", "there is no such record")
    assert text == f"pebble.letsencrypt.org; accounturi={account}; policy=wildcard"
    # Told by the API of each replica, by the command, and not to the CA.
    for proxy in replicas.running:
        eventually(lambda proxy=proxy: told(proxy, text), 10, 0.1, "the finding")
    binary = paths.tool("FLOW_PROXY", "the proxy's executable")
    shown = subprocess.run([binary, "cert", "status", "wild", "-n", namespace], env={"KUBECONFIG": cluster.kubeconfig}, capture_output=True, text=True).stdout
    assert text in shown and "What to do: create the TXT record" in shown, shown
    assert pebble.requests("/chalZ/") == asked
    # A record that proves too little.
    pebble.set_text(name, text.replace("; policy=wildcard", ""))
    eventually(lambda: wanted(cluster, namespace)[2] == "the record there lacks policy=wildcard", 30, 0.1, "the fault")
    consistently(lambda: pebble.requests("/chalZ/") == asked, 2, 0.2)
    pebble.clear_text(name)
    pebble.set_text(name, text)
    eventually(lambda: ready(cluster, namespace, "wild"), 40, 0.1, "the certificate")
    # The next one needs nobody.
    cluster.apply(certificate("more", namespace, host, f"*.{host}", issuer="by-record", kind="Issuer"))
    eventually(lambda: ready(cluster, namespace, "more"), 40, 0.1, "the certificate of both names")
    for proxy in replicas.running:
        eventually(lambda proxy=proxy: not [f for f in proxy.api("/diagnostics") if "TXT record" in f["message"]], 10, 0.1, "no finding")


def test_a_resolver_has_it_too(cluster, replicas, pebble, tmp_path):
    host = "resolved.persist.test"
    options = {"email": "ops@flow.test", "caserver": pebble.directory, "storage": tmp_path / "acme.json", "keytype": "EC256", "dnspersistchallenge": "true"}
    flags = [f"--certificatesresolvers.le.acme.{name}={value}" for name, value in options.items()]
    replicas.flags = (*replicas.flags, *flags)
    for proxy in list(replicas.running):
        replicas.remove(proxy)
    replicas.start(2)
    cluster.apply(objects.namespace("wild"), objects.service("web", "wild"), objects.endpoints("web", "wild", ["10.99.0.1"], HTTP))
    domains = {"router.tls.certresolver": "le", "router.tls.domains.0.main": f"*.{host}"}
    cluster.apply(objects.ingress("web", "wild", f"shop.{host}", backend="web", annotations=domains))

    def record():
        messages = [finding["message"] for finding in replicas.running[0].api("/diagnostics")]
        found = [match.groups() for match in map(WAITING.search, messages) if match]
        assert found, messages
        return found[0]

    name, text, _ = eventually(record, 40, 0.1, "the record")
    pebble.set_text(name, text)
    names = lambda: [pki.names_of(presented(proxy, f"shop.{host}")) for proxy in replicas.running]

    def served():
        assert names() == [[f"*.{host}"]] * 2, names()
        return True

    eventually(served, 40, 0.1, "the wildcard on both replicas")
