"""digestAuth, with the digests of an independent client (requests)."""

import hashlib

import pytest
import requests
from harness import objects
from harness.waiting import eventually
from requests.auth import HTTPDigestAuth


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


@pytest.fixture
def guarded(proxy, space):
    """The URL of a host with digestAuth in a chain."""
    lines = f"ann:house:{md5('ann', 'house', 'open sesame')}\nbob:shed:{md5('bob', 'shed', 'x')}\n"
    space.apply(objects.secret("people", space.name, {"users": lines}))
    digest = {"secret": "people", "realm": "house", "headerField": "X-User", "removeHeader": True}
    host = space.route(
        middlewares=[
            {"headers": {"customResponseHeaders": {"X-Outer": "1"}}},
            {"digestAuth": digest},
            {"compress": {"minResponseBodyBytes": 1}},
        ]
    )
    proxy.served(host, status=401)
    return f"http://127.0.0.1:{proxy.web}", host


def session(user, password):
    client = requests.Session()
    client.trust_env = False
    client.auth = HTTPDigestAuth(user, password)
    return client


def test_a_client_proves_its_password(proxy, guarded):
    url, host = guarded
    client = session("ann", "open sesame")
    for path in ("/", "/a?b=c&d", "/caf%C3%A9"):
        answer = client.get(url + path, headers={"Host": host, "X-User": "forged"})
        assert answer.status_code == 200, path
        seen = {name.lower(): value for name, value in answer.json()["headers"]}
        assert seen["x-user"] == "ann" and "authorization" not in seen
        assert answer.headers["X-Outer"] == "1"
    assert client.post(url + "/p", data=b"abc", headers={"Host": host}).json()["body"] == "abc"
    assert proxy.access_line(RequestPath="/p", DownstreamStatus=200)["ClientUsername"] == "ann"


def test_others_are_asked(guarded, proxy):
    url, host = guarded
    for user, password in [("ann", "closed"), ("eve", "open sesame"), ("bob", "x"), ("", "")]:
        answer = session(user, password).get(url, headers={"Host": host})
        assert (answer.status_code, answer.text) == (401, "401 Unauthorized\n")
        assert "stale" not in answer.headers["WWW-Authenticate"] and answer.headers["X-Outer"] == "1"
    for wrong in ["Digest", 'Digest username="ann', "Basic YW5uOm9wZW4gc2VzYW1l", "Digest " + "a=b," * 2000]:
        assert proxy.get(host, headers={"Authorization": wrong}).status == 401


def test_a_digest_serves_once(guarded):
    url, host = guarded
    used = session("ann", "open sesame").get(url + "/x", headers={"Host": host}).request.headers
    bare = requests.Session()
    bare.trust_env = False
    # removeHeader concerns the backend only: the client's own request has it.
    again = bare.get(url + "/x", headers={"Host": host, "Authorization": used["Authorization"]})
    assert again.status_code == 401 and again.headers["WWW-Authenticate"].endswith(", stale=true")


def test_bad_users_disable_the_router(proxy, space):
    space.apply(objects.secret("broken", space.name, {"users": "ann:hash\n"}))
    host = space.route(f"broken.{space.name}.test", middlewares=[{"digestAuth": {"secret": "broken"}}])
    missing = space.route(f"missing.{space.name}.test", middlewares=[{"digestAuth": {"secret": "absent"}}])
    for words in ("a user is not written user:realm:hash", "digestAuth: Secret"):
        eventually(lambda words=words: any(words in str(entry) for entry in proxy.api("/diagnostics")), 5, what=words)
    assert proxy.get(host).status == proxy.get(missing).status == 404


def test_a_plugin_is_refused_with_what_does_the_same(proxy, space):
    host = space.route(middlewares=[{"plugin": {"traefik-real-ip": {"x": {"y": [1]}}}}])
    words = "forwardedHeaders.trustedIPs of the entry point does the same"
    eventually(lambda: any(words in str(entry) for entry in proxy.api("/diagnostics")), 5, what=words)
    assert proxy.get(host).status == 404
