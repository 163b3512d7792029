from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from actors import DEVICE, STRANGER, actor
from issuing import URL, World
from sqlalchemy import select

from did.errors import KeybornError, Unavailable, Undecided
from did.keys import PublicKey, Signer
from did.vc.bitstring import MINIMUM_BITS
from did.vc.credential import Credential
from did.vc.formats import Format, read_credential
from did.vc.status_list import (
    REVOCATION,
    StatusEntry,
    StatusList,
    parse_list_subject,
    read_status,
)
from issuer import inventory
from issuer.errors import NotFound
from issuer.identity import Assertion, SigningIdentity
from issuer.status import Publication, publication
from issuer.status_terms import StatusTerms
from issuer.store import status_publications

TTL = timedelta(seconds=60)
TERMS = StatusTerms(ttl=TTL)


def name_of(entry: StatusEntry) -> str:
    return entry.list_url.removeprefix(f"{URL}/v1/status/")


def publish(world: World, name: str, **changes: Any) -> Publication:
    identity = changes.pop("identity", world.issuer.identity)
    given = {"terms": TERMS, "at": world.clock(), **changes}
    return publication(world.issuer.engine, identity, name, **given)


def published(world: World, name: str, **changes: Any) -> tuple[Credential, StatusList]:
    credential = read_credential(publish(world, name, **changes).content)
    assert credential.id is not None
    return credential, parse_list_subject(credential.id, credential.subject)


def bit(world: World, entry: StatusEntry) -> bool:
    return read_status(published(world, name_of(entry))[1], entry).value == 1


def from_of(credential: Credential) -> datetime:
    assert credential.valid_from is not None
    return credential.valid_from


def test_a_list_is_a_credential_of_the_issuer(world: World) -> None:
    entry = world.enrol(DEVICE).statuses[0]
    credential, shown = published(world, name_of(entry))
    credential.proof.verify(world.issuer.identity.key)
    assert credential.types == ("VerifiableCredential", "BitstringStatusListCredential")
    assert credential.issuer == world.issuer.identity.did
    assert credential.id == entry.list_url == f"{URL}/v1/status/revocation-1"
    assert credential.valid_from == world.clock()
    assert credential.valid_until == world.clock() + TTL
    assert (shown.purposes, shown.ttl) == ((REVOCATION,), 60_000)
    assert (len(shown.bits) * 8, shown.size) == (MINIMUM_BITS, None)
    assert not any(shown.bits)


def test_a_device_sets_the_bits_of_all_its_credentials_and_no_others(world: World) -> None:
    mine = [world.enrol(DEVICE).statuses, world.enrol(DEVICE).statuses]
    theirs = world.enrol(STRANGER).statuses
    revocations, suspensions = [entry[0] for entry in mine], [entry[1] for entry in mine]
    inventory.suspend(world.issuer.engine, DEVICE.did, at=world.clock())
    assert all(bit(world, entry) for entry in suspensions)
    assert not any(bit(world, entry) for entry in (*revocations, *theirs))
    inventory.reinstate(world.issuer.engine, DEVICE.did)
    assert not any(bit(world, entry) for entry in (*suspensions, *revocations, *theirs))
    inventory.revoke(world.issuer.engine, DEVICE.did, at=world.clock())
    assert all(bit(world, entry) for entry in revocations)
    assert not any(bit(world, entry) for entry in (*suspensions, *theirs))
    _, shown = published(world, "revocation-1")
    assert sum(byte.bit_count() for byte in shown.bits) == 2


def test_is_kept_while_it_is_fresh(world: World) -> None:
    world.enrol(DEVICE)
    first, _ = published(world, "revocation-1")
    world.clock.advance(29)
    assert published(world, "revocation-1")[0] == first
    world.clock.advance(1)
    second, _ = published(world, "revocation-1")
    assert from_of(second) == from_of(first) + timedelta(seconds=30)


def test_valid_from_rises_with_each_publication(world: World) -> None:
    world.enrol(DEVICE)
    times = [from_of(published(world, "suspension-1")[0])]
    for _ in range(2):
        inventory.suspend(world.issuer.engine, DEVICE.did, at=world.clock())
        times.append(from_of(published(world, "suspension-1")[0]))
        inventory.reinstate(world.issuer.engine, DEVICE.did)
        times.append(from_of(published(world, "suspension-1")[0]))
    assert times == [times[0] + n * timedelta(microseconds=1) for n in range(5)]
    world.clock.advance(-30)
    inventory.suspend(world.issuer.engine, DEVICE.did, at=world.clock())
    assert from_of(published(world, "suspension-1")[0]) > times[-1]


def test_what_a_clock_that_was_ahead_published_gives_way(world: World) -> None:
    world.enrol(DEVICE)
    right = world.clock()
    world.clock.advance(3_600)
    assert from_of(published(world, "suspension-1")[0]) > right
    world.clock.advance(-3_600)
    credential, _ = published(world, "suspension-1")
    assert from_of(credential) == right.replace(microsecond=0)
    assert publish(world, "suspension-1").fresh_until == right + TTL


def test_what_it_published_is_gone_also_when_its_time_has_come(world: World) -> None:
    entry = world.enrol(DEVICE).statuses[0]
    name = name_of(entry)
    world.clock.advance(3_600)
    ahead = world.clock()
    for format_ in (Format.LDP_VC, Format.VC_JWT):
        publish(world, name, format=format_)
    world.clock.advance(-3_600)
    inventory.revoke(world.issuer.engine, DEVICE.did, at=world.clock())
    publish(world, name)
    while world.clock() < ahead:
        world.clock.advance(600)
        publish(world, name)
    assert world.clock() == ahead
    for format_ in (Format.LDP_VC, Format.VC_JWT):
        credential, shown = published(world, name, format=format_)
        assert credential.valid_from == ahead.replace(microsecond=0)
        assert read_status(shown, entry).value == 1


