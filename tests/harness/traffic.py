"""Steady traffic over kept connections and WebSockets; every failure is noted."""

import asyncio
import collections
import contextlib
import select
import threading
import time

import websockets.asyncio.client

from . import clients, pki
from .workers import Workers

# The kinds of clients, and the number of threads of each.
PLAIN, SECURE, STREAMS, TALKS, SECURE_TALKS = "HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2", "WebSockets", "WebSockets over TLS"
WORK = {PLAIN: 4, SECURE: 3, STREAMS: 3, TALKS: 3, SECURE_TALKS: 2}
# Streams of one HTTP/2 connection that are open at once, and the upload of the last of them.
AT_ONCE, UPLOAD = 3, b"u" * 40_000


class Traffic(Workers):
    """Threads that request pages over kept connections (plain, TLS, HTTP/2), and that use WebSockets for `seconds` each."""

    def __init__(self, port, tls_port, host, seconds=1.5):
        super().__init__()
        self.port, self.tls_port, self.host, self.seconds = port, tls_port, host, seconds
        self.done, self.sent_again, self.failures = collections.Counter(), 0, []
        self.lock = threading.Lock()
        self.context, self.h2_context = pki.client_context(alpn=["http/1.1"]), pki.client_context(alpn=["h2"])
        work = {
            PLAIN: lambda: self._pages(PLAIN, self.port),
            SECURE: lambda: self._pages(SECURE, self.tls_port, self.context),
            STREAMS: self._streams,
            TALKS: lambda: asyncio.run(self._talks(TALKS, "ws", self.port)),
            SECURE_TALKS: lambda: asyncio.run(self._talks(SECURE_TALKS, "wss", self.tls_port, ssl=self.context)),
        }
        for kind, count in WORK.items():
            for _ in range(count):
                self.add(self._until_end, kind, work[kind])

    def __str__(self):
        counts = ", ".join(f"{self.done[kind]} {kind}" for kind in WORK)
        return f"{counts}; {self.sent_again} streams sent again"

    def went_on(self, since=None):
        """True if clients of every kind were served a good deal more than in `since`, earlier counts."""
        since = since or {}
        return all(self.done[kind] - since.get(kind, 0) >= (1 if "WebSockets" in kind else 20) for kind in WORK)

    def _until_end(self, kind, work):
        while not self.ended.is_set():
            try:
                work()
            except Exception as error:  # any error is one that a client would see
                self.failures.append(f"{time.strftime('%X')} {kind} {error!r} from {error.__cause__!r}")

    def _served(self, kind, answer):
        assert answer.status == 200, answer
        with self.lock:
            self.done[kind] += 1

    def _pages(self, kind, port, context=None):
        """One connection, until the server announces its end."""
        with clients.Http1(port, context, self.host) as connection:
            while not self.ended.is_set():
                answer = connection.request(self.host)
                self._served(kind, answer)
                if (answer.get("connection") or "").lower() == "close":
                    return
                time.sleep(0.02)

    def _streams(self):
        """One HTTP/2 connection, until the server sends GOAWAY.

        It does what every client of HTTP/2 must do: after GOAWAY nothing new goes over the connection; streams above its last
        number were not processed and are sent again over another (RFC 9113 §6.8); the others must be answered in full.
        """
        again = []
        with clients.Http2(self.tls_port, self.h2_context, self.host) as connection:
            while not self.ended.is_set():
                self._take_in(connection)
                if connection.goaway:
                    break
                streams = [(self._open(connection, body), body) for body in [None] * (AT_ONCE - 1) + [UPLOAD]]
                again = [body for stream, body in streams if not self._answered(connection, stream)]
                time.sleep(0.02)
        for body in again:
            with clients.Http2(self.tls_port, self.h2_context, self.host) as another:
                self._served(STREAMS, another.request(self.host, method="POST" if body else "GET", body=body))
            with self.lock:
                self.sent_again += 1

    def _open(self, connection, body):
        """The number of a new stream; none after GOAWAY."""
        if connection.goaway:
            return None
        stream = connection.h2.get_next_available_stream_id()
        with contextlib.suppress(OSError):  # `_answered` tells whether an end was in order
            connection.start(self.host, method="POST" if body else "GET", end=body is None)
            if body:
                connection.data(stream, body)
        return stream

    def _answered(self, connection, stream):
        """Read the response of a stream; false if GOAWAY said that it was not processed."""
        try:
            answer = stream and connection.wait(stream)
        except OSError:
            if connection.goaway is None or stream <= connection.goaway.last_stream_id:
                raise
            answer = None
        if answer:
            self._served(STREAMS, answer)
        return answer is not None

    @staticmethod
    def _take_in(connection):
        """Read what the server sent while no request was open."""
        while connection.goaway is None and (connection.socket.pending() or select.select([connection.socket], [], [], 0)[0]):
            connection.step()

    async def _talks(self, kind, scheme, port, **more):
        """One WebSocket: every message must come back, and it must close cleanly.

        By asyncio, since the library's threads would read and write one TLS connection at once, which Python's ssl does not bear.
        """
        async with websockets.asyncio.client.connect(
            f"{scheme}://{self.host}/ws", sock=clients.connect(port), open_timeout=10, close_timeout=10, **more
        ) as talk:
            end, number = time.monotonic() + self.seconds, 0
            while time.monotonic() < end:
                await talk.send(f"word {number}")
                assert await asyncio.wait_for(talk.recv(), 10) == f"word {number}"
                number += 1
                await asyncio.sleep(0.05)
        with self.lock:
            self.done[kind] += 1
