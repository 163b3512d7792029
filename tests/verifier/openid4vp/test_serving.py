"""OpenID4VP added to a service, from what its directory has."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from actors import DEVICE
from fastapi import FastAPI
from gatehouse import Gatehouse

from did.errors import Invalid
from did.openid4vp.response import ErrorResponse
from ledger.identity_store import create_key
from verifier.app import create_app
from verifier.openid4vp.exchange import EndedRequest, Exchange
from verifier.openid4vp.identity import own_identity
from verifier.openid4vp.queries import default_query
from verifier.openid4vp.requests import Request, Status, open_requests
from verifier.openid4vp.serving import add_openid4vp


def add(house: Gatehouse, place: Path, **how: object) -> FastAPI:
    given: dict[str, object] = {"url": "https://gate.example/", "named": None, **how}
    verifier = house.verifier()
    app = create_app(verifier)
    with ExitStack() as stack:
        add_openid4vp(app, verifier, place, now=lambda: house.now, stack=stack, **given)  # type: ignore[arg-type] # as named
    return app


def test_what_its_directory_has(
    house: Gatehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "gate"
    paths = add(house, place).openapi()["paths"]
    assert "/v1/openid4vp/requests" in paths
    token = (place / "openid4vp.token").read_text().strip()
    assert token in capsys.readouterr().err
    assert {each.name for each in place.glob("openid4vp.*")} >= {
        "openid4vp.key",
        "openid4vp.db",
        "openid4vp.token",
    }
    add(house, place)
    assert token not in capsys.readouterr().err
    assert (place / "openid4vp.token").read_text().strip() == token


def test_a_did_that_is_named(house: Gatehouse, tmp_path: Path) -> None:
    key, place = tmp_path / "key", tmp_path / "gate"
    create_key(key, DEVICE.key)
    add(house, place, named=(DEVICE.key_did.text, key))
    assert not (place / "openid4vp.key").exists()


@pytest.mark.parametrize(
    "url", ["gate", "https://u@gate.example", "https://gate.example?x", "ws://x"]
)
def test_a_url_that_is_none(house: Gatehouse, tmp_path: Path, url: str) -> None:
    with pytest.raises(Invalid) as caught:
        add(house, tmp_path / "gate", url=url)
    assert caught.value.code == "invalid_url"


def test_of_two_answers_at_once_one_ends_the_request(house: Gatehouse, tmp_path: Path) -> None:
    verifier, identity = house.verifier(), own_identity(tmp_path / "gate")
    with open_requests(tmp_path / "gate") as requests:
        named = verifier.called(identity.client_id.text)
        exchange = Exchange(named, identity, requests, "https://gate.example")
        begun, secret = exchange.begin(default_query(verifier.trust_root.policy), at=house.now)

        def overtaken(request: Request) -> ErrorResponse:
            requests.finish(request, Status.DECLINED, {"error": "first"})
            return ErrorResponse("second", state=request.state)

        with pytest.raises(EndedRequest):
            exchange.answer(begun.id, overtaken, at=house.now)
        found = exchange.outcome(begun.id, secret, response_code=None, at=house.now)
    assert found["error"] == "first"
