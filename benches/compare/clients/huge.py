"""Bodies of a gibibyte or so: `huge serve ADDRESS PORT` and `huge load PORT SECONDS PATH DIRECTION BYTES`, which prints how many MiB passed.

Only the length of a body is kept, so that neither disk nor memory is measured.
"""

import socket
import socketserver
import sys
import time

PIECE = memoryview(bytes(256 * 1024))
MIB = 1024 * 1024


class Bodies(socketserver.BaseRequestHandler):
    """GET /BYTES responds with that many; PUT responds with the length of its body."""

    def handle(self):
        buffer = bytearray(len(PIECE))
        try:
            while True:
                start, fields, rest = read_head(self.request)
                method, path = start.split()[:2]
                if method == "GET":
                    self._answer(int(path[1:]))
                    send_body(self.request, int(path[1:]))
                else:
                    length = int(fields["content-length"])
                    receive_body(self.request, length, len(rest), buffer)
                    told = str(length).encode()
                    self._answer(len(told))
                    self.request.sendall(told)
        except ConnectionError:
            return

    def _answer(self, length):
        self.request.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n".encode())


class Server(socketserver.ThreadingTCPServer):
    """Serves many connections until it is stopped."""

    daemon_threads = allow_reuse_address = True


def read_head(connection):
    """Return (first line, {field: value}, the bytes of the body so far); fail at the end of the stream."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed before a head was whole")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("latin1").split("\r\n")
    return start, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}, rest


def send_body(connection, length):
    while length > 0:
        connection.sendall(PIECE[:length])
        length -= min(length, len(PIECE))


def receive_body(connection, length, got, buffer):
    while got < length:
        count = connection.recv_into(buffer, min(len(buffer), length - got))
        if not count:
            raise ConnectionError(f"a body ended after {got} bytes of {length}")
        got += count


def _load(port, seconds, direction, length):
    end, count, buffer = time.monotonic() + seconds, 0, bytearray(len(PIECE))
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        while not count or time.monotonic() < end:
            _transfer(connection, direction, length, buffer)
            count += 1
    return count * length // MIB


def _transfer(connection, direction, length, buffer):
    if direction == "down":
        connection.sendall(f"GET /{length} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wanted = length
    else:
        head = f"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode())
        send_body(connection, length)
        wanted = len(str(length))
    start, fields, rest = read_head(connection)
    if start.split()[1] != "200" or int(fields.get("content-length", -1)) != wanted:
        raise ConnectionError(f"{start} {fields}")
    if direction == "down":
        receive_body(connection, length, len(rest), buffer)
    else:
        told = bytearray(rest)
        while len(told) < wanted:
            piece = connection.recv(64)
            if not piece:
                raise ConnectionError("an answer ended early")
            told += piece
        if told != str(length).encode():
            raise ConnectionError(f"{told.decode()} bytes of {length} arrived")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        with Server((sys.argv[2], int(sys.argv[3])), Bodies) as server:
            server.serve_forever()
    else:
        print(_load(int(sys.argv[2]), float(sys.argv[3]), sys.argv[5], int(sys.argv[6])))
