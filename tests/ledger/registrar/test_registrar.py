"""What is accepted, what is turned away, and what is said of it."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from actors import DEVICE, OTHER_LOG_ID, STRANGER, actor
from crashing import killed_at
from registrar_support import EAGER, NOW, PATIENT, Site, create, rotation

from did.errors import Busy, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.identifier import commitment
from did.resolution import Finality
from ledger.operations import Operation, Update
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import OperationStatus, OperationType, State
from ledger.registrar.outbox import Acceptance, Outbox

THIRD = actor("third").key
SMALL_ORDER = bytes(32)


def test_an_operation_is_taken_and_put_on_the_log(site: Site) -> None:
    taken = site.registrar.submit(create(DEVICE))
    assert taken == OperationStatus(
        DEVICE.did.id, OperationType.CREATE, DEVICE.short, State.QUEUED, NOW
    )
    site.registrar.round()
    landed = site.registrar.status(taken.operation)
    assert landed.state is State.ON_LOG
    assert landed.finality is Finality.LATEST
    assert landed.receipt == site.receipt(taken.operation)
    site.settle()
    final = site.registrar.status(taken.operation)
    assert (final.state, final.finality) == (State.FINALIZED, Finality.FINALIZED)
    assert final.receipt == landed.receipt
    assert site.on_log() == [create(DEVICE)]


def test_a_repeat_tells_where_the_first_one_stands(site: Site) -> None:
    first = site.registrar.submit(create(DEVICE))
    site.clock.move(60)
    assert site.registrar.submit(create(DEVICE)) == first
    site.settle()
    assert site.registrar.submit(create(DEVICE)).state is State.FINALIZED
    site.settle()
    assert len(site.on_log()) == 1


def test_operations_on_one_did_go_out_in_one_batch_in_order(site: Site) -> None:
    log_id = site.ledger.log_id
    first = rotation(DEVICE, log_id, to=THIRD.public_key())
    site.registrar.submit(create(DEVICE))
    turned = site.registrar.submit(first)
    ended = site.registrar.submit(rotation(DEVICE, log_id, by=THIRD, prev=turned.operation))
    assert (turned.type, ended.type) == ("update", "update")
    assert site.registrar.submit(first) == turned
    site.settle()
    assert [site.state(each) for each in (turned, ended)] == [State.FINALIZED] * 2
    assert site.ledger.heads().latest.sequence == 1
    state = site.reader.state(DEVICE.did.id)
    assert state is not None
    assert (state.number, state.key) == (2, None)


def broken(log_id: bytes) -> dict[str, tuple[Operation, str, type[KeybornError]]]:
    right = rotation(DEVICE, log_id, to=THIRD.public_key())
    return {
        "of a DID that is not there": (
            rotation(STRANGER, log_id),
            "not_registered",
            Refused,
        ),
        "by the current key": (
            rotation(DEVICE, log_id, by=DEVICE.key),
            "wrong_next_key",
            Invalid,
        ),
        "by a stranger": (
            rotation(DEVICE, log_id, by=STRANGER.next_key),
            "wrong_next_key",
            Invalid,
        ),
        "for another log": (
            rotation(DEVICE, OTHER_LOG_ID, to=THIRD.public_key()),
            "invalid_signature",
            Invalid,
        ),
        "after another operation": (
            rotation(DEVICE, log_id, prev=STRANGER.did.id, to=THIRD.public_key()),
            "invalid_signature",
            Invalid,
        ),
        "with another next key than was signed": (
            replace(right, next=commitment(STRANGER.key.public_key())),
            "invalid_signature",
            Invalid,
        ),
        "with a bit flipped in the signature": (
            replace(right, signature=bytes([right.signature[0] ^ 1]) + right.signature[1:]),
            "invalid_signature",
            Invalid,
        ),
    }


@pytest.mark.parametrize("case", broken(bytes(32)))
def test_what_would_have_no_effect_is_turned_away(site: Site, case: str) -> None:
    site.append(create(DEVICE))
    operation, code, branch = broken(site.ledger.log_id)[case]
    with pytest.raises(branch) as raised:
        site.registrar.submit(operation)
    assert (raised.value.code, raised.value.step) == (code, "accept the operation")
    assert site.registrar.round() is None
    # Repaired, it is taken.
    right = rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key())
    assert site.registrar.submit(right).state is State.QUEUED


def test_a_key_that_is_none_is_turned_away_and_registers_all_the_same(site: Site) -> None:
    """A create never fails on its key; an update does, before its signature is looked at."""
    genesis = replace(create(DEVICE).genesis, next=hashlib.sha256(SMALL_ORDER).digest())
    born = replace(create(DEVICE), genesis=genesis)
    site.registrar.submit(born)
    with pytest.raises(Invalid, match="invalid_public_key"):
        site.registrar.submit(Update(born.id, SMALL_ORDER, None, bytes(64)))


def test_nothing_follows_a_deactivation(site: Site) -> None:
    site.registrar.submit(create(DEVICE))
    ended = site.registrar.submit(rotation(DEVICE, site.ledger.log_id))
    with pytest.raises(Refused, match="deactivated"):
        site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    site.settle()
    with pytest.raises(Refused, match="deactivated"):
        site.registrar.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    assert site.registrar.submit(rotation(DEVICE, site.ledger.log_id)).operation == ended.operation


def test_nobody_is_turned_away_for_what_the_reader_has_not_read_yet(site: Site) -> None:
    site.reader.sync()
    site.append(create(DEVICE))
    assert site.registrar.submit(rotation(DEVICE, site.ledger.log_id)).state is State.QUEUED


def test_whether_an_operation_has_an_effect_is_undecided_without_the_log(site: Site) -> None:
    site.moody.fails["heads"] = Unavailable("ledger_unreachable", "down")
    assert site.registrar.submit(create(DEVICE)).state is State.QUEUED
    with pytest.raises(Undecided, match="ledger_unreachable"):
        site.registrar.submit(rotation(STRANGER, site.ledger.log_id))


def test_an_operation_that_somebody_else_put_on_the_log_is_known(site: Site) -> None:
    turn = rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key())
    site.append(create(DEVICE))
    site.append(turn)
    site.reader.sync()
    born, turned = site.registrar.submit(create(DEVICE)), site.registrar.submit(turn)
    assert (born.type, born.state, born.accepted) == ("create", State.ON_LOG, None)
    assert (turned.type, turned.state, turned.finality) == ("update", State.ON_LOG, "latest")
    site.ledger.mine()
    site.reader.sync()
    again = site.registrar.status(DEVICE.did.id)
    assert (again.state, again.receipt) == (State.FINALIZED, born.receipt)
    site.settle()
    assert len(site.on_log()) == 2


def test_an_unknown_operation(site: Site) -> None:
    with pytest.raises(Refused, match="unknown_operation"):
        site.registrar.status(DEVICE.did.id)


def test_a_full_queue_turns_away_what_is_new(make_site: Callable[[Batching], Site]) -> None:
    site = make_site(replace(PATIENT, queue=1))
    site.registrar.submit(create(DEVICE))
    with pytest.raises(Busy) as raised:
        site.registrar.submit(create(STRANGER))
    assert (raised.value.code, raised.value.retry_after) == ("registrar_busy", 30)
    assert site.registrar.submit(create(DEVICE)).state is State.QUEUED  # known already
    site.clock.move(60)
    site.settle()
    assert site.registrar.submit(create(STRANGER)).state is State.QUEUED


@pytest.mark.parametrize(
    ("point", "kept"),
    [("registrar.accept.before_commit", False), ("registrar.accept.after_commit", True)],
)
def test_what_was_acknowledged_outlives_a_kill(site: Site, point: str, *, kept: bool) -> None:
    with killed_at(point):
        site.registrar.submit(create(DEVICE))
    site.restart()
    if kept:
        assert site.registrar.status(DEVICE.did.id).state is State.QUEUED
    else:
        with pytest.raises(Refused, match="unknown_operation"):
            site.registrar.status(DEVICE.did.id)
    site.registrar.submit(create(DEVICE))
    site.settle()
    assert site.registrar.status(DEVICE.did.id).state is State.FINALIZED
    assert len(site.on_log()) == 1


class FullDisk(Outbox):
    """An outbox that cannot commit."""

    @contextmanager
    def accepting(self) -> Iterator[Acceptance]:
        with super().accepting() as acceptance:
            yield acceptance
            raise Unavailable("store_failed", "the disk is full")


def test_nothing_is_acknowledged_that_was_not_committed(site: Site) -> None:
    honest = site.outbox
    site.outbox = FullDisk.open(site.directory / "outbox.sqlite")
    with pytest.raises(Unavailable, match="store_failed"):
        site.make(site.moody).submit(create(DEVICE))
    site.outbox.close()
    site.outbox = honest
    assert honest.find(DEVICE.did.id) is None
    site.registrar.submit(create(DEVICE))
    site.settle()
    assert len(site.on_log()) == 1


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_thread_does_it_all(site: Site) -> None:
    with pytest.raises(Unavailable, match="registrar_stopped"):
        site.registrar.check()
    site.registrar.start()
    try:
        site.registrar.check()
        for each in (DEVICE, STRANGER):
            status = site.registrar.submit(create(each))
            wait_for(lambda status=status: site.state(status) is State.ON_LOG)  # type: ignore[misc]
        site.ledger.mine(2)
        wait_for(lambda: site.state(status) is State.FINALIZED)
    finally:
        site.registrar.stop()
    with pytest.raises(Unavailable, match="registrar_stopped"):
        site.registrar.check()


def test_the_thread_goes_on_when_the_ledger_is_back(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    site.moody.fails["prepare"] = Unavailable("ledger_unreachable", "down")
    status = site.registrar.submit(create(DEVICE))
    site.registrar.start()
    try:
        wait_for(lambda: fails(site.registrar.check, "ledger_unreachable"))
        assert site.state(status) is State.QUEUED
        del site.moody.fails["prepare"]
        wait_for(lambda: site.state(status) is State.ON_LOG)
        wait_for(lambda: not fails(site.registrar.check, "ledger_unreachable"))
    finally:
        site.registrar.stop()
    said = [record.message for record in caplog.records if "operations" in record.message]
    assert len(said) == 2
    assert "held up" in said[0]
    assert "again" in said[1]


def fails(check: Callable[[], None], code: str) -> bool:
    try:
        check()
    except KeybornError as error:
        return error.code == code
    return False


def test_the_thread_waits_for_company_but_not_for_a_full_batch(
    make_site: Callable[[Batching], Site],
) -> None:
    site = make_site(replace(PATIENT, delay=3600.0))
    site.registrar.start()
    try:
        crowd = [actor(f"device {n}") for n in range(4)]
        for each in crowd[:3]:
            status = site.registrar.submit(create(each))
        assert site.state(status) is State.QUEUED
        status = site.registrar.submit(create(crowd[3]))
        wait_for(lambda: site.state(status) is State.ON_LOG)
    finally:
        site.registrar.stop()
    assert site.ledger.heads().latest.sequence == 1


def test_many_at_once_are_each_taken_once(site: Site) -> None:
    crowd = [actor(f"device {n}") for n in range(8)]
    start = threading.Barrier(16)

    def enrol(number: int) -> None:
        start.wait()
        site.registrar.submit(create(crowd[number % 8]))

    threads = [threading.Thread(target=enrol, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    site.settle()
    assert sorted(o.id for o in site.on_log()) == sorted(each.did.id for each in crowd)


def test_the_default_batch_fits_a_transaction() -> None:
    assert Batching().size <= 131_072 - 512
    assert EAGER.count * 64 <= Batching().size
