"""A reader comes to the same answers whatever the ledger."""

from pathlib import Path

import pytest
from actors import DEVICE, STRANGER, Actor, actor
from operations import Life, batch, create
from worlds import World

from did.errors import KeybornError, Refused
from did.keys import SigningKey
from did.resolution import (
    Finality,
    Registration,
    Resolution,
    asserting_version,
    authenticating_version,
    resolve_offline,
)
from ledger.index import Index
from ledger.reader import LogReader


def life(world: World, who: Actor = DEVICE) -> Life:
    return Life(who, world.ledger.log_id)


def code(world: World, key: SigningKey, finality: Finality = Finality.FINALIZED) -> str | int:
    """What the resolution says of ``key`` now: the version's number, or the refusal's code."""
    resolution = world.resolve(DEVICE.short)
    try:
        return authenticating_version(
            resolution, key.public_key(), finality=finality, step="test"
        ).number
    except KeybornError as error:
        return error.code


def test_what_is_not_on_the_log_is_not_registered(world: World) -> None:
    resolution = world.resolve(DEVICE.short)
    assert resolution.registration is Registration.NO
    assert resolution.versions == ()
    assert resolution.log_id == world.ledger.log_id
    assert code(world, DEVICE.key) == "not_registered"
    with pytest.raises(Refused):
        resolution.document()


def test_a_long_form_that_is_not_on_the_log_shows_its_birth_but_is_not_registered(
    world: World,
) -> None:
    resolution = world.resolve(DEVICE.did)
    assert resolution.registration is Registration.NO
    assert resolution.document() == resolve_offline(DEVICE.did).document()


def test_what_the_log_says_wins_over_the_long_form(world: World) -> None:
    device = life(world)
    world.append(device.create(), device.rotate())
    long, short = world.resolve(DEVICE.did), world.resolve(DEVICE.short)
    assert long.document() == short.document()
    assert device.key.public_key().multibase in str(long.document())
    assert DEVICE.key.public_key().multibase not in str(long.document())


def test_a_did_key_speaks_for_itself(world: World) -> None:
    resolution = world.resolve(DEVICE.key_did)
    assert resolution.registration is Registration.NOT_APPLICABLE
    with pytest.raises(Refused):
        world.resolve(DEVICE.key_did, at="0-00")


def test_versions_are_one_more_with_each_effective_operation(world: World) -> None:
    device = life(world)
    receipts = [
        world.append(device.create()),
        world.append(create(DEVICE)),  # a repeat
        world.append(device.rotate()),
        world.append_bytes(b"void"),
        world.append(device.rotate(), create(STRANGER)),
        world.append(device.deactivate()),
    ]
    effective = [receipts[0], receipts[2], receipts[4], receipts[5]]
    world.settle()
    resolution = world.resolve(DEVICE.short)
    assert resolution.registration is Registration.YES
    assert [(v.number, v.sequence, v.time) for v in resolution.versions] == [
        (number, receipt.sequence, receipt.block_time) for number, receipt in enumerate(effective)
    ]
    assert {v.finality for v in resolution.versions} == {Finality.FINALIZED}
    assert resolution.metadata()["deactivated"] is True
    assert resolution.versions[0].operation == DEVICE.did.id
    assert resolution.versions[-1].operation == device.current.operation

    second = world.resolve(DEVICE.short, at=resolution.versions[1].id)
    assert second.metadata()["nextVersionId"] == resolution.versions[2].id
    assert "deactivated" not in second.metadata()
    with pytest.raises(Refused) as caught:
        world.resolve(DEVICE.short, at="1-00")
    assert caught.value.code == "version_not_found"


def test_a_version_is_found_by_its_time(world: World) -> None:
    device = life(world)
    world.append(device.create())
    created = world.resolve(DEVICE.short).as_of
    assert created is not None
    selected = world.reader.resolve(DEVICE.short, at=created)
    assert selected.versions[selected.selected].number == 0


def test_two_readers_of_one_log_agree_whenever_they_began(world: World, tmp_path: Path) -> None:
    devices = [life(world, actor(name)) for name in "abc"]
    world.append(*(device.create() for device in devices))
    early = [world.resolve(device.actor.short) for device in devices]
    assert all(resolution.registration is Registration.YES for resolution in early)
    world.append(devices[0].rotate())
    world.append_bytes(b"\xff" * 100)
    world.append(devices[0].rotate(), devices[1].deactivate())
    world.settle()
    with LogReader(world.ledger, Index.open(tmp_path / "late", world.ledger.log_id)) as late:
        for device in devices:
            did = device.actor.short
            assert seen(late.resolve(did)) == seen(world.resolve(did))
            assert late.state(did.id) == world.reader.state(did.id) == device.state


