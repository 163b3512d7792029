"""The registrar on a real node: one key, its nonces, its pool, and what becomes of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER, actor
from crashing import killed_at
from eth_account.signers.local import LocalAccount
from ethereum_desk import PATIENCE, Desk
from ethereum_support import batch_of
from registrar_support import create, rotation

from did.limits import LIMITS
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.fees import GWEI
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.transaction import GAS_LIMIT, read_submission
from ledger.operations import (
    Batch,
    Create,
    Operation,
    decode_batch,
    encode_batch,
)
from ledger.registrar.messages import State
from ledger.registrar.outbox_tables import Passage
from ledger.registrar.room import (
    CREATE_BYTES,
    FRAME_BYTES,
    LARGEST_BATCH,
    ROTATION_BYTES,
    bytes_of,
)

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

POINTS = (
    "registrar.prepare.before_commit",
    "registrar.prepare.after_commit",
    "registrar.submit.before",
    "registrar.submit.after",
)


@pytest.fixture
def desk(
    anvil: AnvilNode, ledger: EthereumLedger, sender: LocalAccount, tmp_path: Path
) -> Iterator[Desk]:
    made = Desk(anvil, ledger, sender, tmp_path)
    made.price(GWEI)
    yield made
    made.stop()


@pytest.fixture
def stuck(desk: Desk) -> Desk:
    """One whose first transaction is in the pool, and the chain too dear for it."""
    desk.registrar.submit(create(DEVICE))
    desk.registrar.round()
    desk.price(10 * GWEI)
    return desk


def hashes(attempts: Sequence[bytes]) -> set[str]:
    return {read_submission(each).hash for each in attempts}


@pytest.mark.parametrize("point", POINTS)
def test_the_pool_never_has_what_the_outbox_does_not_know(desk: Desk, point: str) -> None:
    desk.registrar.submit(create(DEVICE))
    with killed_at(point):
        desk.registrar.round()
    assert desk.pool() <= hashes(desk.attempts())
    desk.restart()
    desk.settle()
    assert desk.on_log() == [create(DEVICE)]
    assert desk.state(create(DEVICE)) is State.FINALIZED


@pytest.mark.parametrize(
    "point", ["registrar.replace.before_commit", "registrar.replace.after_commit"]
)
def test_nor_when_it_is_killed_around_a_replacement(stuck: Desk, point: str) -> None:
    before = stuck.pool()
    stuck.clock.move(PATIENCE)
    with killed_at(point):
        stuck.registrar.round()
    assert stuck.pool() == before <= hashes(stuck.attempts())
    stuck.restart()
    stuck.settle()
    assert stuck.on_log() == [create(DEVICE)]
    assert stuck.state(create(DEVICE)) is State.FINALIZED


def test_what_is_stuck_is_replaced_and_its_receipt_is_of_the_one_that_landed(stuck: Desk) -> None:
    assert stuck.trouble() == "ledger_submission_refused"  # so anvil is; others let it wait
    assert stuck.state(create(DEVICE)) is State.SENT
    assert len(stuck.attempts()) == 1
    stuck.clock.move(PATIENCE)
    stuck.registrar.round()
    _, second = stuck.attempts()
    stuck.settle()
    status = stuck.registrar.status(DEVICE.did.id)
    assert status.receipt is not None
    assert status.receipt.transaction == read_submission(second).hash
    assert status.receipt.gas_price is not None
    assert status.receipt.gas_price >= 7 * GWEI  # the base fee fell by an eighth a block
    tally = stuck.outbox.tally()
    assert tally.replaced == 1
    assert tally.wei == tally.gas * status.receipt.gas_price > 0
    assert stuck.on_log() == [create(DEVICE)]


@pytest.mark.parametrize("which", [0, 1])
def test_a_reorganisation_may_bring_back_either(stuck: Desk, which: int) -> None:
    stuck.clock.move(PATIENCE)
    stuck.registrar.round()
    both = stuck.attempts()
    stuck.anvil.mine()
    stuck.registrar.round()
    assert stuck.state(create(DEVICE)) is State.ON_LOG
    stuck.reorg(1)
    stuck.price(GWEI)
    stuck.ledger.submit(both[which])
    stuck.anvil.mine()
    stuck.settle()
    status = stuck.registrar.status(DEVICE.did.id)
    assert status.receipt is not None
    assert (status.state, status.receipt.transaction) == (
        State.FINALIZED,
        read_submission(both[which]).hash,
    )
    assert stuck.on_log() == [create(DEVICE)]


def test_under_a_ceiling_it_waits_and_loses_nothing(
    desk: Desk, deployed: Deployment, sender: LocalAccount
) -> None:
    desk.ledger = EthereumLedger(desk.anvil.node, deployed.pin, sender=sender, ceiling=5 * GWEI)
    desk.restart()
    desk.registrar.submit(create(DEVICE))
    desk.registrar.round()
    desk.price(10 * GWEI)
    desk.registrar.submit(create(STRANGER))
    desk.clock.move(PATIENCE)
    assert desk.trouble() == "ledger_too_dear"
    assert [desk.state(create(each)) for each in (DEVICE, STRANGER)] == [State.SENT, State.QUEUED]
    desk.price(GWEI)
    desk.settle()
    assert desk.on_log() == [create(DEVICE), create(STRANGER)]
    assert [desk.state(create(each)) for each in (DEVICE, STRANGER)] == [State.FINALIZED] * 2
    fees = [read_submission(each).fees for each in desk.attempts()]
    assert all(each.cap <= 5 * GWEI for each in fees)


def test_a_pool_that_forgot_is_told_again(desk: Desk) -> None:
    desk.registrar.submit(create(DEVICE))
    desk.registrar.round()
    before = desk.pool()
    desk.anvil.node.call("anvil_dropAllTransactions")
    assert desk.pool() == set()
    desk.registrar.round()
    assert desk.pool() == before
    desk.settle()
    assert desk.on_log() == [create(DEVICE)]


def test_somebody_else_with_the_key_takes_its_place(desk: Desk) -> None:
    """Not before that is final is it put into another transaction."""
    desk.registrar.submit(create(DEVICE))
    with killed_at("registrar.submit.before"):
        desk.registrar.round()
    foreign = desk.ledger.prepare(batch_of(b""))
    desk.ledger.submit(foreign)
    desk.anvil.mine()
    desk.restart()
    assert desk.trouble() == "ledger_place_contested"
    assert desk.state(create(DEVICE)) is State.SENT
    desk.anvil.mine(FINALITY_DEPTH)
    desk.settle()
    assert desk.state(create(DEVICE)) is State.FINALIZED
    assert desk.on_log() == [create(DEVICE)]
    assert desk.outbox.tally().submissions[Passage.DEAD] == 1


def test_somebody_else_with_the_key_is_reorganised_away(desk: Desk) -> None:
    """Guards against giving up too early: then its operations would be on the log twice."""
    desk.registrar.submit(create(DEVICE))
    with killed_at("registrar.submit.before"):
        desk.registrar.round()
    desk.ledger.submit(desk.ledger.prepare(batch_of(b"")))
    desk.anvil.mine()
    desk.restart()
    assert desk.trouble() == "ledger_place_contested"
    desk.reorg(1)
    desk.settle()
    assert desk.on_log() == [create(DEVICE)]
    assert desk.outbox.tally().submissions[Passage.DEAD] == 0


ROOM = LARGEST_BATCH - FRAME_BYTES
MIXED = (1_913, 48)  # by our reckoning this fills a batch to the last byte


@pytest.mark.parametrize(
    ("creates", "updates"), [(ROOM // CREATE_BYTES, 0), (0, ROOM // ROTATION_BYTES), MIXED]
)
def test_a_queue_that_fills_a_transaction_to_its_edge(
    desk: Desk, creates: int, updates: int
) -> None:
    """One operation more, and it is two transactions."""
    turning = [actor(f"turning {n}") for n in range(updates + 1)]
    desk.ledger.submit(desk.ledger.prepare(encode_batch(Batch(tuple(map(create, turning))))))
    desk.anvil.mine()
    to = STRANGER.key.public_key()
    turns: list[Operation] = [rotation(each, desk.ledger.log_id, to=to) for each in turning]
    born: list[Operation] = [create(actor(f"born {n}")) for n in range(creates + 1)]
    operations = [*turns[:updates], *born[:creates]]
    one_more = born[-1] if creates else turns[-1]
    desk.accept([*operations, one_more])
    for _ in range(2):
        desk.registrar.round()
        desk.anvil.mine()
    full, rest = [decode_batch(entry.batch).operations for entry in desk.ledger.entries(2, 3)]
    assert (set(full), rest) == (set(operations), (one_more,))
    filled = desk.outbox.attempts(desk.outbox.submission(1))[0]
    assert len(filled) <= LIMITS.batch == 131_072
    assert len(filled) + bytes_of(one_more) > LARGEST_BATCH
    assert read_submission(filled).gas <= GAS_LIMIT == 2**24
    receipt = desk.ledger.receipt(filled)
    assert receipt is not None
    assert receipt.gas is not None
    assert receipt.gas <= GAS_LIMIT


def test_an_operation_takes_what_is_reckoned_for_it() -> None:
    log_id = bytes(32)
    for each in (
        create(DEVICE),
        rotation(DEVICE, log_id, to=STRANGER.key.public_key()),
        rotation(DEVICE, log_id),
    ):
        one, two = (len(encode_batch(some(each, count))) for count in (1, 2))
        assert two - one <= bytes_of(each)
        assert abs(two - one - bytes_of(each)) <= 1  # the length of what they are in
    assert MIXED[0] * CREATE_BYTES + MIXED[1] * ROTATION_BYTES == ROOM


def some(operation: Operation, count: int) -> Batch:
    if isinstance(operation, Create):
        return Batch(creates=(operation,) * count)
    return Batch(updates=(operation,) * count)


def test_the_room_around_a_batch_is_enough_for_any_transaction() -> None:
    """The longest envelope: every number as long as its type allows, and a signature."""
    call = 4 + 32 + 32 + 31
    envelope = 1 + 4 + 9 * 5 + 21 + 1 + 4 + 1 + 1 + 33 + 33
    assert LARGEST_BATCH + call + envelope <= LIMITS.batch
