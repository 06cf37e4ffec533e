"""One request before the rounds, to check that a subject does what the workload measures."""

import gzip
import http.client
import socket
import ssl

import brotli
from harness import pki

from . import certificate
from .failure import Failed


DECODERS = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}


def check(running, workload):
    """Send one request like those of the load; return the length of the response's body on the wire."""
    tls = workload.load.tls
    answer, body = _ask(running, tls, workload.load.method, workload.path, workload.load.headers, workload.load.body)
    if not 200 <= answer.status < 300:
        raise Failed(f"{running.name}: {answer.status} for {workload.path}")
    encoded = answer.getheader("Content-Encoding")
    if encoded != workload.encoding:
        raise Failed(f"{running.name}: the answer is compressed by {encoded}, not by {workload.encoding}")
    whole = DECODERS[encoded](body)
    if workload.size is not None and len(whole) != workload.size:
        raise Failed(f"{running.name}: {len(whole)} bytes instead of {workload.size}")
    if "policy" in workload.features:
        for name in ("X-Frame-Options", "Strict-Transport-Security"):
            if not answer.getheader(name):
                raise Failed(f"{running.name}: the answer has no {name}")
    return len(body)


def forwarded(running, tls):
    """Check that the subject tells the backend of the client by the headers that all subjects must send."""
    answer, body = _ask(running, tls, "GET", "/seen", {}, None)
    address, scheme, host, port, real = (body.decode().split("|") + [""] * 5)[:5]
    wanted = "https" if tls else "http"
    if answer.status != 200 or (address, scheme, real) != ("127.0.0.1", wanted, "127.0.0.1") or not host.startswith("localhost") or not port:
        raise Failed(f"{running.name}: the backend saw the X-Forwarded headers {body.decode()!r}")


def routed(running, host):
    """Check that a host that the load does not use is served as well."""
    answer, _ = _ask(running, False, "GET", "/small", {"Host": host}, None)
    if answer.status != 200:
        raise Failed(f"{running.name}: {answer.status} for the host {host}")


def _ask(running, tls, method, path, headers, body):
    sock = socket.create_connection(("127.0.0.1", running.tls if tls else running.plain), 10)
    if tls:
        sock = pki.client_context(alpn=["http/1.1"]).wrap_socket(sock, server_hostname="localhost")
        if sock.version() != "TLSv1.3":
            raise Failed(f"{running.name}: {sock.version()} instead of TLS 1.3")
        if sock.getpeercert(binary_form=True) != certificate.own().der:
            raise Failed(f"{running.name}: another certificate")
    connection = http.client.HTTPConnection("localhost", running.tls if tls else running.plain)
    connection.sock = sock
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        raise Failed(f"{running.name}: {error!r} for {path}") from None
    finally:
        connection.close()

