"""The older form of results and errors, and the cases of the test suite of did:key, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from actors import DEVICE
from published import vectors
from resolution_support import (
    DEREFERENCING,
    ENDED,
    OLDER,
    OLDER_DEREFERENCING,
    Resolving,
    resolving,
)

from did.errors import Unavailable

CONTEXT = "https://w3id.org/did-resolution/v1"
NEGATIVE = vectors("did-key/negative.json")["cases"]
# The names of the suite's mock data.
KEY = "z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b"
AGREEMENT = "z6LSfHfAMAopsuBxaBzvp51GXrPf38Az13j2fmwqadbwwrzJ"
DID = f"did:key:{KEY}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolving]:
    with resolving(tmp_path_factory.mktemp("resolving")) as world:
        yield world


@pytest.mark.parametrize("accept", [OLDER, OLDER.replace('"', ""), "application/ld+json"])
def test_a_result(world: Resolving, accept: str) -> None:
    answer = world.get(DEVICE.short.text, accept, encoded=True)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == OLDER
    current = world.get(DEVICE.short.text).json()
    assert answer.json() == {
        "@context": CONTEXT,
        **current,
        "didResolutionMetadata": {"contentType": "application/did+ld+json"},
    }


def test_a_deactivated_did_has_a_document(world: Resolving) -> None:
    answer = world.get(ENDED.short.text, OLDER)
    assert answer.status_code == 410
    assert answer.json()["didDocument"]["id"] == ENDED.short.text
    assert answer.json()["didDocumentMetadata"]["deactivated"] is True


def test_a_dereferencing_result(world: Resolving) -> None:
    url = f"{DID}#{KEY}"
    answer = world.get(url, OLDER_DEREFERENCING, encoded=True)
    assert answer.headers["content-type"] == OLDER_DEREFERENCING
    result = answer.json()
    assert result["@context"] == CONTEXT
    assert result["content"] == world.get(url, DEREFERENCING, encoded=True).json()["content"]
    missing = world.get(f"{DID}#none", OLDER_DEREFERENCING, encoded=True)
    assert missing.status_code == 404
    assert missing.json()["dereferencingMetadata"]["error"] == "notFound"
    assert missing.json()["dereferencingMetadata"]["errorMessage"]


@pytest.mark.parametrize(
    ("did", "query", "accept", "failure"),
    [
        ("did:example:1", {}, OLDER, (501, "methodNotSupported")),
        ("keyborn", {}, OLDER, (400, "invalidDid")),
        ("did:keyborn:abc", {}, "application/did+ld+json", (400, "invalidDid")),
        ("did:keyborn:abc", {}, "application/did+json", (400, "invalidDid")),
        (DID, {"versionId": "1"}, OLDER, (404, "notFound")),
        (DID, {"versionTime": "now"}, OLDER, (400, "invalidOptions")),
        (DID, {"cache": "no"}, OLDER, (501, "featureNotSupported")),
        ("did:key:zTjsVPtY", {}, OLDER, (400, "invalidPublicKeyLength")),
    ],
)
def test_errors_are_plain_strings(
    world: Resolving, did: str, query: dict[str, str], accept: str, failure: tuple[int, str]
) -> None:
    answer = world.get(did, accept, encoded=True, **query)
    status, name = failure
    assert answer.status_code == status
    assert answer.headers["content-type"] == OLDER
    assert answer.json()["@context"] == CONTEXT
    assert answer.json()["didDocument"] == {}
    assert answer.json()["didDocumentMetadata"] == {}
    assert answer.json()["didResolutionMetadata"]["error"] == name


def test_what_passes_is_told_so(world: Resolving) -> None:
    world.site.moody.fails["heads"] = Unavailable("ledger_unreachable", "down")
    answer = world.get(DEVICE.short.text, OLDER)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["didResolutionMetadata"]["error"] == "internalError"
    world.site.moody.fails.clear()


def test_a_representation_that_is_not_had_is_told_in_the_current_form(world: Resolving) -> None:
    wished = 'application/ld+json;profile="https://example.org/other"'
    answer = world.get(DID, wished, encoded=True)
    assert answer.status_code == 406
    error = answer.json()["didResolutionMetadata"]["error"]
    assert error["type"].endswith("#REPRESENTATION_NOT_SUPPORTED")


# -- the suite of did:key, commit 870e9647c099: tests/10-create.js ------------------------------


def check_failed(answer: Any, metadata: str, name: str) -> None:
    assert answer.status_code >= 400
    data = answer.json()
    assert data.keys() == {"@context", "didDocument", "didDocumentMetadata", metadata}
    assert data["didDocument"] is not None
    assert data[metadata]["error"] == name


@pytest.mark.parametrize("case", NEGATIVE, ids=[case["did"] for case in NEGATIVE])
def test_the_suite_s_negative_cases(world: Resolving, case: dict[str, str]) -> None:
    dereferenced = case["error"] == "invalidDidUrl"
    metadata = "didDereferencingMetadata" if dereferenced else "didResolutionMetadata"
    check_failed(world.get(case["did"], OLDER, encoded=True), metadata, case["error"])


def test_the_suite_s_unknown_format(world: Resolving) -> None:
    answer = world.get(DID, OLDER, encoded=True, publicKeyFormat="unknown")
    check_failed(answer, "didResolutionMetadata", "unsupportedPublicKeyType")


@pytest.mark.parametrize("fragment", [KEY, AGREEMENT])
def test_the_suite_s_experimental_format(world: Resolving, fragment: str) -> None:
    options = {"publicKeyFormat": "Ed25519VerificationKey2018"}
    url = f"{DID}#{fragment}"
    disabled = {**options, "enableExperimentalPublicKeyTypes": "false"}
    refused = world.get(url, OLDER, encoded=True, **disabled)
    check_failed(refused, "didDereferencingMetadata", "invalidPublicKeyType")
    enabled = {**options, "enableExperimentalPublicKeyTypes": "true"}
    answer = world.get(url, OLDER, encoded=True, **enabled)
    assert answer.json()["didDocument"]["id"] == url
    assert "publicKeyBase58" in answer.json()["didDocument"]


def test_the_suite_s_verification_method(world: Resolving) -> None:
    answer = world.get(f"{DID}#{KEY}", OLDER, encoded=True)
    assert answer.status_code == 200
    data = answer.json()
    assert data.keys() == {
        "@context",
        "didDocument",
        "didDereferencingMetadata",
        "didDocumentMetadata",
    }
    assert data["didDocument"]["controller"] == DID


def test_the_suite_s_document(world: Resolving) -> None:
    """As its README has it, save that the key agreement is referred to, as the algorithm says."""
    answer = world.get(DID, OLDER, encoded=True, publicKeyFormat="Ed25519VerificationKey2020")
    suites = "https://w3id.org/security/suites"
    document = answer.json()["didDocument"]
    assert document["@context"] == [
        "https://www.w3.org/ns/did/v1",
        f"{suites}/ed25519-2020/v1",
        f"{suites}/x25519-2020/v1",
    ]
    assert [method["type"] for method in document["verificationMethod"]] == [
        "Ed25519VerificationKey2020",
        "X25519KeyAgreementKey2020",
    ]
    assert document["keyAgreement"] == [f"{DID}#{AGREEMENT}"]
