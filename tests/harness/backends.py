#!/usr/bin/env python3
"""Backends behind the proxy, in one process of their own: HTTP/1.1, h2c, HTTPS, WebSocket and gRPC.

Every address listens on the same ports, so that an endpoint is chosen by address and a protocol by port. Run as a program
it prints "ready" when all listen; tests use `Backends`.
"""

import asyncio
import hashlib
import json
import pathlib
import ssl
import sys

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import paths, pki
from harness.processes import Process
from harness.waiting import eventually

ADDRESSES = ["10.99.0.1", "10.99.0.2", "10.99.0.3"]
HTTP, WEBSOCKET, H2C, GRPC, HTTPS, HTTPS_H2 = 9080, 9081, 9082, 9083, 9443, 9444
CERTIFICATE_NAME = "backend.internal"

seen = {}  # requests by the word after /count/, and by the X-Count header


class Backends:
    """The running process."""

    def __init__(self):
        pair = pki.leaf(CERTIFICATE_NAME, *ADDRESSES)
        crt, key = pair.write(paths.WORK, "backend")
        self.process = Process("backends", [sys.executable, __file__, crt, key])
        eventually(lambda: "ready\n" in self.process.log(), 20, 0.02, "the backends")

    def stop(self):
        self.process.stop()


class Request:
    """One HTTP/1.1 request as it came over the wire."""

    def __init__(self, head):
        lines = head.decode("latin1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.headers = [line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""] for line in lines[1:] if line]
        self.fields = {name.lower(): value for name, value in self.headers}

    async def body(self, reader, sink):
        """Read the body piece by piece; the trailers."""
        if self.fields.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await reader.readline()).split(b";")[0], 16):
                left = size
                while left:
                    piece = await reader.read(min(left, 65536))
                    left -= len(piece)
                    sink(piece)
                await reader.readline()
            trailers = []
            while (line := await reader.readline()) not in (b"\r\n", b""):
                trailers.append(line.decode("latin1").rstrip("\r\n"))
            return trailers
        left = int(self.fields.get("content-length", 0))
        while left:
            piece = await reader.read(min(left, 65536))
            if not piece:
                raise ConnectionError("body cut short")
            left -= len(piece)
            sink(piece)
        return []


def head(status, headers, reason="Reason"):
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin1")


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def http1(reader, writer):
    """Serve one connection; the path selects the response (see `answer`)."""
    number = 0
    try:
        while True:
            try:
                raw = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            number += 1
            request = Request(raw[:-4])
            if await answer(request, reader, writer, number):
                break
    except (ConnectionError, asyncio.LimitOverrunError, ValueError):
        pass
    finally:
        writer.close()


