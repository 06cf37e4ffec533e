"""WebSocket messages that come back: `websocket serve ADDRESS PORT` and `websocket load PORT SECONDS PATH CONNECTIONS SIZE`."""

import asyncio
import sys
import time

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve


async def _echo(socket):
    async for message in socket:
        await socket.send(message)


async def _serve(address, port):
    async with serve(_echo, address, port, compression=None):
        await asyncio.get_running_loop().create_future()


async def _talk(uri, end, size):
    count, message = 0, b"k" * size
    async with connect(uri, compression=None, proxy=None) as socket:
        while time.monotonic() < end:
            await socket.send(message)
            if await socket.recv() != message:
                raise ConnectionError("another message came back")
            count += 1
    return count


async def _load(port, seconds, path, connections, size):
    end = time.monotonic() + seconds
    uri = f"ws://localhost:{port}{path}"
    return sum(await asyncio.gather(*(_talk(uri, end, size) for _ in range(connections))))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(sys.argv[2], int(sys.argv[3])))
    else:
        print(asyncio.run(_load(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))))
