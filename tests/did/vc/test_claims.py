from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from actors import NOW

from did.errors import Invalid
from did.vc.claims import Claims, claims_of_cwt, claims_of_jwt

SECONDS = int(NOW.timestamp())
WHOLE = Claims(
    issuer="did:key:z6Mk",
    subject="did:example:1",
    audience="https://verifier.example",
    expires=NOW + timedelta(minutes=5),
    not_before=NOW,
    issued=NOW,
    id="urn:uuid:1",
    nonce="bm9uY2UtbnVtYmVyLW9uZQ",
)


def test_as_a_jwt_has_them() -> None:
    assert WHOLE.to_json() == {
        "iss": "did:key:z6Mk",
        "sub": "did:example:1",
        "aud": "https://verifier.example",
        "exp": SECONDS + 300,
        "nbf": SECONDS,
        "iat": SECONDS,
        "jti": "urn:uuid:1",
        "nonce": "bm9uY2UtbnVtYmVyLW9uZQ",
    }
    assert claims_of_jwt(WHOLE.to_json()) == WHOLE
    assert Claims().to_json() == {}
    assert claims_of_jwt({"other": 1}) == Claims()


def test_as_a_cwt_has_them() -> None:
    assert WHOLE.to_cwt() == {
        1: "did:key:z6Mk",
        2: "did:example:1",
        3: "https://verifier.example",
        4: SECONDS + 300,
        5: SECONDS,
        6: SECONDS,
        7: b"urn:uuid:1",
        10: b"nonce-number-one",
    }
    assert claims_of_cwt(WHOLE.to_cwt()) == WHOLE
    assert (Claims().to_cwt(), claims_of_cwt({})) == ({}, Claims())
    assert claims_of_cwt({99: 1, "own": 2}) == Claims()


def test_an_audience_may_be_a_list_of_one() -> None:
    assert claims_of_jwt({"aud": ["https://v.example"]}).audience == "https://v.example"
    assert claims_of_cwt({3: ["https://v.example"]}).audience == "https://v.example"


@pytest.mark.parametrize(
    "payload",
    [
        *({name: value} for name in ("iss", "sub", "jti", "nonce") for value in (None, 5, "", [])),
        *({"aud": value} for value in (None, 5, "", [], ["a", "b"], [5], [""], {"a": 1})),
        *({name: value} for name in ("exp", "nbf", "iat") for value in (None, "5", True, 5.5, [])),
        {"exp": 10**14},
        {"iat": -(10**14)},
    ],
    ids=str,
)
def test_malformed_in_a_jwt(payload: Any) -> None:
    with pytest.raises(Invalid) as raised:
        claims_of_jwt(payload)
    assert raised.value.code == "invalid_claims"


@pytest.mark.parametrize(
    "claims",
    [
        None,
        [],
        "text",
        {1: b"did:key:z6Mk"},
        {4: b"5"},
        {6: None},
        {7: "urn:uuid:1"},
        {7: b"\xff"},
        {10: "bm9uY2UtbnVtYmVyLW9uZQ"},
        {10: bytes(7)},
        {10: bytes(65)},
        {10: [bytes(8)]},
    ],
    ids=str,
)
def test_malformed_in_a_cwt(claims: Any) -> None:
    with pytest.raises(Invalid) as raised:
        claims_of_cwt(claims)
    assert raised.value.code == "invalid_claims"


@pytest.mark.parametrize("nonce", ["short", "not base64url!", "A" * 88, "bm9uY2U="])
def test_a_nonce_that_a_cose_message_cannot_hold(nonce: str) -> None:
    with pytest.raises(Invalid) as raised:
        Claims(nonce=nonce).to_cwt()
    assert raised.value.code == "invalid_nonce"
    assert Claims(nonce=nonce).to_json() == {"nonce": nonce}


def test_a_time_is_cut_to_its_second() -> None:
    late = datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=UTC)
    assert Claims(expires=late).to_json() == {"exp": SECONDS}
