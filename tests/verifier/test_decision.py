import pytest
from actors import DEVICE
from gatehouse import Gatehouse

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.jcs import canonicalize
from did.strict_json import parse
from did.vc.status_list import SUSPENSION
from verifier.decision import Check, Outcome, Trail, outcome_of
from verifier.report import checklist, refusal


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (Invalid, Outcome.INVALID),
        (Refused, Outcome.REFUSED),
        (Undecided, Outcome.UNDECIDED),
        (Unavailable, Outcome.UNDECIDED),
        (Conflict, Outcome.INVALID),
    ],
)
def test_each_error_is_one_of_three_outcomes(kind: type[KeybornError], outcome: Outcome) -> None:
    assert outcome_of(kind("code", "message")) is outcome


def test_a_record_is_json_with_evidence_and_ages(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.wait(30)
    decision = house.admit(device, credential).decision

    record = decision.to_json()
    assert parse(canonicalize(record)) == record
    assert {name: record[name] for name in ("outcome", "at", "trustRoot", "logId")} == {
        "outcome": "accepted",
        "at": "2026-01-31T12:00:30Z",
        "trustRoot": house.trust_root().digest,
        "logId": house.log_id.hex(),
    }
    steps = {step.check: step.to_json() for step in decision.steps}
    version = house.reader.resolve(DEVICE.short).versions[0]
    assert steps[Check.HOLDER] == {
        "step": "3 holder",
        "outcome": "held",
        "age": 0,
        "evidence": {
            "key": DEVICE.key.public_key().multibase,
            "did": DEVICE.short.text,
            "asOf": "2026-01-31T12:00:30Z",
            "versionId": version.id,
            "finality": "finalized",
        },
    }
    assert steps[Check.VALIDITY] == {
        "step": "6.5 validity",
        "outcome": "held",
        "credential": 0,
        "age": 30,
        "evidence": {},
    }
    assert steps[Check.STATUS]["evidence"] == {
        "purpose": "suspension",
        "list": house.issuer.url(SUSPENSION),
        "index": 4711,
        "version": "2026-01-31T12:00:00Z",
    }


def test_a_trail_shows_how_far_a_decision_came(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.issuer.set(SUSPENSION)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now)
    trail = Trail()
    with pytest.raises(Refused) as caught:
        verifier.verify(
            house.present(device, credential, challenge=challenge),
            challenge=challenge,
            at=house.now,
            trail=trail,
        )

    assert [step.outcome for step in trail.steps[:-1]] == [Outcome.HELD] * (len(trail.steps) - 1)
    said = refusal(trail.steps, caught.value)
    assert said["outcome"] == "refused"
    assert said["code"] == "suspended"
    assert trail.steps[-1].evidence["code"] == "suspended"
    assert checklist(trail.steps).splitlines()[-1] == (
        "  ✗ 6.8 status                 purpose suspension,"
        " list https://issuer.example/v1/status/suspension-1, index 4711, code suspended"
    )


def test_a_checklist_is_safe_in_a_terminal_and_tells_credentials_apart(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    evil = house.issuer.issue(DEVICE.short, claims={"owner": "x\x1b[2J\n  ✓ 7 device", "roles": []})
    trail = Trail()
    verifier = house.verifier()
    answer = house.present(device, evil, evil, challenge=verifier.challenge(at=house.now))
    with pytest.raises(Refused):
        verifier.admit(answer, at=house.now, trail=trail)

    text = checklist(trail.steps)
    assert "\x1b" not in text
    assert "owner x\\u001b[2J\\n" in text
    assert "roles none" in text
    assert "6.9 policy [1]" in text
    assert len(text.splitlines()) == len(trail.steps)
    assert DEVICE.short.text not in text
