"""What a DID's versions say of a key. Time here is the block's, in steps of a hundred seconds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from actors import DEVICE, LOG_ID, NOW, STRANGER

from did.document import document, key_document
from did.errors import Invalid, KeybornError, Refused, Undecided
from did.identifier import KeybornDid
from did.keys import PublicKey
from did.resolution import (
    Finality,
    Registration,
    Resolution,
    Version,
    asserting_version,
    authenticating_version,
    birth_key,
    check_fresh,
    resolve_offline,
)
from did.web_identifier import WebDid

A, B = DEVICE.key.public_key(), DEVICE.next_key.public_key()
C, UNKNOWN = STRANGER.key.public_key(), STRANGER.next_key.public_key()
F, S, L = Finality.FINALIZED, Finality.SAFE, Finality.LATEST
START: Final = 1000


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def versions(*given: tuple[PublicKey | None, Finality]) -> tuple[Version, ...]:
    return tuple(
        Version(n, bytes([n]) * 32, key.raw if key else None, START + 100 * n, n + 1, finality)
        for n, (key, finality) in enumerate(given)
    )


def known(*given: tuple[PublicKey | None, Finality], did: KeybornDid = DEVICE.short) -> Resolution:
    return Resolution(did, Registration.YES, versions(*given), LOG_ID, NOW)


ABSENT = Resolution(DEVICE.short, Registration.NO, (), LOG_ID, NOW)


def test_finality_rises() -> None:
    assert [[x.reaches(y) for y in (L, S, F)] for x in (L, S, F)] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


# -- documents and metadata ------------------------------------------------------------------


def test_result_of_a_registered_did() -> None:
    assert known((A, F), (B, L), did=DEVICE.did).to_json() == {
        "didDocument": document(DEVICE.short, B),
        "didResolutionMetadata": {"contentType": "application/did"},
        "didDocumentMetadata": {
            "canonicalId": DEVICE.short.text,
            "registered": "yes",
            "logId": LOG_ID.hex(),
            "asOf": "2026-01-31T12:00:00Z",
            "created": "1970-01-01T00:16:40Z",
            "updated": "1970-01-01T00:18:20Z",
            "versionId": f"1-{'01' * 32}",
            "position": "2",
            "finality": "latest",
        },
    }


def test_result_of_a_former_version() -> None:
    former = known((A, F), (B, F), (None, F)).at(f"0-{'00' * 32}").to_json()
    assert former["didDocument"] == document(DEVICE.short, A)
    metadata = former["didDocumentMetadata"]
    assert isinstance(metadata, dict)
    assert metadata["nextVersionId"] == f"1-{'01' * 32}"
    assert metadata["nextUpdate"] == "1970-01-01T00:18:20Z"
    assert "updated" not in metadata
    assert "deactivated" not in metadata


def test_result_of_a_deactivated_did() -> None:
    result = known((A, F), (None, F)).to_json()
    assert result["didDocument"] == document(DEVICE.short, None)
    metadata = result["didDocumentMetadata"]
    assert isinstance(metadata, dict)
    assert metadata["deactivated"] is True
    assert "nextVersionId" not in metadata


def test_a_long_form_speaks_for_itself_where_no_log_is_asked() -> None:
    result = resolve_offline(DEVICE.did)
    assert result.document() == document(DEVICE.short, A)
    assert result.metadata() == {"canonicalId": DEVICE.short.text, "registered": "unknown"}


def test_a_short_form_without_a_log_says_nothing() -> None:
    for resolution in (resolve_offline(DEVICE.short), ABSENT):
        with pytest.raises(Refused) as raised:
            resolution.document()
        assert raised.value.code == "not_registered"


def test_a_did_key_needs_no_log() -> None:
    result = resolve_offline(DEVICE.key_did)
    assert result.document() == key_document(DEVICE.key_did)
    assert result.metadata() == {
        "canonicalId": DEVICE.key_did.text,
        "registered": "not-applicable",
    }


def test_a_did_made_with_bytes_that_are_no_key() -> None:
    bad = Version(0, bytes(32), bytes(32), START, 1, F)
    resolution = Resolution(DEVICE.short, Registration.YES, (bad,), LOG_ID, NOW)
    with pytest.raises(Invalid) as raised:
        resolution.document()
    assert raised.value.code == "invalid_public_key"
    assert DEVICE.did.genesis is not None
    assert birth_key(DEVICE.did.genesis) == A


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (at(1000), 0),
        (at(1099.5), 0),
        (at(1100), 1),
        (at(1_000_000), 2),
        (f"0-{'00' * 32}", 0),
        (f"2-{'02' * 32}", 2),
    ],
)
def test_a_version_by_time_or_id(moment: str | datetime, number: int) -> None:
    assert known((A, F), (B, F), (C, F)).at(moment).selected == number


@pytest.mark.parametrize("moment", [at(999), "", "0", f"0-{'01' * 32}", f"3-{'03' * 32}"])
def test_a_version_that_is_none(moment: str | datetime) -> None:
    with pytest.raises(Refused) as raised:
        known((A, F), (B, F), (C, F)).at(moment)
    assert raised.value.code == "version_not_found"


# -- freshness -------------------------------------------------------------------------------


def test_age_is_counted_from_the_newest_verified_head() -> None:
    limit = timedelta(seconds=60)
    check_fresh(known((A, F)), at=NOW + limit, max_age=limit, step="freshness")
    with pytest.raises(Undecided, match="older than 60 s") as raised:
        check_fresh(
            known((A, F)),
            at=NOW + limit + timedelta(microseconds=1),
            max_age=limit,
            step="freshness",
        )
    error = raised.value
    assert (error.code, error.step, error.retry_after) == ("ledger_stale", "freshness", 5)


def test_knowledge_of_no_age_is_stale() -> None:
    unknown_age = Resolution(DEVICE.short, Registration.YES, versions((A, F)), LOG_ID)
    for resolution in (unknown_age, resolve_offline(DEVICE.did)):
        with pytest.raises(Undecided) as raised:
            check_fresh(resolution, at=NOW, max_age=timedelta(days=1), step="freshness")
        assert raised.value.code == "ledger_stale"


def test_what_needs_no_log_has_no_age() -> None:
    check_fresh(resolve_offline(DEVICE.key_did), at=NOW, max_age=timedelta(0), step="freshness")


# -- who may speak now -----------------------------------------------------------------------


def speak(resolution: Resolution, key: PublicKey, finality: Finality = F) -> Version:
    return authenticating_version(resolution, key, finality=finality, step="key")


@pytest.mark.parametrize(
    ("resolution", "key", "number"),
    [
        (known((A, F)), A, 0),
        (known((A, F), (B, F)), B, 1),
        (known((A, F), (B, F), (A, F)), A, 2),  # a key may come back
        (known((A, F), (A, F)), A, 1),
    ],
)
def test_the_current_key_speaks(resolution: Resolution, key: PublicKey, number: int) -> None:
    assert speak(resolution, key).number == number


@pytest.mark.parametrize(
    ("resolution", "key", "kind", "code"),
    [
        (ABSENT, A, Refused, "not_registered"),
        (resolve_offline(DEVICE.did), A, Refused, "not_registered"),
        (resolve_offline(DEVICE.key_did), A, Refused, "not_registered"),
        (known(), A, Invalid, "unknown_verification_method"),
        (known((A, F)), UNKNOWN, Invalid, "unknown_verification_method"),
        (known((A, L)), UNKNOWN, Invalid, "unknown_verification_method"),
        (known((A, F), (B, L)), UNKNOWN, Invalid, "unknown_verification_method"),
        (known((A, F), (B, F)), A, Refused, "key_superseded"),
        (known((A, F), (B, F), (C, F)), B, Refused, "key_superseded"),
        (known((A, F), (None, F)), A, Refused, "deactivated"),
        (known((A, F), (B, F), (None, F)), A, Refused, "deactivated"),
        (known((A, F), (None, F)), UNKNOWN, Refused, "deactivated"),
        (known((A, L)), A, Undecided, "not_final"),
        (known((A, S)), A, Undecided, "not_final"),
        (known((A, F), (B, L)), B, Undecided, "not_final"),
        (known((A, F), (B, L)), A, Refused, "key_suspect"),
        (known((A, F), (B, S), (C, L)), A, Refused, "key_suspect"),
        (known((A, F), (None, L)), A, Refused, "key_suspect"),
        (known((A, F), (B, L), (C, L)), B, Refused, "key_superseded"),
        (known((A, F), (B, L), (C, L)), C, Undecided, "not_final"),
        (known((A, L), (None, L)), A, Refused, "key_superseded"),
        (known((A, F), (B, L), (A, L)), A, Undecided, "not_final"),
    ],
)
def test_every_other_key_does_not(
    resolution: Resolution, key: PublicKey, kind: type[KeybornError], code: str
) -> None:
    with pytest.raises(kind) as raised:
        speak(resolution, key)
    assert (raised.value.code, raised.value.step) == (code, "key")


def test_a_policy_may_take_what_is_safe() -> None:
    pending = known((A, F), (B, S))
    assert speak(pending, B, S).number == speak(pending, B, L).number == 1
    with pytest.raises(Refused) as raised:
        speak(pending, A, S)
    assert raised.value.code == "key_superseded"
    assert speak(known((A, L)), A, L).number == 0


# -- who signed then -------------------------------------------------------------------------


def signed(
    resolution: Resolution, key: PublicKey, moment: float, finality: Finality = F
) -> Version:
    return asserting_version(resolution, key, signed=at(moment), finality=finality, step="issuer")


@pytest.mark.parametrize(
    ("resolution", "key", "moment", "number"),
    [
        (known((A, F)), A, 1000, 0),
        (known((A, F)), A, 99_999, 0),
        (known((A, F), (B, F)), A, 1000, 0),
        (known((A, F), (B, F)), A, 1099.9, 0),
        (known((A, F), (B, F)), B, 1100, 1),
        (known((A, F), (B, F), (C, F)), B, 1150, 1),
        (known((A, F), (B, F), (A, F)), A, 1050, 0),
        (known((A, F), (B, F), (A, F)), A, 1200, 2),
        (known((A, F), (B, L)), A, 1050, 0),  # signed before the rotation that is pending
    ],
)
def test_a_key_counts_for_what_it_signed_in_its_time(
    resolution: Resolution, key: PublicKey, moment: float, number: int
) -> None:
    assert signed(resolution, key, moment).number == number


@pytest.mark.parametrize(
    ("resolution", "key", "moment", "kind", "code"),
    [
        (ABSENT, A, 1000, Refused, "issuer_not_registered"),
        (resolve_offline(DEVICE.did), A, 1000, Refused, "issuer_not_registered"),
        (known((A, F), (None, F)), A, 1050, Refused, "issuer_deactivated"),
        (known((A, F), (None, L)), A, 1050, Refused, "issuer_key_suspect"),
        (known((A, F)), UNKNOWN, 1050, Invalid, "unknown_verification_method"),
        (known(), A, 1050, Invalid, "unknown_verification_method"),
        (known((A, F)), A, 999.9, Refused, "issuer_key_interval"),
        (known((A, F), (B, F)), A, 1100, Refused, "issuer_key_interval"),
        (known((A, F), (B, F)), B, 1099.9, Refused, "issuer_key_interval"),
        (known((A, F), (B, F), (A, F)), A, 1150, Refused, "issuer_key_interval"),
        (known((A, L)), A, 1000, Undecided, "not_final"),
        (known((A, F), (B, L)), B, 1100, Undecided, "not_final"),
        (known((A, F), (B, L)), A, 1100, Refused, "issuer_key_suspect"),
        (known((A, F), (B, L), (C, L)), A, 1500, Refused, "issuer_key_suspect"),
        (known((A, F), (B, L)), A, 999, Refused, "issuer_key_interval"),
        (known((A, F), (B, F), (C, L)), A, 1100, Refused, "issuer_key_interval"),
    ],
)
def test_and_for_nothing_else(
    resolution: Resolution, key: PublicKey, moment: float, kind: type[KeybornError], code: str
) -> None:
    with pytest.raises(kind) as raised:
        signed(resolution, key, moment)
    assert (raised.value.code, raised.value.step) == (code, "issuer")


def test_two_operations_in_one_block_leave_no_time_between() -> None:
    first, second = versions((A, F), (B, F))
    same = Version(1, second.operation, second.key, first.time, 2, F)
    resolution = Resolution(DEVICE.short, Registration.YES, (first, same), LOG_ID, NOW)
    assert signed(resolution, B, START).number == 1
    with pytest.raises(Refused) as raised:
        signed(resolution, A, START)
    assert raised.value.code == "issuer_key_interval"


@pytest.mark.parametrize("decide", [speak, lambda r, k: signed(r, k, 1100)])
def test_what_is_pending_says_when_to_ask_again(
    decide: Callable[[Resolution, PublicKey], Version],
) -> None:
    with pytest.raises(Undecided) as raised:
        decide(known((A, F), (B, L)), B)
    assert raised.value.retry_after == 5


def test_a_did_web_says_nothing_of_itself() -> None:
    with pytest.raises(Invalid) as raised:
        resolve_offline(WebDid("issuer.example"))
    assert raised.value.code == "method_not_supported"
