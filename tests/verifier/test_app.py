"""The service, over real sockets."""

import json
from collections.abc import Iterator

import httpx
import pytest
from actors import DEVICE, STRANGER
from gatehouse import AUDIENCE, Gatehouse
from serving import serving

from did.challenge import Challenge
from did.vc.status_list import SUSPENSION
from keyborn.problem import MEDIA_TYPE
from verifier.app import create_app


@pytest.fixture
def http(house: Gatehouse) -> Iterator[httpx.Client]:
    app = create_app(house.verifier(), now=lambda: house.now)
    with serving(app) as url, httpx.Client(base_url=url) as client:
        yield client


def ask(http: httpx.Client, **wish: str) -> Challenge:
    answer = http.post("/v1/challenges", json=wish)
    assert answer.status_code == 201
    return Challenge.from_json(answer.json())


def test_asked_answered_admitted(house: Gatehouse, http: httpx.Client) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    for wish in ({}, {"did": DEVICE.did.text}, {"did": DEVICE.short.text}):
        challenge = ask(http, **wish)
        assert challenge.did == (DEVICE.short if wish else None)
        assert challenge.audience == AUDIENCE
        answer = http.post(
            "/v1/presentations", content=house.present(device, credential, challenge=challenge)
        )

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["device"]["did"] == DEVICE.short.text
        assert answer.json()["decision"]["outcome"] == "accepted"
        assert len(answer.json()["decision"]["steps"]) == 16


def test_what_is_not_accepted_is_a_problem(house: Gatehouse, http: httpx.Client) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    def present() -> httpx.Response:
        answer = house.present(device, credential, challenge=ask(http))
        return http.post("/v1/presentations", content=answer)

    house.issuer.set(SUSPENSION)
    refused = present()
    house.statuses.up = False
    undecided = present()
    house.statuses.up = True
    invalid = http.post("/v1/presentations", content=b"{}")

    for answer, status, code, step in (
        (refused, 403, "suspended", "6.8 status"),
        (undecided, 503, "status_stale", "6.8 status"),
        (invalid, 400, "invalid_presentation", "1 format"),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == MEDIA_TYPE
        said = answer.json()
        assert (said["code"], said["step"]) == (code, step)
    assert undecided.headers["retry-after"] == "5"
    assert "device" not in refused.json()

    house.issuer.set(SUSPENSION, value=False)
    assert present().status_code == 200


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ('{"did":"did:keyborn:x"}', "invalid_did"),
        ('{"did":1}', "invalid_request"),
        ('{"audience":"https://other.example"}', "invalid_request"),
        ('{"did":"x","did":"y"}', "duplicate_key"),
        ("[]", "invalid_request"),
        ("", "invalid_request"),
        ("{", "invalid_json"),
    ],
)
def test_a_wish_for_a_challenge_that_is_none(http: httpx.Client, wish: str, code: str) -> None:
    answer = http.post("/v1/challenges", content=wish, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    ask(http)


def test_more_than_a_presentation_can_be(http: httpx.Client) -> None:
    answer = http.post("/v1/presentations", content=b" " * 300_000)

    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


def test_health(house: Gatehouse, http: httpx.Client) -> None:
    assert http.get("/health").json() == {
        "status": "ok",
        "audience": AUDIENCE,
        "logId": house.log_id.hex(),
    }


def test_a_challenge_for_another_device_says_so(house: Gatehouse, http: httpx.Client) -> None:
    device = house.device(DEVICE)
    challenge = ask(http, did=STRANGER.short.text)
    credential = house.issuer.issue(DEVICE.short)

    answer = http.post(
        "/v1/presentations", content=house.present(device, credential, challenge=challenge)
    )

    assert answer.status_code == 400
    assert json.loads(answer.content)["code"] == "unknown_challenge"
