"""A small proxy as companies have them: absolute targets and CONNECT, with a user where one is set."""

import base64
import http.client
import select
import socket
import urllib.parse

from .own_backend import Handler, OwnBackend


class OutboundProxy(OwnBackend):
    """Notes (method, target, Host) of every request in `seen`. With `user` ("name:password") it asks for it."""

    def __init__(self, address="10.99.0.2", user=None):
        seen = self.seen = []
        wanted = user and "Basic " + base64.b64encode(user.encode()).decode()

        class Proxy(Handler):
            def allowed(self):
                seen.append((self.command, self.path, self.headers["Host"]))
                if wanted and self.headers["Proxy-Authorization"] != wanted:
                    self.answer(407, [("Proxy-Authenticate", "Basic")], b"who are you?")
                    return False
                return True

            def do_GET(self):
                if not self.allowed():
                    return
                target = urllib.parse.urlsplit(self.path)
                if target.scheme != "http" or not target.netloc:
                    self.answer(400, body=b"no absolute target")
                    return
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("proxy-authorization", "host")}
                onward = http.client.HTTPConnection(target.netloc, timeout=5)
                onward.request("GET", target.path + (f"?{target.query}" if target.query else ""), headers={"Host": target.netloc, **headers})
                answer = onward.getresponse()
                self.answer(answer.status, [("Via", "1.1 proxy")], answer.read())
                onward.close()

            def do_CONNECT(self):
                if not self.allowed():
                    return
                host, _, port = self.path.rpartition(":")
                self.close_connection = True
                with socket.create_connection((host, int(port)), timeout=5) as onward:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    peers = {self.connection: onward, onward: self.connection}
                    while True:
                        for ready in select.select(list(peers), [], [], 10)[0]:
                            data = ready.recv(65536)
                            if not data:
                                return
                            peers[ready].sendall(data)

        super().__init__(Proxy, address)
