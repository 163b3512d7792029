"""``authorization_details`` in token requests (OpenID4VCI 1.0, sections 5.1.1, 6.1.1, 6.2)."""

import json
from dataclasses import replace

import pytest
from actors import actor
from issuing import TERMS, URL, World
from oauth import error, refusal

from issuer.approvals import decide

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


def test_an_identifier_is_of_no_use_without_authorization_details(standing: World) -> None:
    """Regression: it was taken with any token (section 8.2: MUST NOT be used otherwise)."""
    claim, holder = standing.claim(), actor("unidentified")
    token = standing.token(claim)
    asked = {"configuration": None, "credential_identifier": "claim:device-provisioning"}
    refused = standing.ask_for(token, holder, **asked)
    assert refusal(refused) == ("unknown_credential_identifier", "unknown_credential_identifier")
    assert standing.ask_for(token, holder).status_code == 200
    identified = standing.token(claim, authorization_details=json.dumps([DETAIL]))
    assert standing.ask_for(identified, holder, **asked).status_code == 200


def test_a_token_is_for_what_was_named_alone(standing: World) -> None:
    """Regression: it gave all that the claim offers, by configuration id too."""
    claim, holder = standing.claim(), actor("named alone")
    token = standing.token(claim, authorization_details=json.dumps([DETAIL]))
    for configuration in ("device-provisioning", "device-provisioning-vc-jwt"):
        refused = standing.ask_for(token, holder, configuration=configuration)
        assert refusal(refused) == ("invalid_credential_request", "identifier_missing")
    other = "claim:device-provisioning-vc-jwt"
    refused = standing.ask_for(token, holder, configuration=None, credential_identifier=other)
    assert error(refused) == "unknown_credential_identifier"
    both = [DETAIL, {**DETAIL, "credential_configuration_id": "device-provisioning-vc-jwt"}]
    wider = standing.token(claim, authorization_details=json.dumps(both))
    granted = standing.ask_for(wider, holder, configuration=None, credential_identifier=other)
    assert granted.status_code == 200


def test_a_token_collects_what_was_named_alone(standing: World) -> None:
    claim, holder = standing.claim(replace(TERMS, approval=True)), actor("collects")
    asked = standing.ask_for(
        standing.token(claim), holder, configuration="device-provisioning-vc-jwt"
    )
    transaction = asked.json()["transaction_id"]
    decide(standing.issuer.engine, claim.id, None, approve=True, at=standing.clock())
    narrow = standing.token(claim, authorization_details=json.dumps([DETAIL]))
    refused = standing.come_back(narrow, transaction)
    assert refusal(refused) == ("invalid_transaction_id", "unknown_transaction")
    named = [{**DETAIL, "credential_configuration_id": "device-provisioning-vc-jwt"}]
    token = standing.token(claim, authorization_details=json.dumps(named))
    assert standing.come_back(token, transaction).status_code == 200


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