def test_another_ttl_takes_effect(world: World) -> None:
    world.enrol(DEVICE)
    assert publish(world, "revocation-1").fresh_until == world.clock() + TTL
    world.clock.advance(20)
    shorter = StatusTerms(ttl=timedelta(seconds=10))
    assert publish(world, "revocation-1", terms=shorter).fresh_until == world.clock() + shorter.ttl


def test_a_list_may_be_relied_upon_for_longer_than_its_ttl(world: World) -> None:
    world.enrol(DEVICE)
    patient = StatusTerms(ttl=TTL, lifetime=timedelta(days=1))
    credential, shown = published(world, "revocation-1", terms=patient)
    assert (shown.ttl, credential.valid_until) == (60_000, world.clock() + timedelta(days=1))
    world.clock.advance(59)
    assert publish(world, "revocation-1", terms=patient, identity=Rotating()).content
    world.clock.advance(1)
    with pytest.raises(Unavailable):
        publish(world, "revocation-1", terms=patient, identity=Rotating())


def test_needs_the_current_key(world: World) -> None:
    world.enrol(DEVICE)
    before, _ = published(world, "revocation-1")
    world.clock.ticking = True
    world.issuer.identity.rotate()
    world.clock.ticking = False
    after, _ = published(world, "revocation-1")
    after.proof.verify(world.issuer.identity.key)
    assert after.proof.method != before.proof.method
    assert from_of(after) >= world.issuer.identity.signing().since


class Rotating:
    """An identity that is in the middle of a rotation."""

    def signing(self) -> Assertion:
        raise Unavailable("rotation_pending", "not now")

    def rotating(self) -> bool:
        return True


def test_while_rotating_serves_what_still_holds(world: World) -> None:
    world.enrol(DEVICE)
    first, _ = published(world, "revocation-1")
    world.clock.advance(59)
    assert published(world, "revocation-1", identity=Rotating())[0] == first
    world.clock.advance(1)
    with pytest.raises(Unavailable):
        published(world, "revocation-1", identity=Rotating())


def test_while_rotating_does_not_serve_what_has_changed(world: World) -> None:
    world.enrol(DEVICE)
    published(world, "revocation-1")
    inventory.revoke(world.issuer.engine, DEVICE.did, at=world.clock())
    with pytest.raises(Unavailable):
        published(world, "revocation-1", identity=Rotating())
    assert published(world, "revocation-1")[0].valid_from is not None


def test_a_list_that_is_not_there(world: World) -> None:
    for name in ("revocation-1", "", "revocation-1'--"):
        with pytest.raises(NotFound) as caught:
            published(world, name)
        assert caught.value.code == "status_list_not_found"


@dataclass
class CountingSigner:
    """A signer that counts what it signs."""

    signer: Signer
    count: int = 0

    def public_key(self) -> PublicKey:
        return self.signer.public_key()

    def sign(self, data: bytes) -> bytes:
        self.count += 1
        return self.signer.sign(data)


class Counting:
    """An identity whose signatures are counted."""

    def __init__(self, identity: SigningIdentity) -> None:
        assertion = identity.signing()
        self.signer = CountingSigner(assertion.signer)
        self._assertion = replace(assertion, signer=self.signer)

    @property
    def count(self) -> int:
        return self.signer.count

    def signing(self) -> Assertion:
        return self._assertion

    def rotating(self) -> bool:
        return False


class Overtaken(Counting):
    """An identity that lends its key after another process has published what it is lent for."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world.issuer.identity)
        self._other = lambda: publish(world, name)
        self.published: Publication | None = None

    def signing(self) -> Assertion:
        self.published = self._other()
        return super().signing()


def test_what_another_process_publishes_meanwhile_is_not_signed_again(world: World) -> None:
    world.enrol(DEVICE)
    overtaken = Overtaken(world, "revocation-1")
    assert publish(world, "revocation-1", identity=overtaken) == overtaken.published
    assert overtaken.count == 0


def test_what_is_published_is_kept_once_for_each_media_type(world: World) -> None:
    world.enrol(DEVICE)
    publish(world, "revocation-1")
    inventory.revoke(world.issuer.engine, DEVICE.did, at=world.clock())
    newest = publish(world, "revocation-1")
    with world.issuer.engine.connect() as connection:
        kept = connection.execute(select(status_publications.c.content)).scalars().all()
    assert kept == [newest.content]


def test_a_change_is_one_signature_for_each_list_that_it_concerns(world: World) -> None:
    fleet = [actor(f"device {n}") for n in range(6)]
    for each in fleet:
        world.enrol(each)
    before = {name: publish(world, name).content for name in ("revocation-1", "suspension-1")}
    inventory.suspend(world.issuer.engine, *(each.did for each in fleet), at=world.clock())

    counting = Counting(world.issuer.identity)
    for _ in range(3):
        assert publish(world, "revocation-1", identity=counting).content == before["revocation-1"]
        _, shown = published(world, "suspension-1", identity=counting)
        assert sum(byte.bit_count() for byte in shown.bits) == len(fleet)
    assert counting.count == 1


def test_a_log_that_cannot_be_read_is_not_guessed_at(world: World) -> None:
    class Dark(Rotating):
        def signing(self) -> Assertion:
            raise Undecided("ledger_unreachable", "no word")

        def rotating(self) -> bool:
            return False

    world.enrol(DEVICE)
    with pytest.raises(KeybornError) as caught:
        published(world, "revocation-1", identity=Dark())
    assert caught.value.code == "ledger_unreachable"
