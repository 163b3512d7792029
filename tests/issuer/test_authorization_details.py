"""``authorization_details`` in token requests (OpenID4VCI 1.0, sections 5.1.1, 6.1.1, 6.2)."""

import json

import pytest
from actors import actor
from issuing import URL, World
from oauth import error

DETAIL = {"type": "openid_credential", "credential_configuration_id": "device-provisioning"}


def test_names_identifiers_that_the_credential_endpoint_knows(standing: World) -> None:
    claim, holder = standing.claim(), actor("identified")
    asked = [DETAIL, {**DETAIL, "credential_configuration_id": "device-provisioning-vc-jwt"}]
    answer = standing.redeem(claim, authorization_details=json.dumps(asked))
    assert answer.status_code == 200
    details = answer.json()["authorization_details"]
    assert [{name: each[name] for name in DETAIL} for each in details] == asked
    for detail in details:
        (identifier,) = detail["credential_identifiers"]
        granted = standing.ask_for(
            answer.json()["access_token"],
            holder,
            configuration=None,
            credential_identifier=identifier,
        )
        assert granted.status_code == 200, granted.text


def test_what_is_asked_for_twice_is_answered_once(standing: World) -> None:
    asked = json.dumps([DETAIL, DETAIL])
    answer = standing.redeem(standing.claim(), authorization_details=asked)
    assert len(answer.json()["authorization_details"]) == 1


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"locations": [URL]},
        {"locations": ["https://x.example", URL]},
        {"claims": [{"path": ["credentialSubject", "model"]}]},
        {"unknown": 1},
    ],
)
def test_what_may_stand_beside_it(standing: World, more: dict[str, object]) -> None:
    asked = json.dumps([{**DETAIL, **more}])
    assert standing.redeem(standing.claim(), authorization_details=asked).status_code == 200


@pytest.mark.parametrize(
    "details",
    [
        "",
        "x",
        "{}",
        "[]",
        "[7]",
        json.dumps([{**DETAIL, "type": "payment"}]),
        json.dumps([{"type": "openid_credential"}]),
        json.dumps([{**DETAIL, "credential_configuration_id": 7}]),
        json.dumps([{**DETAIL, "credential_configuration_id": "device-configuration"}]),
        json.dumps([{**DETAIL, "locations": ["https://other.example"]}]),
        json.dumps([{**DETAIL, "locations": URL}]),
        json.dumps([{**DETAIL, "claims": []}]),
        json.dumps([{**DETAIL, "claims": {}}]),
        json.dumps([DETAIL, {"type": "payment"}]),
    ],
)
def test_details_that_are_refused(standing: World, details: str) -> None:
    claim = standing.claim()
    answer = standing.redeem(claim, authorization_details=details)
    assert error(answer) == "invalid_authorization_details"
    assert standing.redeem(claim).status_code == 200
