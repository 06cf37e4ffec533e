"""Load with wrk, peers to compare with, and CPU per request."""

import os
import re
import socket
import statistics
import subprocess

from . import paths
from .processes import Process
from .waiting import eventually


class Load:
    """The result of one run of wrk."""

    def __init__(self, requests, rate, p99):
        self.requests, self.rate, self.p99 = requests, rate, p99


def wrk(url, host, seconds, connections=64, cpu=None):
    """Load on one thread; fails on any answer but 2xx and on any socket error."""
    pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
    out = subprocess.run(
        [*pin, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {host}", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    return Load(
        int(re.search(r"(\d+) requests in", out)[1]),
        float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        re.search(r"\s99%\s+(\S+)", out)[1],
    )


def microseconds_per_request(process, url, host, seconds, cpu=None, connections=64):
    """CPU time of a process for each request under load."""
    before = process.cpu_seconds()
    load = wrk(url, host, seconds, connections, cpu)
    return (process.cpu_seconds() - before) * 1e6 / load.requests, load


def interleaved(subjects, rounds, seconds, cpu):
    """{name: median µs a request} over rounds in which every subject has its turn; `subjects` is {name: (process, url, host)}."""
    figures = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, (process, url, host) in subjects.items():
            figures[name].append(microseconds_per_request(process, url, host, seconds, cpu)[0])
    return {name: statistics.median(values) for name, values in figures.items()}


def cpus():
    """(CPU of the subject, CPU of load and backend): two of this machine's, or the same one twice."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-1], allowed[0]


def nginx_backend(address, port, cpu):
    """A static answer of 1 KiB."""
    configuration = f"""
worker_processes 1; daemon off; pid {paths.WORK}/origin.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  {_temporary("origin")}
  server {{ listen {address}:{port} backlog=4096; location / {{ default_type text/plain; return 200 "{"k" * 1024}"; }} }}
}}"""
    return _nginx("origin", configuration, address, port, cpu)


def nginx_proxy(port, backend, cpu):
    """nginx as a reverse proxy with kept connections and a count of requests."""
    configuration = f"""
worker_processes 1; daemon off; pid {paths.WORK}/peer.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  {_temporary("peer")}
  upstream origin {{ server {backend}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Real-Ip $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;
    }}
    location = /metrics {{ stub_status; }}
  }}
}}"""
    return _nginx("peer", configuration, "127.0.0.1", port, cpu)


def _temporary(name):
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {paths.WORK}/{name}-{kind};" for kind in kinds)


def _nginx(name, configuration, address, port, cpu):
    file = paths.WORK / f"nginx-{name}.conf"
    file.write_text(("" if _is_unprivileged() else "user root;\n") + configuration)
    process = Process(f"nginx-{name}", ["nginx", "-c", file, "-e", "stderr"], cpu=cpu)
    eventually(lambda: _listens(address, port), 10, what=f"nginx {name}")
    return process


def _is_unprivileged():
    return os.geteuid() != 0


def haproxy(port, backend, cpu):
    """HAProxy with one thread, kept connections and its metrics on."""
    file = paths.WORK / "haproxy.cfg"
    file.write_text(f"""
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  http-request set-header X-Real-Ip %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  default_backend origin
backend origin
  server one {backend}
""")
    process = Process("haproxy", ["haproxy", "-f", file, "-db"], cpu=cpu)
    eventually(lambda: _listens("127.0.0.1", port), 10, what="HAProxy")
    return process


def _listens(address, port):
    with socket.create_connection((address, port), 1):
        return True
