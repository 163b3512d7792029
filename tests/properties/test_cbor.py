"""One value, one encoding: every other way to write it is refused."""

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from values import cbor_values

from did.cbor import decode, encode
from did.errors import Invalid

MAX = 100_000
Draw = Any  # hypothesis's draw function

HEADS = ((24, "B"), (25, ">H"), (26, ">I"), (27, ">Q"))


@given(cbor_values)
def test_encode_and_decode(value: Any) -> None:
    data = encode(value)
    assert decode(data, max_bytes=MAX) == value
    assert encode(decode(data, max_bytes=MAX)) == data


@given(st.binary(max_size=60))
def test_any_bytes_are_their_value_s_encoding_or_refused(data: bytes) -> None:
    try:
        value = decode(data, max_bytes=MAX)
    except Invalid:
        return
    assert encode(value) == data


@given(cbor_values, st.data())
def test_one_altered_byte(value: Any, data: Any) -> None:
    encoded = bytearray(encode(value))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    try:
        other = decode(bytes(encoded), max_bytes=MAX)
    except Invalid:
        return
    assert encode(other) == encoded
    assert encode(other) != encode(value)


@given(cbor_values, st.binary(min_size=1, max_size=4))
def test_bytes_after_the_end(value: Any, more: bytes) -> None:
    refused(encode(value) + more)


@given(cbor_values)
def test_bytes_missing_at_the_end(value: Any) -> None:
    refused(encode(value)[:-1])


@st.composite
def loosely_encoded(draw: Draw) -> tuple[bytes, bytes]:
    """A value's one encoding, and another that a lenient reader takes for the same value."""
    value = draw(cbor_values)
    return encode(value), loose(draw, value)


@given(loosely_encoded())
def test_every_other_encoding_of_a_value(encodings: tuple[bytes, bytes]) -> None:
    canonical, other = encodings
    if other != canonical:
        refused(other)


def refused(data: bytes) -> None:
    try:
        decode(data, max_bytes=MAX)
    except Invalid:
        return
    raise AssertionError(f"{data.hex()} was taken")


def rarely(draw: Draw, one_in: int) -> bool:
    return bool(draw(st.integers(1, one_in)) == one_in)


def head(draw: Draw, major: int, number: int) -> bytes:
    """A head of any width that holds the number."""
    short = [bytes([major << 5 | number])] if number < 24 else []
    wide = [
        bytes([major << 5 | info]) + struct.pack(layout, number)
        for info, layout in HEADS
        if number < 1 << (8 * struct.calcsize(layout))
    ]
    return draw(st.sampled_from(short + wide))


def loose(draw: Draw, value: Any) -> bytes:
    """Any encoding of the value: wide heads, no lengths, keys in any order, tags, floats."""
    if rarely(draw, 16):
        return b"\xd9\xd9\xf7" + loose(draw, value)  # tag 55799: what follows is CBOR
    if isinstance(value, bool) or value is None:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        if abs(value) < 2**53 and rarely(draw, 8):
            return b"\xfb" + struct.pack(">d", value)
        return head(draw, 0, value) if value >= 0 else head(draw, 1, -1 - value)
    if isinstance(value, str | bytes):
        return string(draw, value)
    return container(draw, value)


def string(draw: Draw, value: str | bytes) -> bytes:
    major, data = (3, value.encode()) if isinstance(value, str) else (2, value)
    whole = head(draw, major, len(data)) + data
    return bytes([major << 5 | 31]) + whole + b"\xff" if rarely(draw, 8) else whole


def container(draw: Draw, value: Any) -> bytes:
    if isinstance(value, list):
        major, parts = 4, [loose(draw, item) for item in value]
    else:
        pairs = draw(st.permutations(list(value.items())))
        major, parts = 5, [loose(draw, key) + loose(draw, item) for key, item in pairs]
    if rarely(draw, 8):
        return bytes([major << 5 | 31]) + b"".join(parts) + b"\xff"
    return head(draw, major, len(parts)) + b"".join(parts)
