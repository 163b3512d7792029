import gzip
from typing import Any

import pytest

from did.errors import Invalid
from did.jcs import JsonObject
from did.limits import LIMITS
from did.multibase import base64url_encode
from did.vc.status_list import (
    LIST_TYPE,
    MINIMUM_BITS,
    REVOCATION,
    StatusEntry,
    StatusList,
    decode_list,
    encode_list,
    is_set,
    list_subject,
    parse_list_subject,
    with_bit,
)

URL = "https://issuer.example/v1/status/1"
EMPTY = bytes(MINIMUM_BITS // 8)
ENTRY = StatusEntry(REVOCATION, 94567, URL)
LIST = StatusList(URL, REVOCATION, EMPTY, 60_000)


def test_the_first_entry_is_the_leftmost_bit() -> None:
    bits = with_bit(EMPTY, 0, value=True)
    assert bits[0] == 0b1000_0000
    assert with_bit(bits, 9, value=True)[:2] == bytes([0b1000_0000, 0b0100_0000])
    assert is_set(bits, 0)
    assert not is_set(bits, 1)


def test_a_bit_is_set_and_taken_back() -> None:
    bits = with_bit(with_bit(EMPTY, 5, value=True), 6, value=True)
    assert with_bit(bits, 5, value=True) == bits
    assert with_bit(bits, 5, value=False) == with_bit(EMPTY, 6, value=True)
    assert with_bit(EMPTY, 5, value=False) == EMPTY


@pytest.mark.parametrize("index", [-1, MINIMUM_BITS, 10**12])
def test_an_index_outside(index: int) -> None:
    with pytest.raises(Invalid) as raised:
        is_set(EMPTY, index)
    assert raised.value.code == "status_index_out_of_range"
    with pytest.raises(Invalid) as raised:
        with_bit(EMPTY, index, value=True)
    assert raised.value.code == "status_index_out_of_range"


def test_equal_bits_give_equal_text() -> None:
    assert encode_list(EMPTY) == encode_list(bytes(EMPTY))
    assert decode_list(encode_list(EMPTY)) == EMPTY


def test_limits_of_length() -> None:
    longest = bytes(LIMITS.status_list_bits // 8)
    assert decode_list(encode_list(longest)) == longest
    assert decode_list(encode_list(EMPTY), max_bits=MINIMUM_BITS) == EMPTY
    for bits in (longest + b"\0", EMPTY[:-1], b""):
        with pytest.raises(Invalid) as raised:
            decode_list(encode_list(bits))
        assert raised.value.code == "invalid_status_list"


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


def test_entry_round_trip() -> None:
    assert ENTRY.to_json() == {
        "id": f"{URL}#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": URL,
    }
    assert StatusEntry.from_json(ENTRY.to_json()) == ENTRY
    assert StatusEntry.from_json({**ENTRY.to_json(), "statusSize": 1}) == ENTRY


@pytest.mark.parametrize(
    "change",
    [
        {"type": "StatusList2021Entry"},
        {"type": None},
        {"statusPurpose": None},
        {"statusPurpose": ["revocation"]},
        {"statusListCredential": 5},
        {"statusListIndex": 94567},
        {"statusListIndex": ""},
        {"statusListIndex": "-1"},
        {"statusListIndex": "+1"},
        {"statusListIndex": "1.0"},
        {"statusListIndex": " 1"},
        {"statusListIndex": "1\n"},
        {"statusListIndex": "1_0"},
        {"statusListIndex": "\u0661"},
        {"statusListIndex": "\u00b2"},
        {"statusListIndex": "1" * 13},
        {"statusSize": 2},
        {"statusSize": True},
        {"statusSize": 1.0},
        {"statusSize": "1"},
        {"statusSize": None},
    ],
    ids=str,
)
def test_a_malformed_entry(change: JsonObject) -> None:
    with pytest.raises(Invalid) as raised:
        StatusEntry.from_json({**ENTRY.to_json(), **change})
    assert raised.value.code == "invalid_status_entry"


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_an_entry_that_is_no_object(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        StatusEntry.from_json(value)
    assert raised.value.code == "invalid_status_entry"


@pytest.mark.parametrize("ttl", [None, 0, 60_000])
def test_list_round_trip(ttl: int | None) -> None:
    list_ = StatusList(URL, REVOCATION, EMPTY, ttl)
    assert list_subject(list_)["type"] == LIST_TYPE
    assert parse_list_subject(URL, list_subject(list_)) == list_


@pytest.mark.parametrize(
    "change",
    [
        {"type": "StatusList2021"},
        {"type": None},
        {"statusPurpose": None},
        {"statusPurpose": ["revocation"]},
        {"encodedList": None},
        {"encodedList": "z"},
        {"ttl": -1},
        {"ttl": "60000"},
        {"ttl": True},
        {"ttl": 1.5},
    ],
    ids=str,
)
def test_a_malformed_list(change: JsonObject) -> None:
    with pytest.raises(Invalid) as raised:
        parse_list_subject(URL, {**list_subject(LIST), **change})
    assert raised.value.code == "invalid_status_list"
