"""Tokens that name several where one is due, or one in part: only the whole name counts."""

import json
from typing import Any

import pytest
from actors import DEVICE, ISSUER, STRANGER
from forgery import forge_jws
from formats import AUDIENCE, credential, presentation
from outcomes import invalid

from did.errors import Invalid
from did.multibase import base64url_decode
from did.vc.formats import Format, read_credential, read_presentation

TOKENS = (Format.VC_JWT, Format.JWT_VC_JSON)
NAME = ISSUER.short.text
OTHERS: dict[str, Any] = {
    "two in a list": [STRANGER.short.text, NAME],
    "one in a list": [NAME],
    "another": STRANGER.short.text,
    "its beginning": NAME[:-1],
    "more than it": f"{NAME}1",
    "it, among others": f"{STRANGER.short.text} {NAME}",
    "an object": {"id": [NAME, STRANGER.short.text]},
    "null": None,
    "nothing": "",
}


def parts(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = token.decode().split(".")
    return json.loads(base64url_decode(header)), json.loads(base64url_decode(payload))


@pytest.mark.parametrize("format_", TOKENS)
@pytest.mark.parametrize("case", OTHERS)
def test_iss_is_the_one_issuer_or_the_token_is_refused(format_: Format, case: str) -> None:
    header, payload = parts(credential(format_))
    forged = forge_jws(header, {**payload, "iss": OTHERS[case]}, ISSUER.key)
    with invalid("invalid_claims"):
        read_credential(forged.encode(), format_)
    twin = forge_jws(header, {**payload, "iss": NAME}, ISSUER.key)
    read_credential(twin.encode(), format_).proof.verify(ISSUER.key.public_key())


@pytest.mark.parametrize("case", OTHERS)
def test_the_issuer_in_the_document_is_one(case: str) -> None:
    header, payload = parts(credential(Format.VC_JWT))
    forged = forge_jws(header, {**payload, "issuer": OTHERS[case]}, ISSUER.key)
    with pytest.raises(Invalid) as raised:
        read_credential(forged.encode())
    assert raised.value.code in {"invalid_credential", "issuer_mismatch"}
    twin = forge_jws(header, {**payload, "issuer": NAME}, ISSUER.key)
    read_credential(twin.encode()).proof.verify(ISSUER.key.public_key())


@pytest.mark.parametrize("format_", TOKENS)
def test_a_key_of_another_did_than_the_issuers(format_: Format) -> None:
    """``kid`` names who signed; that it is the issuer is not to be taken from it alone."""
    header, payload = parts(credential(format_))
    kid = f"{STRANGER.short.text}#{STRANGER.key.public_key().multibase}"
    forged = forge_jws({**header, "kid": kid}, payload, STRANGER.key)
    with pytest.raises(Invalid) as raised:
        read_credential(forged.encode(), format_)
    assert raised.value.code in {"issuer_mismatch", "invalid_claims"}
    twin = forge_jws(header, payload, ISSUER.key)
    assert read_credential(twin.encode(), format_).subject_did() == DEVICE.short


AUDIENCES: dict[str, Any] = {
    "an empty list": [],
    "two": [AUDIENCE, "https://evil.example"],
    "two, the other way round": ["https://evil.example", AUDIENCE],
    "an object": {"0": AUDIENCE},
    "null": None,
    "nothing": "",
}


@pytest.mark.parametrize("format_", TOKENS)
@pytest.mark.parametrize("case", AUDIENCES)
def test_aud_is_the_one_audience_or_the_presentation_is_refused(format_: Format, case: str) -> None:
    header, payload = parts(presentation(format_))
    forged = forge_jws(header, {**payload, "aud": AUDIENCES[case]}, DEVICE.key)
    with pytest.raises(Invalid):
        read_presentation(forged.encode(), format_)
    twin = read_presentation(forge_jws(header, payload, DEVICE.key).encode(), format_)
    twin.proof.verify(DEVICE.key.public_key())
    assert twin.proof.domain == AUDIENCE
