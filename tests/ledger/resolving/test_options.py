"""Options, from a query and from JSON."""

from datetime import UTC, datetime

import pytest

from did.errors import Invalid
from did.jcs import Json
from did.key_documents import DEFAULTS, DID_CONTEXT, KeyOptions
from ledger.resolving.options import Options, parse_options

TIME = "2026-01-31T12:00:00Z"


def test_nothing_asked_is_nothing_changed() -> None:
    assert parse_options([]) == Options()


def test_all_that_can_be_asked() -> None:
    given: list[tuple[str, Json]] = [
        ("versionTime", TIME),
        ("expandRelativeUrls", "true"),
        ("noCache", True),
        ("verificationRelationship", "authentication"),
        ("accept", "application/did"),
        ("publicKeyFormat", "JsonWebKey"),
        ("enableEncryptionKeyDerivation", "false"),
        ("enableExperimentalPublicKeyTypes", "true"),
        ("defaultContext", DID_CONTEXT),
        ("defaultContext", ["https://a.example"]),
    ]
    assert parse_options(given) == Options(
        at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        expand=True,
        fresh=True,
        relationship="authentication",
        accept="application/did",
        key=KeyOptions("JsonWebKey", False, True, (DID_CONTEXT, "https://a.example")),
    )


def test_one_option_of_did_key_leaves_the_others_at_their_defaults() -> None:
    assert parse_options([("enableExperimentalPublicKeyTypes", "false")]).key == DEFAULTS
    assert parse_options([("versionId", "1")]) == Options(at="1")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([("versionId", "a"), ("versionTime", TIME)], "invalid_options"),
        ([("versionId", "a"), ("versionId", "a")], "invalid_options"),
        ([("versionId", "")], "invalid_options"),
        ([("versionId", 7)], "invalid_options"),
        ([("versionTime", "now")], "invalid_time"),
        ([("versionTime", "2026-01-31T12:00:00.123Z")], "invalid_options"),
        ([("versionTime", "2026-01-31T12:00:00.000Z")], "invalid_options"),
        ([("versionTime", "2026-01-31T13:00:00+01:00")], "invalid_options"),
        ([("versionTime", "2026-01-31T12:00:00+00:00")], "invalid_options"),
        ([("noCache", "TRUE")], "invalid_options"),
        ([("noCache", 1)], "invalid_options"),
        ([("noCache", None)], "invalid_options"),
        ([("defaultContext", "https://a.example")], "invalid_options"),
        ([("defaultContext", [DID_CONTEXT, 1])], "invalid_options"),
        ([("defaultContext", [DID_CONTEXT, "http://a.example"])], "invalid_options"),
        ([("defaultContext", [DID_CONTEXT] * 9)], "invalid_options"),
        ([("versionid", "a")], "feature_not_supported"),
        ([("hl", "z")], "feature_not_supported"),
    ],
)
def test_what_is_no_option(given: list[tuple[str, Json]], code: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_options(given)
    assert raised.value.code == code


def test_an_empty_list_of_contexts_is_none() -> None:
    assert parse_options([("defaultContext", [])]) == Options()
