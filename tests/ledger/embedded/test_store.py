import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import DEVICE
from dying import run_until_killed, start
from operations import batch, create

from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.keys import SigningKey
from keyborn.storage import sqlite
from ledger.chain import next_head
from ledger.embedded.heads import verify_head
from ledger.embedded.store import EmbeddedLedger
from ledger.embedded.wire import ENTRY_BYTES
from ledger.log import Heads, Receipt


class Clock:
    time = 1_800_000_000

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def ledger(folder: Path, clock: Clock) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(folder, clock=clock) as made:
        yield made


def append(ledger: EmbeddedLedger, data: bytes = b"x") -> Receipt:
    submission = ledger.prepare(data)
    ledger.submit(submission)
    receipt = ledger.receipt(submission)
    assert receipt is not None
    return receipt


def content(heads: Heads) -> list[tuple[int, bytes, int]]:
    stated = (heads.latest, heads.safe, heads.finalized)
    return [(head.sequence, head.head, head.time) for head in stated]


def refusal(folder: Path) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        EmbeddedLedger(folder)
    return caught.value


def test_a_new_ledger_is_a_log_of_its_own(ledger: EmbeddedLedger, tmp_path: Path) -> None:
    with EmbeddedLedger(tmp_path / "other") as other:
        assert len(ledger.log_id) == 32
        assert ledger.log_id != other.log_id
        assert ledger.pin.head_key != other.pin.head_key


def test_a_ledger_is_the_same_when_it_is_opened_again(
    ledger: EmbeddedLedger, folder: Path, clock: Clock
) -> None:
    append(ledger)
    before, pin = ledger.heads(), ledger.pin
    ledger.close()
    with EmbeddedLedger(folder, clock=clock) as again:
        assert again.pin == pin
        assert again.heads() == before


def test_its_files_are_private_and_what_it_says_is_durable(
    ledger: EmbeddedLedger, folder: Path
) -> None:
    append(ledger)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with ledger._reading() as blocks:
        pragma = blocks._connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2


def test_the_heads_are_signed_each_for_what_it_is(ledger: EmbeddedLedger) -> None:
    append(ledger)
    heads = ledger.heads()
    for head in (heads.latest, heads.safe, heads.finalized):
        assert verify_head(ledger.pin, head.evidence) == head


def test_what_is_final_at_once_by_default(ledger: EmbeddedLedger) -> None:
    append(ledger)
    assert [sequence for sequence, _, _ in content(ledger.heads())] == [1, 1, 1]


def test_each_entry_has_a_block_of_its_own(ledger: EmbeddedLedger, clock: Clock) -> None:
    first = append(ledger)
    ledger.mine(3)
    clock.time += 7
    second = append(ledger)
    assert (first.block_number, second.block_number) == (1, 5)
    assert second.block_time == first.block_time + 7


def test_the_time_of_blocks_never_runs_backwards(ledger: EmbeddedLedger, clock: Clock) -> None:
    before = append(ledger).block_time
    clock.time -= 1_000
    assert append(ledger).block_time == before
    clock.time += 2_000
    assert append(ledger).block_time == before + 1_000


def test_heads_are_signed_by_the_clock_though_a_block_is_ahead(
    ledger: EmbeddedLedger, clock: Clock
) -> None:
    before = append(ledger).block_time
    clock.time -= 1_000
    heads = ledger.heads()
    assert {head.time for head in (heads.latest, heads.safe, heads.finalized)} == {before - 1_000}


@pytest.mark.parametrize(("final", "safe"), [(1, 2), (-1, -1), (0, -1)])
def test_depths_that_make_no_sense_are_refused(folder: Path, final: int, safe: int) -> None:
    with pytest.raises(Invalid) as caught:
        EmbeddedLedger(folder, final_depth=final, safe_depth=safe)
    assert caught.value.code == "invalid_depth"
    assert not folder.exists()


