"""The workloads, one entry each. To add one: a row here; only a new kind of load needs code (compare/load)."""

import dataclasses

from . import commands, goals, origin
from .load.h2load import H2load
from .load.own import Idle, Own
from .load.wrk import Wrk


@dataclasses.dataclass(frozen=True)
class Workload:
    """`features` switch lines of the configurations on; `lacking` are the peers that cannot do it; `size` is the answer's length;
    `latency` adds a run at half load; `routes` are numbers of routes beside the one that is asked, each a row of every subject's."""

    name: str
    about: str
    load: object
    path: str = "/small"
    size: int | None = origin.SMALL
    features: frozenset = frozenset()
    unit: str = "request"
    origin: str = "http"
    goals: tuple = ()
    lacking: tuple = ()
    latency: bool = False
    routes: tuple = ()

    @property
    def encoding(self):
        """The compression that responses must have, if any."""
        return self.load.headers.get("Accept-Encoding")

    def rows(self, subject):
        """[(name of a row, further routes)] of a subject."""
        return [(f"{subject.name}, {count:,} routes", count) for count in self.routes] or [(subject.name, 0)]


def compressed(encoding):
    return Wrk(16, headers={"Accept-Encoding": encoding})


# Debian's brotli for nginx is a package of its own.
NO_BROTLI = ("haproxy", "caddy") if commands.NGINX_BROTLI.exists() else ("haproxy", "caddy", "nginx")
PUT = {"path": "/put/body", "size": 0}
MIB = origin.LARGE
GIB = 1024 * MIB
HUGE = {"path": "/", "size": None, "origin": "huge", "unit": "MiB"}

TABLE = [
    Workload("h1", "1 KiB answers, HTTP/1.1 keep-alive, 64 connections", Wrk(64), goals=goals.H1, latency=True),
    Workload("h1-1024", "1 KiB answers, HTTP/1.1 keep-alive, 1024 connections", Wrk(1024), goals=goals.H1, latency=True),
    Workload("h1-tls", "1 KiB answers, HTTP/1.1 over TLS, 64 connections", Wrk(64, tls=True), goals=goals.TLS, latency=True),
    Workload("h2-1", "1 KiB answers, HTTP/2 over TLS, 16 connections, 1 stream each", H2load(16, 1), goals=goals.H2, latency=True),
    Workload("h2-32", "1 KiB answers, HTTP/2 over TLS, 4 connections, 32 streams each", H2load(4, 32), goals=goals.H2, latency=True),
    Workload("h2-100", "1 KiB answers, HTTP/2 over TLS, 4 connections, 100 streams each", H2load(4, 100), goals=goals.H2),
    Workload("connect", "a new connection for every request, HTTP/1.1, 64 at once", Wrk(64, close=True)),
    Workload("handshake", "a full TLS 1.3 handshake (P-256) and one request for every connection, 8 at once", Own("handshakes", True, ("full",)),
             unit="connection", goals=goals.HANDSHAKES),
    Workload("resume", "a resumed TLS 1.3 handshake and one request for every connection, 8 at once", Own("handshakes", True, ("resumed",)),
             unit="connection"),
    Workload("down-10k", "10 KiB answers, HTTP/1.1, 64 connections", Wrk(64), path="/medium", size=origin.MEDIUM),
    Workload("down-1m", "1 MiB answers, HTTP/1.1, 16 connections", Wrk(16), path="/large", size=MIB, goals=goals.BODIES),
    Workload("down-1m-tls", "1 MiB answers, HTTP/1.1 over TLS, 16 connections", Wrk(16, tls=True), path="/large", size=MIB, goals=goals.BODIES),
    Workload("down-1m-h2", "1 MiB answers, HTTP/2 over TLS, 4 connections, 4 streams each", H2load(4, 4), path="/large", size=MIB, goals=goals.BODIES),
    Workload("down-1g", "1 GiB answers, HTTP/1.1, one after the other", Own("huge", False, ("down", GIB)), **HUGE),
    Workload("up-10k", "10 KiB uploads, HTTP/1.1, 64 connections", Wrk(64, upload=origin.MEDIUM), **PUT),
    Workload("up-1m", "1 MiB uploads, HTTP/1.1, 16 connections", Wrk(16, upload=MIB), goals=goals.BODIES, **PUT),
    Workload("up-1g", "1 GiB uploads, HTTP/1.1, one after the other", Own("huge", False, ("up", GIB)), **HUGE),
    Workload("gzip", "a JSON of 100 KiB, compressed by gzip on the way", compressed("gzip"), path="/list.json", size=origin.JSON,
             features=frozenset({"compress", "gzip"}), goals=goals.GZIP),
    Workload("brotli", "a JSON of 100 KiB, compressed by brotli on the way", compressed("br"), path="/list.json", size=origin.JSON,
             features=frozenset({"compress", "brotli"}), lacking=NO_BROTLI),
    Workload("policy", "a rate limit by address, headers set both ways, compression on (and not asked for)", Wrk(64),
             features=frozenset({"policy", "compress", "gzip"}), lacking=("caddy",)),
    Workload("log", "access log on", Wrk(64), features=frozenset({"log"})),
    Workload("routes", "1 KiB answers, HTTP/1.1 keep-alive, beside so many other hosts", Wrk(64), features=frozenset({"routes"}),
             goals=goals.ROUTES, lacking=("caddy",), routes=(10, 10_000)),
    Workload("websocket", "WebSocket messages of 128 bytes there and back, 32 connections", Own("websocket", False, (32, 128)), path="/", size=None,
             features=frozenset({"upgrade"}), origin="websocket", unit="message"),
    Workload("grpc", "gRPC unary calls of 128 bytes over TLS, 32 at once", Own("grpc", True, (32, 128)), path="/flow.Echo/Say", size=None,
             features=frozenset({"grpc"}), origin="grpc", unit="call"),
    Workload("idle", "10,000 TLS connections that rest after one answer", Idle(10000), unit="connection", goals=goals.IDLE),
]
BY_NAME = {workload.name: workload for workload in TABLE}
# These take a few minutes instead of a quarter of an hour.
CORE = ("h1", "h1-tls", "h2-1", "h2-32", "handshake", "down-1m", "gzip")
SETS = {"all": tuple(BY_NAME), "core": CORE, "goals": tuple(workload.name for workload in TABLE if workload.goals)}
