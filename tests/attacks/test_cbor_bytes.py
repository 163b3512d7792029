"""CBOR that says in other bytes what one form says, or says what is not allowed at all."""

import pytest

from did.cbor import _NO_TAGS, decode, encode
from did.errors import Invalid

MAX = 200_000
CANONICAL, INVALID = "cbor_not_canonical", "invalid_cbor"
# case -> (bytes, code, the same value as it should be written)
CASES: dict[str, tuple[str, str, str]] = {
    "1 in two bytes": ("1801", CANONICAL, "01"),
    "23 in two bytes": ("1817", CANONICAL, "17"),
    "255 in three bytes": ("1900ff", CANONICAL, "18ff"),
    "65535 in five bytes": ("1a0000ffff", CANONICAL, "19ffff"),
    "2^32-1 in nine bytes": ("1b00000000ffffffff", CANONICAL, "1affffffff"),
    "-1 in two bytes": ("3800", CANONICAL, "20"),
    "a long length of bytes": ("580161", CANONICAL, "4161"),
    "a long length of text": ("780161", CANONICAL, "6161"),
    "a long length of a list": ("980101", CANONICAL, "8101"),
    "a long length of a map": ("b8010101", CANONICAL, "a10101"),
    "false in two bytes": ("f814", INVALID, "f4"),
    "keys out of order": ("a202010101", CANONICAL, "a201010201"),
    "keys in length-first order": ("a2616101186401", CANONICAL, "a2186401616101"),
    "a key twice": ("a201010102", INVALID, "a101 01"),
    "a text key twice": ("a2616101616102", INVALID, "a1616101"),
    "a key twice, once as true": ("a20101f502", INVALID, "a10101"),
    "a byte more": ("0100", CANONICAL, "01"),
    "a value more": ("8080", CANONICAL, "80"),
    "nothing": ("", INVALID, "f6"),
    "a byte less": ("4261", INVALID, "4161"),
    "a list cut off": ("8201", INVALID, "820101"),
    "a list of 2^64 - 1": ("9bffffffffffffffff", INVALID, "80"),
    "a list of 2^32": ("9b0000000100000000", INVALID, "80"),
    "a map of 2^64 - 1": ("bbffffffffffffffff", INVALID, "a0"),
    "bytes of 2^63": ("5b8000000000000000", INVALID, "40"),
    "text of 2^32": ("7b0000000100000000", INVALID, "60"),
    "a reserved length": ("1c", INVALID, "00"),
    "a list without a length": ("9f01ff", INVALID, "8101"),
    "a map without a length": ("bf0101ff", INVALID, "a10101"),
    "bytes without a length": ("5f4161ff", INVALID, "4161"),
    "text without a length": ("7f6161ff", INVALID, "6161"),
    "a break alone": ("ff", INVALID, "f6"),
    "a break in a list": ("81ff", INVALID, "81f6"),
    "undefined": ("f7", INVALID, "f6"),
    "simple value 0": ("e0", INVALID, "f4"),
    "simple value 255": ("f8ff", INVALID, "f4"),
    "half-precision 0.0": ("f90000", INVALID, "00"),
    "half-precision NaN": ("f97e00", INVALID, "f6"),
    "single-precision 1.0": ("fa3f800000", INVALID, "01"),
    "double-precision 1.0": ("fb3ff0000000000000", INVALID, "01"),
    "double-precision infinity": ("fb7ff0000000000000", INVALID, "f6"),
    "a key of bytes": ("a1416101", INVALID, "a1616101"),
    "a key that is true": ("a1f501", INVALID, "a10101"),
    "a key that is null": ("a1f601", INVALID, "a10001"),
    "a key that is a float": ("a1f93c0001", INVALID, "a10101"),
    "a key that is a list": ("a18001", INVALID, "a10001"),
    "a key that is a map": ("a1a001", INVALID, "a10001"),
    "text that is no UTF-8": ("62c328", INVALID, "62c3a9"),
    "text with a surrogate": ("63eda080", INVALID, "63ed9fbf"),
    "a negative bignum's value": ("c34100", INVALID, "20"),
    "a bignum of 1": ("c24101", INVALID, "01"),
    "a bignum of 2^64": ("c249010000000000000000", INVALID, "1bffffffffffffffff"),
    "17 levels": ("81" * 17 + "01", INVALID, "81" * 16 + "01"),
    "ten thousand levels": ("81" * 10_000 + "01", INVALID, "8101"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_and_its_twin_taken(case: str) -> None:
    text, code, repaired = CASES[case]
    with pytest.raises(Invalid) as raised:
        decode(bytes.fromhex(text), max_bytes=MAX)
    assert raised.value.code == code
    decode(bytes.fromhex(repaired), max_bytes=MAX)


TAGGED = {  # tag -> content that the tag's own decoder would take
    0: "c074323031332d30332d32315432303a30343a30305a",
    1: "c11a514b67b0",
    2: "c249010000000000000000",
    4: "c48221196ab3",
    5: "c5822003",
    21: "d54161",
    24: "d818456449455446",
    25: "d9010082636161 61d81900",
    28: "d81c8101",
    29: "82d81c80d81d00",
    30: "d81e820103",
    32: "d8206161",
    35: "d8236161",
    36: "d8246161",
    37: "d8255000000000000000000000000000000000",
    100: "d86400",
    256: "d9010080",
    258: "d9010281 01",
    260: "d9010444c0a80001",
    261: "d90105a144c0a8000018 18",
    1004: "d903ec6a323031332d31302d3039",
    43000: "d9a7f840",
    55799: "d9d9f701",
    18: "d28440a04040",
}


@pytest.mark.parametrize("tag", TAGGED)
def test_a_tag_that_the_library_knows(tag: int) -> None:
    with pytest.raises(Invalid) as raised:
        decode(bytes.fromhex(TAGGED[tag]), max_bytes=MAX)
    assert raised.value.code == INVALID


def test_no_tag_at_all() -> None:
    for tag in (*range(70_000), 2**32 - 1, 2**32, 2**64 - 1):
        head = b"\xdb" + tag.to_bytes(8, "big")
        with pytest.raises(Invalid) as raised:
            decode(b"\x81" + head + b"\x01", max_bytes=MAX)
        assert raised.value.code == INVALID
    assert decode(b"\x81\x01", max_bytes=MAX) == [1]
    assert list(_NO_TAGS) == []
    assert len(_NO_TAGS) == 0


def bomb(levels: int, width: int) -> bytes:
    """Shared values (tags 28 and 29) that name each other: width^levels values when walked."""
    shared = bytes.fromhex("d81c") + bytes([0x80 | width])
    rows = [shared + b"\x01" * width]
    rows += [shared + (b"\xd8\x1d" + bytes([level])) * width for level in range(levels - 1)]
    return bytes([0x80 | levels]) + b"".join(rows)


def test_a_bomb_of_shared_values_goes_off_nowhere() -> None:
    # Some 800 bytes that stand for 20^14 values: walking them would never come to an end.
    with pytest.raises(Invalid) as raised:
        decode(bomb(14, 20), max_bytes=MAX)
    assert raised.value.code == INVALID


def test_a_bomb_of_string_references_goes_off_nowhere() -> None:
    long_text = b"\x59\xff\xff" + bytes(0xFFFF)
    many = b"\xd8\x19\x00" * 40_000
    data = b"\xd9\x01\x00\x82" + long_text + b"\x99" + (40_000).to_bytes(2, "big") + many
    with pytest.raises(Invalid) as raised:
        decode(data, max_bytes=MAX)
    assert raised.value.code == INVALID


@pytest.mark.parametrize("letter", ["\xe9", "\u20ac", "\U0001d11e"])
@pytest.mark.parametrize("before", range(4))
def test_long_text_with_a_letter_across_the_end_of_a_chunk(letter: str, before: int) -> None:
    """A decoder that read text in chunks of 65,536 bytes lost count there, and leaked memory."""
    text = ("x" * (65_536 - before) + letter) * 2
    data = encode(text)
    assert decode(data, max_bytes=MAX) == text
    for cut in (data[:-1], data[:65_540], data[:-1] + b"\xff", data + b"\x00"):
        with pytest.raises(Invalid):
            decode(cut, max_bytes=MAX)
    with pytest.raises(Invalid) as raised:
        decode(data, max_bytes=len(data) - 1)
    assert raised.value.code == "cbor_too_large"


def test_nothing_is_left_over_from_one_message_for_the_next() -> None:
    """A decoder that was used again gave out the shared values (tag 28) of the message before."""
    secret = bytes.fromhex("81d81c46") + b"secret"
    for data in (secret, bytes.fromhex("81d81d00"), secret, bytes.fromhex("81d81900")):
        with pytest.raises(Invalid) as raised:
            decode(data, max_bytes=MAX)
        assert raised.value.code == INVALID
    assert decode(bytes.fromhex("8146") + b"secret", max_bytes=MAX) == [b"secret"]


def test_a_hundred_thousand_levels() -> None:
    """Lists in lists used up the stack, and with it the process."""
    for data in (b"\x81" * 100_000, b"\x81" * 100_000 + b"\x01", b"\xa1\x01" * 90_000 + b"\x01"):
        with pytest.raises(Invalid) as raised:
            decode(data, max_bytes=MAX)
        assert raised.value.code == INVALID
    assert decode(b"\x81" * 16 + b"\x01", max_bytes=MAX)
