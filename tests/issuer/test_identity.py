from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from actors import DEVICE
from crashing import killed_at
from issuing import AtOnce, World
from sqlalchemy import select

from did.errors import KeybornError, Unavailable
from did.resolution import Finality, Registration, asserting_version
from issuer import identity as module
from issuer.identity import Identity, confirm
from issuer.store import settings
from ledger.controller import Controller
from ledger.operations import Operation
from ledger.registrar.messages import OperationStatus, Relay


@dataclass
class Watched:
    """A relay that does something before it passes an operation on; or fails."""

    relay: Relay
    before: Callable[[], None]
    seen: list[Operation] = field(default_factory=list)

    def submit(self, operation: Operation) -> OperationStatus:
        self.seen.append(operation)
        self.before()
        return self.relay.submit(operation)

    def status(self, operation: bytes) -> OperationStatus:
        return self.relay.status(operation)


def restarted(world: World, relay: Relay | None = None) -> Identity:
    """The identity as a new process would find it."""
    identity = Identity(
        world.issuer.engine,
        Controller.open(world.directory / "identity"),
        registrar=relay or AtOnce(world.ledger),
        reader=world.reader,
    )
    identity.start()
    return identity


def names(world: World) -> set[str]:
    with world.issuer.engine.begin() as connection:
        return set(connection.execute(select(settings.c.name)).scalars())


def fail() -> None:
    raise Unavailable("unreachable", "the registrar is down")


def test_is_registered_at_first_start_and_the_same_ever_after(world: World) -> None:
    identity = world.issuer.identity
    resolution = identity.resolution()
    assert resolution.registration is Registration.YES
    assert [version.number for version in resolution.versions] == [0]
    again = restarted(world, Watched(AtOnce(world.ledger), fail))
    assert again.did == identity.did
    assert again.signing() == identity.signing()
    assert identity.did.genesis is None


def test_lends_its_key_from_the_time_that_it_was_on_the_log(world: World) -> None:
    lent = world.issuer.identity.signing()
    time = world.issuer.identity.resolution().versions[0].time
    assert lent.since == datetime.fromtimestamp(time, UTC)
    assert lent.signer.public_key() == world.issuer.identity.key
    with world.issuer.engine.begin() as connection:
        confirm(connection, lent)


def test_rotates(world: World) -> None:
    identity = world.issuer.identity
    old = identity.signing()
    world.clock.ticking = True
    version = identity.rotate()
    new = identity.signing()
    assert version.number == 1
    assert version.key == new.signer.public_key().raw != old.signer.public_key().raw
    assert new.since == datetime.fromtimestamp(version.time, UTC) > old.since
    assert not identity.rotating()
    with world.issuer.engine.begin() as connection:
        confirm(connection, new)
        with pytest.raises(Unavailable) as caught:
            confirm(connection, old)
    assert caught.value.code == "rotation_pending"
    assert restarted(world).signing() == new


def test_a_repetition_that_names_the_key_does_not_rotate_twice(world: World) -> None:
    identity = world.issuer.identity
    old = identity.key.multibase
    world.clock.ticking = True
    assert [identity.rotate(replacing=old).number for _ in range(2)] == [1, 1]
    assert identity.rotate(replacing=identity.key.multibase).number == 2
    assert identity.rotate().number == 3


def test_the_old_key_is_believed_for_all_that_it_signed(world: World) -> None:
    """The rotation waits until the log's time has passed the last second that was signed in."""
    identity = world.issuer.identity
    world.clock.advance(5)
    credential = world.enrol(DEVICE)
    assert credential.valid_from is not None
    world.clock.advance(-3)  # the ledger's clock, too: it is behind what was signed
    world.clock.ticking = True
    old = identity.key
    identity.rotate()
    versions = identity.resolution().versions
    assert versions[1].time > credential.valid_from.timestamp()
    asserting_version(
        identity.resolution(),
        old,
        signed=credential.valid_from,
        finality=Finality.FINALIZED,
        step="test",
    )


