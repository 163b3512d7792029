"""An answer that comes in several presentations: one device, one challenge, used once."""

from typing import Final

import pytest
from actors import DEVICE, STRANGER
from gatehouse import Gatehouse
from outcomes import invalid, refused

from did.challenge import Challenge
from did.errors import KeybornError
from did.jcs import JsonObject
from did.vc.credential import PROVISIONING
from did.vc.formats import Format
from verifier.decision import Check, Trail
from verifier.verifier import Verifier

MAINTENANCE: Final = "MaintenanceCredential"


@pytest.fixture
def gate(house: Gatehouse) -> Verifier:
    return house.verifier(house.issuer.trusted(types=(PROVISIONING, MAINTENANCE)))


Secured = tuple[bytes, Format | None]


def answer(house: Gatehouse, challenge: Challenge, *credentials: JsonObject) -> tuple[Secured, ...]:
    """Each credential in a presentation of its own, by the device."""
    device = house.device(DEVICE)
    return tuple(
        (house.present(device, each, challenge=challenge), Format.LDP_VC) for each in credentials
    )


def test_two_credentials_in_two_presentations_are_one_device(
    house: Gatehouse, gate: Verifier
) -> None:
    provisioned = house.issuer.issue(DEVICE.short)
    serviced = house.issuer.issue(DEVICE.short, types=MAINTENANCE)
    challenge, trail = gate.challenge(at=house.now), Trail()
    device = gate.verify_all(
        answer(house, challenge, provisioned, serviced),
        challenge=challenge,
        at=house.now,
        trail=trail,
    )
    assert device.did == DEVICE.short
    assert [each.document for each in device.credentials] == [provisioned, serviced]
    steps = [step.check for step in device.decision.steps]
    assert [steps.count(check) for check in (Check.FORMAT, Check.HOLDER, Check.SINGLE_USE)] == [
        2,
        2,
        1,
    ]
    numbered = {step.credential for step in device.decision.steps if step.check is Check.STATUS}
    assert numbered == {0, 1}
    assert tuple(trail.steps) == device.decision.steps


def test_the_same_credential_may_answer_twice_and_two_devices_credentials_may_not(
    house: Gatehouse, gate: Verifier
) -> None:
    first, second = (house.issuer.issue(DEVICE.short) for _ in range(2))
    challenge = gate.challenge(at=house.now)
    presentations = answer(house, challenge, first, first)
    assert gate.verify_all(presentations, challenge=challenge, at=house.now).did == DEVICE.short

    challenge = gate.challenge(at=house.now)
    presentations = answer(house, challenge, first, second)
    with refused("one_provisioning_credential_needed", Check.DEVICE):
        gate.verify_all(presentations, challenge=challenge, at=house.now)


def test_two_holders_are_not_one(house: Gatehouse, gate: Verifier) -> None:
    """Who may show a credential of their own could slip in beside another device's answer."""
    serviced = house.issuer.issue(STRANGER.short, types=MAINTENANCE)
    own = house.issuer.issue(DEVICE.short, types=MAINTENANCE)
    stranger, challenge = house.device(STRANGER), gate.challenge(at=house.now)
    (first,) = answer(house, challenge, house.issuer.issue(DEVICE.short))
    second = house.present(stranger, serviced, challenge=challenge)
    with refused("holders_differ", Check.HOLDER):
        gate.verify_all([first, (second, None)], challenge=challenge, at=house.now)
    (twin,) = answer(house, challenge, own)
    gate.verify_all([first, twin], challenge=challenge, at=house.now)


@pytest.mark.parametrize("position", [0, 1])
def test_each_presentation_answers_the_challenge_and_is_signed(
    house: Gatehouse, gate: Verifier, position: int
) -> None:
    credential = house.issuer.issue(DEVICE.short)
    challenge, other = (gate.challenge(at=house.now) for _ in range(2))
    whole = list(answer(house, challenge, credential, credential))

    stale = list(whole)
    (stale[position],) = answer(house, other, credential)
    with refused("wrong_challenge", Check.CHALLENGE):
        gate.verify_all(stale, challenge=challenge, at=house.now)

    forged = list(whole)
    data, format_ = whole[position]
    altered = data.replace(b'"verifiableCredential"', b'"x":1,"verifiableCredential"')
    forged[position] = (altered, format_)
    with invalid("invalid_signature", Check.PRESENTATION_SIGNATURE):
        gate.verify_all(forged, challenge=challenge, at=house.now)
    gate.verify_all(whole, challenge=challenge, at=house.now)


def test_an_answer_of_no_presentations_is_none(house: Gatehouse, gate: Verifier) -> None:
    challenge = gate.challenge(at=house.now)
    with invalid("invalid_presentation", Check.FORMAT):
        gate.verify_all([], challenge=challenge, at=house.now)


def test_under_another_name_challenges_do_not_mix(house: Gatehouse, gate: Verifier) -> None:
    other = gate.called("decentralized_identifier:did:key:z6Mk")
    credential, challenge = house.issuer.issue(DEVICE.short), other.challenge(at=house.now)
    ((answered, _),) = answer(house, challenge, credential)
    assert challenge.audience == other.audience != gate.audience
    with refused("wrong_audience", Check.CHALLENGE):
        gate.admit(answered, at=house.now)
    borrowed = Challenge(challenge.nonce, gate.audience, challenge.expires)
    ((renamed, _),) = answer(house, borrowed, credential)
    with pytest.raises(KeybornError, match="unknown_challenge"):
        gate.admit(renamed, at=house.now)
    other.admit(answered, at=house.now)
    with refused("challenge_used", Check.CHALLENGE):
        other.admit(answered, at=house.now)
