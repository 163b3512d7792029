"""Bitstring Status List 1.0: encoded lists of others, and the specification's examples."""

from typing import Any

import pytest
from published import vectors

from did.errors import Invalid
from did.vc.status_list import (
    CREDENTIAL_TYPE,
    MINIMUM_BITS,
    StatusEntry,
    decode_list,
    encode_list,
    is_set,
    parse_list_subject,
    with_bit,
)

PUBLISHED = vectors("bitstring-status-list/decode.json")
POSITIVE, NEGATIVE = PUBLISHED["cases"], PUBLISHED["negative"]
EXAMPLES = [
    example["json"] for example in vectors("bitstring-status-list/spec-examples.json")["examples"]
]
ERRORS = {"MALFORMED_VALUE_ERROR", "STATUS_LIST_LENGTH_ERROR"}


@pytest.mark.parametrize("case", POSITIVE, ids=[str(case["setIndexes"]) for case in POSITIVE])
def test_decode(case: dict[str, Any]) -> None:
    bits = decode_list(case["encodedList"])
    assert len(bits) * 8 == case["bitLength"]
    found = [index for index in range(case["bitLength"]) if is_set(bits, index)]
    assert found == case["setIndexes"]


@pytest.mark.parametrize("case", POSITIVE, ids=[str(case["setIndexes"]) for case in POSITIVE])
def test_what_we_encode_is_the_same_list(case: dict[str, Any]) -> None:
    bits = bytes(case["bitLength"] // 8)
    for index in case["setIndexes"]:
        bits = with_bit(bits, index, value=True)
    assert bits == decode_list(case["encodedList"])
    assert decode_list(encode_list(bits)) == bits


@pytest.mark.parametrize("case", NEGATIVE, ids=[case["name"] for case in NEGATIVE])
def test_negative(case: dict[str, str]) -> None:
    assert case["error"] in ERRORS
    with pytest.raises(Invalid) as raised:
        decode_list(case["encodedList"])
    assert raised.value.code == "invalid_status_list"
    assert ("shorter" in raised.value.message) == (case["error"] == "STATUS_LIST_LENGTH_ERROR")


def entries() -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for example in EXAMPLES:
        status = example.get("credentialStatus", [])
        found += status if isinstance(status, list) else [status]
    assert len(found) == 3
    return found


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry["id"]))
def test_entry_of_the_specification(entry: dict[str, str]) -> None:
    parsed = StatusEntry.from_json(entry)
    assert parsed.purpose == entry["statusPurpose"]
    assert str(parsed.index) == entry["statusListIndex"]
    assert parsed.to_json() == entry


LISTS = [example for example in EXAMPLES if CREDENTIAL_TYPE in example["type"]]


@pytest.mark.parametrize("example", LISTS, ids=range(len(LISTS)))
def test_list_of_the_specification(example: dict[str, Any]) -> None:
    parsed = parse_list_subject(example["id"], example["credentialSubject"])
    assert (parsed.url, parsed.purpose, parsed.ttl) == (example["id"], "revocation", None)
    assert parsed.bits == bytes(MINIMUM_BITS // 8)


def test_the_specification_has_two_lists() -> None:
    assert len(LISTS) == 2
