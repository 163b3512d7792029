"""What the specification says of entries and lists, asked of those that our issuer makes.

The W3C's ``vc-bitstring-status-list-test-suite`` asks the same from the outside; each test here is
one statement of Bitstring Status List 1.0, sections 2 and 3.
"""

import base64
import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest
from actors import DEVICE
from issuing import World, issuing

from did.vc.credential import CREDENTIALS_CONTEXT
from did.vc.formats import read_credential
from issuer.status_terms import StatusTerms

TEXTS = ("nothing", "battery low", "to be replaced")


@pytest.fixture(scope="module", params=[(), TEXTS], ids=["plain", "messages"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("issuer")
    with issuing(directory, statuses=StatusTerms(messages=request.param)) as world:
        yield world


@pytest.fixture(scope="module")
def credential(world: World) -> Any:
    return world.enrol(DEVICE).document


@pytest.fixture(scope="module")
def entries(credential: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = credential["credentialStatus"]
    assert len(found) >= 2
    return found


@pytest.fixture(scope="module")
def lists(world: World, entries: list[dict[str, Any]]) -> list[Any]:
    """What each entry's URL gives to the suite's loader."""
    accept = {"accept": "application/ld+json, application/json"}
    paths = [e["statusListCredential"].removeprefix(world.issuer.url) for e in entries]
    answers = [world.http.get(path, headers=accept) for path in paths]
    assert all("json" in answer.headers["content-type"] for answer in answers)
    return [answer.json() for answer in answers]


def test_an_entry_is_in_a_conforming_credential(credential: Any) -> None:
    assert credential["@context"][0] == CREDENTIALS_CONTEXT
    assert credential["type"][0] == "VerifiableCredential"


def test_an_entrys_id_is_a_url_and_not_its_lists(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert re.match(r"https?://", entry["id"])
        assert entry["id"] != entry["statusListCredential"]


def test_an_entry_has_type_purpose_index_and_list(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert entry["type"] == "BitstringStatusListEntry"
        assert isinstance(entry["statusPurpose"], str)
        index = entry["statusListIndex"]
        assert isinstance(index, str)
        assert index == str(int(index))
        assert int(index) >= 0


def test_messages_are_as_many_as_values(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        size = entry.get("statusSize", 1)
        assert type(size) is int
        assert size > 0
        if size == 1 and "statusMessage" not in entry:
            continue
        assert entry["statusPurpose"] == "message"
        messages = entry["statusMessage"]
        assert [message["status"] for message in messages] == [hex(n) for n in range(1 << size)]
        assert all(isinstance(message["message"], str) for message in messages)


def test_a_list_is_a_conforming_credential(world: World, lists: list[Any]) -> None:
    for document in lists:
        assert document["@context"][0] == CREDENTIALS_CONTEXT
        assert document["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
        read_credential(world.http.get(document["id"].removeprefix(world.issuer.url)).content)


def test_a_lists_id_is_what_entries_name(entries: list[dict[str, Any]], lists: list[Any]) -> None:
    assert [document["id"] for document in lists] == [e["statusListCredential"] for e in entries]


def test_a_lists_subject_is_a_list_for_the_entrys_purpose(
    entries: list[dict[str, Any]], lists: list[Any]
) -> None:
    for entry, document in zip(entries, lists, strict=True):
        subject = document["credentialSubject"]
        assert subject["type"] == "BitstringStatusList"
        assert subject["statusPurpose"] == entry["statusPurpose"]


def test_a_list_of_messages_states_size_and_messages(
    entries: list[dict[str, Any]], lists: list[Any]
) -> None:
    for entry, document in zip(entries, lists, strict=True):
        subject = document["credentialSubject"]
        if entry["statusPurpose"] == "message":
            assert subject["statusSize"] == entry["statusSize"]
            assert subject["statusMessages"] == entry["statusMessage"]
        else:
            assert {"statusSize", "statusMessages"}.isdisjoint(subject)


def test_a_lists_bits_are_multibase_of_gzip_and_enough(
    entries: list[dict[str, Any]], lists: list[Any]
) -> None:
    """With another decoder than ours."""
    for entry, document in zip(entries, lists, strict=True):
        text = document["credentialSubject"]["encodedList"]
        assert re.fullmatch(r"u[A-Za-z0-9_-]+", text)
        bits = gzip.decompress(base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)))
        assert len(bits) >= 16 * 1024
        assert len(bits) * 8 // entry.get("statusSize", 1) >= 131_072


def test_a_list_states_how_long_it_is_good(lists: list[Any]) -> None:
    for document in lists:
        assert document["validFrom"] < document["validUntil"]
        assert document["credentialSubject"]["ttl"] == 300_000
