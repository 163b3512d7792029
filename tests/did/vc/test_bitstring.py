import gzip

import pytest

from did.errors import Invalid
from did.limits import LIMITS
from did.multibase import base64url_encode
from did.vc.bitstring import (
    MAX_SIZE,
    MINIMUM_BITS,
    bitstring,
    decode_list,
    encode_list,
    value_at,
    with_value,
)

EMPTY = bytes(MINIMUM_BITS // 8)


def test_the_first_entry_is_the_leftmost_bit() -> None:
    bits = with_value(EMPTY, 0, 1)
    assert bits[0] == 0b1000_0000
    assert with_value(bits, 9, 1)[:2] == bytes([0b1000_0000, 0b0100_0000])
    assert (value_at(bits, 0), value_at(bits, 1)) == (1, 0)


def test_an_entry_of_several_bits_has_its_most_significant_one_first() -> None:
    assert bitstring([(0, 0b01), (1, 0b10), (3, 0b11)], entries=4, size=2) == bytes([0b0110_0011])
    # Over the border of two bytes: entries 0 to 7 of three bits are 24 bits.
    assert bitstring([(2, 0b101)], entries=8, size=3) == bytes([0b0000_0010, 0b1000_0000, 0])
    assert bitstring([(0, 0xA5)], entries=2, size=8) == bytes([0xA5, 0])


@pytest.mark.parametrize("size", range(1, MAX_SIZE + 1))
def test_what_is_written_is_read_and_nothing_else_is_touched(size: int) -> None:
    entries, most = 16, (1 << size) - 1
    values = [(index, (index * 37 + 1) & most) for index in range(entries)]
    bits = bitstring(values, entries=entries, size=size)
    assert [(index, value_at(bits, index, size)) for index in range(entries)] == values
    # The same as the values written side by side in binary.
    text = "".join(f"{value:0{size}b}" for _, value in values)
    assert bits == int(text, 2).to_bytes(len(bits))
    for index, value in values:
        flipped = with_value(bits, index, value ^ most, size)
        assert with_value(flipped, index, value, size) == bits
        others = [value_at(flipped, n, size) for n in range(entries) if n != index]
        assert others == [v for n, v in values if n != index]


def test_a_bitstring_is_whole_bytes() -> None:
    assert bitstring([], entries=3, size=3) == bytes(2)


@pytest.mark.parametrize(
    ("index", "size"), [(-1, 1), (MINIMUM_BITS, 1), (10**12, 1), (MINIMUM_BITS // 2, 2), (-1, 2)]
)
def test_an_index_outside(index: int, size: int) -> None:
    with pytest.raises(Invalid) as raised:
        value_at(EMPTY, index, size)
    assert raised.value.code == "status_index_out_of_range"
    with pytest.raises(Invalid) as raised:
        with_value(EMPTY, index, 1, size)
    assert raised.value.code == "status_index_out_of_range"
    assert value_at(EMPTY, MINIMUM_BITS // size - 1, size) == 0


def test_the_last_entry_has_to_be_there_whole() -> None:
    assert value_at(bytes(2), 4, 3) == 0
    with pytest.raises(Invalid):
        value_at(bytes(2), 5, 3)


@pytest.mark.parametrize(("value", "size"), [(2, 1), (-1, 1), (4, 2), (256, 8)])
def test_a_value_that_does_not_fit(value: int, size: int) -> None:
    with pytest.raises(Invalid) as raised:
        with_value(EMPTY, 0, value, size)
    assert raised.value.code == "invalid_status_list"
    assert with_value(EMPTY, 0, (1 << size) - 1, size)[0] >> 8 - size == (1 << size) - 1


def test_equal_bits_give_equal_text() -> None:
    assert encode_list(EMPTY) == encode_list(bytes(EMPTY))
    assert decode_list(encode_list(EMPTY)) == EMPTY


def test_limits_of_length() -> None:
    longest = bytes(LIMITS.status_list_bits // 8)
    assert decode_list(encode_list(longest)) == longest
    assert decode_list(encode_list(EMPTY), max_bits=MINIMUM_BITS) == EMPTY
    for bits, code in (
        (longest + b"\0", "invalid_status_list"),
        (EMPTY[:-1], "status_list_too_short"),
        (b"", "status_list_too_short"),
    ):
        with pytest.raises(Invalid) as raised:
            decode_list(encode_list(bits))
        assert raised.value.code == code


PACKED = gzip.compress(EMPTY, mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PACKED[:-1],
        PACKED[:20],
        PACKED + b"\0",
        PACKED + PACKED,
        PACKED[:-5] + bytes([PACKED[-5] ^ 1]) + PACKED[-4:],  # its checksum
        PACKED[:-1] + b"\1",  # its length
        EMPTY,
    ],
)
def test_what_is_no_one_gzip(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        decode_list("u" + base64url_encode(data))
    assert raised.value.code == "invalid_status_list"


def test_other_encodings() -> None:
    good = encode_list(EMPTY)
    for text in ("", good[1:], "z" + good[1:], good + "=", good + "\n", "u!"):
        with pytest.raises(Invalid) as raised:
            decode_list(text)
        assert raised.value.code == "invalid_status_list"
