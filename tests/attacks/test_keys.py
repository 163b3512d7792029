"""Keys that are not, no more, or not yet those of the DID that they sign for."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER
from gatehouse import Gatehouse, Issuer, gatehouse
from outcomes import invalid, refused, undecided

from did.errors import Invalid, Unavailable
from did.identifier import Did, Genesis, KeybornDid
from did.keys import SigningKey
from did.resolution import Finality, Resolution, resolve_offline
from ledger.operations import Create
from verifier.decision import Check
from verifier.trust_root import TrustRoot


def test_the_old_key_after_a_rotation(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.append(device.rotate())
    verifier = house.verifier()

    stolen = house.present(
        device, credential, challenge=verifier.challenge(at=house.now), key=DEVICE.key
    )
    with refused("key_superseded", Check.HOLDER):
        verifier.admit(stolen, at=house.now)

    assert house.admit(device, credential).key == device.key.public_key()


def test_a_rotation_that_is_not_final(slow_house: Gatehouse) -> None:
    house = slow_house
    device = house.device(DEVICE)
    house.ledger.mine(3)
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.append(device.rotate())
    verifier = house.verifier()

    old = house.present(
        device, credential, challenge=verifier.challenge(at=house.now), key=DEVICE.key
    )
    with refused("key_suspect", Check.HOLDER):
        verifier.admit(old, at=house.now)
    with undecided("not_final", Check.HOLDER):
        house.admit(device, credential)

    safe = replace(house.policy, finality=Finality.LATEST)
    root = TrustRoot(house.network, (house.issuer.trusted(),), safe)
    house.admit(device, credential, verifier=house.verifier(trust_root=root))
    house.ledger.mine(3)
    house.admit(device, credential)


def test_a_registration_that_is_not_final(slow_house: Gatehouse) -> None:
    house = slow_house
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    with undecided("not_final", Check.HOLDER):
        house.admit(device, credential)

    house.ledger.mine(3)
    house.admit(device, credential)


def test_a_deactivation_that_is_not_final(slow_house: Gatehouse) -> None:
    house = slow_house
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.ledger.mine(3)
    house.admit(device, credential)
    key = device.key
    house.append(device.deactivate())
    verifier = house.verifier()
    answer = house.present(device, credential, challenge=verifier.challenge(at=house.now), key=key)

    with refused("key_suspect", Check.HOLDER):
        verifier.admit(answer, at=house.now)

    house.ledger.reorg(1)
    verifier.admit(answer, at=house.now)


def test_a_deactivated_did(house: Gatehouse) -> None:
    device, other = house.device(DEVICE), house.device(STRANGER)
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.append(device.deactivate())
    verifier = house.verifier()

    answer = house.present(
        device, credential, challenge=verifier.challenge(at=house.now), key=DEVICE.key
    )
    with refused("deactivated", Check.HOLDER):
        verifier.admit(answer, at=house.now)

    house.admit(other, house.issuer.issue(STRANGER.short))


def test_a_did_that_is_not_registered(house: Gatehouse) -> None:
    device = house.device(DEVICE, registered=False)
    credential = house.issuer.issue(DEVICE.short)

    with refused("not_registered", Check.HOLDER):
        house.admit(device, credential)

    house.append(device.create())
    house.admit(device, credential)


def test_a_holder_in_the_long_form(house: Gatehouse) -> None:
    """It carries its own key, and would speak for itself where the log knows better."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    answer = house.present(device, credential, challenge=verifier.challenge(at=house.now))
    long = answer.replace(
        f'"holder":"{DEVICE.short.text}"'.encode(), f'"holder":"{DEVICE.did.text}"'.encode()
    )
    assert long != answer

    with invalid("invalid_presentation", Check.FORMAT):
        verifier.admit(long, at=house.now)

    verifier.admit(answer, at=house.now)


def test_a_did_key_holder(house: Gatehouse) -> None:
    """It is registered nowhere and can never be rotated or deactivated."""
    device = house.device(DEVICE)
    verifier = house.verifier()
    answer = house.present(
        device,
        house.issuer.issue(DEVICE.key_did),
        challenge=verifier.challenge(at=house.now),
        holder=DEVICE.key_did,
    )
    with refused("not_registered", Check.HOLDER):
        verifier.admit(answer, at=house.now)

    house.admit(device, house.issuer.issue(DEVICE.short))


def test_a_did_that_was_made_with_somebody_elses_key(house: Gatehouse) -> None:
    """Creates are unsigned: the thief registers a DID that has the device's key and his own next.

    What the device signs for its own DID must not count for that one, and whoever is granted a
    credential for that DID cannot present it without the device's key.
    """
    device = house.device(DEVICE)
    next_key = SigningKey(b"t" * 32).public_key()
    twin = KeybornDid.born(Genesis.of(DEVICE.key.public_key(), next_key))
    assert twin.genesis is not None
    house.append(Create(twin.genesis))
    mine, twins = house.issuer.issue(DEVICE.short), house.issuer.issue(twin)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now)
    answer = json.loads(house.present(device, mine, challenge=challenge))
    moved = json.loads(json.dumps(answer).replace(DEVICE.short.text, twin.canonical.text))
    moved["verifiableCredential"] = [twins]

    with invalid("invalid_signature", Check.PRESENTATION_SIGNATURE):
        verifier.admit(json.dumps(moved).encode(), at=house.now)
    with refused("holder_not_subject", Check.SUBJECT):
        house.admit(device, twins)

    admitted = verifier.admit(json.dumps(answer).encode(), at=house.now)
    assert admitted.did == DEVICE.short