def test_what_was_final_stays_so_under_another_depth(folder: Path, clock: Clock) -> None:
    with EmbeddedLedger(folder, clock=clock) as ledger:
        append(ledger)
        append(ledger)
    with EmbeddedLedger(folder, final_depth=5, safe_depth=2, clock=clock) as ledger:
        append(ledger)
        assert [sequence for sequence, _, _ in content(ledger.heads())] == [3, 2, 2]
    with EmbeddedLedger(folder, clock=clock) as ledger:
        assert [sequence for sequence, _, _ in content(ledger.heads())] == [3, 3, 3]


def test_what_was_final_stays_so_in_a_reorganisation(folder: Path, clock: Clock) -> None:
    with EmbeddedLedger(folder, final_depth=2, clock=clock) as ledger:
        for _ in range(5):
            append(ledger)
        final = ledger.heads().finalized
        ledger.reorg(2)
        assert ledger.heads().finalized == final
        for depth in (1, -1):
            with pytest.raises(Refused) as caught:
                ledger.reorg(depth)
            assert caught.value.code == "reorg_below_final"
        ledger.reorg(0)
        assert [sequence for sequence, _, _ in content(ledger.heads())] == [3, 3, 3]


def test_an_unsafe_reorganisation_takes_back_what_was_final(ledger: EmbeddedLedger) -> None:
    for _ in range(3):
        append(ledger)
    ledger.unsafe_reorg(2)
    assert [sequence for sequence, _, _ in content(ledger.heads())] == [1, 1, 1]
    ledger.unsafe_reorg(100)
    assert [head for _, head, _ in content(ledger.heads())] == [ledger.log_id] * 3
    assert append(ledger).sequence == 1


def test_a_submission_is_known_by_its_token(ledger: EmbeddedLedger) -> None:
    submission = ledger.prepare(b"first")
    ledger.submit(submission)
    other = submission[:32] + b"other"
    for use in (ledger.submit, ledger.receipt):
        with pytest.raises(Invalid) as caught:
            use(other)
        assert caught.value.code == "ledger_bad_submission"
    assert ledger.receipt(ledger.prepare(b"first")) is None
    assert ledger.heads().latest.sequence == 1


@pytest.mark.parametrize("submission", [b"", bytes(31), bytes(33 + ENTRY_BYTES)])
def test_what_is_no_submission_is_refused(ledger: EmbeddedLedger, submission: bytes) -> None:
    for use in (ledger.submit, ledger.receipt):
        with pytest.raises(Invalid) as caught:
            use(submission)
        assert caught.value.code == "ledger_bad_submission"


def test_an_entry_has_a_limit(ledger: EmbeddedLedger) -> None:
    append(ledger, bytes(ENTRY_BYTES))
    with pytest.raises(Invalid) as caught:
        ledger.prepare(bytes(ENTRY_BYTES + 1))
    assert caught.value.code == "batch_too_large"


# ---------------------------------------------------------------- what is wrong with its files


def test_a_ledger_without_its_key_is_not_given_another(
    ledger: EmbeddedLedger, folder: Path
) -> None:
    ledger.close()
    key = (folder / "head.key").read_bytes()
    (folder / "head.key").unlink()
    error = refusal(folder)
    assert (type(error), error.code) == (Unavailable, "ledger_key_missing")
    assert error.hint
    other = SigningKey.generate().seed
    for wrong, code in ((other, "ledger_wrong_key"), (b"short", "invalid_private_key")):
        (folder / "head.key").write_bytes(wrong)
        (folder / "head.key").chmod(0o600)
        assert refusal(folder).code == code
    (folder / "head.key").write_bytes(key)
    EmbeddedLedger(folder).close()


def test_a_key_that_others_can_read_is_refused(ledger: EmbeddedLedger, folder: Path) -> None:
    ledger.close()
    (folder / "head.key").chmod(0o640)
    assert refusal(folder).code == "store_readable_by_others"
    (folder / "head.key").chmod(0o600)
    EmbeddedLedger(folder).close()


def test_a_key_that_waits_for_its_ledger_is_used(ledger: EmbeddedLedger, tmp_path: Path) -> None:
    """What a crash leaves between the two."""
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    shutil.copy(ledger.directory / "head.key", other)
    with EmbeddedLedger(other) as made:
        assert made.pin.head_key == ledger.pin.head_key
        assert made.log_id != ledger.log_id


