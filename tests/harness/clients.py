"""Clients that show what is on the wire: HTTP/1.1 over raw sockets, HTTP/2 by the h2 state machine."""

import gzip
import json
import socket
import time
import zlib

import brotli
import h2.config
import h2.connection
import h2.events
import h2.settings
import zstandard

from . import pki


class Answer:
    """A response: status, headers as received, body as received, trailers, and the interim responses before it."""

    def __init__(self, status, headers, body=b"", trailers=(), interim=(), reason=""):
        self.status, self.headers, self.body = status, headers, body
        self.trailers, self.interim, self.reason = list(trailers), list(interim), reason

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:120]!r}>"

    def get(self, name, default=None):
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), default)

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self):
        return self.decoded().decode("latin1")

    def json(self):
        """The request as an echoing backend saw it."""
        return json.loads(self.decoded())

    def seen(self, name, default=None):
        """The first value of a request header as the backend saw it."""
        return next((value for key, value in self.json()["headers"] if key.lower() == name.lower()), default)

    def decoded(self):
        """The body without its content coding."""
        coding = (self.get("content-encoding") or "identity").lower()
        decoders = {
            "identity": lambda data: data,
            "gzip": gzip.decompress,
            "deflate": zlib.decompress,
            "br": brotli.decompress,
            "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        }
        return decoders[coding](self.body)


class ConnectionEnded(ConnectionError):
    """The other side closed before the response was complete."""


def connect(port, address="127.0.0.1", tls=None, name=None, timeout=10, session=None):
    """A TCP connection, or a TLS one if `tls` is a context."""
    raw = socket.create_connection((address, port), timeout)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(raw, server_hostname=name, session=session) if tls else raw


class Http1:
    """One HTTP/1.1 connection, kept alive until closed."""

    def __init__(self, port, tls=None, name=None, timeout=10, address="127.0.0.1", session=None):
        self.socket = connect(port, address, tls, name, timeout, session)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin1"))

    def request(self, host, path="/", method="GET", headers=(), body=None, close=False):
        """Send a request and read its answer. `headers` is a mapping or a list of pairs."""
        self.send(request_bytes(host, path, method, headers, body, close))
        return self.read(method)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionEnded(f"closed with {self.buffer[:200]!r} unread")
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode("latin1")

    def exactly(self, size):
        pieces, left = [], size
        while left:
            if not self.buffer:
                self._more()
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def head(self):
        """Status line and headers of the next response."""
        first = self.line().split(" ", 2)
        headers = []
        while line := self.line():
            key, _, value = line.partition(":")
            headers.append((key, value.strip(" ")))
        return Answer(int(first[1]), headers, reason=first[2] if len(first) > 2 else "")

    def read(self, method="GET"):
        """A whole response, interim ones noted."""
        interim = []
        while True:
            answer = self.head()
            if answer.status >= 200 or answer.status == 101:
                break
            interim.append(answer)
        answer.interim = interim
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        if (answer.get("transfer-encoding") or "").lower() == "chunked":
            pieces = list(self.chunks())
            answer.body = b"".join(pieces)
            answer.trailers = self.last_trailers
        elif answer.get("content-length") is not None:
            answer.body = self.exactly(int(answer.get("content-length")))
        else:
            try:
                while True:
                    self._more()
            except ConnectionEnded:
                answer.body, self.buffer = self.buffer, b""
        return answer

    def chunks(self):
        """The chunks of a chunked body as they come; afterwards `last_trailers` holds the trailers."""
        self.last_trailers = []
        while size := int(self.line().split(";")[0], 16):
            data = self.exactly(size)
            self.line()
            yield data
        while line := self.line():
            key, _, value = line.partition(":")
            self.last_trailers.append((key, value.strip()))

    def closed(self, seconds=5):
        """True if the other side closes the connection within some time, without sending more."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


def request_bytes(host, path="/", method="GET", headers=(), body=None, close=False):
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names and host is not None:
        pairs.insert(0, ("Host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", len(body)))
    if close and "connection" not in names:
        pairs.append(("Connection", "close"))
    text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
    return text.encode("latin1") + (body or b"")


def fetch(port, host, path="/", method="GET", headers=(), body=None, tls=None, name=None, timeout=10):
    """One request over a connection of its own."""
    context = pki.client_context(alpn=["http/1.1"]) if tls is True else tls
    with Http1(port, context, name or host.split(":")[0], timeout) as connection:
        return connection.request(host, path, method, headers, body, close=True)


def certificate_of(port, name, context=None):
    """The server's certificate (DER) for a server name, after a handshake."""
    with connect(port, tls=context or pki.client_context(), name=name) as wrapped:
        return wrapped.getpeercert(True)


class GracefulConnection(h2.connection.H2Connection):
    """Continues after a GOAWAY, as a client must for the streams that the server still answers."""

    def _receive_goaway_frame(self, frame):
        result = super()._receive_goaway_frame(frame)
        self.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        return result


class Http2:
    """One HTTP/2 connection; over TLS by ALPN, else with prior knowledge."""

    def __init__(self, port, tls=None, name=None, timeout=10, address="127.0.0.1"):
        self.socket = connect(port, address, tls, name, timeout)
        if tls:
            assert self.socket.selected_alpn_protocol() == "h2", self.socket.selected_alpn_protocol()
        self.h2 = GracefulConnection(h2.config.H2Configuration(header_encoding="latin1"))
        self.h2.initiate_connection()
        self.answers, self.done, self.reset, self.goaway, self.ended = {}, set(), {}, None, False
        self._flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _flush(self):
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def start(self, host, path="/", method="GET", headers=(), end=True, scheme=None):
        """Open a stream; its number."""
        stream = self.h2.get_next_available_stream_id()
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
        tls = hasattr(self.socket, "selected_alpn_protocol")
        pseudo = [(":method", method), (":scheme", scheme or ("https" if tls else "http")), (":authority", host), (":path", path)]
        self.h2.send_headers(stream, pseudo + [(n.lower(), str(v)) for n, v in pairs], end_stream=end)
        self._flush()
        return stream

    def data(self, stream, body=b"", end=True):
        """Send a body within the flow-control window."""
        body = memoryview(body)
        while len(body):
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if not room:
                self.step()
                continue
            self.h2.send_data(stream, bytes(body[:room]))
            body = body[room:]
            self._flush()
        if end:
            self.h2.end_stream(stream)
            self._flush()

    def step(self):
        """Read what has arrived; waits for at least one byte."""
        data = self.socket.recv(65536)
        if not data:
            self.ended = True
            raise ConnectionEnded("HTTP/2 connection closed")
        for event in self.h2.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event):
        if isinstance(event, h2.events.InformationalResponseReceived):
            self.answers.setdefault(event.stream_id, Answer(0, [])).interim.append(dict(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            answer = self.answers.setdefault(event.stream_id, Answer(0, []))
            answer.status = int(dict(event.headers)[":status"])
            answer.headers = [(n, v) for n, v in event.headers if not n.startswith(":")]
        elif isinstance(event, h2.events.DataReceived):
            self.answers[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.answers[event.stream_id].trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            self.done.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.reset[event.stream_id] = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event

    def wait(self, stream):
        """The whole response of a stream."""
        while stream not in self.done:
            if stream in self.reset:
                raise ConnectionEnded(f"stream reset with {self.reset[stream]}")
            self.step()
        return self.answers[stream]

    def request(self, host, path="/", method="GET", headers=(), body=None):
        stream = self.start(host, path, method, headers, end=body is None)
        if body is not None:
            self.data(stream, body)
        return self.wait(stream)

    def wait_goaway(self, seconds=10):
        """Read until the server sends GOAWAY."""
        end = time.monotonic() + seconds
        while self.goaway is None:
            assert time.monotonic() < end, "no GOAWAY"
            self.step()
        return self.goaway