def test_one_genesis_on_two_ledgers_rotated_on_one(house: Gatehouse, tmp_path: Path) -> None:
    """On the second log the birth key is alive; it is the first log that is pinned."""
    with gatehouse(tmp_path / "second") as second:
        here, there = house.device(DEVICE), second.device(DEVICE)
        mine, elsewhere = house.issuer.issue(DEVICE.short), second.issuer.issue(DEVICE.short)
        house.append(here.rotate())
        verifier = house.verifier()

        def stolen(credential: dict[str, object]) -> bytes:
            challenge = verifier.challenge(at=house.now)
            return house.present(there, credential, challenge=challenge)  # type: ignore[arg-type]

        # The thief replays the genesis on the second log, where it was never rotated.
        second.admit(there, elsewhere)
        with refused("key_superseded", Check.HOLDER):
            verifier.admit(stolen(mine), at=house.now)
        with refused("key_superseded", Check.HOLDER):
            verifier.admit(stolen(elsewhere), at=house.now)
        # The credential of this log, at a verifier that pins the second one.
        with refused("wrong_log", Check.LOG):
            second.admit(there, mine)
        # A verifier that was put together with the second log's reader.
        with refused("wrong_log", Check.HOLDER):
            house.admit(here, mine, verifier=house.verifier(resolver=second.reader))

        house.admit(here, mine)


def test_the_issuers_former_key_for_what_it_signed_in_its_time(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    before = house.issuer.issue(DEVICE.short)
    former = house.issuer.key
    house.wait(100)
    house.append(house.issuer.life.rotate())
    house.issuer.publish()

    house.admit(device, before)
    house.admit(device, house.issuer.issue(DEVICE.short))
    with refused("issuer_key_interval", Check.ISSUER_KEY):
        house.admit(device, house.issuer.issue(DEVICE.short, key=former))
    early = house.now - timedelta(seconds=1)
    with refused("issuer_key_interval", Check.ISSUER_KEY):
        house.admit(device, house.issuer.issue(DEVICE.short, valid_from=early))
    house.admit(device, house.issuer.issue(DEVICE.short, valid_from=early, key=former))


def test_the_issuers_compromised_key(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    before = house.issuer.issue(DEVICE.short)
    former = house.issuer.key
    house.wait(100)
    house.append(house.issuer.life.rotate())
    house.issuer.publish()
    house.admit(device, before)

    wary = house.verifier(house.issuer.trusted(compromised_keys=(former.public_key(),)))
    with refused("issuer_key_compromised", Check.ISSUER_KEY):
        house.admit(device, before, verifier=wary)

    house.admit(device, house.issuer.issue(DEVICE.short), verifier=wary)


def test_a_deactivated_issuer(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.append(house.issuer.life.deactivate())

    with refused("issuer_deactivated", Check.ISSUER_KEY):
        house.admit(device, credential)

    other = Issuer(house, STRANGER)
    house.append(other.life.create())
    other.publish()
    house.admit(device, other.issue(DEVICE.short), verifier=house.verifier(other.trusted()))


def test_an_issuer_that_is_not_registered(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    other = Issuer(house, STRANGER)
    credential = other.issue(DEVICE.short)
    verifier = house.verifier(other.trusted())

    with refused("issuer_not_registered", Check.ISSUER_KEY):
        house.admit(device, credential, verifier=verifier)

    house.append(other.life.create())
    other.publish()
    house.admit(device, credential, verifier=verifier)


class Ledgerless:
    """A resolver that answers with what it is given."""

    def __init__(self, answer: Resolution | Exception) -> None:
        self._answer = answer

    def resolve(self, did: Did, *, at: object = None) -> Resolution:
        assert at is None
        if isinstance(self._answer, Exception):
            raise self._answer
        return replace(self._answer, did=did)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Unavailable("ledger_unreachable", "nobody answers", retry_after=7), "ledger_unreachable"),
        (Invalid("ledger_fork", "two heads contradict each other"), "ledger_fork"),
        (resolve_offline(DEVICE.did), "ledger_unreachable"),
    ],
)
def test_a_log_that_says_nothing_that_counts(
    house: Gatehouse, answer: Resolution | Exception, code: str
) -> None:
    """The device is not to blame: it is undecided, never invalid, and never accepted."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    with undecided(code, Check.HOLDER):
        house.admit(device, credential, verifier=house.verifier(resolver=Ledgerless(answer)))

    house.admit(device, credential)


def test_a_stale_log(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    known = house.reader.resolve(DEVICE.short)
    verifier = house.verifier(resolver=Ledgerless(known))
    challenge = verifier.challenge(at=house.now + timedelta(seconds=300))
    answer = house.present(device, credential, challenge=challenge)

    with undecided("ledger_stale", Check.HOLDER):
        verifier.admit(answer, at=house.now + timedelta(seconds=301))
    with undecided("ledger_ahead", Check.HOLDER):
        verifier.admit(answer, at=house.now - timedelta(seconds=61))

    house.wait(300)
    house.issuer.publish()
    issuer = house.reader.resolve(house.issuer.did)

    class Old(Ledgerless):
        def resolve(self, did: Did, *, at: object = None) -> Resolution:
            return super().resolve(did, at=at) if did == DEVICE.short else issuer

    house.verifier(resolver=Old(known)).admit(answer, at=house.now)
