"""A backend with a certificate of its own that tells what was agreed in the handshake."""

import json
import ssl

from .own_backend import Handler, OwnBackend


class _Handler(Handler):
    def do_GET(self):
        agreed = {"version": self.connection.version(), "cipher": self.connection.cipher()[0]}
        self.answer(200, json.dumps(agreed).encode())


class TlsBackend(OwnBackend):
    """Serves at `address` on any port with the certificate `pair`, until it is left."""

    def __init__(self, pair, folder, address="127.0.0.1", maximum=None):
        super().__init__(_Handler, address)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair.write(folder, f"backend-{self.port}"))
        if maximum:
            context.maximum_version = maximum
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://{self.authority}"
