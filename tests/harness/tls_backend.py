"""A backend with a certificate of its own that tells what was agreed in the handshake."""

import http.server
import json
import ssl
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = json.dumps({"version": self.connection.version(), "cipher": self.connection.cipher()[0]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class TlsBackend:
    """Serves at `address` on any port with `pair`, until it is left."""

    def __init__(self, pair, folder, address="127.0.0.1", maximum=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair.write(folder, f"backend-{id(self)}"))
        if maximum:
            context.maximum_version = maximum
        self.server = http.server.ThreadingHTTPServer((address, 0), _Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.handle_error = lambda *_: None  # a client that trusts nobody hangs up
        self.address, self.port = self.server.server_address
        self.url = f"https://{self.address}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
