"""What each service says of itself, and that its answers are so."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from actors import DEVICE
from fastapi import FastAPI, Response
from fuzz.over_http import broken, explore
from fuzz.services import SERVICES, Service
from issuing import TOKEN, AtOnce, World, issuing
from registrar_support import Site, create
from serving import serving

from did.errors import Conflict, Invalid, KeybornError, Refused, Undecided
from issuer.app import create_app
from issuer.identity import Identity
from keyborn.described import COUNT, answers, describe, in_json, record
from keyborn.http import install
from keyborn.polling import poll
from ledger.app import create_app as ledger_app
from ledger.controller import Controller

SEED: Final = 1
CASES: Final = {"issuer": 180, "issuer, without its token": 60, "verifier": 120, "ledger": 120}


def closed(description: dict[str, Any]) -> set[str]:
    """The routes that need a token, and say so with problem details: not the protocol's."""
    return {
        f"{method.upper()} {path}"
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if "application/problem+json" in operation["responses"].get("401", {}).get("content", {})
    }


@pytest.mark.parametrize("name", SERVICES)
def test_requests_by_the_description_are_answered_by_the_description(
    name: str, tmp_path: Path
) -> None:
    with SERVICES[name](tmp_path) as service:
        outcome = explore(service, CASES[name], SEED)
        shut = closed(service.description) if service.token is None else set()
    assert outcome.findings == {}
    assert outcome.cases >= CASES[name]
    for label in shut:
        assert set(outcome.statuses[label]) <= {400, 401, 415}, label
    assert set(outcome.never_taken) <= shut


@contextmanager
def not_as_said() -> Iterator[Service]:
    """A service that is not as it says; each route in another way."""
    app = FastAPI()
    install(app)
    describe(app)
    said = answers({200: in_json(record({"count": COUNT}))})

    @app.get("/as-described", **said)
    def as_described() -> Response:
        return Response(b'{"count": 1}', media_type="application/json")

    @app.get("/failing", **said)
    def failing() -> Response:
        raise RuntimeError

    @app.get("/another-status", **said)
    def another_status() -> Response:
        raise Conflict("a_conflict", "nobody said that there may be one")

    @app.get("/another-media-type", **said)
    def another_media_type() -> Response:
        return Response(b"1", media_type="text/plain")

    @app.get("/another-form", **said)
    def another_form() -> Response:
        return Response(b'{"count": 1, "more": 2}', media_type="application/json")

    with serving(app) as url:
        yield Service(url, app.openapi(), None, {}, {})


def test_what_is_not_as_described_is_found() -> None:
    with not_as_said() as service:
        outcome = explore(service, 10, SEED)
    found = {each.partition(":")[0] for each in outcome.findings}
    assert found == outcome.statuses.keys() - {"GET /as-described"}
    assert outcome.statuses["GET /failing"].keys() == {500}
    assert isinstance(outcome.statuses["GET /as-described"], Counter)


def test_the_answers_of_an_issuer_that_has_ended(tmp_path: Path) -> None:
    with issuing(tmp_path) as world:
        entry = world.enrol(DEVICE).statuses[0]
        controller, relay = Controller.open(tmp_path / "identity"), AtOnce(world.ledger)
        controller.deactivate(relay, world.reader)
        ended = Identity(world.issuer.engine, controller, registrar=relay, reader=world.reader)
        ended.start()
        world.clock.ticking = True
        issuer = replace(world.issuer, identity=ended)
        app = create_app(issuer, admin_token=TOKEN, with_vc_api=True)
        body = {
            "credential": {
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "type": ["VerifiableCredential"],
                "issuer": "https://issuer.example",
                "credentialSubject": {"id": "urn:example:subject"},
            }
        }
        headers = {"authorization": f"Bearer {TOKEN}"}
        with serving(app) as url, httpx.Client(base_url=url, headers=headers) as client:
            answers_ = {
                "GET /v1/status/{name}": client.get(f"/v1/status/{entry.list_url.split('/')[-1]}"),
                "POST /credentials/issue": client.post("/credentials/issue", json=body),
                "POST /v1/admin/rotate": client.post("/v1/admin/rotate", json={}),
                "GET /v1/admin/issuer": client.get("/v1/admin/issuer"),
            }
    for label, answer in answers_.items():
        assert broken(app.openapi(), label, answer) is None
    assert [each.status_code for each in answers_.values()] == [403, 400, 403, 200]


@pytest.mark.parametrize("branch", [Invalid, Refused, Conflict, Undecided])
def test_a_registrar_in_trouble_is_no_fault_of_who_asks_for_its_health(
    branch: type[KeybornError], tmp_path: Path
) -> None:
    site = Site(tmp_path)
    site.moody.fails["heads"] = branch("ledger_contradiction", "two heads contradict each other")
    app = ledger_app(registrar=site.registrar, resolver=site.reader, embedded=site.ledger)
    try:
        with serving(app) as url:
            site.registrar.submit(create(DEVICE))
            answer = poll(lambda: _unwell(url), 10)
    finally:
        site.stop()
    assert answer is not None
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_contradiction")
    assert broken(app.openapi(), "GET /health", answer) is None


def _unwell(url: str) -> httpx.Response | None:
    answer = httpx.get(f"{url}/health")
    return None if answer.status_code == 200 else answer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path, url="https://issuer.example/plant-7") as world:
        yield world


def test_a_description_is_served_where_the_service_is(world: World) -> None:
    app = create_app(world.issuer, admin_token=TOKEN)
    with serving(app) as url, httpx.Client(base_url=url) as client:
        served = client.get("/plant-7/openapi.json")
        assert client.get("/openapi.json").status_code == 404
        assert client.post("/plant-7/openapi.json").status_code == 405
        assert client.get("/plant-7/openapi.json", params={"x": 1}).status_code == 400
    assert served.headers["content-type"] == "application/json"
    assert served.json() == app.openapi()
    assert "/plant-7/openapi.json" not in served.json()["paths"]
    assert served.json()["info"]["title"] == "Keyborn issuer"


@pytest.mark.parametrize("name", SERVICES)
def test_every_route_says_what_it_answers(name: str, tmp_path: Path) -> None:
    with SERVICES[name](tmp_path) as service:
        description = service.description
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            where = f"{method} {path}"
            assert "422" not in responses, where
            assert {"400", "408", "413", "431", "500", "503"} <= responses.keys(), where
            for status, response in responses.items():
                bare = status in {"204", "303", "304"}
                assert bare or all(each["schema"] for each in response["content"].values()), where
            if method == "post" and not path.endswith(WITHOUT_BODY):
                assert operation["requestBody"]["content"], where


WITHOUT_BODY: Final = ("/nonce", "/cancel", "}/suspend", "}/reinstate", "}/revoke")
