"""NTLM and Negotiate: logins that hold for a connection, which then belongs to one client."""

import itertools

import pytest
import yaml
from harness.own_backend import Handler, OwnBackend
from harness.proxy import Proxy
from harness.waiting import eventually

_numbers = itertools.count(1)


class Ntlm(Handler):
    """A login in three steps over one connection, whose later requests are the user's."""

    open_connections = set()

    def setup(self):
        super().setup()
        self.number, self.user = next(_numbers), None
        self.open_connections.add(self.number)

    def finish(self):
        self.open_connections.discard(self.number)
        super().finish()

    def do_GET(self):
        scheme, _, message = self.headers.get("Authorization", "").partition(" ")
        if self.path == "/free":
            self.answer(200, body=f"{self.number} {self.user}".encode())
        elif scheme == "NTLM" and message == "hello":
            self.answer(401, [("WWW-Authenticate", f"NTLM challenge-{self.number}")])
        elif scheme == "NTLM" and message.partition(":")[2] == f"challenge-{self.number}":
            self.user = message.partition(":")[0]
            self.answer(200, body=f"{self.number} {self.user}".encode())
        elif scheme == "Negotiate":
            self.user = message
            self.answer(200, [("WWW-Authenticate", "Negotiate done")], f"{self.number} {self.user}".encode())
        elif self.user:
            self.close_connection = self.path == "/bye"
            self.answer(200, body=f"{self.number} {self.user}".encode())
        else:
            self.answer(401, [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")], b"who are you?")


@pytest.fixture
def proxy(tmp_path):
    with OwnBackend(Ntlm, "10.99.0.1") as backend:
        router = {"rule": "Host(`login.test`)", "service": "login", "entryPoints": ["web"]}
        service = {"loadBalancer": {"servers": [{"url": backend.url}]}}
        (tmp_path / "dynamic.yaml").write_text(yaml.safe_dump({"http": {"routers": {"login": router}, "services": {"login": service}}}))
        with Proxy(f"--providers.file.filename={tmp_path / 'dynamic.yaml'}") as running:
            running.served("login.test", "/free")
            yield running


def ask(client, authorization=None, path="/"):
    return client.request("login.test", path, headers=[("Authorization", authorization)] if authorization else [])


def log_in(client, user):
    assert ask(client).status == 401
    challenge = ask(client, "NTLM hello").get("WWW-Authenticate").partition(" ")[2]
    answer = ask(client, f"NTLM {user}:{challenge}")
    assert answer.status == 200 and answer.text.endswith(user)
    return answer.text


def test_two_clients_at_once(proxy):
    with proxy.http1() as anna, proxy.http1() as berta, proxy.http1() as nobody:
        clients, challenges = {"anna": anna, "berta": berta}, {}
        for client in clients.values():
            assert ask(client).status == 401
        for user, client in clients.items():
            challenges[user] = ask(client, "NTLM hello").get("WWW-Authenticate").partition(" ")[2]
        texts = {user: ask(client, f"NTLM {user}:{challenges[user]}").text for user, client in clients.items()}
        assert {user: text.split()[1] for user, text in texts.items()} == {"anna": "anna", "berta": "berta"}
        for _ in range(10):
            for user, client in clients.items():
                assert ask(client).text == texts[user]
            assert ask(nobody).status == 401
            assert ask(nobody, path="/free").text.split()[1] == "None"


def test_the_connection_ends_with_its_client(proxy):
    with proxy.http1() as anna:
        number = int(log_in(anna, "anna").split()[0])
        assert number in Ntlm.open_connections
        # Many others meanwhile: none gets her connection.
        for _ in range(20):
            assert proxy.get("login.test", "/free").text.split()[1] == "None"
    eventually(lambda: number not in Ntlm.open_connections, what="the end of the backend's connection")
    assert proxy.get("login.test").status == 401


def test_a_login_in_one_step_is_nobody_elses_either(proxy):
    with proxy.http1() as anna:
        assert ask(anna, "Negotiate anna").status == 200
        assert ask(anna).text.endswith("anna")
        assert proxy.get("login.test").status == 401
    with proxy.http2() as berta:
        assert berta.request("login.test", "/", headers=[("authorization", "Negotiate berta")]).status == 200
        assert berta.request("login.test", "/").status == 401, "many may share a connection of HTTP/2"
    assert proxy.get("login.test").status == 401


def test_after_a_lost_connection_a_client_logs_in_anew(proxy):
    with proxy.http1() as anna:
        first = log_in(anna, "anna")
        assert ask(anna, path="/bye").text == first
        assert log_in(anna, "anna") != first
