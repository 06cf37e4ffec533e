"""Names of headers towards HTTP/1.1 servers: in title case, or as headerField is written."""

import json

import yaml
from harness.own_backend import Handler, OwnBackend
from harness.proxy import Proxy

USER = "anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="  # secret


class Names(Handler):
    def do_GET(self):
        self.answer(200, body=json.dumps(self.headers.items()).encode())


def test_spelling(tmp_path):
    middlewares = {
        "user": {"basicAuth": {"users": [USER], "headerField": "X-WebAuth-User"}},
        "usual": {"basicAuth": {"users": [USER], "headerField": "X-Webauth-User"}},
        "custom": {"headers": {"customRequestHeaders": {"X-WebAuth-Group": "a"}}},
        "retry": {"retry": {"attempts": 2}},
        "upper": {"basicAuth": {"users": [USER], "headerField": "REMOTE-USER"}},
    }
    chains = {"literal": ["user"], "usual": ["usual"], "custom": ["custom", "user"], "retried": ["user", "retry"], "both": ["user", "upper"]}
    with OwnBackend(Names) as backend:
        routers = {name: {"rule": f"Host(`{name}.test`)", "service": "names", "entryPoints": ["web"], "middlewares": chain} for name, chain in chains.items()}
        http = {"routers": routers, "middlewares": middlewares, "services": {"names": {"loadBalancer": {"servers": [{"url": backend.url}]}}}}
        (tmp_path / "dynamic.yaml").write_text(yaml.safe_dump({"http": http}))
        with Proxy(f"--providers.file.filename={tmp_path / 'dynamic.yaml'}") as proxy:
            proxy.served("literal.test", status=401)

            def names(name):
                # A client's own header of that name, in whatever case, is replaced.
                headers = [("Authorization", "Basic YW5uYTpzZWNyZXQ="), ("x-webauth-user", "root"), ("x-other", "1")]
                answer = proxy.get(f"{name}.test", headers=headers)
                assert answer.status == 200 and ["X-Other", "1"] in answer.json()
                return {key: value for key, value in answer.json() if value in ("anna", "root", "a")}

            assert names("literal") == {"X-WebAuth-User": "anna"}
            assert names("usual") == {"X-Webauth-User": "anna"}
            assert names("custom") == {"X-Webauth-Group": "a", "X-WebAuth-User": "anna"}
            assert names("retried") == {"X-WebAuth-User": "anna"}
            assert names("both") == {"X-WebAuth-User": "anna", "REMOTE-USER": "anna"}
