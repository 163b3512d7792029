from typing import Any

import cbor2
import pytest
from actors import LOG_ID, OTHER_LOG_ID, STRANGER, actor

from did.errors import Invalid
from did.resolution import Finality
from ledger.embedded.heads import EmbeddedPin, Statement, evidence, read_evidence, verify_head
from ledger.log import Head

SIGNER = actor("ledger").key
PIN = EmbeddedPin(LOG_ID, SIGNER.public_key())
STATEMENT = Statement(LOG_ID, Finality.SAFE, 7, b"h" * 32, 1_800_000_000)
EVIDENCE = STATEMENT.sign(SIGNER)
GOOD: list[Any] = cbor2.loads(STATEMENT.to_bytes())


def refusal(data: bytes) -> Invalid:
    with pytest.raises(Invalid) as caught:
        verify_head(PIN, data)
    assert caught.value.step
    return caught.value


def test_what_is_signed_is_the_documented_statement() -> None:
    assert GOOD == ["keyborn-head/1", LOG_ID, "safe", 7, b"h" * 32, 1_800_000_000]
    assert cbor2.loads(EVIDENCE) == [STATEMENT.to_bytes(), SIGNER.sign(STATEMENT.to_bytes())]


def test_a_signed_head_is_verified_and_carries_its_evidence() -> None:
    assert verify_head(PIN, EVIDENCE) == Head(7, b"h" * 32, 1_800_000_000, Finality.SAFE, EVIDENCE)
    assert read_evidence(EVIDENCE)[0] == STATEMENT


def test_the_pinned_key_must_have_signed() -> None:
    assert refusal(STATEMENT.sign(STRANGER.key)).code == "ledger_forged_head"
    assert refusal(evidence(STATEMENT, bytes(64))).code == "ledger_forged_head"
    assert refusal(evidence(STATEMENT, b"")).code == "ledger_forged_head"


@pytest.mark.parametrize("place", range(2, 6))
def test_no_part_can_be_changed(place: int) -> None:
    other = list(GOOD)
    other[place] = {2: "latest", 3: 8, 4: b"i" * 32, 5: 1_800_000_001}[place]
    _, signature = read_evidence(EVIDENCE)
    assert refusal(cbor2.dumps([cbor2.dumps(other), signature])).code == "ledger_forged_head"


def test_it_must_speak_of_the_pinned_log() -> None:
    other = Statement(OTHER_LOG_ID, Finality.SAFE, 7, b"h" * 32, 1_800_000_000)
    error = refusal(other.sign(SIGNER))
    assert error.code == "ledger_wrong_log"
    assert OTHER_LOG_ID.hex() in error.message


def test_the_head_of_an_empty_log_is_its_name() -> None:
    empty = Statement(LOG_ID, Finality.LATEST, 0, LOG_ID, 1_800_000_000)
    assert verify_head(PIN, empty.sign(SIGNER)).sequence == 0
    wrong = Statement(LOG_ID, Finality.LATEST, 0, b"h" * 32, 1_800_000_000)
    assert refusal(wrong.sign(SIGNER)).code == "ledger_forged_head"


@pytest.mark.parametrize(
    "changed",
    [
        GOOD[:-1],
        [*GOOD, None],
        {"statement": GOOD},
        ["keyborn-head/2", *GOOD[1:]],
        [GOOD[0], LOG_ID[:-1], *GOOD[2:]],
        [*GOOD[:2], "final", *GOOD[3:]],
        [*GOOD[:3], -1, *GOOD[4:]],
        [*GOOD[:3], True, *GOOD[4:]],
        [*GOOD[:3], 2**53, *GOOD[4:]],
        [*GOOD[:4], "h" * 32, GOOD[5]],
        [*GOOD[:4], b"h" * 33, GOOD[5]],
        [*GOOD[:5], -1],
        [*GOOD[:5], False],
        [*GOOD[:5], 2**53],
    ],
)
def test_another_form_is_not_understood_though_it_is_signed(changed: Any) -> None:
    signed = cbor2.dumps(changed)
    data = cbor2.dumps([signed, SIGNER.sign(signed)])
    assert refusal(data).code == "ledger_malformed_answer"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        EVIDENCE[:-1],
        EVIDENCE + b"\x00",
        cbor2.dumps([STATEMENT.to_bytes()]),
        cbor2.dumps([STATEMENT.to_bytes(), "signature"]),
        cbor2.dumps([b"\xff", bytes(64)]),
        b"x" * 1_000,
    ],
)
def test_what_is_no_evidence_is_not_understood(data: bytes) -> None:
    assert refusal(data).code == "ledger_malformed_answer"


def test_a_pin_has_a_whole_log_id() -> None:
    with pytest.raises(Invalid) as caught:
        EmbeddedPin(b"short", SIGNER.public_key())
    assert caught.value.code == "ledger_bad_pin"
