from datetime import timedelta

import pytest
from actors import NOW

from did.errors import Invalid, Refused
from did.multibase import base64url_decode, base64url_encode
from did.nonce import mint, recognise

KEY = bytes(range(32))
LATER = NOW + timedelta(minutes=5)


def test_minted_is_recognised_until_it_expires() -> None:
    nonce = mint(KEY, purpose="enrol", context=b"did:x", expires=LATER)
    assert recognise(KEY, nonce.text, purpose="enrol", context=b"did:x", at=NOW) == nonce
    assert nonce.expires == LATER
    last = LATER - timedelta(microseconds=1)
    assert recognise(KEY, nonce.text, purpose="enrol", context=b"did:x", at=last) == nonce
    with pytest.raises(Refused) as raised:
        recognise(KEY, nonce.text, purpose="enrol", context=b"did:x", at=LATER)
    assert raised.value.code == "nonce_expired"
    assert raised.value.hint == "ask for a new one"


def test_no_two_are_alike_and_seconds_are_whole() -> None:
    first, second = (
        mint(KEY, purpose="enrol", expires=LATER + timedelta(milliseconds=900)) for _ in range(2)
    )
    assert first.text != second.text
    assert first.expires == LATER


@pytest.mark.parametrize(
    ("key", "purpose", "context"),
    [
        (bytes(32), "enrol", b"did:x"),
        (KEY, "present", b"did:x"),
        (KEY, "enrol", b"did:y"),
        (KEY, "enrol", b""),
        (KEY, "enroldid:x", b""),  # what is joined is the same text
        (KEY, "", b"enroldid:x"),
    ],
)
def test_for_something_else(key: bytes, purpose: str, context: bytes) -> None:
    text = mint(KEY, purpose="enrol", context=b"did:x", expires=LATER).text
    with pytest.raises(Invalid) as raised:
        recognise(key, text, purpose=purpose, context=context, at=NOW)
    assert raised.value.code == "invalid_nonce"


def test_what_is_no_nonce() -> None:
    text = mint(KEY, purpose="enrol", expires=LATER).text
    whole = base64url_decode(text)
    later = base64url_encode((int.from_bytes(whole[:8], "big") + 1).to_bytes(8, "big") + whole[8:])
    shorter, longer = base64url_encode(whole[:-1]), base64url_encode(whole + b"\0")
    for other in ("", "!", text + "=", text + "\n", later, shorter, longer, "A" * 257, "é", "AAAA"):
        with pytest.raises(Invalid) as raised:
            recognise(KEY, other, purpose="enrol", at=NOW)
        assert raised.value.code == "invalid_nonce"
