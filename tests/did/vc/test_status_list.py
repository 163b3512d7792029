from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from did.errors import Invalid
from did.jcs import JsonObject
from did.vc.bitstring import MINIMUM_BITS, bitstring, encode_list
from did.vc.status_list import (
    KNOWN_PURPOSES,
    LIST_TYPE,
    MESSAGE,
    REFRESH,
    REVOCATION,
    SUSPENSION,
    Status,
    StatusEntry,
    StatusList,
    StatusMessage,
    list_subject,
    parse_list_subject,
    read_status,
)

URL = "https://issuer.example/v1/status/1"
EMPTY = bytes(MINIMUM_BITS // 8)
ENTRY = StatusEntry(REVOCATION, 94567, URL)
LIST = StatusList(URL, (REVOCATION,), EMPTY, 60_000)

FOUR = tuple(StatusMessage(value, text) for value, text in enumerate("abcd"))
RICH_ENTRY = StatusEntry(MESSAGE, 7, URL, 2, FOUR, ("https://issuer.example/meanings",))
RICH_LIST = StatusList(URL, (MESSAGE,), EMPTY * 2, None, 2, FOUR)


def refused(code: str, change: JsonObject) -> None:
    with pytest.raises(Invalid) as raised:
        StatusEntry.from_json({**RICH_ENTRY.to_json(), **change})
    assert raised.value.code == code


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


def test_an_entry_without_an_id() -> None:
    value = {name: part for name, part in ENTRY.to_json().items() if name != "id"}
    assert StatusEntry.from_json(value) == ENTRY


def test_an_entry_of_several_bits_says_what_its_values_mean() -> None:
    value = RICH_ENTRY.to_json()
    assert value["statusSize"] == 2
    assert value["statusMessage"] == [
        {"status": "0x0", "message": "a"},
        {"status": "0x1", "message": "b"},
        {"status": "0x2", "message": "c"},
        {"status": "0x3", "message": "d"},
    ]
    assert value["statusReference"] == ["https://issuer.example/meanings"]
    assert StatusEntry.from_json(value) == RICH_ENTRY


def test_messages_in_another_order_and_spelling() -> None:
    messages = [
        {"status": "0x03", "message": "d"},
        {"status": "0x2", "message": "c", "colour": "red"},
        {"status": "0x00", "message": "a"},
        {"status": "0x1", "message": "b"},
    ]
    value = {**RICH_ENTRY.to_json(), "statusMessage": messages}
    assert (
        StatusEntry.from_json({**value, "statusReference": RICH_ENTRY.references[0]}) == RICH_ENTRY
    )


def test_one_bit_may_have_messages() -> None:
    two: Any = [message.to_json() for message in FOUR[:2]]
    value = {**ENTRY.to_json(), "statusMessage": two}
    assert StatusEntry.from_json(value) == structs.replace(ENTRY, messages=FOUR[:2])


@pytest.mark.parametrize(
    "change",
    [
        {"type": "StatusList2021Entry"},
        {"type": ["BitstringStatusListEntry"]},
        {"type": None},
        {"id": URL},
        {"id": 5},
        {"id": "no URL"},
        {"statusPurpose": None},
        {"statusPurpose": ""},
        {"statusPurpose": ["revocation"]},
        {"statusListCredential": 5},
        {"statusListCredential": ""},
        {"statusListCredential": "/v1/status/1"},
        {"statusListIndex": 94567},
        {"statusListIndex": ""},
        {"statusListIndex": "-1"},
        {"statusListIndex": "+1"},
        {"statusListIndex": "1.0"},
        {"statusListIndex": " 1"},
        {"statusListIndex": "1\n"},
        {"statusListIndex": "1_0"},
        {"statusListIndex": "0x1"},
        {"statusListIndex": "\u0661"},
        {"statusListIndex": "\u00b2"},
        {"statusListIndex": True},
        {"statusSize": 0},
        {"statusSize": -1},
        {"statusSize": 9},
        {"statusSize": True},
        {"statusSize": 2.0},
        {"statusSize": "2"},
        {"statusSize": None},
        {"statusSize": 3},
        {"statusSize": 1},
        {"statusMessage": None},
        {"statusMessage": {}},
        {"statusMessage": []},
        {"statusMessage": [message.to_json() for message in FOUR[:3]]},
        {"statusMessage": [message.to_json() for message in (*FOUR, FOUR[0])]},
        {"statusMessage": [message.to_json() for message in (*FOUR[:3], FOUR[0])]},
        {"statusMessage": [{"status": f"0x{n}", "message": "m"} for n in range(1, 5)]},
        {"statusMessage": ["0x0", "0x1", "0x2", "0x3"]},
        {"statusMessage": [{"status": n, "message": "m"} for n in range(4)]},
        {"statusMessage": [{"status": str(n), "message": "m"} for n in range(4)]},
        {"statusMessage": [{"status": f"0x{n}"} for n in range(4)]},
        {"statusMessage": [{"status": f"0x{n}", "message": n} for n in range(4)]},
        {"statusReference": None},
        {"statusReference": []},
        {"statusReference": "no URL"},
        {"statusReference": ["https://a.example", 5]},
    ],
    ids=str,
)
def test_a_malformed_entry(change: JsonObject) -> None:
    refused("invalid_status_entry", change)


def test_a_size_needs_messages() -> None:
    value = {name: part for name, part in RICH_ENTRY.to_json().items() if name != "statusMessage"}
    with pytest.raises(Invalid) as raised:
        StatusEntry.from_json(value)
    assert raised.value.code == "invalid_status_entry"


def test_an_index_that_no_list_has() -> None:
    refused("status_index_out_of_range", {"statusListIndex": "1" * 19})
    refused("status_index_out_of_range", {"statusListIndex": "1" * 5_000})
    entry = StatusEntry.from_json({**ENTRY.to_json(), "statusListIndex": "1" * 18})
    with pytest.raises(Invalid) as raised:
        read_status(LIST, entry)
    assert raised.value.code == "status_index_out_of_range"


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_an_entry_that_is_no_object(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        StatusEntry.from_json(value)
    assert raised.value.code == "invalid_status_entry"


@pytest.mark.parametrize(
    "list_",
    [
        LIST,
        replace(LIST, ttl=None),
        replace(LIST, ttl=0),
        replace(LIST, purposes=(REVOCATION, SUSPENSION, "another")),
        replace(LIST, size=1),
        RICH_LIST,
    ],
)
def test_list_round_trip(list_: StatusList) -> None:
    assert list_subject(list_)["type"] == LIST_TYPE
    assert parse_list_subject(URL, list_subject(list_)) == list_


def test_one_purpose_is_a_string_and_several_are_a_list() -> None:
    assert list_subject(LIST)["statusPurpose"] == REVOCATION
    assert list_subject(replace(LIST, purposes=KNOWN_PURPOSES))["statusPurpose"] == list(
        KNOWN_PURPOSES
    )
    value = {**list_subject(LIST), "statusPurpose": [REVOCATION]}
    assert parse_list_subject(URL, value) == LIST


@pytest.mark.parametrize(
    "change",
    [
        {"type": "StatusList2021"},
        {"type": None},
        {"statusPurpose": None},
        {"statusPurpose": []},
        {"statusPurpose": ""},
        {"statusPurpose": [REVOCATION, 5]},
        {"encodedList": None},
        {"encodedList": "z"},
        {"encodedList": ["u"]},
        {"ttl": -1},
        {"ttl": None},
        {"ttl": "60000"},
        {"ttl": True},
        {"ttl": 1.5},
        {"statusSize": 0},
        {"statusSize": "1"},
        {"statusSize": 2, "statusMessages": [message.to_json() for message in FOUR[:2]]},
        {"statusMessages": []},
        {"statusPurpose": MESSAGE},
        {"statusPurpose": MESSAGE, "statusSize": 1},
        {"statusPurpose": MESSAGE, "statusMessages": [m.to_json() for m in FOUR[:2]]},
    ],
    ids=str,
)
def test_a_malformed_list(change: JsonObject) -> None:
    with pytest.raises(Invalid) as raised:
        parse_list_subject(URL, {**list_subject(LIST), **change})
    assert raised.value.code == "invalid_status_list"


def test_too_short_a_list_is_told_apart() -> None:
    for bits in (EMPTY[:-1], b""):
        with pytest.raises(Invalid) as raised:
            parse_list_subject(URL, {**list_subject(LIST), "encodedList": encode_list(bits)})
        assert raised.value.code == "status_list_too_short"


# -- what a list says of an entry --------------------------------------------------------------


def test_one_bit_is_set_or_unset() -> None:
    bits = bitstring([(94_567, 1)], entries=MINIMUM_BITS)
    assert read_status(LIST, ENTRY) == Status(REVOCATION, 0, "unset")
    assert read_status(replace(LIST, bits=bits), ENTRY) == Status(REVOCATION, 1, "set")
    assert read_status(replace(LIST, bits=bits), structs.replace(ENTRY, index=94_566)).value == 0


def test_the_list_says_what_a_value_means_else_the_entry_does() -> None:
    bits = bitstring([(7, 2)], entries=MINIMUM_BITS, size=2)
    assert read_status(replace(RICH_LIST, bits=bits), RICH_ENTRY) == Status(MESSAGE, 2, "c")
    silent = StatusList(URL, (REVOCATION,), bits)
    assert read_status(silent, structs.replace(RICH_ENTRY, purpose=REVOCATION)).message == "c"
    other = tuple(StatusMessage(value, text) for value, text in enumerate("wxyz"))
    assert read_status(replace(RICH_LIST, bits=bits, messages=other), RICH_ENTRY).message == "y"


def test_a_list_for_several_purposes() -> None:
    both = replace(LIST, purposes=(SUSPENSION, REVOCATION))
    for purpose in both.purposes:
        assert read_status(both, structs.replace(ENTRY, purpose=purpose)).purpose == purpose
    with pytest.raises(Invalid) as raised:
        read_status(both, structs.replace(ENTRY, purpose=REFRESH))
    assert raised.value.code == "status_purpose_mismatch"


def test_entries_are_counted_by_their_size() -> None:
    """131,072 entries of two bits are 262,144 bits."""
    entry = structs.replace(RICH_ENTRY, purpose=REVOCATION)
    assert read_status(replace(LIST, bits=EMPTY * 2), entry).value == 0
    with pytest.raises(Invalid) as raised:
        read_status(replace(LIST, bits=EMPTY * 2 + b"", size=None), structs.replace(entry, size=3))
    assert raised.value.code == "status_list_too_short"
    with pytest.raises(Invalid) as raised:
        read_status(LIST, entry)
    assert raised.value.code == "status_list_too_short"


def test_a_list_of_another_size() -> None:
    with pytest.raises(Invalid) as raised:
        read_status(RICH_LIST, structs.replace(RICH_ENTRY, size=1, messages=()))
    assert raised.value.code == "status_size_mismatch"
    with pytest.raises(Invalid) as raised:
        read_status(
            replace(LIST, bits=EMPTY * 2, size=1), structs.replace(RICH_ENTRY, purpose=REVOCATION)
        )
    assert raised.value.code == "status_size_mismatch"
    assert read_status(RICH_LIST, RICH_ENTRY).value == 0


def test_an_index_beyond_the_list() -> None:
    with pytest.raises(Invalid) as raised:
        read_status(RICH_LIST, structs.replace(RICH_ENTRY, index=MINIMUM_BITS))
    assert raised.value.code == "status_index_out_of_range"
    assert read_status(RICH_LIST, structs.replace(RICH_ENTRY, index=MINIMUM_BITS - 1)).value == 0
