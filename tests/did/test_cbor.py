import re
from enum import IntEnum
from typing import Any

import pytest

from did.cbor import decode, encode
from did.errors import Invalid
from did.limits import LIMITS


class Number(IntEnum):
    ONE = 1


# RFC 8949, appendix A, as far as these values are allowed here.
EXAMPLES: list[tuple[Any, str]] = [
    (0, "00"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-1000, "3903e7"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("IETF", "6449455446"),
    ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    ([], "80"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
    (
        {"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"},
        "a56161614161626142616361436164614461656145",
    ),
]


@pytest.mark.parametrize(("value", "encoded"), EXAMPLES, ids=[text for _, text in EXAMPLES])
def test_examples_of_the_specification(value: Any, encoded: str) -> None:
    assert encode(value).hex() == encoded
    assert decode(bytes.fromhex(encoded), max_bytes=100) == value


def test_map_keys_stand_in_bytewise_order_of_their_encodings() -> None:
    # RFC 8949, section 4.2.1; the older length-first order would put "z" before 100.
    value = {"aa": 1, "z": 2, 100: 3, -1: 4, 10: 5}
    assert encode(value).hex() == "a50a051864032004617a0262616101"
    assert list(decode(encode(value), max_bytes=100)) == [10, 100, -1, "z", "aa"]  # type: ignore[arg-type]


def test_a_tuple_is_an_array() -> None:
    assert encode((1, (2,))) == encode([1, [2]])


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        2**64,
        -(2**64) - 1,
        bytearray(b"x"),
        {1},
        {True: 1},
        {b"x": 1},
        {1.5: 1},
        {(1,): 1},
        object(),
        "\ud800",
        {"\ud800": 1},
        [[1.0]],
        {Number.ONE: 1},
    ],
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_values_outside_the_allowed_types(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        encode(value)
    assert raised.value.code == "not_cbor"


def test_depth_is_the_same_in_both_directions() -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return value

    deepest = encode(nested(LIMITS.cbor_depth))
    assert decode(deepest, max_bytes=100) == nested(LIMITS.cbor_depth)
    with pytest.raises(Invalid) as raised:
        encode(nested(LIMITS.cbor_depth + 1))
    assert raised.value.code == "not_cbor"
    with pytest.raises(Invalid) as raised:
        decode(b"\x81" + deepest, max_bytes=100)
    assert raised.value.code == "invalid_cbor"


def test_size() -> None:
    data = encode(bytes(98))
    assert len(data) == 100
    assert decode(data, max_bytes=100) == bytes(98)
    with pytest.raises(Invalid) as raised:
        decode(data, max_bytes=99)
    assert raised.value.code == "cbor_too_large"
