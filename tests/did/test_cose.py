from typing import Any

import pytest
from actors import DEVICE, STRANGER

from did import cose
from did.cbor import decode, encode
from did.errors import Invalid
from did.limits import LIMITS

TYP = "application/x+cose"
HEADERS: cose.Headers = {cose.TYP: TYP, cose.KID: b"a key"}
GOOD = cose.sign_sign1(HEADERS, b"content", DEVICE.key)


def parts(data: bytes = GOOD) -> list[Any]:
    value = decode(data[1:], max_bytes=1000)
    assert isinstance(value, list)
    return value


def whole(*items: Any) -> bytes:
    return b"\xd2" + encode(list(items))


def test_sign_and_parse() -> None:
    parsed = cose.parse_sign1(GOOD, typ=TYP)
    assert parsed.protected == {cose.ALG: -8, **HEADERS}
    assert (parsed.unprotected, parsed.payload) == ({}, b"content")
    parsed.verify(DEVICE.key.public_key())
    with pytest.raises(Invalid) as raised:
        parsed.verify(STRANGER.key.public_key())
    assert raised.value.code == "invalid_signature"
    assert cose.message_typ(GOOD) == TYP


def test_the_tag_may_be_left_out() -> None:
    assert cose.parse_sign1(GOOD[1:], typ=TYP) == cose.parse_sign1(GOOD, typ=TYP)
    with pytest.raises(Invalid):
        cose.parse_sign1(b"\xd2" + GOOD, typ=TYP)


def test_both_numbers_of_the_algorithm() -> None:
    for alg in cose.ALGORITHMS:
        head = encode({**HEADERS, cose.ALG: alg})
        signature = DEVICE.key.sign(cose.to_sign(head, b"content", b""))
        parsed = cose.parse_sign1(whole(head, {}, b"content", signature), typ=TYP)
        parsed.verify(DEVICE.key.public_key())


def test_data_that_is_signed_and_not_sent() -> None:
    head = encode({**HEADERS, cose.ALG: -8})
    signature = DEVICE.key.sign(cose.to_sign(head, b"content", b"more"))
    message = whole(head, {}, b"content", signature)
    cose.parse_sign1(message, typ=TYP, external=b"more").verify(DEVICE.key.public_key())
    with pytest.raises(Invalid):
        cose.parse_sign1(message, typ=TYP).verify(DEVICE.key.public_key())


@pytest.mark.parametrize(
    "head",
    [
        {cose.TYP: TYP},
        {**HEADERS, cose.ALG: -7},
        {**HEADERS, cose.ALG: "EdDSA"},
        {**HEADERS, cose.ALG: None},
        {**HEADERS, cose.ALG: True},
        {cose.ALG: -8},
        {cose.ALG: -8, cose.TYP: "application/y+cose"},
        {cose.ALG: -8, cose.TYP: 16},
        {**HEADERS, cose.ALG: -8, cose.CRIT: [cose.TYP]},
        {**HEADERS, cose.ALG: -8, cose.CRIT: []},
        [],
        "text",
    ],
    ids=str,
)
def test_headers_that_are_refused(head: Any) -> None:
    good = parts()
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(whole(encode(head), *good[1:]), typ=TYP)
    assert raised.value.code == "invalid_cose"
    cose.parse_sign1(whole(*good), typ=TYP)


@pytest.mark.parametrize("label", [cose.ALG, cose.CRIT, cose.TYP, cose.KID], ids=str)
def test_a_header_that_is_to_be_signed_stands_outside(label: int) -> None:
    head, _, payload, signature = parts()
    cose.parse_sign1(whole(head, {99: 1}, payload, signature), typ=TYP)  # nobody relies on it
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(whole(head, {label: 1}, payload, signature), typ=TYP)
    assert raised.value.code == "invalid_cose"


def test_a_typ_where_none_is_due() -> None:
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(GOOD, typ=None)
    assert raised.value.code == "invalid_cose"


HEAD, _, PAYLOAD, SIGNATURE = parts()


@pytest.mark.parametrize(
    "message",
    [
        encode({}),
        encode([]),
        encode([HEAD, {}, PAYLOAD]),
        encode([HEAD, {}, PAYLOAD, SIGNATURE, b""]),
        encode([{}, {}, PAYLOAD, SIGNATURE]),
        encode([HEAD, [], PAYLOAD, SIGNATURE]),
        encode([HEAD, {}, None, SIGNATURE]),
        encode([HEAD, {}, "content", SIGNATURE]),
        encode([HEAD, {}, PAYLOAD, None]),
        encode([HEAD, {}, PAYLOAD, SIGNATURE[1:]]),
        encode([HEAD, {}, PAYLOAD, SIGNATURE + b"\0"]),
        encode([b"", {}, PAYLOAD, SIGNATURE]),
    ],
    ids=lambda message: message.hex()[:30],
)
def test_forms_that_are_refused(message: bytes) -> None:
    for tag in (b"", b"\xd2"):
        with pytest.raises(Invalid) as raised:
            cose.parse_sign1(tag + message, typ=TYP)
        assert raised.value.code == "invalid_cose"


def test_cbor_that_is_not_deterministic() -> None:
    head, _, payload, signature = parts()
    for message in (
        GOOD[:-1],
        GOOD + b"\0",
        b"\xd8\x12" + GOOD[1:],  # the tag, written longer
        b"\xd9\x00\x12" + GOOD[1:],
        b"\xd2\x9f" + GOOD[2:] + b"\xff",  # an array without a length
        whole(bytes([head[0]]) + head[1:] + b"\0", {}, payload, signature),
        whole(b"\xa0", {}, payload, signature),
    ):
        with pytest.raises(Invalid):
            cose.parse_sign1(message, typ=TYP)


def test_limits() -> None:
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(b"\xd2" + bytes(LIMITS.envelope + 1), typ=TYP)
    assert raised.value.code == "cbor_too_large"
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(GOOD, typ=TYP, max_bytes=len(GOOD) - 2)
    assert raised.value.code == "cbor_too_large"
