"""A backend of a test's own: a handler of http.server, which has one instance for each connection."""

import http.server
import ssl
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with `answer`, over connections that stay."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class OwnBackend:
    """Serves at `address` on any port with `handler`, until it is left."""

    def __init__(self, handler, address="127.0.0.1"):
        self.server = http.server.ThreadingHTTPServer((address, 0), handler)
        self.server.handle_error = lambda *_: None  # a peer that hangs up
        self.address, self.port = self.server.server_address
        self.authority = f"{self.address}:{self.port}"
        self.url = f"http://{self.authority}"

    def with_tls(self, pair, folder, maximum=None):
        """Speaks TLS with the certificate `pair` from now on; the URL."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair.write(folder, f"backend-{self.port}"))
        if maximum:
            context.maximum_version = maximum
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://{self.authority}"
        return self.url

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
