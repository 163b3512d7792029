"""Accept, as RFC 9110 has it: quality, specificity, profiles, order."""

import pytest

from did.errors import Invalid
from ledger.resolving.negotiation import (
    DEREFERENCING,
    FOR_DID_URLS,
    FOR_DIDS,
    OLDER_DEREFERENCING,
    OLDER_RESULT,
    RESULT,
    negotiate,
)

DOCUMENT = "application/did"
PROFILE = "https://w3id.org/did-resolution"


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("", RESULT),
        (" , ,", RESULT),
        ("*/*", RESULT),
        ("application/*", RESULT),
        ("application/did-resolution", RESULT),
        ("Application/DID", DOCUMENT),
        ("application/did;charset=utf-8", DOCUMENT),
        ("application/did;q=0.9, application/did-resolution;q=0.8", DOCUMENT),
        ("application/did;q=0.8, application/did-resolution;q=0.8", DOCUMENT),
        ("application/did, */*", DOCUMENT),
        ("*/*, application/did", RESULT),
        ("*/*;q=0.1, application/did;q=0.2", DOCUMENT),
        ("application/did;q=0, */*;q=0.1", RESULT),
        ("application/did-resolution;q=0, */*", OLDER_RESULT),
        ("application/*;q=0, application/did", DOCUMENT),
        ("application/did; q=0.5 , application/json;q=0.6", "application/json"),
        ("application/did;q=much, application/did-resolution;q=0.1", RESULT),
        ("application/did;q=2, application/did-resolution;q=0.1", RESULT),
        ("application/ld+json", OLDER_RESULT),
        (f'application/ld+json;profile="{PROFILE}"', OLDER_RESULT),
        (f"application/ld+json; profile={PROFILE}", OLDER_RESULT),
        (f'application/ld+json;profile="{PROFILE}";q=0, application/ld+json', OLDER_DEREFERENCING),
        (f'application/ld+json;profile="a,b;q=1", {RESULT};q=0.1', RESULT),
        ("application/did+ld+json", "application/did+ld+json"),
        ("application/did+json", "application/did+json"),
        ("application/did-url-dereferencing", DEREFERENCING),
        # What the Universal Resolver sends its drivers.
        (f'{RESULT},application/ld+json;profile="{PROFILE}",{DOCUMENT},*/*;q=0.1', RESULT),
    ],
)
def test_of_a_did(accept: str, served: str) -> None:
    assert negotiate(accept, FOR_DIDS).media_type == served


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        ("*/*", DEREFERENCING),
        (f'application/ld+json;profile="{PROFILE}"', OLDER_RESULT),
        ("application/ld+json", OLDER_DEREFERENCING),
        ("text/uri-list", "text/uri-list"),
        ("application/json", "application/json"),
    ],
)
def test_of_a_did_url(accept: str, served: str) -> None:
    assert negotiate(accept, FOR_DID_URLS).media_type == served


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/*",
        "application/did;q=0",
        "application/xml, text/plain;q=0.5",
        'application/ld+json;profile="https://w3id.org/other"',
        "application/did+cbor",
        '"',
        ";",
        "; q=1, ;",
    ],
)
def test_none_of_these(accept: str) -> None:
    with pytest.raises(Invalid) as raised:
        negotiate(accept, FOR_DIDS)
    assert raised.value.code == "representation_not_supported"


def test_of_many_ranges_one_counts() -> None:
    assert negotiate(",".join(["text/html"] * 2_000 + [DOCUMENT]), FOR_DIDS).media_type == DOCUMENT
