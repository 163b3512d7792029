"""The HTTP(S) binding of DID Resolution, as a client of it sees it: DIDs, in the current form."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from actors import DEVICE, NOW, STRANGER
from resolution_support import (
    BETWEEN,
    ENDED,
    INSIDE,
    KEYLESS,
    RESULT,
    Resolving,
    resolving,
    services,
)
from web_hosts import answer

from did.errors import Unavailable
from did.identifier import KeybornDid
from did.keys import x25519_multibase
from did.resolution import resolve_offline

LATER = "2026-01-31T13:00:00Z"
X25519 = f"did:key:{x25519_multibase(DEVICE.key.public_key().x25519())}"
HIDDEN = "did:web:hidden.example"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolving]:
    with resolving(tmp_path_factory.mktemp("resolving")) as world:
        yield world


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("text", [DEVICE.short.text, DEVICE.did.text])
def test_a_did_resolves_in_both_forms_encoded_or_not(
    world: Resolving, text: str, *, encoded: bool
) -> None:
    answer = world.get(text, encoded=encoded)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == RESULT
    result = answer.json()
    assert result == world.site.reader.resolve(DEVICE.did).to_json()
    assert result["didDocument"]["id"] == DEVICE.short.text
    assert result["didResolutionMetadata"] == {"contentType": "application/did"}
    metadata = result["didDocumentMetadata"]
    assert metadata["canonicalId"] == DEVICE.short.text
    assert metadata["created"] == "2026-01-31T12:00:00Z"
    assert metadata["updated"] == "2026-01-31T12:01:00Z"
    assert metadata["versionId"].startswith("1-")


@pytest.mark.parametrize(
    "media_type", ["application/did", "application/did+json", "application/did+ld+json"]
)
def test_the_document_alone(world: Resolving, media_type: str) -> None:
    answer = world.get(DEVICE.short.text, media_type)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.json()["id"] == DEVICE.short.text


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("*/*", RESULT),
        ("", RESULT),
        ("application/json", "application/json"),
        ("text/html, application/did", "application/did"),
        ("application/did-resolution;q=0.5, application/did", "application/did"),
        ("application/did;q=0.5, */*", RESULT),
    ],
)
def test_accept_decides_on_the_representation(world: Resolving, accept: str, served: str) -> None:
    answer = world.get(DEVICE.short.text, accept)
    assert answer.headers["content-type"] == served
    assert (answer.json().get("id") is None) == (served != "application/did")


def test_two_accept_headers_are_one(world: Resolving) -> None:
    headers = [("accept", "text/html"), ("accept", "application/did")]
    found = httpx.get(f"{world.url}/{DEVICE.short.text}", headers=headers)
    assert found.headers["content-type"] == "application/did"


def test_the_option_accept_comes_before_the_header(world: Resolving) -> None:
    answer = world.get(DEVICE.short.text, accept=RESULT, encoded=True)
    assert answer.headers["content-type"] == RESULT
    url = f"{world.url}/{DEVICE.short.text}?accept=application/did"
    assert httpx.get(url).headers["content-type"] == "application/did"


def test_a_deactivated_did_is_gone(world: Resolving) -> None:
    answer = world.get(ENDED.short.text)
    assert answer.status_code == 410
    assert answer.json()["didDocument"] is None
    assert answer.json()["didDocumentMetadata"]["deactivated"] is True
    assert "error" not in answer.json()["didResolutionMetadata"]
    document = world.get(ENDED.short.text, "application/did")
    assert document.status_code == 410
    assert document.json() == world.site.reader.resolve(ENDED.short).document()


def test_a_did_key_resolves(world: Resolving) -> None:
    answer = world.get(DEVICE.key_did.text)
    assert answer.status_code == 200
    assert answer.json() == resolve_offline(DEVICE.key_did).to_json()
    agreement: Any = world.get(X25519).json()["didDocument"]
    assert agreement["id"] == X25519
    assert agreement["keyAgreement"] == [method["id"] for method in agreement["verificationMethod"]]
    assert "authentication" not in agreement


@pytest.mark.parametrize("encoded", [False, True])
def test_a_did_web_resolves(world: Resolving, *, encoded: bool) -> None:
    did = world.web.text
    assert "%3A" in did
    answer = world.get(did, encoded=encoded)
    assert answer.status_code == 200
    assert answer.json()["didDocument"]["id"] == did
    assert answer.json()["didDocumentMetadata"] == {
        "canonicalId": did,
        "registered": "not-applicable",
        "asOf": "2026-01-31T12:02:00Z",
    }


def test_a_port_that_was_encoded_once_more_is_the_same(world: Resolving) -> None:
    did = world.web.text.replace("%3A", "%253A")  # as encodeURI has it
    assert world.get(did).json()["didDocument"]["id"] == world.web.text


def test_a_did_web_is_kept_unless_it_is_to_be_fetched_anew(world: Resolving) -> None:
    did = world.web.text
    world.get(did)
    asked = len(world.host.asked)
    world.get(did, encoded=True, noCache="false")
    assert len(world.host.asked) == asked
    assert world.get(did, encoded=True, noCache="true").status_code == 200
    assert len(world.host.asked) == asked + 1


def test_relative_urls_are_expanded_where_that_is_asked_for(world: Resolving) -> None:
    did = world.web.text
    plain = world.get(did, "application/did", encoded=True).json()
    assert plain["service"] == services(world.web)
    expanded = world.get(did, "application/did", encoded=True, expandRelativeUrls="true").json()
    assert expanded["service"][0]["id"] == f"{did}#files"


def test_an_accept_in_the_body_is_no_longer_than_one_in_a_header(world: Resolving) -> None:
    """Regression: one of 250 KB kept the service busy for most of a second."""
    long = "application/did," + "a/b," * 2_044
    assert len(long) == 8_192
    body = f'{{"accept": "{long}"}}'.encode()
    assert world.post(DEVICE.short.text, body).headers["content-type"] == "application/did"
    answer = world.post(DEVICE.short.text, f'{{"accept": "{long}c"}}'.encode())
    assert answer.status_code == 400
    assert answer.json()["didResolutionMetadata"]["error"]["type"].endswith("#INVALID_OPTIONS")


def test_options_may_be_posted(world: Resolving) -> None:
    first = world.get(DEVICE.short.text, versionTime=BETWEEN).json()
    body = f'{{"versionTime": "{BETWEEN}", "noCache": true}}'.encode()
    assert world.post(DEVICE.short.text, body).json() == first
    assert world.post(DEVICE.short.text, b"").json() == world.get(DEVICE.short.text).json()
    key = world.post(
        DEVICE.key_did.text,
        b'{"defaultContext": ["https://www.w3.org/ns/did/v1.1"], "publicKeyFormat": "JsonWebKey"}',
        "application/did",
    )
    assert key.json()["@context"] == ["https://www.w3.org/ns/did/v1.1"]
    assert key.json()["verificationMethod"][0]["type"] == "JsonWebKey"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"versionId": 1}',
        b'{"noCache": "perhaps"}',
        b'{"noCache": true, "noCache": true}',
        b'{"versionId": ""}',
    ],
)
def test_options_that_are_none(world: Resolving, body: bytes) -> None:
    answer = world.post(DEVICE.short.text, body)
    assert answer.status_code == 400
    assert answer.json()["didResolutionMetadata"]["error"]["type"].endswith("#INVALID_OPTIONS")


def test_a_long_form_that_is_not_registered_says_so(world: Resolving) -> None:
    answer = world.get(STRANGER.did.text)
    assert answer.status_code == 200
    assert answer.json()["didDocumentMetadata"]["registered"] == "no"


def test_earlier_versions(world: Resolving) -> None:
    did = DEVICE.short.text
    now = world.get(did).json()
    first = world.get(did, versionTime=BETWEEN).json()
    metadata = first["didDocumentMetadata"]
    assert metadata["versionId"] == f"0-{DEVICE.did.id.hex()}"
    assert metadata["nextVersionId"] == now["didDocumentMetadata"]["versionId"]
    assert metadata["nextUpdate"] == "2026-01-31T12:01:00Z"
    assert first["didDocument"] != now["didDocument"]
    assert world.get(did, versionId=metadata["versionId"]).json() == first
    assert world.get(did, versionTime=LATER).json() == now
    # What was valid then is not gone.
    assert world.get(ENDED.short.text, versionTime=BETWEEN).status_code == 200


@pytest.mark.parametrize("encoded", [False, True])
def test_a_version_may_be_a_parameter_of_the_did_url(world: Resolving, *, encoded: bool) -> None:
    first = world.get(DEVICE.short.text, versionTime=BETWEEN).json()
    url = f"{DEVICE.short.text}?versionTime={BETWEEN}"
    assert world.get(url, encoded=encoded).json() == first


ERRORS: dict[str, tuple[str, dict[str, str], int, str]] = {
    "no DID at all": ("keyborn", {}, 400, "INVALID_DID"),
    "nothing": ("", {}, 400, "INVALID_DID"),
    "another scheme": (DEVICE.short.text.replace("did:", "DID:", 1), {}, 400, "INVALID_DID"),
    "no method": ("did:keyborn", {}, 400, "INVALID_DID"),
    "an empty id": ("did:keyborn:", {}, 400, "INVALID_DID"),
    "an id of another length": ("did:keyborn:abc", {}, 400, "INVALID_DID"),
    "white space at the end": (DEVICE.short.text + "%0A", {}, 400, "INVALID_DID"),
    "a slash": (DEVICE.short.text + "/path", {}, 400, "INVALID_DID"),
    "a fragment": (DEVICE.short.text + "%23key", {}, 400, "INVALID_DID"),
    "no UTF-8": ("x%FF", {}, 400, "INVALID_DID"),
    "a genesis of another DID": (
        f"{STRANGER.short.text}:{DEVICE.did.text.split(':')[3]}",
        {},
        400,
        "INVALID_DID",
    ),
    "a very long one": ("did:keyborn:" + "1" * 5_000, {}, 400, "INVALID_DID"),
    "a host that is an address": ("did:web:127.0.0.1", {}, 400, "INVALID_DID"),
    "a key of another type": (
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
        {},
        400,
        "INVALID_PUBLIC_KEY_TYPE",
    ),
    "a key that is cut off": ("did:key:zTjsVPtY", {}, 400, "INVALID_PUBLIC_KEY_LENGTH"),
    "a DID made with what is no key": (
        KeybornDid(KEYLESS.id).text,
        {},
        400,
        "INVALID_PUBLIC_KEY",
    ),
    "a format that there is not": (
        DEVICE.key_did.text,
        {"publicKeyFormat": "unknown"},
        400,
        "UNSUPPORTED_PUBLIC_KEY_TYPE",
    ),
    "another method": ("did:example:1", {}, 501, "METHOD_NOT_SUPPORTED"),
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
    "a version of a did:key": (DEVICE.key_did.text, {"versionId": "1"}, 404, "NOT_FOUND"),
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
    "a time with parts of seconds": (
        DEVICE.short.text,
        {"versionTime": LATER.replace("Z", ".123Z")},
        400,
        "INVALID_OPTIONS",
    ),
    "a time that is not in UTC": (
        DEVICE.short.text,
        {"versionTime": LATER.replace("Z", "+01:00")},
        400,
        "INVALID_OPTIONS",
    ),
    "a relationship of no method": (
        DEVICE.key_did.text,
        {"verificationRelationship": "bogus"},
        400,
        "INVALID_OPTIONS",
    ),
    "a relationship of a whole DID": (
        DEVICE.short.text,
        {"verificationRelationship": "authentication"},
        400,
        "INVALID_OPTIONS",
    ),
    "a version and a time": (
        DEVICE.short.text,
        {"versionTime": LATER, "versionId": f"0-{DEVICE.did.id.hex()}"},
        400,
        "INVALID_OPTIONS",
    ),
    "a version here and there": (
        f"{DEVICE.short.text}%3FversionTime={LATER}",
        {"versionId": "0-0"},
        400,
        "INVALID_OPTIONS",
    ),
    "a flag that is none": (DEVICE.short.text, {"noCache": "1"}, 400, "INVALID_OPTIONS"),
    "a context that is none": (
        DEVICE.key_did.text,
        {"defaultContext": "http://www.w3.org/ns/did/v1"},
        400,
        "INVALID_OPTIONS",
    ),
    "a context that does not come first": (
        DEVICE.key_did.text,
        {"defaultContext": "https://w3id.org/security/multikey/v1"},
        400,
        "INVALID_OPTIONS",
    ),
    "a query of many parameters": (
        DEVICE.short.text,
        {f"a{n}": "" for n in range(40)},
        400,
        "INVALID_OPTIONS",
    ),
    "an option that there is not": (
        DEVICE.short.text,
        {"cache": "no"},
        501,
        "FEATURE_NOT_SUPPORTED",
    ),
    "an option of another method": (
        DEVICE.short.text,
        {"publicKeyFormat": "JsonWebKey"},
        501,
        "FEATURE_NOT_SUPPORTED",
    ),
}


def check_error(answer: Any, status: int, name: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == RESULT
    result = answer.json()
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"] == {}
    error = result["didResolutionMetadata"]["error"]
    assert error["type"] == f"https://www.w3.org/ns/did#{name}"
    assert error["title"]
    assert error["detail"]


@pytest.mark.parametrize("case", ERRORS)
def test_errors_have_the_specifications_form(world: Resolving, case: str) -> None:
    did, query, status, name = ERRORS[case]
    check_error(world.get(did, **query), status, name)


def test_errors_of_a_did_web(world: Resolving) -> None:
    missing, broken, failing = (world.host.did(name) for name in ("missing", "broken", "failing"))
    world.host.serve(broken, {"id": world.web.text})
    world.host.serve(failing, answer(b"", "503 Service Unavailable"))
    check_error(world.get(missing.text), 404, "NOT_FOUND")
    check_error(world.get(broken.text), 500, "INVALID_DID_DOCUMENT")
    check_error(world.get(failing.text), 503, "INTERNAL_ERROR")
    check_error(world.get(HIDDEN), 503, "INTERNAL_ERROR")
    check_error(world.get(world.web.text, versionTime=LATER), 501, "FEATURE_NOT_SUPPORTED")
    assert world.get(world.web.text).status_code == 200


@pytest.mark.parametrize("accept", ["", "application/did-resolution"])
def test_nobody_learns_which_names_there_are_in_this_network(world: Resolving, accept: str) -> None:
    """Regression: 404 for a name that leads to addresses which are not public, 503 for none."""
    there, not_there = (world.get(did, accept) for did in (f"did:web:{INSIDE}", HIDDEN))
    assert there.status_code == not_there.status_code == 503
    assert there.content == not_there.content
    known = [{**each.headers, "date": "", "x-request-id": ""} for each in (there, not_there)]
    assert known[0] == known[1]
    assert world.get(world.web.text).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "text/uri-list", "application/did;q=0"])
def test_a_representation_that_is_not_had(world: Resolving, accept: str) -> None:
    check_error(world.get(DEVICE.short.text, accept), 406, "REPRESENTATION_NOT_SUPPORTED")


def test_without_the_log_nothing_is_said_of_a_did(world: Resolving) -> None:
    world.site.moody.fails["heads"] = Unavailable("ledger_unreachable", "down")
    answer = world.get(DEVICE.short.text)
    check_error(answer, 503, "INTERNAL_ERROR")
    assert answer.headers["retry-after"] == "5"
    assert world.get(DEVICE.key_did.text).status_code == 200
    world.site.moody.fails.clear()
    assert world.get(DEVICE.short.text).status_code == 200


def test_the_clock_of_the_tests_stands_where_it_should() -> None:
    assert NOW.isoformat() == "2026-01-31T12:00:00+00:00"
