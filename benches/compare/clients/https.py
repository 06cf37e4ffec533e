"""One HTTPS request over a connection of its own."""

import socket

from harness import pki


def context():
    return pki.client_context(alpn=["http/1.1"])


def connect(tls, port, session=None):
    """A connection after its handshake."""
    return tls.wrap_socket(socket.create_connection(("127.0.0.1", port), 60), server_hostname="localhost", session=session)


def ask(connection, path, close):
    """One GET; the response must be a 200 with as many bytes as it declares."""
    more = "Connection: close\r\n" if close else ""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin1").lower().split("\r\n")
    if lines[0].split()[1] != "200":
        raise ConnectionError(lines[0])
    length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
    while len(body) < length:
        body += _some(connection)


def _some(connection):
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionError("closed in the middle of an answer")
    return piece