def seen(resolution: Resolution) -> object:
    return resolution.registration, resolution.versions, resolution.log_id


def test_an_index_goes_on_where_it_stopped(world: World, tmp_path: Path) -> None:
    device = life(world)
    path, log_id = tmp_path / "kept", world.ledger.log_id
    world.append(device.create())
    with LogReader(world.ledger, Index.open(path, log_id)) as reader:
        assert len(reader.resolve(DEVICE.short).versions) == 1
    world.append(device.rotate())
    with LogReader(world.ledger, Index.open(path, log_id)) as reader:
        assert len(reader.resolve(DEVICE.short).versions) == 2


def test_a_registration_counts_once_it_is_final(world: World) -> None:
    world.append(life(world).create())
    assert code(world, DEVICE.key) == "not_final"
    assert code(world, DEVICE.key, Finality.LATEST) == 0
    world.mine(1)
    assert code(world, DEVICE.key, Finality.SAFE) == 0
    assert code(world, DEVICE.key) == "not_final"
    world.mine(1)
    assert code(world, DEVICE.key) == 0


def test_under_an_unsettled_rotation_neither_key_speaks(world: World) -> None:
    device = life(world)
    world.append(device.create())
    world.settle()
    assert code(world, DEVICE.key) == 0
    world.append(device.rotate())
    assert code(world, DEVICE.key) == "key_suspect"
    assert code(world, device.key) == "not_final"
    assert code(world, device.key, Finality.LATEST) == 1
    world.settle()
    assert code(world, DEVICE.key) == "key_superseded"
    assert code(world, device.key) == 1


def test_under_an_unsettled_deactivation_the_key_is_suspect(world: World) -> None:
    device = life(world)
    world.append(device.create())
    world.settle()
    world.append(device.deactivate())
    assert code(world, DEVICE.key) == "key_suspect"
    world.settle()
    assert code(world, DEVICE.key) == "deactivated"


def test_a_former_key_asserts_for_the_time_in_which_it_was_current(world: World) -> None:
    device = life(world)
    world.append(device.create())
    world.mine(1)
    signed = world.resolve(DEVICE.short).as_of
    assert signed is not None
    world.mine(2)
    world.append(device.rotate())
    world.settle()
    resolution = world.resolve(DEVICE.short)
    rotated = resolution.versions[1].time
    if signed.timestamp() < rotated:  # blocks of one second: the embedded clock may stand still
        found = asserting_version(
            resolution,
            DEVICE.key.public_key(),
            signed=signed,
            finality=Finality.FINALIZED,
            step="test",
        )
        assert found.number == 0


def test_a_reorganisation_takes_back_what_was_not_final(world: World) -> None:
    device = life(world)
    world.append(device.create())
    world.settle()
    world.append(device.rotate())
    assert len(world.resolve(DEVICE.short).versions) == 2
    world.reorg(1)
    assert len(world.resolve(DEVICE.short).versions) == 1
    assert code(world, DEVICE.key) == 0


def test_a_reorganisation_replaces_what_was_not_final(world: World) -> None:
    """Another entry in the place of the first: the reader finds where the chains part."""
    device = life(world)
    world.append(device.create())
    world.settle()
    fork = life(world)
    fork.create()
    world.append(device.rotate())
    world.append(create(STRANGER))
    assert len(world.resolve(DEVICE.short).versions) == 2
    world.reorg(2)
    world.append(fork.deactivate())
    world.append(create(actor("another")))
    world.mine(1)
    resolution = world.resolve(DEVICE.short)
    assert [v.key for v in resolution.versions][1:] == [None]
    assert world.resolve(STRANGER.short).registration is Registration.NO
    assert world.resolve(actor("another").short).registration is Registration.YES
    world.settle()
    assert code(world, DEVICE.key) == "deactivated"


def test_a_full_batch_is_read(world: World) -> None:
    devices = [actor(str(number)) for number in range(2_000)]
    world.append_bytes(batch(*(create(device) for device in devices)))
    for device in (devices[0], devices[-1]):
        assert world.resolve(device.short).registration is Registration.YES
