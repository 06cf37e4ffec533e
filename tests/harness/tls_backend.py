"""A backend with a certificate of its own that tells what was agreed in the handshake."""

import json

from .own_backend import Handler, OwnBackend


class _Handler(Handler):
    def do_GET(self):
        agreed = {"version": self.connection.version(), "cipher": self.connection.cipher()[0]}
        self.answer(200, body=json.dumps(agreed).encode())


class TlsBackend(OwnBackend):
    """Serves at `address` on any port with the certificate `pair`, until it is left."""

    def __init__(self, pair, folder, address="127.0.0.1", maximum=None):
        super().__init__(_Handler, address)
        self.with_tls(pair, folder, maximum)
