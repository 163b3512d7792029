"""What every service says of itself: readiness, metrics, and the log of its requests."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from serving import serving

from did.errors import Refused, Unavailable
from keyborn import logs, watching
from keyborn.access import SLOW_SECONDS, AccessLog, code_of, tell
from keyborn.door import Clients
from keyborn.http import StrictRoute, install
from keyborn.readiness import KEPT_SECONDS, Readiness
from keyborn.shortcuts import Shortcuts

SECRET = "one-time-code-41"


class Parts:
    """Two parts; each fails as it is told to."""

    def __init__(self) -> None:
        self.error: Unavailable | None = None
        self.tried = 0

    def store(self) -> None:
        self.tried += 1
        if self.error is not None:
            raise self.error

    def log(self) -> None:
        pass


def make_app(parts: Parts) -> FastAPI:
    app = FastAPI(openapi_url=None)
    install(app)
    routes = APIRouter(prefix="/v1", route_class=StrictRoute)
    shortcuts = Shortcuts()

    @routes.get("/things/{name}")
    def thing(name: str) -> Response:
        raise Refused("not_yours", name)

    @shortcuts.post(routes, "/short")
    async def short(authorization: str = "") -> Response:
        return Response(authorization[:0])

    @routes.get("/slow")
    def slow() -> Response:
        time.sleep(SLOW_SECONDS)
        return Response()

    @routes.get("/crash")
    def crash() -> Response:
        raise RuntimeError(SECRET)

    app.include_router(routes)
    watching.install(
        app,
        Readiness({"store": parts.store, "log": parts.log}, seconds=0.5),
        by_part={"store": lambda: [GaugeMetricFamily("kept_things", "Things.", value=3)]},
    )
    shortcuts.install(app)
    return app


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def service(parts: Parts) -> Iterator[httpx.Client]:
    with serving(make_app(parts)) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def samples(text: str) -> dict[str, float]:
    return {
        " ".join((each.name, *each.labels.values())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_requests_are_counted_by_route_method_and_class(service: httpx.Client) -> None:
    for path in (f"/v1/things/{SECRET}", "/v1/things/b", f"/{SECRET}", f"/other?code={SECRET}"):
        service.get(path)
    service.head("/v1/things/a")
    service.post("/v1/things/a")
    service.request("PRY", f"/{SECRET}")
    service.post("/v1/short", headers={"authorization": f"Bearer {SECRET}"}).raise_for_status()
    text = service.get("/metrics").text
    found = samples(text)
    name = "keyborn_http_requests_total"
    assert found[f"{name} GET /v1/things/{{name}} 4xx"] == 2
    assert found[f"{name} HEAD /v1/things/{{name}} 4xx"] == 1
    assert found[f"{name} POST /v1/things/{{name}} 4xx"] == 1
    assert found[f"{name} GET unmatched 4xx"] == 2
    assert found[f"{name} other unmatched 4xx"] == 1
    assert found[f"{name} POST /v1/short 2xx"] == 1
    assert found["keyborn_http_request_seconds_count /v1/things/{name}"] == 4
    assert found["keyborn_http_request_seconds_bucket +Inf /v1/things/{name}"] == 4
    assert found["keyborn_http_requests_under_way"] == 1  # this one
    assert found["kept_things"] == 3
    assert SECRET not in text
    assert "/things/b" not in text


def test_what_nobody_serves_makes_no_series(service: httpx.Client) -> None:
    before = len(samples(service.get("/metrics").text))
    for number in range(50):
        service.request(f"M{number}", f"/nowhere/{number}?{number}")
    after = samples(service.get("/metrics").text)
    assert after["keyborn_http_requests_total other unmatched 4xx"] == 50
    # Two routes have been seen since: what nobody serves, and /metrics.
    series = {name for name in after if not name.startswith("keyborn_http_request_seconds")}
    assert len(series) <= before + 3


def test_what_is_turned_away_is_counted_by_reason(parts: Parts) -> None:
    with (
        serving(make_app(parts), clients=Clients(rate=1)) as url,
        httpx.Client(base_url=url) as client,
    ):
        client.get("/ready", headers={"x": "y" * 17_000})
        client.post("/v1/short", content=b"x" * 300_000)
        for _ in range(7):
            client.get("/ready")
        found = samples(client.get("/metrics").text)
        assert client.get("/ready").status_code == 429
    assert found["keyborn_http_refused_total head_too_large"] == 1
    assert found["keyborn_http_refused_total body_too_large"] == 1


def test_ready_names_what_is_not(
    service: httpx.Client, parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(as_json=True)
    answer = service.get("/ready")
    assert answer.json() == {"status": "ready", "parts": {"store": "ok", "log": "ok"}}
    parts.error = Unavailable("store_failed", "no disk", value="/srv/store.sqlite", retry_after=7)
    time.sleep(KEPT_SECONDS)
    answer = service.get("/ready")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_ready"
    assert answer.json()["parts"] == [{"part": "store", "code": "store_failed"}]
    assert "/srv" not in answer.text
    found = samples(service.get("/metrics").text)
    assert (found["keyborn_ready store"], found["keyborn_ready log"]) == (0, 1)
    assert "kept_things" not in found  # of a part that cannot be used
    parts.error = None
    time.sleep(KEPT_SECONDS)
    assert service.get("/ready").status_code == 200
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    of_it = [each["message"] for each in said if each["logger"] == "keyborn.readiness"]
    assert [message.split(":")[0] for message in of_it] == ["not ready", "ready again"]
    assert "no disk" in of_it[0]


def test_readiness_is_cheap_and_never_waits_for_what_hangs() -> None:
    come = threading.Event()
    tried: list[int] = []

    def hangs() -> None:
        tried.append(1)
        come.wait()

    readiness = Readiness({"hung": hangs, "well": lambda: None}, seconds=0.1)
    began = time.monotonic()
    for _ in range(5):
        look = readiness.look()
    assert time.monotonic() - began < 1
    assert [(name, error.code) for name, error in look.failing] == [("hung", "part_timeout")]
    time.sleep(KEPT_SECONDS)
    readiness.look()
    assert len(tried) == 1  # the first trial has not come back
    come.set()
    time.sleep(KEPT_SECONDS)
    assert readiness.look().failing == []
    assert len(tried) == 2


def test_a_part_whose_trial_crashes_is_not_ready(caplog: pytest.LogCaptureFixture) -> None:
    def crashes() -> None:
        raise RuntimeError("odd")

    ((name, error),) = Readiness({"odd": crashes}).look().failing
    assert (name, error.code) == ("odd", "part_failed")
    assert "odd" in caplog.text


def test_a_service_needs_something() -> None:
    with pytest.raises(ValueError, match="needs something"):
        Readiness({})


@pytest.mark.parametrize(
    ("client", "headers", "allowed"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("198.51.100.7", {}, False),
        ("192.0.2.7", {}, True),  # named
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, False),  # by a proxy that nobody named
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, False),
        ("203.0.113.1", {"x-forwarded-for": "192.0.2.9"}, True),
        ("203.0.113.1", {"x-forwarded-for": "198.51.100.7"}, False),
        ("203.0.113.1", {"x-forwarded-for": "127.0.0.1"}, False),
    ],
)
def test_who_may_read_metrics(client: str, headers: dict[str, str], allowed: object) -> None:
    clients = Clients(proxies=["203.0.113.1"], watchers=["192.0.2.0/24"])
    scope = {
        "client": (client, 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    assert clients.may_watch(scope) is allowed


def test_metrics_are_refused_to_strangers(service: httpx.Client) -> None:
    answer = service.get("/metrics", headers={"x-forwarded-for": "198.51.100.7"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "metrics_not_for_you"
    assert service.get("/ready", headers={"x-forwarded-for": "198.51.100.7"}).status_code == 200


def events(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    return [each for each in found if each["logger"] == "keyborn.access"]


def test_problems_and_what_is_slow_are_logged_by_route(
    service: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(as_json=True)
    refused = service.get(f"/v1/things/{SECRET}?token={SECRET}")
    service.get(f"/v1/things/{SECRET}")
    service.get(f"/{SECRET}")
    service.post("/v1/short")
    service.get("/v1/slow")
    service.get("/v1/crash")
    service.get("/ready")  # an event is written after its answer, and before the next
    text = capsys.readouterr().err
    found = events(text)
    assert [(each["route"], each["status"], each.get("code")) for each in found] == [
        ("/v1/things/{name}", 400, "invalid_request"),
        ("/v1/things/{name}", 403, "not_yours"),
        ("unmatched", 404, "not_found"),
        ("/v1/slow", 200, None),
        ("/v1/crash", 500, "internal_error"),
    ]
    assert found[0]["request_id"] == refused.headers["x-request-id"]
    assert [each["level"] for each in found] == [*["info"] * 4, "warning"]
    assert found[3]["duration"] >= SLOW_SECONDS
    assert all("client" not in each for each in found)
    assert all(SECRET not in json.dumps(each) for each in found)


def test_how_much_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def told(which: AccessLog, status: int | None, code: str | None, seconds: float = 0) -> bool:
        caplog.clear()
        tell(which, method="GET", route="/", status=status, seconds=seconds, code=code)
        return bool(caplog.records)

    assert told(AccessLog.ALL, 200, None)
    assert told(AccessLog.ALL, 429, "rate_limited")
    assert not told(AccessLog.NONE, 500, "internal_error")
    assert not told(AccessLog.PROBLEMS, 200, None)
    assert told(AccessLog.PROBLEMS, 200, None, SLOW_SECONDS)
    assert told(AccessLog.PROBLEMS, None, None)  # the client left
    assert told(AccessLog.PROBLEMS, 400, "invalid_request")
    # A line for each would let whoever floods a service fill its disk.
    assert not told(AccessLog.PROBLEMS, 429, "rate_limited")
    assert not told(AccessLog.PROBLEMS, 503, "busy")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code":"a_code"}', "a_code"),
        (b'{"error":"invalid_grant"}', "invalid_grant"),
        (b'{"code":"a code\\n"}', None),
        (b'{"code":{}}', None),
        (b"[]", None),
        (b"no JSON", None),
    ],
)
def test_the_code_of_an_answer(body: bytes, code: str | None) -> None:
    assert code_of(body) == code


def test_an_event_for_people_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=False)
    tell(AccessLog.ALL, method="GET", route="/x", status=200, seconds=0.25, code=None)
    line = capsys.readouterr().err
    assert line.endswith("request method=GET route=/x status=200 duration=0.25\n")


def test_metrics_are_asked_of_a_store_rarely() -> None:
    asked: list[int] = []

    def collect() -> list[GaugeMetricFamily]:
        asked.append(1)
        return []

    rarely = watching.kept(collect, seconds=0.2)
    for _ in range(5):
        rarely()
    assert len(asked) == 1
    time.sleep(0.25)
    rarely()
    assert len(asked) == 2
