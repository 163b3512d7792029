"""What an issuer must not be talked into signing over the VC-API; each with its positive twin."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from data_model_cases import EXAMPLES, MINIMAL, NAMED, OLD, UNDEFINED, but
from suite import Suite, running_suite

from did.vc.contexts import UNDEFINED_TERMS, V1, V2
from did.vc.status_list import CREDENTIAL_TYPE

FORMATS = ("ldp_vc", "vc+jwt", "vc+cose")
ENDED = "2000-01-01T00:00:00Z"
PLAIN_OLD: dict[str, Any] = {**OLD, "@context": [V1], "type": ["VerifiableCredential"]}


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with running_suite() as found:
        yield found


def issue(suite: Suite, credential: dict[str, Any], **options: Any) -> httpx.Response:
    return suite.post_issue({"credential": credential, "options": options})


def refused(answer: httpx.Response, code: str) -> dict[str, Any]:
    problem = dict(answer.json())
    assert (answer.status_code, problem.get("code")) == (400, code), answer.text
    assert problem["hint"]
    return problem


def verified(suite: Suite, answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text
    outcome = suite.verify(answer.json()["verifiableCredential"])
    assert outcome.status_code == 200, outcome.text


@pytest.mark.parametrize(
    "credential",
    [
        {**OLD, "@context": [V1, V2], "validUntil": ENDED},
        {**OLD, "@context": [V1, UNDEFINED_TERMS, V2], "validUntil": ENDED},
        {**MINIMAL, "@context": [V2, V1], "expirationDate": ENDED},
        {**MINIMAL, "expirationDate": ENDED},
        {**MINIMAL, "issuanceDate": ENDED},
    ],
    ids=repr,
)
def test_two_versions_in_one(suite: Suite, credential: dict[str, Any]) -> None:
    """Ended by one version, and without end by the other."""
    refused(issue(suite, credential), "invalid_credential")
    own = suite.prove({**credential, "issuer": suite.own_did})
    refused(suite.verify(own), "invalid_credential")
    old = credential["@context"][0] == V1
    good = {**(PLAIN_OLD if old else MINIMAL), "issuer": suite.own_did}
    assert suite.verify(suite.prove(good)).status_code == 200
    ended = {**good, "expirationDate" if old else "validUntil": "2024-01-01T00:00:00Z"}
    refused(suite.verify(suite.prove(ended)), "credential_expired")
    verified(suite, issue(suite, good))


@pytest.mark.parametrize(("change", "first"), UNDEFINED, ids=repr)
def test_terms_that_mean_nothing(suite: Suite, change: dict[str, Any], first: str) -> None:
    """In each format, in what is signed here and what is verified for others."""
    document = but(MINIMAL, change)
    twin = {**document, "@context": [*document["@context"], EXAMPLES]}
    for name in FORMATS:
        problem = refused(issue(suite, document, format=name), "undefined_terms")
        assert f"'{first}'" in problem["detail"]
        verified(suite, issue(suite, twin, format=name))
    own = {"issuer": suite.own_did} if "issuer" not in change else {}
    if own:
        problem = refused(suite.verify(suite.prove({**document, **own})), "undefined_terms")
        assert f"'{first}'" in problem["problemDetails"][0]["detail"]
        assert suite.verify(suite.prove({**twin, **own})).status_code == 200


@pytest.mark.parametrize("change", NAMED, ids=repr)
def test_names_that_are_no_names(suite: Suite, change: dict[str, Any]) -> None:
    document = {**but(MINIMAL, change), "issuer": suite.own_did}
    refused(issue(suite, document), "invalid_credential")
    refused(suite.verify(suite.prove(document)), "invalid_credential")
    subject = {"name": [{"@value": "x", "@language": "en"}, "y"], "description": "z"}
    verified(suite, issue(suite, {**document, "credentialSubject": subject}))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"member": 1}, "undefined_terms"),
        ({"type": ["VerifiableCredential", "Foo"]}, "undefined_terms"),
        ({"@context": [V1, {"VerifiableCredential": "https://e.org/x"}]}, "invalid_credential"),
    ],
    ids=repr,
)
def test_terms_of_1_1(suite: Suite, change: dict[str, Any], code: str) -> None:
    good = {**PLAIN_OLD, "issuer": suite.own_did}
    for name in ("ldp_vc", "jwt_vc_json"):
        refused(issue(suite, {**good, **change}, format=name), code)
        answer = issue(suite, good, format=name)
        verified(suite, answer)
    defined = {**good, **change, "@context": [V1, UNDEFINED_TERMS]}
    verified(suite, issue(suite, defined))
    refused(suite.verify(suite.prove({**good, **change})), code)
    assert suite.verify(suite.prove(defined)).status_code == 200


@pytest.mark.parametrize("name", ["vc+jwt", "vc+cose"])
@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"iat": 1},
        {"nbf": 4_000_000_000},
        {"iss": "did:evil:x"},
        {"sub": "did:example:another"},
        {"aud": "https://verifier.example"},
        {"jti": "urn:uuid:another"},
        {"nonce": "n"},
        {"sub": None},
    ],
    ids=repr,
)
def test_members_that_pose_as_claims_of_the_signature(
    suite: Suite, claims: dict[str, Any], name: str
) -> None:
    """A verifier would read them as the token's, or the issuer's own would replace them."""
    document = {**MINIMAL, "@context": [V2, UNDEFINED_TERMS], "id": "urn:uuid:1"}
    problem = refused(issue(suite, {**document, **claims}, format=name), "invalid_claims")
    assert problem["detail"].startswith(next(iter(claims)))
    agreeing = {"iss": suite.did, "sub": "did:example:subject", "jti": "urn:uuid:1"}
    verified(suite, issue(suite, {**document, **agreeing}, format=name))


@pytest.mark.parametrize("more", [{"statusListIndex": "5"}, {"statusSize": 4}, {"other": 1}])
def test_options_that_would_be_left_out(suite: Suite, more: dict[str, Any]) -> None:
    entry = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    answer = issue(suite, MINIMAL, credentialStatus={**entry, **more})
    assert f"'{next(iter(more))}'" in refused(answer, "invalid_vc_api_request")["detail"]
    verified(suite, issue(suite, MINIMAL, credentialStatus=entry))


@pytest.mark.parametrize(
    "type_", [CREDENTIAL_TYPE, f"https://www.w3.org/ns/credentials/status#{CREDENTIAL_TYPE}"]
)
def test_a_status_list_of_the_callers_own(suite: Suite, type_: str) -> None:
    """With it, whoever may issue would take back what was revoked."""
    entry = suite.issue(tag="BitstringStatusList")["credentialStatus"]
    list_ = suite.get(entry["statusListCredential"]).json()
    forged = {name: value for name, value in list_.items() if name != "proof"}
    forged["type"] = ["VerifiableCredential", type_]
    for name in FORMATS:
        refused(issue(suite, forged, format=name), "reserved_type")
        verified(suite, issue(suite, {**forged, "type": "VerifiableCredential"}, format=name))


def test_an_entry_whose_type_is_a_list(suite: Suite) -> None:
    entry = {
        "type": ["BitstringStatusListEntry"],
        "statusPurpose": "revocation",
        "statusListCredential": "https://example.org/list",
        "statusListIndex": 5,
    }
    refused(issue(suite, {**MINIMAL, "credentialStatus": entry}), "invalid_status_entry")
    good = {**entry, "type": "BitstringStatusListEntry", "statusListIndex": "5"}
    assert issue(suite, {**MINIMAL, "credentialStatus": good}).status_code == 201


@pytest.mark.parametrize(
    ("change", "named"), [({"id": "foo"}, "'foo'"), ({"@context": 4}, V2), ({"type": "x"}, "'x'")]
)
def test_who_asks_is_told_what_to_correct(suite: Suite, change: dict[str, Any], named: str) -> None:
    problem = refused(issue(suite, {**MINIMAL, **change}), "invalid_credential")
    assert problem["hint"].startswith("correct what is to be signed")
    assert named in problem["detail"]
    assert problem["hint"] in problem["problemDetails"][0]["detail"]
    verified(suite, issue(suite, MINIMAL))
