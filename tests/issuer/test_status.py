from collections import Counter
from datetime import datetime, timedelta

import pytest
from actors import DEVICE, STRANGER, actor
from issuing import URL, World
from sqlalchemy import select, update

from did.errors import KeybornError, Unavailable, Undecided
from did.strict_json import parse_object
from did.vc.credential import Credential, parse_credential
from did.vc.status_list import (
    MINIMUM_BITS,
    REVOCATION,
    SUSPENSION,
    StatusEntry,
    StatusList,
    is_set,
    parse_list_subject,
)
from issuer import inventory
from issuer.errors import NotFound
from issuer.identity import Assertion
from issuer.status import publication
from issuer.store import status_indexes, status_lists

TTL = timedelta(seconds=60)


def name_of(entry: StatusEntry) -> str:
    return entry.list_url.removeprefix(f"{URL}/v1/status/")


def published(world: World, name: str, **changes: object) -> tuple[Credential, StatusList]:
    identity = changes.get("identity", world.issuer.identity)
    content, _ = publication(
        world.issuer.engine,
        identity,  # type: ignore[arg-type] # of the test's choice
        name,
        ttl=TTL,
        at=world.clock(),
    )
    credential = parse_credential(parse_object(content))
    assert credential.id is not None
    return credential, parse_list_subject(credential.id, credential.subject)


def bit(world: World, entry: StatusEntry) -> bool:
    return is_set(published(world, name_of(entry))[1].bits, entry.index)


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
    assert (shown.purpose, shown.ttl, len(shown.bits) * 8) == (REVOCATION, 60_000, MINIMUM_BITS)
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
    world.clock.advance(-3600)
    inventory.suspend(world.issuer.engine, DEVICE.did, at=world.clock())
    assert from_of(published(world, "suspension-1")[0]) > times[-1]


def test_another_ttl_takes_effect(world: World) -> None:
    world.enrol(DEVICE)
    engine, identity = world.issuer.engine, world.issuer.identity
    at = world.clock()
    _, ends = publication(engine, identity, "revocation-1", ttl=TTL, at=at)
    assert ends == at + TTL
    world.clock.advance(20)
    at = world.clock()
    _, ends = publication(engine, identity, "revocation-1", ttl=timedelta(seconds=10), at=at)
    assert ends == at + timedelta(seconds=10)


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


def test_an_index_is_given_out_once_and_at_random(world: World) -> None:
    entries = [world.enrol(actor(f"device {n}")).statuses[0] for n in range(8)]
    indexes = [entry.index for entry in entries]
    assert max(Counter(indexes).values()) == 1
    assert indexes != sorted(indexes)
    with world.issuer.engine.begin() as connection:
        rows = connection.execute(select(status_indexes.c.list)).scalars().all()
        lists = connection.execute(select(status_lists.c.name, status_lists.c.allocated)).all()
    assert Counter(rows) == {"revocation-1": 8, "suspension-1": 8}
    assert sorted(map(tuple, lists)) == [("revocation-1", 8), ("suspension-1", 8)]


def test_an_index_that_somebody_has_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 7, 7, 7, 8, 7, 9])
    monkeypatch.setattr("issuer.status.secrets.randbelow", lambda _: next(drawn))
    assert [entry.index for entry in world.enrol(DEVICE).statuses] == [7, 7]
    assert [entry.index for entry in world.enrol(STRANGER).statuses] == [8, 9]


def test_a_list_half_full_is_followed_by_another(world: World) -> None:
    first = world.enrol(DEVICE).statuses
    with world.issuer.engine.begin() as connection:
        connection.execute(
            update(status_lists)
            .where(status_lists.c.purpose == REVOCATION)
            .values(allocated=MINIMUM_BITS // 2)
        )
    second = world.enrol(STRANGER).statuses
    assert [name_of(entry) for entry in first] == ["revocation-1", "suspension-1"]
    assert [name_of(entry) for entry in second] == ["revocation-2", "suspension-1"]
    inventory.revoke(world.issuer.engine, STRANGER.did, at=world.clock())
    assert bit(world, second[0])
    assert not bit(world, first[0])
    assert {entry.purpose for entry in second} == {REVOCATION, SUSPENSION}


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