async def answer(request, reader, writer, number):
    """Answer one request; true to close the connection. `number` counts the requests on this connection."""
    here = writer.get_extra_info("sockname")
    path = request.target.split("?")[0]
    words = [word for word in path.split("/") if word] + ["", ""]
    count = request.fields.get("x-count") or (words[1] if words[0] == "count" else None)
    if count:
        seen[count] = seen.get(count, 0) + 1
    if request.fields.get("upgrade") and words[0] == "upgrade":
        return await upgrade(request, reader, writer)
    if words[0] == "refuse-upload":  # answered before the body is read
        writer.write(head(413, [("Content-Length", "0"), ("Connection", "close")]))
        await writer.drain()
        await asyncio.sleep(0.5)  # a close with unread data is a reset, which may overtake the answer
        return True
    if request.fields.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    digest, length, kept = hashlib.sha256(), 0, bytearray()

    def sink(piece):
        nonlocal length
        length += len(piece)
        digest.update(piece)
        if len(kept) < 65536:
            kept.extend(piece)

    trailers = await request.body(reader, sink)
    if words[0] == "slow":
        await asyncio.sleep(int(words[1]) / 1000)
    if words[0] == "reset":
        writer.transport.abort()
        return True
    if words[0] == "hang":
        await asyncio.sleep(3600)
    if words[0] == "cut":  # promises more than it sends
        writer.write(head(200, [("Content-Length", "1000"), ("Content-Type", "text/plain")]) + b"only this")
        await writer.drain()
        return True
    if words[0] == "garbage":
        writer.write(b"this is not HTTP\r\n\r\n")
        await writer.drain()
        return True
    if words[0] == "early":
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
    if words[0] in ("stream", "sse"):
        await stream(words, writer)
        return False
    if words[0] == "trailers":
        writer.write(head(200, [("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]))
        writer.write(chunk(b"hello") + b"0\r\nX-Sum: 5d41\r\n\r\n")
        await writer.drain()
        return False
    if words[0] == "untyped":  # /untyped/HEX: these bytes, without a type
        body = bytes.fromhex(words[1])
        writer.write(head(200, [("Content-Length", len(body))]) + (b"" if request.method == "HEAD" else body))
        await writer.drain()
        return False
    if words[0] == "seen":
        return await reply(writer, request, 200, "text/plain", str(seen.get(words[1], 0)).encode())
    if words[0] == "size":
        size = int(words[1])
        return await reply(writer, request, 200, "text/plain; charset=utf-8", (b"0123456789abcdef" * (size // 16 + 1))[:size])
    if words[0] == "large":
        return await large(writer, int(words[1]))
    status = int(words[1]) if words[0] == "status" else 200
    body = json.dumps(
        {
            "method": request.method,
            "target": request.target,
            "version": request.version,
            "headers": request.headers,
            "body": kept.decode("latin1") if length <= 65536 else "",
            "length": length,
            "sha256": digest.hexdigest(),
            "trailers": trailers,
            "backend": f"{here[0]}:{here[1]}",
            "number": number,
            "tls": writer.get_extra_info("ssl_object") is not None,
        }
    ).encode()
    extra = [tuple(line.split(": ", 1)) for line in request.fields.get("x-answer", "").split("|") if ": " in line]
    close = words[0] == "then-close"
    await reply(writer, request, status, "application/json", body, extra)
    return close


async def reply(writer, request, status, kind, body, extra=()):
    if status in (204, 304):
        writer.write(head(status, extra))
    else:
        headers = [("Content-Type", kind), ("Content-Length", len(body)), *extra]
        writer.write(head(status, headers) + (b"" if request.method == "HEAD" else body))
    await writer.drain()
    return False


async def stream(words, writer):
    """/stream/N/MS: N pieces, MS apart; /sse/N/MS the same as events."""
    events = words[0] == "sse"
    kind = "text/event-stream" if events else "application/octet-stream"
    writer.write(head(200, [("Content-Type", kind), ("Transfer-Encoding", "chunked")]))
    for i in range(int(words[1])):
        writer.write(chunk(f"data: {i}\n\n".encode() if events else f"piece {i}\n".encode()))
        await writer.drain()
        await asyncio.sleep(int(words[2] or 50) / 1000)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def large(writer, size):
    """/large/N: N bytes with a length, from a fixed block."""
    block = bytes(range(256)) * 256
    writer.write(head(200, [("Content-Type", "application/octet-stream"), ("Content-Length", size)]))
    while size:
        piece = block[: min(size, len(block))]
        size -= len(piece)
        writer.write(piece)
        await writer.drain()
    return False


async def upgrade(request, reader, writer):
    """Switch to the requested protocol, then echo bytes in upper case until the end."""
    protocol = request.fields["upgrade"]
    writer.write(head(101, [("Upgrade", protocol), ("Connection", "Upgrade")], "Switching Protocols"))
    await writer.drain()
    while data := await reader.read(65536):
        writer.write(data.upper())
        await writer.drain()
    return True


# --- HTTP/2 ----------------------------------------------------------------------------------------------------------


class Http2(asyncio.Protocol):
    """Answers each stream with its request as JSON, and the trailer x-sum; /size/N and /early as in HTTP/1.1."""

    def connection_made(self, transport):
        import h2.config
        import h2.connection

        self.transport = transport
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.streams, self.pending = {}, {}
        self.flush()

    def flush(self):
        self.transport.write(self.connection.data_to_send())

    def data_received(self, data):
        import h2.events
        import h2.exceptions

        try:
            events = self.connection.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.flush()
            self.transport.close()
            return
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                self.streams[event.stream_id] = [event.headers, bytearray(), []]
            elif isinstance(event, h2.events.DataReceived):
                self.streams[event.stream_id][1].extend(event.data)
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                self.streams[event.stream_id][2] = event.headers
            elif isinstance(event, h2.events.StreamEnded):
                self.answer(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.streams.pop(event.stream_id, None)
                self.pending.pop(event.stream_id, None)
            elif isinstance(event, h2.events.WindowUpdated):
                for stream in list(self.pending):
                    self.send(stream)
        self.flush()

    def answer(self, stream):
        headers, body, trailers = self.streams.pop(stream)
        fields = dict(headers)
        if fields[":path"] == "/early":
            self.connection.send_headers(stream, [(":status", "103"), ("link", "</style.css>; rel=preload")])
        if fields[":path"].startswith("/size/"):
            size = int(fields[":path"].split("/")[2])
            out, kind = (b"0123456789abcdef" * (size // 16 + 1))[:size], "text/plain"
        else:
            seen_here = {
                "method": fields[":method"],
                "target": fields[":path"],
                "version": "HTTP/2",
                "authority": fields.get(":authority"),
                "headers": [[n, v] for n, v in headers if not n.startswith(":")],
                "body": body.decode("latin1"),
                "trailers": [list(t) for t in trailers],
                "backend": "{}:{}".format(*self.transport.get_extra_info("sockname")[:2]),
                "tls": self.transport.get_extra_info("ssl_object") is not None,
            }
            out, kind = json.dumps(seen_here).encode(), "application/json"
        self.connection.send_headers(stream, [(":status", "200"), ("content-type", kind), ("trailer", "x-sum")])
        self.pending[stream] = bytearray(out)
        self.send(stream)

    def send(self, stream):
        left = self.pending[stream]
        while left:
            room = min(self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size, len(left))
            if room <= 0:
                return
            self.connection.send_data(stream, bytes(left[:room]))
            del left[:room]
        self.connection.send_headers(stream, [("x-sum", "5d41")], end_stream=True)
        del self.pending[stream]


# --- WebSocket and gRPC ----------------------------------------------------------------------------------------------


async def websocket(connection):
    """Echo messages; on /who the first message has the request's headers."""
    from websockets.exceptions import ConnectionClosed

    try:
        if connection.request.path.startswith("/who"):
            await connection.send(json.dumps([[k, v] for k, v in connection.request.headers.raw_items()]))
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass


async def start_grpc():
    """The service flow.Echo with untyped messages: Say (unary), Count (server streaming), Talk (both ways), Fail."""
    import grpc
    import grpc.aio

    async def say(request, context):
        context.set_trailing_metadata((("x-trailer", "unary"),))
        return b"echo " + request

    async def count(request, context):
        for i in range(int(request)):
            yield str(i).encode()
            await asyncio.sleep(0.05)

    async def talk(requests, context):
        async for request in requests:
            yield request.upper()

    async def failing(request, context):
        await context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")

    handlers = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
        "Fail": grpc.unary_unary_rpc_method_handler(failing),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("flow.Echo", handlers),))
    for address in ADDRESSES:
        server.add_insecure_port(f"{address}:{GRPC}")
    await server.start()
    return server


async def serve(crt, key):
    import websockets.asyncio.server

    loop = asyncio.get_running_loop()
    plain_tls, h2_tls = (ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) for _ in range(2))
    for context, protocols in ((plain_tls, ["http/1.1"]), (h2_tls, ["h2"])):
        context.load_cert_chain(crt, key)
        context.set_alpn_protocols(protocols)
    for address in ADDRESSES:
        await asyncio.start_server(http1, address, HTTP, backlog=1024)
        await asyncio.start_server(http1, address, HTTPS, ssl=plain_tls, backlog=1024)
        await loop.create_server(Http2, address, H2C, backlog=1024)
        await loop.create_server(Http2, address, HTTPS_H2, ssl=h2_tls, backlog=1024)
        await websockets.asyncio.server.serve(websocket, address, WEBSOCKET, compression=None, ping_interval=None)
    grpc_server = await start_grpc()
    print("ready", flush=True)
    await grpc_server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