def test_gives_up_on_a_log_whose_time_stands_still(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    world.enrol(DEVICE)
    with pytest.raises(Unavailable) as caught:
        world.issuer.identity.rotate()
    assert caught.value.code == "rotation_pending"
    assert world.issuer.identity.rotating()
    world.clock.advance(1)
    assert world.issuer.identity.rotate().number == 1


def test_signs_nothing_while_it_rotates(world: World) -> None:
    seen: list[str] = []

    def look() -> None:
        assert identity.rotating()
        with pytest.raises(Unavailable) as caught:
            identity.signing()
        seen.append(caught.value.code)
        assert caught.value.retry_after

    identity = restarted(world, Watched(AtOnce(world.ledger), look))
    world.clock.ticking = True
    identity.rotate()
    assert seen == ["rotation_pending"]


@pytest.mark.parametrize("reached", [False, True], ids=["lost", "arrived"])
def test_an_interrupted_rotation_is_finished_by_whoever_needs_the_key(
    world: World, *, reached: bool
) -> None:
    """Killed around the submission: one rotation, whether or not it had arrived."""
    world.clock.ticking = True
    relay = AtOnce(world.ledger)
    cut = Watched(relay, fail)
    identity = restarted(world, cut)
    with pytest.raises(Unavailable):
        identity.rotate()
    assert identity.rotating()
    if reached:
        relay.submit(cut.seen[0])
    following = restarted(world)
    key = following.signing().signer.public_key()
    versions = following.resolution().versions
    assert [version.number for version in versions] == [0, 1]
    assert versions[1].key == key.raw
    assert names(world) >= {"signing_key"}
    assert "rotating_from" not in names(world)


def test_a_rotation_cut_off_before_the_note_that_it_is_done_is_not_done_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What a kill looks like from inside."""

    def kill(_self: Identity) -> None:
        raise Killed

    world.clock.ticking = True
    with monkeypatch.context() as patched:
        patched.setattr(Identity, "_settle", kill)
        with pytest.raises(Killed):
            world.issuer.identity.rotate()
    following = restarted(world)
    assert following.rotating()
    following.signing()
    assert [version.number for version in following.resolution().versions] == [0, 1]
    assert not following.rotating()


def test_a_first_start_that_was_cut_off_is_made_good(world: World) -> None:
    with world.issuer.engine.begin() as connection:
        connection.execute(settings.delete().where(settings.c.name == "signing_key"))
    again = restarted(world)
    assert again.did == world.issuer.identity.did
    assert "signing_key" in names(world)
    assert len(again.resolution().versions) == 1


def test_a_deactivated_issuer_signs_nothing(world: World) -> None:
    controller = Controller.open(world.directory / "identity")
    controller.deactivate(AtOnce(world.ledger), world.reader)
    with pytest.raises(KeybornError) as caught:
        restarted(world).signing()
    assert caught.value.code == "issuer_deactivated"


def test_a_key_that_was_rotated_elsewhere_signs_nothing(world: World) -> None:
    """Two copies of one directory: the one that was left behind must not go on."""
    Controller.open(world.directory / "identity").rotate(AtOnce(world.ledger), world.reader)
    stale = Identity(
        world.issuer.engine,
        world.issuer.identity._controller,
        registrar=AtOnce(world.ledger),
        reader=world.reader,
    )
    with pytest.raises(Unavailable) as caught:
        stale.signing()
    assert caught.value.code == "issuer_key_superseded"


@pytest.mark.parametrize("place", ["after_promote", "before_clear", "after_clear"])
def test_a_rotation_that_was_cut_off_at_its_end_does_not_stand_for_the_next_one(
    world: World, place: str
) -> None:
    world.clock.ticking = True
    with killed_at(f"controller.rotate.{place}"):
        world.issuer.identity.rotate()
    identity = restarted(world)
    assert identity.rotate().number == 1
    before = identity.key
    assert identity.rotate().number == 2
    assert identity.key != before
