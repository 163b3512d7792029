"""Dereferencing over HTTP: fragments, services and versions, in each form."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from actors import DEVICE, ISSUER
from resolution_support import (
    BETWEEN,
    DEREFERENCING,
    ENDED,
    RESULT,
    Resolving,
    resolving,
)

CURRENT = DEVICE.next_key.public_key().multibase
METHOD = f"{DEVICE.short.text}#{CURRENT}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolving]:
    with resolving(tmp_path_factory.mktemp("resolving")) as world:
        yield world


def dereferenced(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status
    assert answer.headers["content-type"] == DEREFERENCING
    result = answer.json()
    assert result["content"] == result["contentStream"]
    return result


@pytest.mark.parametrize("accept", [DEREFERENCING, "*/*", ""])
@pytest.mark.parametrize("url", [METHOD, f"{DEVICE.did.text}#{CURRENT}"])
def test_a_verification_method(world: Resolving, url: str, accept: str) -> None:
    result = dereferenced(world.get(url, accept, encoded=True))
    document = world.get(DEVICE.short.text).json()["didDocument"]
    (method,) = document["verificationMethod"]
    assert result["content"] == {"@context": document["@context"], **method}
    assert result["dereferencingMetadata"] == {"contentType": "application/did"}
    assert result["contentMetadata"] == {}


def test_a_fragment_may_be_encoded_alone(world: Resolving) -> None:
    assert world.get(METHOD.replace("#", "%23"), DEREFERENCING).json()["content"]["id"] == METHOD


@pytest.mark.parametrize(
    "media_type",
    ["application/did", "application/did+ld+json", "application/did+json", "application/json"],
)
def test_the_content_alone(world: Resolving, media_type: str) -> None:
    answer = world.get(METHOD, media_type, encoded=True)
    assert answer.headers["content-type"] == media_type
    assert answer.json()["id"] == METHOD


def test_a_former_key_is_found_in_its_version(world: Resolving) -> None:
    birth = DEVICE.key.public_key().multibase
    assert world.get(f"{DEVICE.short.text}#{birth}", DEREFERENCING, encoded=True).status_code == 404
    for url in (
        f"{DEVICE.short.text}?versionTime={BETWEEN}#{birth}",
        f"{DEVICE.short.text}?versionId=0-{DEVICE.did.id.hex()}#{birth}",
    ):
        result = dereferenced(world.get(url, DEREFERENCING, encoded=True))
        assert result["content"]["publicKeyMultibase"] == birth


def test_a_version_dereferences_to_its_document(world: Resolving) -> None:
    url = f"{DEVICE.short.text}?versionTime={BETWEEN}"
    expected = world.get(DEVICE.short.text, versionTime=BETWEEN).json()
    result = dereferenced(world.get(url, DEREFERENCING, encoded=True))
    assert result["content"] == expected["didDocument"]
    assert result["contentMetadata"] == expected["didDocumentMetadata"]
    assert dereferenced(world.get(url, DEREFERENCING))["content"] == expected["didDocument"]


def test_a_did_dereferences_to_its_document(world: Resolving) -> None:
    expected = world.get(DEVICE.short.text).json()
    result = dereferenced(world.get(DEVICE.short.text, DEREFERENCING))
    assert result["content"] == expected["didDocument"]
    assert result["contentMetadata"] == expected["didDocumentMetadata"]


def test_keys_of_a_did_key(world: Resolving) -> None:
    agreement: Any = world.get(DEVICE.key_did.text).json()["didDocument"]["keyAgreement"][0]
    result = dereferenced(world.get(agreement, DEREFERENCING, encoded=True))
    assert result["content"]["id"] == agreement
    form = {"publicKeyFormat": "JsonWebKey"}
    jwk = dereferenced(world.get(agreement, DEREFERENCING, encoded=True, **form))["content"]
    assert jwk["publicKeyJwk"]["crv"] == "X25519"


def test_the_key_of_a_did_web(world: Resolving) -> None:
    url = f"{world.web.text}#key-1"
    for encoded, text in ((True, url), (False, url.replace("#", "%23"))):
        result = dereferenced(world.get(text, DEREFERENCING, encoded=encoded))
        assert result["content"]["publicKeyMultibase"] == ISSUER.key.public_key().multibase


@pytest.mark.parametrize("encoded", [False, True])
def test_a_service_is_selected(world: Resolving, *, encoded: bool) -> None:
    url = f"{world.web.text}?service=files"
    result = dereferenced(world.get(url, DEREFERENCING, encoded=encoded))
    assert [service["id"] for service in result["content"]["service"]] == ["#files"]
    assert result["content"]["id"] == world.web.text
    by_type = f"{world.web.text}?serviceType=Mail"
    document = world.get(by_type, "application/did", encoded=encoded).json()
    assert [service["type"] for service in document["service"]] == ["Mail"]


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("?service=files", "https://files.example/of/7/"),
        ("?service=files&relativeRef=a.pdf%3Fv=2", "https://files.example/of/7/a.pdf?v=2"),
        ("?service=files&relativeRef=a.pdf#page", "https://files.example/of/7/a.pdf#page"),
    ],
)
def test_who_accepts_a_list_of_uris_is_sent_to_the_service(
    world: Resolving, url: str, location: str
) -> None:
    answer = world.get(world.web.text + url, "text/uri-list", encoded=True)
    assert (answer.status_code, answer.content) == (303, b"")
    assert answer.headers["location"] == location


@pytest.mark.parametrize("safe", ["", ":", ":/", ":@!$'()*+,;"])
def test_a_did_url_may_be_encoded_in_part(world: Resolving, safe: str) -> None:
    """Libraries differ in what they leave as it is; a port's %3A is the DID's own in each."""
    url = f"{world.web.text}?service=files&relativeRef=a%2Fb#page"
    answer = world.get(quote(url, safe=safe), "text/uri-list")
    assert answer.headers["location"] == "https://files.example/of/7/a/b#page"


def test_a_relationship_is_asked_for(world: Resolving) -> None:
    def get(relationship: str) -> Any:
        options = {"verificationRelationship": relationship}
        return world.get(METHOD, DEREFERENCING, encoded=True, **options)

    assert dereferenced(get("authentication"))["content"]["id"] == METHOD
    error = dereferenced(get("keyAgreement"), 400)["dereferencingMetadata"]["error"]
    name = "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD"
    assert error["type"] == f"https://w3id.org/security#{name}"


def test_a_deactivated_did_is_gone_with_its_parts(world: Resolving) -> None:
    for url in (ENDED.short.text, f"{ENDED.short.text}#key"):
        result = dereferenced(world.get(url, DEREFERENCING, encoded=True), 410)
        assert result["content"] is None
        assert result["contentMetadata"]["deactivated"] is True
    document = world.get(f"{ENDED.short.text}#key", "application/did", encoded=True)
    assert (document.status_code, document.json()["id"]) == (410, ENDED.short.text)


ERRORS: dict[str, tuple[str, str, int, str]] = {
    "no DID": ("nonsense#key", DEREFERENCING, 400, "INVALID_DID"),
    "characters that have no place": (f"{METHOD}^", DEREFERENCING, 400, "INVALID_DID_URL"),
    "an empty fragment": (f"{DEVICE.short.text}#", DEREFERENCING, 400, "INVALID_DID_URL"),
    "a parameter twice": (
        f"{DEVICE.short.text}?service=a&service=b",
        DEREFERENCING,
        400,
        "INVALID_DID_URL",
    ),
    "two versions": (
        f"{DEVICE.short.text}?versionId=a&versionTime={BETWEEN}#key",
        DEREFERENCING,
        400,
        "INVALID_OPTIONS",
    ),
    "a fragment that is not there": (
        f"{DEVICE.short.text}#none",
        DEREFERENCING,
        404,
        "NOT_FOUND",
    ),
    "a path": (f"{DEVICE.short.text}/path", DEREFERENCING, 404, "NOT_FOUND"),
    "another parameter": (f"{DEVICE.short.text}?a=b", DEREFERENCING, 404, "NOT_FOUND"),
    "a service that is not there": (
        f"{DEVICE.short.text}?service=files",
        DEREFERENCING,
        404,
        "NOT_FOUND",
    ),
    "another method": ("did:example:1#key", DEREFERENCING, 501, "METHOD_NOT_SUPPORTED"),
    "URIs of what is no service": (METHOD, "text/uri-list", 406, "REPRESENTATION_NOT_SUPPORTED"),
    "a page": (METHOD, "text/html", 406, "REPRESENTATION_NOT_SUPPORTED"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(world: Resolving, case: str) -> None:
    url, accept, status, name = ERRORS[case]
    result = dereferenced(world.get(url, accept, encoded=True), status)
    assert result["content"] is None
    assert result["contentMetadata"] == {}
    error = result["dereferencingMetadata"]["error"]
    assert error["type"] == f"https://www.w3.org/ns/did#{name}"


def test_a_relative_reference_that_leads_elsewhere(world: Resolving) -> None:
    url = f"{world.web.text}?service=files&relativeRef=..%2F..%2Fa"
    answer = world.get(url, "text/uri-list", encoded=True)
    assert answer.status_code == 400
    assert answer.json()["dereferencingMetadata"]["error"]["type"].endswith("#INVALID_DID_URL")


def test_a_parameter_in_the_did_url_and_in_the_query(world: Resolving) -> None:
    inner = httpx.URL(world.url).join(f"identifiers/{world.web.text}%3Fservice=files")
    answer = httpx.get(inner, params={"service": "mail"}, headers={"accept": DEREFERENCING})
    assert dereferenced(answer, 400)["dereferencingMetadata"]["error"]["type"].endswith("_DID_URL")
    twice = httpx.get(f"{world.url}/{world.web.text}?service=files&service=mail")
    assert twice.status_code == 400


def test_who_accepts_results_alone_is_told_that_a_did_url_has_none(world: Resolving) -> None:
    answer = world.get(METHOD, RESULT, encoded=True)
    assert answer.status_code == 400
    error = answer.json()["didResolutionMetadata"]["error"]
    assert error["type"].endswith("#INVALID_DID")
    both = world.get(METHOD, f"{RESULT}, {DEREFERENCING}", encoded=True)
    assert dereferenced(both)["content"]["id"] == METHOD
