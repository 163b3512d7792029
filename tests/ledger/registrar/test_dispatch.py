"""From the queue onto the log: batches, kills, reorganisations, and what others put there."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from actors import DEVICE, STRANGER, actor
from crashing import killed_at
from registrar_support import EAGER, FINAL_DEPTH, PATIENT, Site, create, rotation

from did.errors import Conflict, Unavailable
from ledger.operations import decode_batch
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import OperationStatus, State

THIRD = actor("third").key
FOURTH = actor("fourth").key
POINTS = (
    "registrar.prepare.before_commit",
    "registrar.prepare.after_commit",
    "registrar.submit.before",
    "registrar.submit.after",
    "registrar.follow.before_commit",
    "registrar.follow.after_commit",
)


def submit_all(site: Site, count: int) -> list[OperationStatus]:
    return [site.registrar.submit(create(actor(f"device {n}"))) for n in range(count)]


def sizes(site: Site) -> list[int]:
    """Operations in each entry of the log."""
    entries = site.ledger.entries(1, site.ledger.heads().latest.sequence)
    return [len(decode_batch(entry.batch).operations) for entry in entries]


def test_a_batch_waits_for_company_until_the_oldest_has_waited_long_enough(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(PATIENT)
    assert site.registrar.round() is None
    submit_all(site, 3)
    assert site.registrar.round() == PATIENT.delay
    site.clock.move(PATIENT.delay - 1)
    assert site.registrar.round() == 1.0
    assert sizes(site) == []
    site.clock.move(1)
    site.settle()
    assert sizes(site) == [3]


def test_what_was_accepted_by_a_clock_that_was_ahead_does_not_wait_for_it(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(PATIENT)
    site.clock.move(10 * 365 * 86_400)
    submit_all(site, 3)
    site.clock.move(-10 * 365 * 86_400)
    assert site.registrar.round() == PATIENT.poll
    site.settle()
    assert sizes(site) == [3]


def test_a_full_batch_goes_at_once_and_the_rest_waits(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(PATIENT)
    submit_all(site, 5)
    site.registrar.round()
    assert sizes(site) == [4]
    site.registrar.round()
    assert sizes(site) == [4]
    site.clock.move(PATIENT.delay)
    site.registrar.round()
    assert sizes(site) == [4, 1]


def test_a_batch_never_has_more_bytes_than_it_may(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(replace(PATIENT, count=100, size=400))
    for n in range(4):
        who = actor(f"device {n}")
        site.append(create(who))
        site.registrar.submit(rotation(who, site.ledger.log_id, to=THIRD.public_key()))
    submit_all(site, 3)
    before = site.ledger.heads().latest.sequence
    site.registrar.round()  # full by its bytes, so at once
    site.clock.move(PATIENT.delay)
    site.settle()
    batches = [entry.batch for entry in site.ledger.entries(before + 1, 100)]
    assert [len(decode_batch(b).operations) for b in batches] == [2, 2]
    assert max(len(b) for b in batches) <= 400


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_anywhere_loses_nothing_and_repeats_nothing(site: Site, point: str) -> None:
    born = site.registrar.submit(create(DEVICE))
    turned = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    with killed_at(point):
        site.settle()
    site.restart()
    assert site.registrar.submit(create(DEVICE)).operation == born.operation
    site.settle()
    assert [site.state(each) for each in (born, turned)] == [State.FINALIZED] * 2
    assert sizes(site) == [2]


@pytest.mark.parametrize("point", ["registrar.submit.before", "registrar.submit.after"])
def test_a_submission_is_repeated_not_made_again(site: Site, point: str) -> None:
    site.registrar.submit(create(DEVICE))
    with killed_at(point):
        site.registrar.round()
    kept = site.outbox.attempts(site.outbox.unsettled()[0])[-1]
    site.restart()
    site.settle()
    # Byte for byte; where it had landed before the kill, it is not even sent again.
    assert site.moody.submitted == ([kept] if point == "registrar.submit.before" else [])


def test_a_ledger_that_is_down_delays_and_nothing_more(site: Site) -> None:
    for what in ("heads", "prepare", "submit", "receipt"):
        site.moody.fails[what] = Unavailable("ledger_unreachable", "down")
    born = site.registrar.submit(create(DEVICE))
    for what in ("heads", "prepare", "submit", "receipt"):
        with pytest.raises(Exception, match="ledger_unreachable"):
            site.registrar.round()
        del site.moody.fails[what]
    site.settle()
    assert site.state(born) is State.FINALIZED
    assert sizes(site) == [1]


def test_nothing_new_is_sent_while_a_submission_may_still_land(site: Site) -> None:
    first = site.registrar.submit(create(DEVICE))
    site.moody.fails["submit"] = Unavailable("ledger_unreachable", "down")
    with pytest.raises(Unavailable):
        site.registrar.round()
    del site.moody.fails["submit"]
    (submission,) = site.outbox.unsettled()
    lost = site.outbox.attempts(submission)[-1]
    site.moody.lost.add(lost)
    second = site.registrar.submit(create(STRANGER))
    for _ in range(3):
        assert site.registrar.round() == EAGER.poll
    assert site.moody.submitted == [lost] * 3
    assert [site.state(each) for each in (first, second)] == [State.SENT, State.QUEUED]
    site.moody.lost.clear()
    site.settle()
    assert sizes(site) == [1, 1]
    assert [site.state(each) for each in (first, second)] == [State.FINALIZED] * 2


@pytest.mark.parametrize("where", ["submit", "receipt"])
def test_a_submission_that_can_never_land_gives_its_operations_back(site: Site, where: str) -> None:
    site.moody.fails["submit"] = Unavailable("ledger_unreachable", "down")
    born = site.registrar.submit(create(DEVICE))
    with pytest.raises(Unavailable):
        site.registrar.round()
    assert site.state(born) is State.SENT
    del site.moody.fails["submit"]
    site.moody.fails[where] = Conflict("ledger_nonce_taken", "another one was first")
    site.moody.fails["prepare"] = Unavailable("ledger_unreachable", "down")
    with pytest.raises(Unavailable):
        site.registrar.round()
    assert site.state(born) is State.QUEUED
    site.moody.fails.clear()
    site.settle()
    assert site.state(born) is State.FINALIZED
    assert sizes(site) == [1]


def test_a_reorganisation_puts_the_same_submission_back(site: Site) -> None:
    born = site.registrar.submit(create(DEVICE))
    site.registrar.round()
    assert site.state(born) is State.ON_LOG
    site.ledger.reorg(1)
    assert site.on_log() == []
    site.registrar.round()
    assert site.on_log() == [create(DEVICE)]
    first, second = site.moody.submitted
    assert first == second
    site.settle()
    assert site.state(born) is State.FINALIZED
    assert sizes(site) == [1]


def test_a_reorganisation_during_a_restart_too(site: Site) -> None:
    born = site.registrar.submit(create(DEVICE))
    turned = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    site.registrar.round()
    site.stop()
    site.start()
    site.ledger.reorg(1)
    site.registrar.round()
    site.settle()
    assert [site.state(each) for each in (born, turned)] == [State.FINALIZED] * 2
    assert sizes(site) == [2]


def test_several_submissions_go_back_in_their_order(site: Site) -> None:
    first = site.registrar.submit(create(DEVICE))
    site.registrar.round()
    second = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    site.registrar.round()
    site.ledger.reorg(2)
    site.registrar.round()
    site.settle()
    assert [site.state(each) for each in (first, second)] == [State.FINALIZED] * 2
    assert sizes(site) == [1, 1]


def test_what_another_operation_overtook_in_a_reorganisation_is_void_when_that_is_final(
    site: Site,
) -> None:
    site.append(create(DEVICE))
    site.ledger.mine(FINAL_DEPTH)
    ours = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    site.registrar.round()
    assert site.state(ours) is State.ON_LOG
    site.ledger.reorg(1)
    site.append(rotation(DEVICE, site.ledger.log_id, to=FOURTH.public_key()))
    site.registrar.round()
    assert site.state(ours) is State.SENT  # a reorganisation may still turn it round
    site.settle()
    assert site.state(ours) is State.VOID
    again = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    assert again.state is State.VOID
    assert site.registrar.round() is None


def test_what_was_overtaken_in_the_queue_is_void_when_that_is_final(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(PATIENT)
    log_id = site.ledger.log_id
    site.append(create(DEVICE))
    ours = site.registrar.submit(rotation(DEVICE, log_id, to=THIRD.public_key()))
    after = site.registrar.submit(
        rotation(DEVICE, log_id, by=THIRD, prev=ours.operation, to=FOURTH.public_key())
    )
    site.append(rotation(DEVICE, log_id, to=FOURTH.public_key()))
    site.clock.move(PATIENT.delay)
    site.registrar.round()
    assert site.state(ours) is State.QUEUED  # what overtook it is not final
    site.ledger.mine(FINAL_DEPTH)
    site.settle()
    assert [site.state(each) for each in (ours, after)] == [State.VOID] * 2
    assert sizes(site) == [1, 1]


def test_what_was_overtaken_comes_round_when_the_other_one_is_reorganised_away(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(PATIENT)
    site.append(create(DEVICE))
    ours = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    site.append(rotation(DEVICE, site.ledger.log_id, to=FOURTH.public_key()))
    site.clock.move(PATIENT.delay)
    site.registrar.round()
    assert site.state(ours) is State.QUEUED
    site.ledger.reorg(1)
    site.settle()
    assert site.state(ours) is State.FINALIZED


def test_what_somebody_else_put_on_the_log_is_not_sent_again(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(PATIENT)
    born = site.registrar.submit(create(DEVICE))
    site.append(create(DEVICE))
    site.clock.move(PATIENT.delay)
    site.registrar.round()
    assert site.state(born) is State.ON_LOG
    assert site.moody.submitted == []
    # It is not ours, so after a reorganisation it has to be.
    site.ledger.reorg(1)
    site.registrar.round()
    site.settle()
    assert site.state(born) is State.FINALIZED
    assert len(site.moody.submitted) == 1
    assert sizes(site) == [1]


def test_a_stray_becomes_final_without_us(make_site: Callable[[Batching], Site]) -> None:
    site = make_site(PATIENT)
    born = site.registrar.submit(create(DEVICE))
    site.append(create(DEVICE))
    site.clock.move(PATIENT.delay)
    site.settle()
    assert site.state(born) is State.FINALIZED
    assert site.moody.submitted == []


def test_a_receipt_is_not_believed_before_the_reader_has_seen_the_entry(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    site.registrar.round()
    (landed,) = site.outbox.unsettled()
    receipt = landed.receipt
    assert receipt is not None
    site.ledger.reorg(1)
    site.moody.claimed = replace(receipt, sequence=9)
    site.registrar.round()
    assert site.outbox.unsettled() == [landed]
    site.moody.claimed = None
    site.settle()
    assert sizes(site) == [1]


def test_a_standing_submission_is_not_asked_for_again(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    site.registrar.round()
    asked = site.moody.asked
    site.registrar.round()
    assert site.moody.asked == asked
    site.settle()
    assert site.moody.asked > asked


def test_what_must_wait_does_not_hold_up_what_is_behind_it(
    make_site: Callable[[Batching], Site],
) -> None:
    """As many as a batch has, overtaken by what is not final, kept all others off the log."""
    site = make_site(replace(PATIENT, count=2))
    log_id = site.ledger.log_id
    both = (DEVICE, STRANGER)
    site.append(*map(create, both))
    overtaken = [
        site.registrar.submit(rotation(who, log_id, to=THIRD.public_key())) for who in both
    ]
    site.append(*(rotation(who, log_id, to=FOURTH.public_key()) for who in both))
    behind = submit_all(site, 3)
    site.clock.move(PATIENT.delay)
    site.registrar.round()
    assert [site.state(each) for each in overtaken] == [State.QUEUED] * 2
    assert [site.state(each) for each in behind] == [State.ON_LOG] * 2 + [State.QUEUED]
    site.settle()
    assert [site.state(each) for each in overtaken] == [State.VOID] * 2
    assert [site.state(each) for each in behind] == [State.FINALIZED] * 3
    assert sizes(site) == [2, 2, 2, 1]


def test_no_operation_is_given_up_on_the_word_of_a_receipt(site: Site) -> None:
    """A lying node could have one marked void that had never been on the log."""
    site.append(create(STRANGER))
    site.ledger.mine(FINAL_DEPTH)
    site.moody.fails["submit"] = Unavailable("ledger_unreachable", "down")
    born = site.registrar.submit(create(DEVICE))
    turned = site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    with pytest.raises(Unavailable):
        site.registrar.round()
    del site.moody.fails["submit"]
    site.moody.claimed = site.receipt(STRANGER.did.id)
    for _ in range(2):
        with pytest.raises(Unavailable, match="ledger_inconsistent"):
            site.registrar.round()
    assert [site.state(each) for each in (born, turned)] == [State.SENT] * 2
    assert sizes(site) == [1]
    site.moody.claimed = None
    site.settle()
    assert [site.state(each) for each in (born, turned)] == [State.FINALIZED] * 2
    assert sizes(site) == [1, 2]


def test_what_landed_before_what_it_follows_is_sent_again(site: Site) -> None:
    """It was marked void, though nobody had overtaken it."""
    log_id = site.ledger.log_id
    born = site.registrar.submit(create(DEVICE))
    site.registrar.round()
    (first,) = (site.outbox.attempts(each)[-1] for each in site.outbox.unsettled())
    turned = site.registrar.submit(rotation(DEVICE, log_id, to=THIRD.public_key()))
    site.registrar.round()
    (second,) = (site.outbox.attempts(each)[-1] for each in site.outbox.unsettled()[1:])
    site.ledger.reorg(2)
    site.ledger.submit(second)
    site.ledger.mine(FINAL_DEPTH)
    site.moody.unclear[first] = Conflict("ledger_nonce_taken", "another one was first")
    site.settle()
    assert [site.state(each) for each in (born, turned)] == [State.FINALIZED] * 2


def test_what_was_not_kept_of_a_submission_is_judged_again(site: Site) -> None:
    """Its head was taken for judged before that was stored, and looked the same ever after."""
    site.registrar.submit(create(DEVICE))
    site.registrar.round()
    site.ledger.reorg(1)
    site.ledger.mine()
    site.append(create(STRANGER))  # in the same place
    site.ledger.reorg(1)
    site.ledger.submit(site.moody.submitted[0])
    with killed_at("registrar.follow.before_commit"):
        site.registrar.round()
    site.registrar.round()
    (submission,) = site.outbox.unsettled()
    assert submission.receipt == site.ledger.receipt(site.moody.submitted[0])
