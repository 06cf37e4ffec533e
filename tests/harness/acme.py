"""A CA (Pebble) for which all names resolve to the proxy, and a load balancer for several proxies."""

import base64
import json
import os
import select
import socket
import threading

import requests

from . import paths, pki
from .processes import Process
from .waiting import eventually

HTTP, TLS = 5002, 5001


class Pebble:
    """Pebble in strict mode, refusing half of all nonces, and its DNS server."""

    API, MANAGEMENT, DNS, DNS_MANAGEMENT = 14000, 15000, 8053, 8055

    def __init__(self, authz_reuse=0, address="127.0.0.1", **environment):
        folder = paths.WORK / "pebble"
        folder.mkdir(exist_ok=True)
        self.authority = pki.new_ca("Pebble API")
        crt, key = pki.leaf("localhost", *{"127.0.0.1", address}, ca=self.authority).write(folder, "api")
        self.authority_file = folder / "authority.pem"
        self.authority_file.write_text(self.authority.pem)
        config = {
            "listenAddress": f"{'127.0.0.1' if address == '127.0.0.1' else '0.0.0.0'}:{self.API}",
            "managementListenAddress": f"127.0.0.1:{self.MANAGEMENT}",
            "certificate": str(crt),
            "privateKey": str(key),
            "httpPort": HTTP,
            "tlsPort": TLS,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "externalAccountMACKeys": {"kid-1": base64.urlsafe_b64encode(b"a" * 32).decode().rstrip("=")},
            "domainBlocklist": ["blocked-domain.example"],
            "retryAfter": {"authz": 1, "order": 1},
            "keyAlgorithm": "ecdsa",
            "certificateValidityPeriod": 7776000,
            "profiles": {
                "default": {"description": "The default", "validityPeriod": 7776000},
                "shortlived": {"description": "Six days", "validityPeriod": 518400},
            },
        }
        (folder / "config.json").write_text(json.dumps({"pebble": config}))
        binary = paths.tool("PEBBLE_CHALLENGES", "pebble-challtestsrv")
        silent = [f"-{name}=" for name in ("http01", "https01", "tlsalpn01", "defaultIPv6", "doh")]
        self.dns = Process(
            "pebble-dns",
            [binary, *silent, "-defaultIPv4=127.0.0.1", f"-dnsserver=127.0.0.1:{self.DNS}", f"-management=127.0.0.1:{self.DNS_MANAGEMENT}"],
        )
        environment = {
            "PEBBLE_WFE_NONCEREJECT": "50",
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_AUTHZREUSE": str(authz_reuse),
            **environment,
        }
        command = [paths.tool("PEBBLE", "Pebble"), "-config", folder / "config.json", "-dnsserver", f"127.0.0.1:{self.DNS}", "-strict"]
        self.server = Process("pebble", command, env=environment)
        self.directory = f"https://{'localhost' if address == '127.0.0.1' else address}:{self.API}/dir"
        self.http = requests.Session()
        self.http.trust_env, self.http.verify = False, False
        eventually(lambda: self.http.get(self.directory, timeout=2).ok, 20, 0.05, "Pebble")

    def stop(self):
        self.server.stop()
        self.dns.stop()

    def root(self):
        """The root certificate, in PEM."""
        return self.http.get(f"https://localhost:{self.MANAGEMENT}/roots/0", timeout=5).text

    def requests(self, what):
        """The number of requests of a kind ("/order-plz", "/finalize-order/") to Pebble."""
        return sum(line.count(f"POST {what}") for line in self.server.log().splitlines())

    def orders(self):
        return self.requests("/order-plz")

    def issued(self):
        """The number of issued certificates."""
        return self.server.log().count("Issued certificate serial")

    def forget_name(self, host):
        """The DNS server fails for this name from now on."""
        answer = self.http.post(f"http://127.0.0.1:{self.DNS_MANAGEMENT}/set-servfail", json={"host": host}, timeout=5)
        assert answer.ok, answer.text

    def point(self, host, address):
        """The DNS server has another address for this name from now on."""
        answer = self.http.post(f"http://127.0.0.1:{self.DNS_MANAGEMENT}/add-a", json={"host": host, "addresses": [address]}, timeout=5)
        assert answer.ok, answer.text

    def set_text(self, name, text):
        """Add a TXT record."""
        self._dns("set-txt", host=f"{name}.", value=text)

    def clear_text(self, name):
        """Remove the TXT records of a name."""
        self._dns("clear-txt", host=f"{name}.")

    def _dns(self, what, **body):
        answer = self.http.post(f"http://127.0.0.1:{self.DNS_MANAGEMENT}/{what}", json=body, timeout=5)
        assert answer.ok, answer.text

    def renew_now(self, pem, window):
        """Suggest a window for the renewal of a certificate."""
        suggestion = json.dumps({"suggestedWindow": window})
        body = {"certificate": pem, "ariResponse": suggestion}
        answer = self.http.post(f"https://localhost:{self.MANAGEMENT}/set-renewal-info/", json=body, timeout=5)
        assert answer.ok, answer.text


class Balancer:
    """Connections to one port go to the targets in turn: ports of this machine, or (host, port)."""

    def __init__(self, port, targets):
        self.targets, self.turn = targets, 0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        targets = self.targets()
        for _ in targets:
            self.turn += 1
            try:
                target = targets[self.turn % len(targets)]
                server = socket.create_connection(("127.0.0.1", target) if isinstance(target, int) else target, timeout=5)
            except OSError:
                continue
            with client, server:
                _splice(client, server)
            return
        client.close()

    def stop(self):
        # Closing alone would keep the port in use for as long as a thread waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def _splice(one, other):
    peers = {one: other, other: one}
    while peers:
        readable, _, _ = select.select(list(peers), [], [], 30)
        if not readable:
            return
        for source in readable:
            try:
                data = source.recv(65536)
                if data:
                    (other if source is one else one).sendall(data)
                    continue
                (other if source is one else one).shutdown(socket.SHUT_WR)
            except OSError:
                return
            del peers[source]


def environment(name, pebble):
    """The environment of a pod of the proxy, which trusts the CA's own authority."""
    return {
        "POD_NAME": name,
        "POD_NAMESPACE": "flow-system",
        "POD_IP": "10.99.0.1",
        "SSL_CERT_FILE": str(pebble.authority_file),
        **({"RUST_BACKTRACE": "1"} if os.environ.get("RUST_BACKTRACE") else {}),
    }
