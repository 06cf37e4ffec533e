#!/usr/bin/env python3
"""Fakes of the cluster's other services with their real wire protocols: the real ones cannot run without their images.

    python -m harness.fakes ADDRESS

Authentik's embedded outpost with an application behind it, Vaultwarden's notification hub (SignalR over WebSocket, in
MessagePack), and a server for uploads; each on a port of its own.
"""

import http.server
import json
import secrets
import sys
import threading
import urllib.parse
import zlib

import msgpack
import websockets.exceptions
import websockets.sync.server

from .own_backend import Handler

OUTPOST, VAULT, UPLOADS = 9701, 9702, 9703
PREFIX = "/outpost.goauthentik.io"
SESSIONS = set()


class Outpost(Handler):
    """Forward auth in the mode for Traefik: 200 with the user, 302 to the log-in, 401 for clients that are no browser."""

    def cookie(self):
        return dict(part.strip().partition("=")[::2] for part in self.headers.get("Cookie", "").split(";")).get("authentik_proxy")

    def do_GET(self):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        if path == PREFIX + "/auth/traefik":
            self.authorize()
        elif path == PREFIX + "/start":
            state = urllib.parse.quote(query.get("rd", "/"))
            self.answer(302, [("Location", f"https://auth.ominis.ai/application/o/authorize/?client_id=homer&state={state}")])
        elif path == PREFIX + "/callback":
            session = secrets.token_hex(8)
            SESSIONS.add(session)
            self.answer(302, [("Location", query["state"]), ("Set-Cookie", f"authentik_proxy={session}; Path=/; HttpOnly; SameSite=Lax")])
        elif path == PREFIX + "/sign_out":
            SESSIONS.discard(self.cookie())
            self.answer(302, [("Location", "https://auth.ominis.ai/"), ("Set-Cookie", "authentik_proxy=; Path=/; Max-Age=0")])
        else:  # the application
            self.answer(200, [("Content-Type", "application/json")], json.dumps({"path": self.path, "headers": self.headers.items()}).encode())

    def authorize(self):
        asked = "{}://{}{}".format(*(self.headers.get("X-Forwarded-" + name, "") for name in ("Proto", "Host", "Uri")))
        if self.cookie() in SESSIONS:
            self.answer(200, [("X-authentik-username", "akadmin"), ("X-authentik-groups", "admins|users"), ("X-authentik-uid", "1"), ("X-authentik-asked", asked)])
        elif "text/html" in self.headers.get("Accept", ""):
            host = self.headers.get("X-Forwarded-Host")
            place = f"http://{host}{PREFIX}/start?rd={urllib.parse.quote(asked)}"
            self.answer(302, [("Location", place), ("Set-Cookie", "authentik_csrf=1; Path=/")])
        else:
            self.answer(401, [("WWW-Authenticate", 'Basic realm="authentik"')], b"Unauthorized")


class Uploads(Handler):
    """Counts a body without keeping it."""

    def do_POST(self):
        left, size, checksum = int(self.headers["Content-Length"]), 0, 0
        while left:
            data = self.rfile.read(min(left, 1 << 18))
            if not data:
                return
            left, size, checksum = left - len(data), size + len(data), zlib.crc32(data, checksum)
        self.answer(200, [], json.dumps({"size": size, "crc32": checksum}).encode())


def hub(connection):
    """The server side of SignalR: a handshake in JSON, then a notice; pings are answered."""
    handshake = connection.recv()
    handshake = handshake if isinstance(handshake, str) else handshake.decode()
    assert handshake.endswith("\x1e") and json.loads(handshake[:-1]) == {"protocol": "messagepack", "version": 1}
    connection.send(b"{}\x1e")
    identity = connection.request.headers.get("X-Real-Ip")
    try:
        connection.send(framed([1, {}, None, "ReceiveMessage", [{"ContextId": identity, "Type": 5, "Payload": {"UserId": "u", "Date": 0}}]]))
        for message in connection:
            if msgpack.unpackb(message[1:]) == [6]:
                connection.send(framed([6]))
    except websockets.exceptions.ConnectionClosed:
        pass


def framed(message):
    """A SignalR message: its length as a varint, and its MessagePack."""
    packed, head = msgpack.packb(message), bytearray()
    size = len(packed)
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + packed


def main(address):
    for port, handler in ((OUTPOST, Outpost), (UPLOADS, Uploads)):
        server = http.server.ThreadingHTTPServer((address, port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with websockets.sync.server.serve(hub, address, VAULT) as server:
        print("serving", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
