"""Reorganisations of depth 1 to 12 under a registrar with twenty submissions that are not final."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import Actor, actor
from eth_account import Account
from ethereum_desk import Desk
from registrar_support import create, rotation

from ledger.ethereum.anvil import AnvilNode, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.index import Index
from ledger.reader import LogReader
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import State
from ledger.registrar.outbox_tables import Passage

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

HOUR = 3600  # blocks come when the test mines them, and at no other time
EPOCH = 32  # slots, as on mainnet: 64 blocks are final
DEVICES = 50  # was shown with 250, which takes five times as long
SEED = 7


@pytest.fixture(scope="module")
def deep() -> Iterator[AnvilNode]:
    with running_anvil(block_seconds=HOUR, epoch_slots=EPOCH) as node:
        yield node


@pytest.fixture
def desk(anvil: AnvilNode, deep: AnvilNode, tmp_path: Path) -> Iterator[Desk]:
    assert anvil.url != deep.url  # that one is there, or the test was skipped
    sender = Account.create()
    deep.fund(sender.address)
    made = deploy(deep.node, sender, pause=deep.mine)
    deep.mine(2 * EPOCH)
    ledger = EthereumLedger(deep.node, made.pin, sender=sender, first_block=made.block_number)
    # Twenty submissions; what was in no block for three rounds is replaced.
    batching = Batching(count=2 * DEVICES // 20, delay=0.0, poll=0.01, patience=30.0)
    desk = Desk(deep, ledger, sender, tmp_path, batching)
    yield desk
    desk.stop()


def test_nothing_is_lost_and_nothing_stands_twice(desk: Desk) -> None:
    rng = random.Random(SEED)
    crowd = [actor(f"device {n}") for n in range(DEVICES)]
    log_id = desk.ledger.log_id
    to = crowd[0].key.public_key()
    operations = [*map(create, crowd), *(rotation(each, log_id, to=to) for each in crowd)]
    desk.accept(operations)
    depths = rng.sample(range(1, 13), 12)
    turned_back = 0
    for depth in depths:
        for _ in range(rng.randint(2, 5)):
            act(desk)
        if rng.random() < 0.3:
            desk.restart()
        desk.registrar.round()
        before = {each.id for each in desk.outbox.unsettled() if each.passage is Passage.LANDED}
        desk.reorg(depth)
        if rng.random() < 0.5:  # else it is seen a block later
            desk.registrar.round()
            after = {each.id for each in desk.outbox.unsettled() if each.passage is Passage.LANDED}
            turned_back += len(before - after)
    assert turned_back > 5
    tally = desk.outbox.tally()
    assert tally.operations[State.FINALIZED] == 0  # all were in flight all the while
    for _ in range(60):
        act(desk)
        if desk.outbox.tally().operations[State.ON_LOG] == len(operations):
            break
    desk.anvil.mine(2 * EPOCH)
    desk.settle(2 * EPOCH)
    tally = desk.outbox.tally()
    assert tally.operations[State.FINALIZED] == len(operations) == 2 * DEVICES
    assert tally.submissions[Passage.DEAD] == 0
    assert Counter(desk.on_log()) == Counter(operations)
    assert_index_as_from_scratch(desk, crowd)


def test_one_just_before_the_next_submission_is_prepared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one took the place of one that was gone from its block, whose operations then came
    after those that follow them: without effect, and void once that was final."""
    crowd = [actor(f"device {n}") for n in range(3)]
    log_id, to = desk.ledger.log_id, actor("next").key.public_key()
    creates, rotations = [*map(create, crowd)], [rotation(each, log_id, to=to) for each in crowd]
    for operation in (*creates, *rotations[:2]):
        desk.registrar.submit(operation)
        act(desk)
        desk.registrar.round()
    prepare = desk.ledger.prepare

    def reorganised(batch: bytes, *, after: bytes | None = None) -> bytes:
        monkeypatch.undo()
        desk.reorg(5)
        return prepare(batch, after=after)

    monkeypatch.setattr(desk.ledger, "prepare", reorganised)
    desk.registrar.submit(rotations[2])
    for _ in range(4):
        act(desk)
    assert desk.on_log() == [*creates, *rotations]
    desk.settle(2 * EPOCH)
    assert desk.outbox.tally().operations[State.FINALIZED] == 6
    assert_index_as_from_scratch(desk, crowd)


def act(desk: Desk) -> None:
    """A round, and a block ten seconds later."""
    desk.registrar.round()
    desk.clock.move(10)
    desk.anvil.mine()


def assert_index_as_from_scratch(desk: Desk, crowd: list[Actor]) -> None:
    with Index.open(desk.folder / "fresh.sqlite", desk.ledger.log_id) as index:
        LogReader(desk.ledger, index).sync()
        with index.reading() as fresh, desk.index.reading() as grown:
            newest = desk.ledger.heads().latest.sequence
            for sequence in range(newest + 1):
                assert fresh.head_at(sequence) == grown.head_at(sequence) is not None
            for each in crowd:
                assert fresh.versions(each.did.id) == grown.versions(each.did.id)
                assert len(fresh.versions(each.did.id)) == 2
