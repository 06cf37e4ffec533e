#!/usr/bin/env python3
"""HTTP/1.1 backends that fall ill, die and come back when told, in one process of their own; they note what they got.

Server N listens on 10.99.1.N. Its state is one of
  up      it serves
  ill     it serves, and answers /health with 503
  dying   it breaks a request off: at the head, at some byte of the body, or at its end, by a reset or by an end
  hangs   it reads and never answers
  down    nobody listens, and open connections are reset
"""

import asyncio
import itertools
import json
import pathlib
import random
import re
import socket
import sys
import threading
import zlib

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.processes import Process
from harness.waiting import eventually

PORT, CONTROL = 9180, 9181
_numbers = itertools.count(1)


def address(number):
    return f"10.99.1.{number}"


class Mortals:
    """The running process with `count` servers."""

    def __init__(self, count):
        self.lock = threading.Lock()
        self.process = Process(f"mortals-{next(_numbers)}", [sys.executable, __file__, count])
        eventually(lambda: "ready\n" in self.process.log(), 20, 0.02, "the backends")
        self.control = socket.create_connection(("127.0.0.1", CONTROL), 10).makefile("rw")

    def ask(self, *words):
        with self.lock:
            self.control.write(json.dumps(words) + "\n")
            self.control.flush()
            return json.loads(self.control.readline())

    def set(self, number, state):
        """Puts a server into a state."""
        self.ask("set", number, state)

    def counts(self):
        """The number of requests that each server answered, since they were last asked for: {N: count}."""
        return {int(number): count for number, count in self.ask("counts").items()}

    def tries(self):
        """What came of requests with an X-Id, since last asked for: {id: [[server, bytes of the body, whether it was answered]]}."""
        return self.ask("tries")

    def stop(self):
        self.control.close()
        self.process.stop()


class Server:
    """One address and its state."""

    def __init__(self, number):
        self.number, self.state, self.listener, self.connections, self.count = number, "down", None, set(), 0

    async def become(self, state):
        self.state = state
        if state == "down" and self.listener:
            self.listener.close()
            for connection in list(self.connections):
                connection.transport.abort()
            self.listener = None
        elif state != "down" and not self.listener:
            loop = asyncio.get_running_loop()
            self.listener = await loop.create_server(lambda: Connection(self), address(self.number), PORT, backlog=1024)


class Connection(asyncio.Protocol):
    """One connection, whose requests are answered in turn."""

    tries = {}

    def __init__(self, server):
        self.server, self.head, self.left = server, bytearray(), 0

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, _):
        self.server.connections.discard(self)

    def data_received(self, data):
        if not self.left:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = bytes(self.head[:end]).lower(), bytes(self.head[end + 4 :])
            self.head.clear()
            self.begin(head)
        if self.transport.is_closing():
            return
        self.left -= len(data)
        self.crc = zlib.crc32(data, self.crc)
        if self.entry:
            self.entry[1] += len(data)
        if self.dies_at is not None and self.left <= self.dies_at:
            return self.die()
        if self.left <= 0:
            self.left = 0
            self.answer()

    def begin(self, head):
        length = re.search(rb"\r\ncontent-length: *(\d+)", head)
        self.length = self.left = int(length[1]) if length else 0
        self.crc, self.entry = 0, None
        self.path = head.split(b" ", 2)[1]
        key = re.search(rb"\r\nx-id: *([^\r]+)", head)
        if key:
            self.entry = [self.server.number, 0, False]
            self.tries.setdefault(key[1].decode(), []).append(self.entry)
        self.dies_at = None
        if self.server.state == "dying" and self.path != b"/health":
            self.dies_at = random.choice([0, self.length, random.randrange(self.length + 1), random.randrange(self.length + 1)])
            if self.dies_at == self.length:
                self.die()

    def die(self):
        if random.random() < 0.5:
            self.transport.abort()
        else:
            self.transport.close()

    def answer(self):
        state = self.server.state
        if state == "hangs":
            return
        is_ill = state == "ill" and self.path == b"/health"
        body = json.dumps({"server": self.server.number, "length": self.length, "crc": self.crc}).encode()
        status = b"503 Ill" if is_ill else b"200 OK"
        self.transport.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        if self.entry:
            self.entry[2] = True
        if self.path != b"/health":
            self.server.count += 1


async def control(servers, reader, writer):
    while line := await reader.readline():
        word, *more = json.loads(line)
        said = None
        if word == "set":
            await servers[more[0]].become(more[1])
        elif word == "counts":
            said = {number: server.count for number, server in servers.items()}
            for server in servers.values():
                server.count = 0
        elif word == "tries":
            said, Connection.tries = Connection.tries, {}
        writer.write(json.dumps(said).encode() + b"\n")
    writer.close()


async def serve(count):
    servers = {number: Server(number) for number in range(1, count + 1)}
    for server in servers.values():
        await server.become("up")
    await asyncio.start_server(lambda reader, writer: control(servers, reader, writer), "127.0.0.1", CONTROL, limit=1 << 20)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
