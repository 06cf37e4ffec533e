"""A proxy in front of the CA that counts requests and injects faults."""

import http.client
import http.server
import json
import socket
import ssl
import threading
import time

from . import paths, pki

# The requests of an ACME client, by the beginning of Pebble's paths.
PLACES = {
    "directory": "/dir",
    "nonce": "/nonce-plz",
    "account": "/sign-me-up",
    "order": "/order-plz",
    "authorization": "/authZ/",
    "accept": "/chalZ/",
    "finalize": "/finalize-order/",
    "look": "/my-order/",
    "download": "/certZ/",
}


class FaultyCa:
    """Forwards all requests to Pebble, except for injected faults. Pebble makes its URLs from the client's Host."""

    PORT = 14100

    def __init__(self, pebble):
        crt, key = pki.leaf("localhost", "127.0.0.1", ca=pebble.authority).write(paths.WORK / "pebble", "faulty")
        self.directory = f"https://localhost:{self.PORT}/dir"
        self.to_pebble = ssl._create_unverified_context()
        self.lock, self.seen, self.faults = threading.Lock(), [], []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        handler = type("Handler", (_Handler,), {"ca": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.PORT), handler)
        self.server.daemon_threads = True
        # The handler does the handshake, so that a client without one does not block others.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def fault(self, place, answer, times=1):
        """The next requests for a place are answered by `answer(handler, forward)`."""
        with self.lock:
            self.faults.append([PLACES[place], answer, times])

    def mend(self):
        with self.lock:
            self.faults.clear()

    def asked(self, place=None):
        """The number of requests (of a kind), failed ones included."""
        return len(self.times(place))

    def times(self, place=None):
        """Times of the requests, by time.monotonic()."""
        with self.lock:
            return [when for when, path in self.seen if place is None or path.startswith(PLACES[place])]

    def _note(self, path):
        """Notes a request; the fault for it, if there is one."""
        with self.lock:
            self.seen.append((time.monotonic(), path))
            for fault in self.faults:
                if path.startswith(fault[0]) and fault[2] > 0:
                    fault[2] -= 1
                    return fault[1]
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 60

    def log_message(self, *_):
        pass

    def _any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.ca._note(self.path)
        try:
            fault(self, lambda: self._forward(body)) if fault else self.answer(*self._forward(body))
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = _any

    def _forward(self, body):
        """Status, headers and body of Pebble's answer."""
        server = http.client.HTTPSConnection("127.0.0.1", 14000, timeout=30, context=self.ca.to_pebble)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    server.putheader(name, value)
            server.endheaders(body or None)
            answer = server.getresponse()
            keep = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("connection", "content-length", "transfer-encoding")]
            return answer.status, keep, answer.read()
        finally:
            server.close()

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def refused(status, kind, detail, retry_after=None):
    """A problem document in place of the CA's answer; the request is not passed on."""
    problem = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": status}
    headers = [("Content-Type", "application/problem+json")] + ([("Retry-After", str(retry_after))] if retry_after else [])
    return lambda handler, _: handler.answer(status, headers, json.dumps(problem).encode())


def page(status, retry_after=None):
    """The HTML page of a load balancer without backends."""
    headers = [("Content-Type", "text/html")] + ([("Retry-After", str(retry_after))] if retry_after else [])
    body = f"<html><h1>{status} Service Temporarily Unavailable</h1></html>".encode()
    return lambda handler, _: handler.answer(status, headers, body)


def dropped(handler, forward):
    """The CA processes the request, and its response is lost."""
    forward()
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def delayed(seconds):
    """The response comes late."""

    def answer(handler, forward):
        time.sleep(seconds)
        handler.answer(*forward())

    return answer


def truncated(handler, forward):
    """The body ends in the middle of the first certificate. A refusal, such as that of a nonce, is not changed."""
    status, headers, body = forward()
    handler.answer(status, headers, body[: len(body) // 4] if status == 200 else body)


def replaced(text):
    """Another body, in place of that of a success."""

    def answer(handler, forward):
        status, headers, body = forward()
        handler.answer(status, headers, text.encode() if status == 200 else body)

    return answer