def test_a_damaged_file_is_named(ledger: EmbeddedLedger, folder: Path) -> None:
    ledger.close()
    kept = (folder / "log.sqlite").read_bytes()
    (folder / "log.sqlite").write_bytes(b"damaged " * 1_000)
    assert refusal(folder).code == "store_corrupt"
    (folder / "log.sqlite").write_bytes(kept)
    EmbeddedLedger(folder).close()


# ---------------------------------------------------------------- at once, and killed


def whole(ledger: EmbeddedLedger) -> list[bytes]:
    """The batches of the log, whose chain is seen to hold."""
    latest = ledger.heads().latest
    head = ledger.log_id
    batches = []
    for number, entry in enumerate(ledger.entries(1, latest.sequence), 1):
        assert entry.sequence == number
        head = next_head(head, entry)
        batches.append(entry.batch)
    assert head == latest.head
    return batches


def test_threads_append_at_once(ledger: EmbeddedLedger) -> None:
    def append_some(name: str) -> None:
        for number in range(10):
            append(ledger, f"{name}{number}".encode())

    threads = [threading.Thread(target=append_some, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(whole(ledger)) == sorted(f"{n}{i}".encode() for n in "abcd" for i in range(10))


APPEND = """
from pathlib import Path
from ledger.embedded.store import EmbeddedLedger
with EmbeddedLedger(Path(sys.argv[1])) as ledger:
    for number in range(10):
        ledger.submit(ledger.prepare(f"{sys.argv[2]}{number}".encode()))
    print(ledger.log_id.hex())
"""


def test_processes_make_one_ledger_and_append_to_it_at_once(folder: Path) -> None:
    processes = [start(APPEND, folder, name) for name in "abc"]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with EmbeddedLedger(folder) as ledger:
        assert sorted(whole(ledger)) == sorted(
            f"{name}{number}".encode() for name in "abc" for number in range(10)
        )


SUBMIT = """
from pathlib import Path
from keyborn import faults
from ledger.embedded.store import EmbeddedLedger
with EmbeddedLedger(Path(sys.argv[1])) as ledger:
    faults.arm(sys.argv[3])
    ledger.submit(Path(sys.argv[2]).read_bytes())
"""


@pytest.mark.parametrize(
    ("fault", "there"),
    [("ledger.embedded.before_append", False), ("ledger.embedded.after_append", True)],
)
def test_a_kill_neither_loses_nor_repeats_a_submission(
    ledger: EmbeddedLedger, tmp_path: Path, fault: str, *, there: bool
) -> None:
    data = batch(create(DEVICE))
    submission = ledger.prepare(data)
    (tmp_path / "submission").write_bytes(submission)
    run_until_killed(SUBMIT, ledger.directory, tmp_path / "submission", fault)
    with EmbeddedLedger(ledger.directory) as again:
        assert (again.receipt(submission) is not None) is there
        again.submit(submission)
        again.submit(submission)
        assert whole(again) == [data]


BEGIN = """
from pathlib import Path
from ledger.embedded import store
place, folder = sys.argv[1:]
if place == "key":
    store.open_database = lambda *_, **__: die()
else:
    store.Blocks.begin = lambda *_: die()
store.EmbeddedLedger(Path(folder))
"""


@pytest.mark.parametrize("place", ["key", "file"])
def test_a_kill_while_a_ledger_is_made_leaves_one_that_can_be_made(
    folder: Path, place: str
) -> None:
    run_until_killed(BEGIN, place, folder)
    key = (folder / "head.key").read_bytes()
    with EmbeddedLedger(folder) as ledger:
        assert ledger.pin.head_key == SigningKey(key).public_key()
        assert append(ledger).sequence == 1


def test_a_ledger_that_another_process_holds_is_busy_and_free_again(
    ledger: EmbeddedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    with EmbeddedLedger(ledger.directory) as hasty:
        submission = hasty.prepare(b"x")
        with ledger._writing(), pytest.raises(Unavailable) as caught:
            hasty.submit(submission)
        assert caught.value.code == "store_busy"
        assert caught.value.retry_after
        hasty.submit(submission)
        assert hasty.receipt(submission) is not None
