"""Bitstring Status List 1.0: encoded lists of others, and the specification's examples."""

from typing import Any

import pytest
from published import vectors

from did.errors import Invalid
from did.vc.bitstring import MINIMUM_BITS, bitstring, decode_list, encode_list, value_at
from did.vc.status_list import CREDENTIAL_TYPE, StatusEntry, parse_list_subject, read_status
from did.vc.status_problems import status_problem

PUBLISHED = vectors("bitstring-status-list/decode.json")
POSITIVE, NEGATIVE = PUBLISHED["cases"], PUBLISHED["negative"]
EXAMPLES = [
    example["json"] for example in vectors("bitstring-status-list/spec-examples.json")["examples"]
]


@pytest.mark.parametrize("case", POSITIVE, ids=[str(case["setIndexes"]) for case in POSITIVE])
def test_decode(case: dict[str, Any]) -> None:
    bits = decode_list(case["encodedList"])
    assert len(bits) * 8 == case["bitLength"]
    found = [index for index in range(case["bitLength"]) if value_at(bits, index)]
    assert found == case["setIndexes"]


@pytest.mark.parametrize("case", POSITIVE, ids=[str(case["setIndexes"]) for case in POSITIVE])
def test_what_we_encode_is_the_same_list(case: dict[str, Any]) -> None:
    bits = bitstring([(index, 1) for index in case["setIndexes"]], entries=case["bitLength"])
    assert bits == decode_list(case["encodedList"])
    assert decode_list(encode_list(bits)) == bits


@pytest.mark.parametrize("case", NEGATIVE, ids=[case["name"] for case in NEGATIVE])
def test_negative(case: dict[str, str]) -> None:
    with pytest.raises(Invalid) as raised:
        decode_list(case["encodedList"])
    problem = status_problem(raised.value)
    assert problem is not None
    assert problem.type.rpartition("#")[2] == case["error"]


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
    assert (parsed.url, parsed.purposes, parsed.ttl) == (example["id"], ("revocation",), None)
    assert parsed.bits == bytes(MINIMUM_BITS // 8)
    said = read_status(parsed, StatusEntry("revocation", 94_567, example["id"]))
    assert (said.value, said.message) == (0, "unset")


def test_the_specification_has_two_lists() -> None:
    assert len(LISTS) == 2
