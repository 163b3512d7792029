"""Whatever a credential says, it is the same in every format, and comes back byte for byte."""

from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW
from formats import AUDIENCE, ENDS, as_v1, presentation, unsecured
from hypothesis import given
from hypothesis import strategies as st
from values import json_values, texts

from did.errors import Invalid
from did.multibase import base64url_encode
from did.vc.formats import (
    Format,
    as_json,
    credential_in,
    read_credential,
    read_presentation,
    secure_credential,
)

formats = st.sampled_from(list(Format))
claims = st.dictionaries(texts, json_values, max_size=4)
nonces = st.binary(min_size=8, max_size=64).map(base64url_encode)


def secured(said: Any, format_: Format) -> bytes:
    subject = {**said, "id": DEVICE.short.text}
    subject.pop("logId", None)
    document = unsecured(credentialSubject=subject)
    return secure_credential(
        as_v1(document) if format_ is Format.JWT_VC_JSON else document,
        ISSUER.key,
        issuer=ISSUER.did,
        created=NOW,
        format=format_,
    )


@given(claims, formats)
def test_a_credential_comes_back(said: Any, format_: Format) -> None:
    data = secured(said, format_)
    read = read_credential(data)
    assert (read.format, read.to_bytes()) == (format_, data)
    assert read.subject == {
        **{k: v for k, v in said.items() if k != "logId"},
        "id": DEVICE.short.text,
    }
    read.proof.verify(ISSUER.key.public_key())
    assert read_credential(read.to_bytes()) == read
    assert credential_in(as_json(data, format_)) == read


@given(claims, formats, formats, nonces)
def test_a_presentation_comes_back(said: Any, outer: Format, inner: Format, nonce: str) -> None:
    if outer is Format.JWT_VC_JSON:
        inner = outer
    held = secured(said, inner)
    data = presentation(outer, [(held, inner)], challenge=nonce)
    read = read_presentation(data)
    assert (read.format, read.to_bytes()) == (outer, data)
    assert (read.challenge, read.audience, read.proof.expires) == (nonce, AUDIENCE, ENDS)
    assert read.credentials[0].to_bytes() == held
    read.proof.verify(DEVICE.key.public_key())
    assert read_presentation(read.to_bytes()) == read


HELD = {format_: secured({"model": "Lamp é", "n": [1, {"é": None}]}, format_) for format_ in Format}
SHOWN = {format_: presentation(format_) for format_ in Format}


@given(formats, st.booleans(), st.data())
def test_any_byte_of_either(format_: Format, shown: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
    whole = SHOWN[format_] if shown else HELD[format_]
    key = (DEVICE if shown else ISSUER).key.public_key()
    read = read_presentation if shown else read_credential
    position = data.draw(st.integers(0, len(whole) - 1))
    altered = bytearray(whole)
    altered[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Invalid):
        read(bytes(altered)).proof.verify(key)  # type: ignore[operator] # two of one shape


@given(st.binary(max_size=200), st.sampled_from([*Format, None]))
def test_any_bytes(data: bytes, format_: Format | None) -> None:
    for read in (read_credential, read_presentation):
        with pytest.raises(Invalid):
            read(data, format_)
