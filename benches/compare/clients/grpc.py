"""gRPC unary calls: `grpc serve ADDRESS PORT` and `grpc load PORT SECONDS PATH CALLS SIZE` over h2 with TLS."""

import asyncio
import sys
import time

import grpc


class _Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(_answer)


async def _answer(request, _):
    return request


async def _serve(address, port):
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(),))
    server.add_insecure_port(f"{address}:{port}")
    await server.start()
    await server.wait_for_termination()


async def _call(channel, path, end, size):
    count, message = 0, b"k" * size
    call = channel.unary_unary(path)
    while time.monotonic() < end:
        if await call(message, timeout=20) != message:
            raise ConnectionError("another message came back")
        count += 1
    return count


async def _load(port, seconds, path, calls, size):
    from harness import paths

    trust = grpc.ssl_channel_credentials((paths.WORK / "pair.crt").read_bytes())
    async with grpc.aio.secure_channel(f"localhost:{port}", trust) as channel:
        end = time.monotonic() + seconds
        return sum(await asyncio.gather(*(_call(channel, path, end, size) for _ in range(calls))))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(sys.argv[2], int(sys.argv[3])))
    else:
        print(asyncio.run(_load(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6]))))
