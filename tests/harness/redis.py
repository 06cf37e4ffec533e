"""A Redis server: the real one where it is installed (`redis-server` or `valkey-server`)."""

import pathlib
import shutil
import socket
import ssl

from . import paths, pki
from .processes import Process
from .waiting import eventually

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


class Redis:
    """A running server with a password, over TLS if there is a pair of certificate and key."""

    def __init__(self, port, password="", tls=None, cluster=False):
        self.port, self.password, self.tls = port, password, tls
        folder = pathlib.Path(paths.WORK) / f"redis-{port}"
        folder.mkdir(exist_ok=True)
        command = [PROGRAM, "--save", "", "--dir", str(folder), "--bind", "127.0.0.1"]
        if password:
            command += ["--requirepass", password]
        if cluster:
            command += ["--cluster-enabled", "yes"]
        if tls:
            crt, key = tls.write(folder, "redis")
            ca = folder / "ca.crt"
            ca.write_text(pki.authority().pem)
            command += ["--port", "0", "--tls-port", str(port), "--tls-cert-file", str(crt), "--tls-key-file", str(key)]
            command += ["--tls-ca-cert-file", str(ca), "--tls-auth-clients", "no"]
        else:
            command += ["--port", str(port)]
        self.process = Process(f"redis-{port}", command)
        eventually(self.answers, 10, 0.05, "redis")

    def answers(self):
        try:
            return self.ask("PING") == b"+PONG"
        except OSError:
            return False

    def ask(self, *words):
        """The first line of the answer to a command, or the text in it."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as raw:
            connection = raw
            if self.tls:
                context = ssl.create_default_context(cadata=pki.authority().pem)
                connection = context.wrap_socket(raw, server_hostname="localhost")
            with connection, connection.makefile("rwb") as stream:
                if self.password:
                    self.command(stream, "AUTH", self.password)
                answer = self.command(stream, *words)
                return stream.readline().strip() if answer[:1] == b"$" else answer

    @staticmethod
    def command(stream, *words):
        stream.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
        stream.flush()
        return stream.readline().strip()

    def stop(self):
        self.process.stop()
