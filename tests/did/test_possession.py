"""Possession proofs: ``jwt`` and ``di_vp`` (OpenID4VCI 1.0, appendix F)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from actors import DEVICE, NOW
from forgery import forge_jws

from did.errors import Invalid
from did.identifier import DidUrl
from did.jose import Jws
from did.possession import (
    DI_VP,
    PROOF_TYP,
    parse_possession,
    sign_possession,
    sign_possession_presentation,
)


def test_possession_covers_the_full_did() -> None:
    token = sign_possession(
        DEVICE.did, DEVICE.key, audience="https://issuer.example", nonce="n", issued=NOW
    )
    proof = parse_possession(token)
    assert proof.method == DidUrl(DEVICE.did, DEVICE.key.public_key().multibase)
    assert (proof.audience, proof.nonce, proof.issued) == ("https://issuer.example", "n", NOW)
    assert isinstance(proof.signed, Jws)
    assert proof.signed.header["kid"] == proof.method.text
    assert proof.signed.payload["iat"] == int(NOW.timestamp())
    proof.verify(proof.method.key())


HEADER = {"alg": "EdDSA", "typ": PROOF_TYP, "kid": DEVICE.method.text}
PAYLOAD = {"aud": "https://issuer.example", "nonce": "n", "iat": 1_769_860_800}


def test_another_client_may_say_more() -> None:
    header = {**HEADER, "alg": "Ed25519"}
    proof = parse_possession(forge_jws(header, {**PAYLOAD, "sub": "me"}, DEVICE.key))
    assert proof.issued == datetime.fromtimestamp(PAYLOAD["iat"], UTC)  # type: ignore[arg-type]
    proof.verify(proof.method.key())


def test_times_may_have_fractions_and_what_is_not_known_any_number() -> None:
    """Regression: both were refused; a NumericDate is a number (RFC 7519, section 2)."""
    begun = PAYLOAD["iat"] + 0.5  # type: ignore[operator] # a number
    said = {**PAYLOAD, "iat": begun, "exp": begun + 60, "x": {"size": 1.5, "serial": 2**60}}
    proof = parse_possession(forge_jws(HEADER, said, DEVICE.key))
    assert proof.issued == datetime.fromtimestamp(begun, UTC)
    assert proof.expires == datetime.fromtimestamp(begun + 60, UTC)
    proof.verify(proof.method.key())


@pytest.mark.parametrize(
    ("header", "payload", "code"),
    [
        ({**HEADER, "jwk": {}}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "x5c": []}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "kid": None}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "kid": 5}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "kid": DEVICE.short.text}, PAYLOAD, "invalid_did_url"),
        ({**HEADER, "kid": "#key"}, PAYLOAD, "invalid_did"),
        ({**HEADER, "kid": "did:example:x#key"}, PAYLOAD, "method_not_supported"),
        ({**HEADER, "typ": "JWT"}, PAYLOAD, "invalid_jwt"),
        (HEADER, {**PAYLOAD, "aud": ["https://issuer.example"]}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "aud": None}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "nonce": 5}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": "1769860800"}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": True}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": 2**53 - 1}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": 1e300}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": None}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "exp": "1769860900"}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "exp": 2**53 - 1}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "nbf": True}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iss": "someone"}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iss": None}, "invalid_possession_proof"),
        (HEADER, {}, "invalid_possession_proof"),
    ],
)
def test_a_malformed_possession_proof(header: Any, payload: Any, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_possession(forge_jws(header, payload, DEVICE.key))
    assert raised.value.code == code


def test_a_bare_key_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid) as raised:
        parse_possession(forge_jws({**HEADER, "jwk": {}}, PAYLOAD, DEVICE.key))
    assert raised.value.hint is not None
    assert "kid" in raised.value.hint


def test_a_presentation_covers_the_full_did() -> None:
    shown = sign_possession_presentation(
        DEVICE.did, DEVICE.key, audience="https://issuer.example", nonce="n", issued=NOW
    )
    assert shown["holder"] == DEVICE.did.text
    proof = parse_possession(shown, DI_VP)
    assert proof.method == DidUrl(DEVICE.did, DEVICE.key.public_key().multibase)
    assert (proof.audience, proof.nonce, proof.issued) == ("https://issuer.example", "n", NOW)
    proof.verify(DEVICE.key.public_key())


def test_a_proof_of_one_type_is_none_of_the_other() -> None:
    given: dict[str, Any] = {"audience": "https://issuer.example", "nonce": "n", "issued": NOW}
    token = sign_possession(DEVICE.did, DEVICE.key, **given)
    shown = sign_possession_presentation(DEVICE.did, DEVICE.key, **given)
    for proof, proof_type in ((token, DI_VP), (shown, "jwt"), (7, "jwt")):
        with pytest.raises(Invalid) as raised:
            parse_possession(proof, proof_type)  # type: ignore[arg-type] # JSON
        assert raised.value.code == "invalid_possession_proof"
