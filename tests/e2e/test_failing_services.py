"""Middlewares for services that fail or are slow: retry, circuitBreaker, inFlightReq."""

import concurrent.futures
import itertools
import json
import time

import pytest
from harness.space import Space
from harness.waiting import eventually

_numbers = itertools.count(1)

GONE = "10.99.0.9"  # nobody listens there

ROUTES = {
    "retry": [{"retry": {"attempts": 3}}],
    "status": [{"retry": {"attempts": 3, "status": ["500-599"]}}],
    "any": [{"retry": {"attempts": 2, "retryNonIdempotentMethod": True}}],
    "small": [{"retry": {"attempts": 2, "maxRequestBodyBytes": 10, "status": ["503"]}}],
    "within": [
        {"headers": {"customResponseHeaders": {"X-Outer": "1"}}},
        {"retry": {"attempts": 3, "status": ["503"]}},
        {"headers": {"customRequestHeaders": {"X-Inner": "1"}, "customResponseHeaders": {"X-Inner": "1"}}},
        {"compress": {"minResponseBodyBytes": 1}},
    ],
    "breaker": [{"circuitBreaker": {"expression": "ResponseCodeRatio(500, 600, 0, 600) > 0.5", "fallbackDuration": "2s", "recoveryDuration": "1s"}}],
    "inflight": [{"inFlightReq": {"amount": 2}}],
}


@pytest.fixture(scope="module")
def routes(proxy, cluster):
    space = Space(cluster)
    for name, specs in ROUTES.items():
        space.route(f"{name}.failing.test", middlewares=specs)
    space.backend("half", addresses=["10.99.0.1", GONE])
    space.route("half.failing.test", backend="half", middlewares=ROUTES["retry"])

    def get(name, path="/", **more):
        return proxy.get(f"{name}.failing.test", path, **more)

    get.space = space
    for name in (*ROUTES, "half"):
        eventually(lambda name=name: get(name).status == 200, 10, what=name)
    yield get
    space.clear()


def counted(routes, name, path, **more):
    """The response, and how often the backend got the request."""
    key = f"failing-{next(_numbers)}"
    answer = routes(name, path, headers={"X-Count": key}, **more)
    return answer, int(routes("inflight", f"/seen/{key}").body)


def test_a_broken_connection_is_tried_again_if_the_method_may_be(routes):
    answer, times = counted(routes, "retry", "/reset")
    # An idle connection may have been dead: that try does not count.
    assert answer.status == 502 and times in (3, 4)
    answer, times = counted(routes, "retry", "/reset", method="PUT", body=b"x" * 1000)
    assert (answer.status, times) == (502, 3)
    answer, times = counted(routes, "retry", "/reset", method="POST", body=b"x")
    assert (answer.status, times) == (502, 1)
    answer, times = counted(routes, "any", "/reset", method="POST", body=b"x")
    assert (answer.status, times) == (502, 2)


def test_statuses_are_tried_again_if_listed(routes):
    assert counted(routes, "status", "/status/503")[1] == 3
    assert counted(routes, "status", "/status/404")[1] == 1
    assert counted(routes, "retry", "/status/503")[1] == 1
    assert counted(routes, "status", "/status/503", method="POST", body=b"x")[1] == 1


def test_a_long_body_is_sent_once(routes):
    assert counted(routes, "small", "/status/503", method="PUT", body=b"x" * 10)[1] == 2
    assert counted(routes, "small", "/status/503", method="PUT", body=b"x" * 11)[1] == 1
    answer = routes("retry", "/", method="PUT", body=b"y" * 3_000_000)
    assert (answer.status, answer.json()["length"]) == (200, 3_000_000), "longer than what is kept"


def test_middlewares_around_and_within_see_each_try_once(routes):
    answer, times = counted(routes, "within", "/status/503")
    assert (answer.status, times) == (503, 3)
    assert answer.all("X-Outer") == answer.all("X-Inner") == ["1"]
    assert answer.seen("x-inner") == "1"


def test_another_server_takes_over(routes):
    for number in range(20):
        answer = routes("half", f"/{number}", method="POST", body=b"abc")
        assert (answer.status, answer.json()["length"]) == (200, 3)


def test_retries_are_in_the_access_log(routes, proxy):
    path = "/status/500?retried"
    routes("status", path)
    assert proxy.access_line(RequestPath=path)["RetryAttempts"] == 2


def test_a_breaker_trips_and_recovers(routes):
    assert routes("breaker").status == 200
    refused = eventually(lambda: next((a for a in [routes("breaker", "/status/500")] if a.status == 503), None), 5, 0.02, "a trip")
    assert refused.body == b"Service Unavailable"
    begun = time.monotonic()
    assert routes("breaker").status == 503, "the service is not asked"
    eventually(lambda: [routes("breaker").status for _ in range(5)] == [200] * 5, 10, 0.1, "recovery")
    assert time.monotonic() - begun > 1.5, "it stays tripped for its time"


def test_requests_in_flight_are_limited(routes):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: routes("inflight", "/slow/700"), range(6)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200, 200, 429, 429, 429, 429]
    assert next(answer for answer in answers if answer.status == 429).body == b"max connections reached: 2"
    assert routes("inflight").status == 200, "places are free again"


def test_what_is_wrong_disables_the_router_and_says_why(proxy, routes):
    space = routes.space
    for name, spec, words in [
        ("noexpression", {"circuitBreaker": {"expression": "Nonsense() > 1"}}, "LatencyAtQuantileMS, NetworkErrorRatio or ResponseCodeRatio is expected"),
        ("noattempts", {"retry": {"initialInterval": "1s"}}, "attempts is missing"),
        ("badstatus", {"retry": {"attempts": 2, "status": ["many"]}}, 'is neither a status nor a range'),
    ]:
        host = space.route(f"{name}.failing.test", middlewares=[spec])
        proxy.served("retry.failing.test")
        eventually(
            lambda words=words: any(words in json.dumps(entry, ensure_ascii=False) for entry in proxy.api("/diagnostics")), 5, what=words
        )
        assert proxy.get(host).status == 404
