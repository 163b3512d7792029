"""The HTTP(S) binding of DID Resolution, as a client of it sees it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from actors import DEVICE, NOW, STRANGER, actor
from registrar_support import Site, create, rotation
from serving import serving

from did.errors import Unavailable
from did.identifier import Genesis, KeybornDid
from did.resolution import resolve_offline
from ledger.app import create_app
from ledger.operations import Create

THIRD = actor("third").key
ENDED = actor("ended")
KEYLESS = Genesis(bytes(32), DEVICE.did.id)
LATER = "2026-01-31T13:00:00Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    site.append(create(DEVICE), create(ENDED), Create(KEYLESS))
    site.clock.move(60)
    site.append(
        rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()),
        rotation(ENDED, site.ledger.log_id),
    )
    site.clock.move(60)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def url(site: Site) -> Iterator[str]:
    app = create_app(registrar=site.registrar, resolver=site.reader, embedded=site.ledger)
    with serving(app) as url:
        yield f"{url}/1.0/identifiers"


def get(url: str, did: str, accept: str = "application/did-resolution", **query: str) -> Any:
    return httpx.get(f"{url}/{did}", headers={"accept": accept}, params=query or None)


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("text", [DEVICE.short.text, DEVICE.did.text])
def test_a_did_resolves_in_both_forms_encoded_or_not(
    url: str, site: Site, text: str, *, encoded: bool
) -> None:
    answer = get(url, quote(text, safe="") if encoded else text)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/did-resolution"
    result = answer.json()
    assert result == site.reader.resolve(DEVICE.did).to_json()
    assert result["didDocument"]["id"] == DEVICE.short.text
    assert result["didResolutionMetadata"] == {"contentType": "application/did"}
    metadata = result["didDocumentMetadata"]
    assert metadata["canonicalId"] == DEVICE.short.text
    assert metadata["created"] == "2026-01-31T12:00:00Z"
    assert metadata["updated"] == "2026-01-31T12:01:00Z"
    assert metadata["versionId"].startswith("1-")


def test_the_document_alone(url: str) -> None:
    for accept in ("application/did", "application/did+json", "application/did+ld+json"):
        answer = get(url, DEVICE.short.text, accept)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/did"
        assert answer.json()["id"] == DEVICE.short.text


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("*/*", "application/did-resolution"),
        ("", "application/did-resolution"),
        ("application/json", "application/did-resolution"),
        ("text/html, application/did", "application/did"),
        ("application/did-resolution;q=0.5, application/did", "application/did"),
        ("application/did;q=0.5, */*", "application/did-resolution"),
        ("application/did;q=0, */*;q=0.1", "application/did-resolution"),
        ("Application/DID", "application/did"),
        ("application/did;q=much, application/did-resolution;q=0.1", "application/did-resolution"),
    ],
)
def test_accept_decides_on_the_representation(url: str, accept: str, served: str) -> None:
    assert get(url, DEVICE.short.text, accept).headers["content-type"] == served


def test_a_deactivated_did_is_gone_with_its_document(url: str) -> None:
    answer = get(url, ENDED.short.text)
    assert answer.status_code == 410
    assert answer.json()["didDocumentMetadata"]["deactivated"] is True
    assert answer.json()["didDocument"]["id"] == ENDED.short.text
    document = get(url, ENDED.short.text, "application/did")
    assert document.status_code == 410
    assert document.json() == answer.json()["didDocument"]


def test_a_did_key_resolves(url: str) -> None:
    answer = get(url, DEVICE.key_did.text)
    assert answer.status_code == 200
    assert answer.json() == resolve_offline(DEVICE.key_did).to_json()


def test_a_long_form_that_is_not_registered_says_so(url: str) -> None:
    answer = get(url, STRANGER.did.text)
    assert answer.status_code == 200
    assert answer.json()["didDocumentMetadata"]["registered"] == "no"


def test_earlier_versions(url: str) -> None:
    now = get(url, DEVICE.short.text).json()
    first = get(url, DEVICE.short.text, versionTime="2026-01-31T12:00:30Z").json()
    metadata = first["didDocumentMetadata"]
    assert metadata["versionId"] == f"0-{DEVICE.did.id.hex()}"
    assert metadata["nextVersionId"] == now["didDocumentMetadata"]["versionId"]
    assert metadata["nextUpdate"] == "2026-01-31T12:01:00Z"
    assert first["didDocument"] != now["didDocument"]
    assert get(url, DEVICE.short.text, versionId=metadata["versionId"]).json() == first
    assert get(url, DEVICE.short.text, versionTime=LATER).json() == now
    # What was valid then is not gone.
    assert get(url, ENDED.short.text, versionTime="2026-01-31T12:00:30Z").status_code == 200


ERRORS: dict[str, tuple[str, dict[str, str], int, str]] = {
    "no DID at all": ("keyborn", {}, 400, "INVALID_DID"),
    "an empty id": ("did:keyborn:", {}, 400, "INVALID_DID"),
    "an id of another length": ("did:keyborn:abc", {}, 400, "INVALID_DID"),
    "white space at the end": (DEVICE.short.text + "%0A", {}, 400, "INVALID_DID"),
    "a slash": (DEVICE.short.text + "/path", {}, 400, "INVALID_DID"),
    "a fragment": (DEVICE.short.text + "%23key", {}, 400, "INVALID_DID"),
    "a genesis of another DID": (
        f"{STRANGER.short.text}:{DEVICE.did.text.split(':')[3]}",
        {},
        400,
        "INVALID_DID",
    ),
    "a very long one": ("did:keyborn:" + "1" * 5_000, {}, 400, "INVALID_DID"),
    "a key of another type": (
        "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
        {},
        400,
        "INVALID_PUBLIC_KEY",
    ),
    "a DID made with what is no key": (
        KeybornDid(KEYLESS.id).text,
        {},
        400,
        "INVALID_PUBLIC_KEY",
    ),
    "another method": ("did:web:example.com", {}, 501, "METHOD_NOT_SUPPORTED"),
    "a DID that is not registered": (STRANGER.short.text, {}, 404, "NOT_FOUND"),
    "a version that is not there": (
        DEVICE.short.text,
        {"versionId": "7-" + "0" * 64},
        404,
        "NOT_FOUND",
    ),
    "a time before the DID": (
        DEVICE.short.text,
        {"versionTime": "2020-01-01T00:00:00Z"},
        404,
        "NOT_FOUND",
    ),
    "a time that is none": (
        DEVICE.short.text,
        {"versionTime": "yesterday"},
        400,
        "INVALID_OPTIONS",
    ),
    "a time without an offset": (
        DEVICE.short.text,
        {"versionTime": "2026-01-31T12:00:00"},
        400,
        "INVALID_OPTIONS",
    ),
    "a version and a time": (
        DEVICE.short.text,
        {"versionTime": LATER, "versionId": f"0-{DEVICE.did.id.hex()}"},
        400,
        "INVALID_OPTIONS",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_have_the_specifications_form(url: str, case: str) -> None:
    did, query, status, name = ERRORS[case]
    answer = get(url, did, **query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/did-resolution"
    result = answer.json()
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"] == {}
    error = result["didResolutionMetadata"]["error"]
    assert error["type"] == f"https://www.w3.org/ns/did#{name}"
    assert error["title"]
    assert error["detail"]


def test_a_representation_that_is_not_had(url: str) -> None:
    answer = get(url, DEVICE.short.text, "text/html")
    assert answer.status_code == 406
    error = answer.json()["didResolutionMetadata"]["error"]
    assert error["type"].endswith("#REPRESENTATION_NOT_SUPPORTED")


def test_without_the_log_nothing_is_said_of_a_did(url: str, site: Site) -> None:
    site.moody.fails["heads"] = Unavailable("ledger_unreachable", "down")
    answer = get(url, DEVICE.short.text)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    error = answer.json()["didResolutionMetadata"]["error"]
    assert error["type"].endswith("#INTERNAL_ERROR")
    assert get(url, DEVICE.key_did.text).status_code == 200
    site.moody.fails.clear()
    assert get(url, DEVICE.short.text).status_code == 200


def test_other_parameters_are_none_of_ours(url: str) -> None:
    assert get(url, DEVICE.short.text, noCache="true").status_code == 200


def test_the_clock_of_the_tests_stands_where_it_should() -> None:
    assert NOW.isoformat() == "2026-01-31T12:00:00+00:00"
