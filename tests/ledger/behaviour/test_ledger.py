"""What a writer and a reader of any ledger rely on."""

from actors import DEVICE, STRANGER, actor
from operations import batch, create
from worlds import World

from did.resolution import Finality
from ledger.chain import next_head


def test_a_new_log_is_empty_and_its_head_is_its_name(world: World) -> None:
    heads = world.ledger.heads()
    for head in (heads.latest, heads.safe, heads.finalized):
        assert (head.sequence, head.head) == (0, world.ledger.log_id)
    assert list(world.ledger.entries(1, 0)) == []


def test_what_is_appended_comes_back_with_its_place_and_time(world: World) -> None:
    batches = [batch(create(DEVICE)), b"", b"not a batch", batch(create(STRANGER))]
    receipts = [world.append_bytes(data) for data in batches]
    entries = list(world.ledger.entries(1, 4))
    assert [entry.batch for entry in entries] == batches
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [(r.sequence, r.block_number, r.block_time) for r in receipts] == [
        (entry.sequence, entry.block_number, entry.block_time) for entry in entries
    ]
    blocks = [(entry.block_number, entry.block_time) for entry in entries]
    assert blocks == sorted(blocks)
    assert list(world.ledger.entries(2, 3)) == entries[1:3]


def test_the_heads_commit_to_the_entries(world: World) -> None:
    for name in "abc":
        world.append(create(actor(name)))
    heads = world.ledger.heads()
    head = world.ledger.log_id
    at = {0: head}
    for entry in world.ledger.entries(1, 3):
        head = next_head(head, entry)
        at[entry.sequence] = head
    for stated in (heads.latest, heads.safe, heads.finalized):
        assert stated.head == at[stated.sequence]
    assert heads.latest.sequence == 3


def test_blocks_on_top_make_an_entry_safe_and_then_final(world: World) -> None:
    world.append(create(DEVICE))
    assert sequences(world) == (1, 0, 0)
    world.mine(1)
    assert sequences(world) == (1, 1, 0)
    world.mine(1)
    assert sequences(world) == (1, 1, 1)
    heads = world.ledger.heads()
    assert [h.finality for h in (heads.latest, heads.safe, heads.finalized)] == list(Finality)
    assert len({h.evidence for h in (heads.latest, heads.safe, heads.finalized)}) == 3


def sequences(world: World) -> tuple[int, int, int]:
    heads = world.ledger.heads()
    return heads.latest.sequence, heads.safe.sequence, heads.finalized.sequence


def test_time_goes_on_while_nothing_is_appended(world: World) -> None:
    before = world.ledger.heads()
    world.mine(3)
    after = world.ledger.heads()
    assert after.latest.head == before.latest.head
    assert after.latest.time >= before.latest.time


def test_preparing_changes_nothing(world: World) -> None:
    submission = world.ledger.prepare(batch(create(DEVICE)))
    world.mine(1)
    assert world.ledger.receipt(submission) is None
    assert world.ledger.heads().latest.sequence == 0


def test_a_submission_lands_once_however_often_it_is_sent(world: World) -> None:
    submission = world.ledger.prepare(batch(create(DEVICE)))
    for _ in range(3):
        world.ledger.submit(submission)
        world.include()
        world.ledger.submit(submission)
    world.settle()
    world.ledger.submit(submission)
    assert world.ledger.heads().latest.sequence == 1
    receipt = world.ledger.receipt(submission)
    assert receipt is not None
    assert receipt.sequence == 1


def test_the_same_batch_may_be_appended_twice(world: World) -> None:
    data = batch(create(DEVICE))
    first, second = world.append_bytes(data), world.append_bytes(data)
    assert (first.sequence, second.sequence) == (1, 2)


def test_a_reorganisation_drops_the_newest_entries_and_they_can_be_sent_again(
    world: World,
) -> None:
    world.append(create(STRANGER))
    world.settle()
    before = world.ledger.heads()
    submission = world.ledger.prepare(batch(create(DEVICE)))
    world.ledger.submit(submission)
    world.include()
    assert world.ledger.heads().latest.sequence == 2

    world.reorg(1)
    heads = world.ledger.heads()
    assert (heads.latest.sequence, heads.latest.head) == (1, before.latest.head)
    assert heads.finalized.sequence == 1
    assert world.ledger.receipt(submission) is None

    world.ledger.submit(submission)
    world.include()
    receipt = world.ledger.receipt(submission)
    assert receipt is not None
    assert receipt.sequence == 2
    assert [entry.batch for entry in world.ledger.entries(1, 2)] == [
        batch(create(STRANGER)),
        batch(create(DEVICE)),
    ]
