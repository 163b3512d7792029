"""Submissions that do not get onto the ledger: replaced, each attempt kept before it is sent."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from actors import DEVICE, STRANGER, actor
from crashing import killed_at
from registrar_support import EAGER, Site, create

from did.errors import Conflict, Invalid, KeybornError, Unavailable
from ledger.operations import Batch, decode_batch, encode_batch
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import State
from ledger.registrar.outbox_tables import Passage

PATIENCE = 60.0


@pytest.fixture
def stuck(make_site: Callable[[Batching], Site]) -> Site:
    """A site whose first submission gets nowhere, and can be replaced."""
    site = make_site(replace(EAGER, patience=PATIENCE))
    site.registrar.submit(create(DEVICE))
    site.moody.fails["submit"] = Unavailable("ledger_unreachable", "down")
    with pytest.raises(Unavailable):
        site.registrar.round()
    del site.moody.fails["submit"]
    site.moody.lost.update(attempts(site))
    replaceable(site)
    return site


def replaceable(site: Site) -> None:
    """A replacement has the same batch; here, unlike on Ethereum, both could land."""
    batch = encode_batch(Batch((create(DEVICE),)))
    site.moody.replacement = lambda _: site.ledger.prepare(batch)


def attempts(site: Site) -> list[bytes]:
    (submission,) = site.outbox.unsettled()
    return site.outbox.attempts(submission)


def sizes(site: Site) -> list[int]:
    entries = site.ledger.entries(1, site.ledger.heads().latest.sequence)
    return [len(decode_batch(entry.batch).operations) for entry in entries]


def test_a_submission_is_replaced_when_patience_ends_and_not_before(stuck: Site) -> None:
    (first,) = attempts(stuck)
    stuck.clock.move(PATIENCE - 1)
    stuck.registrar.round()
    assert attempts(stuck) == [first]
    stuck.clock.move(1)
    stuck.registrar.round()
    (_, second) = attempts(stuck)
    assert stuck.moody.submitted[-1] == second
    stuck.settle()
    assert stuck.registrar.status(DEVICE.did.id).state is State.FINALIZED
    assert sizes(stuck) == [1]


def test_patience_begins_anew_with_each_attempt(stuck: Site) -> None:
    stuck.clock.move(PATIENCE)
    batch = encode_batch(Batch((create(DEVICE),)))

    def lost(_: bytes) -> bytes:
        made = stuck.ledger.prepare(batch)
        stuck.moody.lost.add(made)
        return made

    stuck.moody.replacement = lost
    stuck.registrar.round()
    stuck.clock.move(PATIENCE - 1)
    stuck.registrar.round()
    assert len(attempts(stuck)) == 2
    stuck.clock.move(1)
    stuck.registrar.round()
    assert len(attempts(stuck)) == 3


def test_what_cannot_be_replaced_is_repeated(stuck: Site) -> None:
    stuck.moody.replacement = lambda _: None
    stuck.clock.move(PATIENCE)
    for _ in range(3):
        stuck.registrar.round()
    (first,) = attempts(stuck)
    assert stuck.moody.submitted == [first] * 3


@pytest.mark.parametrize("which", [0, 1])
def test_whichever_attempt_lands_is_the_one(stuck: Site, which: int) -> None:
    stuck.clock.move(PATIENCE)
    stuck.registrar.round()  # the replacement landed, and is taken back
    stuck.ledger.reorg(1)
    both = attempts(stuck)
    stuck.ledger.submit(both[which])
    stuck.settle()
    assert stuck.registrar.status(DEVICE.did.id).state is State.FINALIZED
    assert sizes(stuck) == [1]


@pytest.mark.parametrize(
    ("point", "kept"),
    [("registrar.replace.before_commit", 1), ("registrar.replace.after_commit", 2)],
)
def test_a_kill_around_a_replacement_loses_nothing_and_repeats_nothing(
    stuck: Site, point: str, kept: int
) -> None:
    stuck.clock.move(PATIENCE)
    with killed_at(point):
        stuck.registrar.round()
    assert stuck.moody.submitted == []  # nothing that is not stored
    assert len(attempts(stuck)) == kept
    stuck.restart()
    stuck.settle()
    assert stuck.registrar.status(DEVICE.did.id).state is State.FINALIZED
    assert sizes(stuck) == [1]
    # What was stored last is what is sent.
    assert len(stuck.moody.submitted) == 1


def test_a_chain_that_is_too_dear_is_told_and_the_submission_is_sent_all_the_same(
    stuck: Site,
) -> None:
    (first,) = attempts(stuck)
    stuck.clock.move(PATIENCE)
    stuck.moody.fails["replace"] = Unavailable("ledger_too_dear", "too dear", retry_after=12)
    with pytest.raises(Unavailable, match="ledger_too_dear"):
        stuck.registrar.round()
    assert stuck.moody.submitted == [first]
    assert stuck.registrar.status(DEVICE.did.id).state is State.SENT
    del stuck.moody.fails["replace"]
    stuck.settle()
    assert stuck.registrar.status(DEVICE.did.id).state is State.FINALIZED


def test_a_chain_that_is_too_dear_leaves_operations_in_the_queue(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    site.moody.fails["prepare"] = Unavailable("ledger_too_dear", "too dear", retry_after=12)
    with pytest.raises(Unavailable, match="ledger_too_dear"):
        site.registrar.round()
    assert site.registrar.status(DEVICE.did.id).state is State.QUEUED
    site.moody.fails.clear()
    site.settle()
    assert site.registrar.status(DEVICE.did.id).state is State.FINALIZED


def test_a_conflict_with_what_it_replaced_is_none(stuck: Site) -> None:
    """The older one lands between the look for receipts and the submission of the newer one."""
    (first,) = attempts(stuck)
    stuck.moody.lost.clear()

    def overtaken(submission: bytes) -> bytes:
        stuck.ledger.submit(submission)
        stuck.moody.fails["submit"] = Conflict("ledger_nonce_taken", "it is taken")
        return stuck.ledger.prepare(encode_batch(Batch((create(DEVICE),))))

    stuck.moody.replacement = overtaken
    stuck.clock.move(PATIENCE)
    stuck.registrar.round()
    assert [each.passage for each in stuck.outbox.unsettled()] == [Passage.OPEN]
    assert attempts(stuck)[0] == first
    stuck.moody.fails.clear()
    stuck.settle()
    assert stuck.registrar.status(DEVICE.did.id).state is State.FINALIZED
    assert sizes(stuck) == [1]


def test_what_took_effect_is_not_sent_again_whatever_the_ledger_says(stuck: Site) -> None:
    """The ledger says that it can never land; the log has what is in it."""
    stuck.append(create(DEVICE))
    stuck.moody.fails["submit"] = Conflict("ledger_nonce_taken", "it is taken")
    stuck.registrar.round()
    assert stuck.registrar.status(DEVICE.did.id).state is State.ON_LOG
    stuck.moody.fails.clear()
    stuck.settle()
    assert stuck.registrar.status(DEVICE.did.id).state is State.FINALIZED
    assert sizes(stuck) == [1]


def test_a_submission_taken_from_its_block_is_repeated_before_it_is_replaced(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(replace(EAGER, patience=PATIENCE))
    replaceable(site)
    site.registrar.submit(create(DEVICE))
    site.registrar.round()
    site.clock.move(10 * PATIENCE)
    site.ledger.reorg(1)
    site.registrar.round()
    assert len(attempts(site)) == 1
    site.ledger.reorg(1)
    site.moody.lost.update(attempts(site))
    for _ in range(2):
        site.registrar.round()
    assert len(attempts(site)) == 1
    site.clock.move(PATIENCE)
    site.registrar.round()
    assert len(attempts(site)) == 2
    site.settle()
    assert sizes(site) == [1]


def test_a_submission_keeps_its_place_before_the_next_one(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    site.registrar.round()
    assert site.moody.after is None
    (first,) = attempts(site)
    site.registrar.submit(create(STRANGER))
    site.registrar.round()
    assert site.moody.after == first
    site.settle()
    assert sizes(site) == [1, 1]


def test_what_holds_up_one_submission_does_not_hide_what_becomes_of_another(site: Site) -> None:
    first = site.registrar.submit(create(DEVICE))
    site.registrar.round()
    second = site.registrar.submit(create(STRANGER))
    site.registrar.round()
    of_first = site.outbox.attempts(site.outbox.unsettled()[0])[0]
    site.moody.unclear[of_first] = Unavailable("ledger_place_contested", "not final yet")
    site.ledger.mine(2)
    with pytest.raises(Unavailable, match="ledger_place_contested"):
        site.registrar.round()
    assert site.state(second) is State.FINALIZED
    assert site.state(first) is State.ON_LOG
    site.moody.unclear.clear()
    site.settle()
    assert site.state(first) is State.FINALIZED


@pytest.mark.parametrize("code", ["ledger_gas_limit", "ledger_transaction_too_large"])
def test_a_batch_that_is_too_much_is_halved(site: Site, code: str) -> None:
    site.moody.room, site.moody.too_much = 2, code
    for n in range(5):
        site.registrar.submit(create(actor(f"device {n}")))
    site.settle()
    assert sizes(site) == [2, 1, 2]


def test_a_batch_of_one_that_is_too_much_is_named(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    site.moody.fails["prepare"] = Invalid("ledger_gas_limit", "too much")
    with pytest.raises(KeybornError, match="ledger_gas_limit"):
        site.registrar.round()
    site.moody.fails.clear()
    site.settle()
    assert len(site.on_log()) == 1
