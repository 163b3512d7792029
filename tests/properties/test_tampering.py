"""Whatever is altered in what was signed, sealed or given out, it is refused."""

import json
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, ISSUER, LOG_ID, NOW, STRANGER
from hypothesis import given
from hypothesis import strategies as st
from tampering import alterations
from values import json_values, texts

from did.errors import Invalid, KeybornError
from did.jcs import canonicalize
from did.jose import EncryptionKey, encrypt_jwe
from did.nonce import mint, recognise
from did.possession import parse_possession, sign_possession
from did.strict_json import parse_object
from did.vc.bitstring import decode_list, encode_list, value_at, with_value
from did.vc.credential import PROVISIONING, build_credential, parse_credential, sign_credential
from did.vc.data_integrity import add_proof, parse_proof
from did.vc.formats import read_presentation
from did.vc.presentation import sign_presentation
from did.vc.securing import ASSERTION
from did.vc.status_list import REVOCATION, StatusEntry

AUDIENCE = "https://verifier.example"
KEYS = {actor.short.text: actor.key.public_key() for actor in (ISSUER, DEVICE, STRANGER)}
CREDENTIAL = sign_credential(
    build_credential(
        PROVISIONING,
        issuer=ISSUER.did,
        subject={"id": DEVICE.short.text, "logId": LOG_ID.hex(), "model": "Lamp é", "roles": ["a"]},
        valid_from=NOW,
        valid_until=NOW + timedelta(days=1),
        statuses=[StatusEntry(REVOCATION, 5, "https://issuer.example/v1/status/1")],
    ),
    ISSUER.key,
    issuer=ISSUER.did,
    created=NOW,
)
PRESENTATION = sign_presentation(
    [CREDENTIAL], DEVICE.key, holder=DEVICE.did, challenge="n", audience=AUDIENCE, created=NOW
)
PRESENTED = canonicalize(PRESENTATION)


def check(data: bytes) -> None:
    """What a verifier does, as far as proofs go: each by a key of the DID that it names."""
    presentation = read_presentation(data)
    for proof in (presentation.proof, *(each.proof for each in presentation.credentials)):
        key = proof.method.key()
        proof.verify(key)
        assert KEYS[proof.method.did.text] == key


def test_the_twin_of_them_all() -> None:
    check(PRESENTED)


def test_every_byte_of_a_presentation() -> None:
    for position in range(len(PRESENTED)):
        altered = bytearray(PRESENTED)
        altered[position] ^= 1
        with pytest.raises(Invalid):
            check(bytes(altered))


@given(st.integers(0, len(PRESENTED) - 1), st.integers(1, 255))
def test_any_byte_of_a_presentation(position: int, change: int) -> None:
    altered = bytearray(PRESENTED)
    altered[position] ^= change
    with pytest.raises(Invalid):
        check(bytes(altered))


@given(st.integers(0, len(PRESENTED) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_any_splice(position: int, more: bytes, less: int) -> None:
    altered = PRESENTED[:position] + more + PRESENTED[position + less :]
    if altered != PRESENTED and not same_value(altered):
        with pytest.raises(Invalid):
            check(altered)


def same_value(altered: bytes) -> bool:
    """Whether it says the same in other bytes (white space), which nothing forbids."""
    try:
        return canonicalize(parse_object(altered)) == PRESENTED
    except Invalid:
        return False


@pytest.mark.parametrize(
    "altered",
    [pytest.param(altered, id=path) for path, altered in alterations(PRESENTATION)],
)
def test_every_value_and_name_in_a_presentation(altered: Any) -> None:
    with pytest.raises(Invalid):
        check(json.dumps(altered).encode())


@given(st.dictionaries(texts, json_values, max_size=5), texts, json_values)
def test_any_document(document: dict[str, Any], name: str, value: Any) -> None:
    document.pop("proof", None)
    secured = add_proof(document, ISSUER.key, method=ISSUER.method, purpose=ASSERTION, created=NOW)
    wire = parse_object(canonicalize(secured))
    parse_proof(wire, purpose=ASSERTION).verify(ISSUER.key.public_key())
    altered = {**wire, name: value}
    if canonicalize(altered) != canonicalize(wire):
        with pytest.raises(Invalid):
            parse_proof(altered, purpose=ASSERTION).verify(ISSUER.key.public_key())


POSSESSION = sign_possession(
    DEVICE.did, DEVICE.key, audience="https://issuer.example", nonce="n", issued=NOW
)


def test_every_letter_of_a_possession_proof() -> None:
    def verify(token: str) -> None:
        parse_possession(token).verify(DEVICE.key.public_key())

    verify(POSSESSION)
    for position, letter in enumerate(POSSESSION):
        for other in {"A", "B", "."} - {letter}:
            with pytest.raises(Invalid):
                verify(POSSESSION[:position] + other + POSSESSION[position + 1 :])


KEY = EncryptionKey(bytes(range(32)), "key-1")


@given(st.binary(max_size=200), st.data())
def test_any_letter_of_an_encrypted_message(content: bytes, data: st.DataObject) -> None:
    message = encrypt_jwe(content, KEY.public_jwk())
    assert KEY.decrypt(message) == content
    position = data.draw(st.integers(0, len(message) - 1))
    other = data.draw(st.sampled_from("ABab01-_.=\n").filter(lambda it: it != message[position]))
    with pytest.raises(Invalid):
        KEY.decrypt(message[:position] + other + message[position + 1 :])


@given(st.binary(min_size=32, max_size=32), texts, st.binary(max_size=20), st.data())
def test_any_letter_of_a_nonce(
    key: bytes, purpose: str, context: bytes, data: st.DataObject
) -> None:
    expires = NOW + timedelta(seconds=data.draw(st.integers(1, 10**9)))
    text = mint(key, purpose=purpose, context=context, expires=expires).text
    assert recognise(key, text, purpose=purpose, context=context, at=NOW).expires == expires
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABab01-_=\n").filter(lambda it: it != text[position]))
    altered = text[:position] + other + text[position + 1 :]
    with pytest.raises(KeybornError) as raised:
        recognise(key, altered, purpose=purpose, context=context, at=NOW)
    assert raised.value.code == "invalid_nonce"


@given(st.sets(st.integers(0, 131_071), max_size=30), st.integers(0, 131_071))
def test_a_status_list_says_what_was_set(indexes: set[int], other: int) -> None:
    bits = bytes(16_384)
    for index in indexes:
        bits = with_value(bits, index, 1)
    read = decode_list(encode_list(bits))
    assert read == bits
    assert all(value_at(read, index) for index in indexes)
    assert value_at(read, other) == (other in indexes)
    assert sum(byte.bit_count() for byte in read) == len(indexes)


@given(st.data())
def test_any_letter_of_an_encoded_list(data: st.DataObject) -> None:
    bits = with_value(bytes(16_384), data.draw(st.integers(0, 131_071)), 1)
    text = encode_list(bits)
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABab01-_=\n").filter(lambda it: it != text[position]))
    try:
        read = decode_list(text[:position] + other + text[position + 1 :])
    except Invalid:
        return
    assert read == bits, "only what says nothing of the bits (the time in GZIP's head) may differ"


def test_a_credential_is_refused_as_well_where_it_stands_alone() -> None:
    parse_credential(CREDENTIAL).proof.verify(ISSUER.key.public_key())
    for _, altered in alterations(CREDENTIAL):
        with pytest.raises(Invalid):
            parse_credential(altered).proof.verify(ISSUER.key.public_key())
