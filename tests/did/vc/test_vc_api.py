import json
from typing import Any

import pytest

from did.errors import Invalid
from did.vc.securing import Format
from did.vc.vc_api import parse_issue, parse_status, parse_verify_credential


def issue(**options: Any) -> Any:
    return parse_issue(json.dumps({"credential": {}, "options": options}).encode())


def verify(**options: Any) -> Any:
    body = {"verifiableCredential": {}, "options": options}
    return parse_verify_credential(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("options", "format_"),
    [
        ({}, Format.LDP_VC),
        ({"cryptosuite": "eddsa-jcs-2022", "type": "DataIntegrityProof"}, Format.LDP_VC),
        ({"format": "ldp_vc", "proofPurpose": "assertionMethod"}, Format.LDP_VC),
        ({"format": "vc+jwt"}, Format.VC_JWT),
        ({"mediaType": "application/vc+jwt", "format": "vc+jwt"}, Format.VC_JWT),
        ({"mediaType": "application/vc+cose"}, Format.VC_COSE),
        ({"format": "jwt_vc_json"}, Format.JWT_VC_JSON),
    ],
)
def test_formats(options: dict[str, Any], format_: Format) -> None:
    assert issue(**options).format is format_


def test_purposes() -> None:
    assert issue().purposes == ()
    assert issue(statusPurpose="suspension").purposes == ("suspension",)
    assert issue(credentialStatus={}).purposes == ("revocation",)
    both = issue(credentialStatus=[{"statusPurpose": "suspension"}], statusPurpose=["revocation"])
    assert both.purposes == ("revocation", "suspension")


def test_what_is_verified() -> None:
    assert verify() == verify(unknown={"whatever": 1})
    assert verify() == verify(checks=None, domain=None, challenge=None)
    assert verify().with_status
    assert verify(checks=[]).with_status
    assert verify(checks=["proof", "status"]).with_status
    assert not verify(checks=["proof"]).with_status
    assert verify(domain="a").domains == ("a",)
    assert verify(domain=["a", "b"]).domains == ("a", "b")
    assert verify(returnCredential=True).return_document


@pytest.mark.parametrize(
    "options",
    [
        {"checks": "proof"},
        {"checks": [5]},
        {"domain": 5},
        {"domain": [None]},
        {"challenge": 5},
        {"expectedProofPurpose": []},
    ],
)
def test_options_of_a_verifier_that_are_malformed(options: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        verify(**options)
    assert caught.value.code == "invalid_vc_api_request"


def test_a_status_names_one_purpose() -> None:
    entry = {"type": "BitstringStatusListEntry", "statusPurpose": "suspension"}
    body: dict[str, Any] = {"credentialId": "urn:x:1", "credentialStatus": entry}
    found = parse_status(json.dumps(body).encode())
    assert (found.credential_id, found.purpose, found.value) == ("urn:x:1", "suspension", True)
    for wrong in ({"credentialStatus": []}, {"credentialStatus": [entry]}, {"status": None}):
        with pytest.raises(Invalid):
            parse_status(json.dumps({**body, **wrong}).encode())
