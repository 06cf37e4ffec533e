"""The backend of the recorded responses: it returns the request; X-Answer-* request headers shape its response."""

import http.server
import json
import socketserver
import threading


class Backend(http.server.BaseHTTPRequestHandler):
    """X-Answer-Status, -Type, -Size and -Header (`Name: value`, separated by |)."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("transfer-encoding"):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        seen = {
            "method": self.command,
            "target": self.path,
            "headers": sorted([name, value] for name, value in self.headers.items()),
            "body": body.decode("latin1"),
        }
        size, status = self.headers.get("x-answer-size"), int(self.headers.get("x-answer-status") or 200)
        out = (b"0123456789abcdef" * (int(size) // 16 + 1))[: int(size)] if size else json.dumps(seen).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", self.headers.get("x-answer-type") or ("text/plain" if size else "application/json"))
        for line in (self.headers.get("x-answer-header") or "").split("|"):
            if ":" in line:
                name, value = line.split(":", 1)
                self.send_header(name.strip(), value.strip())
        if status in (204, 304):
            out = b""
        else:
            self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(out)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads, request_queue_size = True, 512


def start(address, port):
    """Serve from a thread; the server, to be shut down."""
    server = Server((address, port), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
