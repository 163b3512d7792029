"""The registrar on every ledger: what is put on it stays, or comes back, and once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER
from crashing import killed_at
from registrar_support import Clock, create, rotation
from worlds import World

from ledger.controller import Controller
from ledger.operations import Operation
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import OperationStatus, State
from ledger.registrar.outbox import Outbox
from ledger.registrar.registrar import Registrar


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox.open(tmp_path / "outbox.sqlite")
    yield outbox
    outbox.close()


def started(world: World, outbox: Outbox) -> Registrar:
    """A registrar as after a start of its process."""
    return Registrar(
        ledger=world.ledger,
        reader=world.reader,
        index=world.index,
        outbox=outbox,
        batching=Batching(delay=0.0, poll=0.01),
        clock=Clock(),
    )


def settle(world: World, registrar: Registrar) -> None:
    for _ in range(8):
        if registrar.round() is None:
            return
        world.include()
        world.mine(1)
    raise AssertionError("it does not come to rest")


class Here:
    """A registrar whose rounds, and blocks, happen when it is spoken to."""

    def __init__(self, world: World, registrar: Registrar) -> None:
        self._world = world
        self._registrar = registrar

    def submit(self, operation: Operation) -> OperationStatus:
        status = self._registrar.submit(operation)
        settle(self._world, self._registrar)
        return status

    def status(self, operation: bytes) -> OperationStatus:
        return self._registrar.status(operation)


def test_operations_get_onto_the_log_with_a_receipt(world: World, outbox: Outbox) -> None:
    registrar = started(world, outbox)
    born = registrar.submit(create(DEVICE))
    turned = registrar.submit(rotation(DEVICE, world.ledger.log_id, to=STRANGER.key.public_key()))
    settle(world, registrar)
    for status in map(registrar.status, (born.operation, turned.operation)):
        assert status.state is State.FINALIZED
        assert status.receipt is not None
        versions = world.resolve(DEVICE.did).versions
        version = next(v for v in versions if v.operation == status.operation)
        assert (version.sequence, version.time) == (
            status.receipt.sequence,
            status.receipt.block_time,
        )
    assert world.ledger.heads().latest.sequence == 1


def test_a_reorganisation_is_made_good_with_the_same_submission(
    world: World, outbox: Outbox
) -> None:
    registrar = started(world, outbox)
    born = registrar.submit(create(DEVICE))
    registrar.round()
    world.include()
    registrar.round()
    assert registrar.status(born.operation).state is State.ON_LOG
    world.reorg(1)
    world.reader.sync()
    settle(world, registrar)
    assert registrar.status(born.operation).state is State.FINALIZED
    assert world.ledger.heads().latest.sequence == 1
    assert len(world.resolve(DEVICE.did).versions) == 1


@pytest.mark.parametrize(
    "point",
    [
        "registrar.prepare.before_commit",
        "registrar.prepare.after_commit",
        "registrar.submit.after",
        "registrar.follow.before_commit",
        "registrar.follow.after_commit",
    ],
)
def test_a_kill_loses_nothing_and_repeats_nothing(world: World, outbox: Outbox, point: str) -> None:
    registrar = started(world, outbox)
    born = registrar.submit(create(DEVICE))
    with killed_at(point):
        settle(world, registrar)
    again = started(world, outbox)
    settle(world, again)
    assert again.status(born.operation).state is State.FINALIZED
    assert world.ledger.heads().latest.sequence == 1


def test_a_whole_life(world: World, outbox: Outbox, tmp_path: Path) -> None:
    relay = Here(world, started(world, outbox))
    device = Controller.create(tmp_path / "device")
    acts = (device.register, device.rotate, device.rotate, device.deactivate)
    effects = [act(relay, world.reader) for act in acts]
    assert [effect.version.number for effect in effects] == [0, 1, 2, 3]
    assert [effect.receipt is not None for effect in effects] == [True] * 4
    assert world.ledger.heads().latest.sequence == 4
    assert world.resolve(device.did).versions[-1].key is None
