import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import DEVICE, LOG_ID, OTHER_LOG_ID, STRANGER
from dying import run_until_killed
from operations import Life, create, packed
from sqlalchemy.exc import IntegrityError

from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.identifier import Genesis
from did.resolution import Finality
from ledger.chain import LogEntry
from ledger.index import Index, Writer
from ledger.index_tables import Finding
from ledger.log import Head, Heads
from ledger.operations import Create, Operation
from ledger.state import DidState
from ledger.states import bring_forward


def entry(sequence: int) -> LogEntry:
    return LogEntry(sequence, 0, b"", 100 + sequence, 1_000 + sequence)


def head(sequence: int, finality: Finality = Finality.LATEST, time: int = 5) -> Head:
    return Head(sequence, bytes([sequence]) * 32, time, finality, b"signed")


def heads(latest: int, final: int) -> Heads:
    return Heads(head(latest), head(final, Finality.SAFE), head(final, Finality.FINALIZED))


def append(writer: Writer, sequence: int, head: bytes, *operations: Operation) -> None:
    """Entry ``sequence``, with these operations."""
    writer.append(entry(sequence), head)
    bring_forward(writer, sequence, packed(*operations), LOG_ID)


def a_life() -> tuple[list[Operation], list[DidState]]:
    """A DID's first three operations, and the state after each."""
    life = Life(DEVICE)
    operations: list[Operation] = []
    found = []
    for step in (life.create, life.rotate, life.rotate):
        operations.append(step())
        found.append(life.current)
    return operations, found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    with Index.open(path, LOG_ID) as made:
        yield made


def test_a_new_index_knows_the_log_and_no_more(index: Index) -> None:
    with index.reading() as view:
        assert view.heads() is None
        assert view.head_at(0) == LOG_ID
        assert view.head_at(1) is None
        assert view.versions(DEVICE.did.id) == ()
        assert view.states([DEVICE.did.id]) == {}
        assert view.alarm() is None
        assert view.findings() == ()


def test_what_is_written_is_read_and_survives(index: Index, path: Path) -> None:
    (creation, *rotations), (first, second, third) = a_life()
    with index.writing() as writer:
        append(writer, 1, b"1" * 32, creation)
        append(writer, 2, b"2" * 32)
        append(writer, 3, b"3" * 32, *rotations)
        writer.set_heads(heads(3, 1))
    index.close()
    with Index.open(path, LOG_ID) as again, again.reading() as view:
        assert view.heads() == heads(3, 1)
        assert [view.head_at(n) for n in (1, 2, 3, 4)] == [b"1" * 32, b"2" * 32, b"3" * 32, None]
        versions = view.versions(DEVICE.did.id)
        assert [version.state for version in versions] == [first, second, third]
        assert [(version.sequence, version.time) for version in versions] == [
            (1, 1001),
            (3, 1003),
            (3, 1003),
        ]
        assert view.states([DEVICE.did.id, STRANGER.did.id]) == {DEVICE.did.id: third}


def test_the_states_of_many_are_found_at_once(index: Index) -> None:
    creates = [Create(Genesis(n.to_bytes(32, "big"), b"n" * 32)) for n in range(1_200)]
    many = {c.id: DidState(c.id, 0, c.id, c.genesis.key, c.genesis.next) for c in creates}
    with index.writing() as writer:
        append(writer, 1, b"1" * 32, *creates)
        assert writer.states(many) == many


def test_the_first_creation_of_a_did_is_the_one_that_stands(index: Index) -> None:
    """Within an entry and between entries; and a repeat takes no row."""
    with index.writing() as writer:
        append(writer, 1, b"1" * 32, create(STRANGER))
        append(writer, 2, b"2" * 32, create(DEVICE), create(STRANGER), create(DEVICE))
        append(writer, 3, b"3" * 32, create(DEVICE))
        found = [writer.versions(who.did.id) for who in (STRANGER, DEVICE)]
        assert [[version.sequence for version in versions] for versions in found] == [[1], [2]]


def test_to_roll_back_is_to_forget_what_came_after(index: Index) -> None:
    operations, (first, *_) = a_life()
    with index.writing() as writer:
        for sequence, operation in enumerate(operations, 1):
            append(writer, sequence, bytes([sequence]) * 32, operation)
        writer.roll_back(1)
        assert writer.states([DEVICE.did.id]) == {DEVICE.did.id: first}
        assert (writer.head_at(1), writer.head_at(2)) == (b"\x01" * 32, None)
        append(writer, 2, b"x" * 32, operations[1])
        assert writer.head_at(2) == b"x" * 32
        writer.roll_back(0)
        assert writer.versions(DEVICE.did.id) == ()


def test_a_transaction_that_fails_leaves_nothing(index: Index) -> None:
    def write() -> None:
        with index.writing() as writer:
            append(writer, 1, b"1" * 32, *a_life()[0])
            writer.set_heads(heads(1, 1))
            append(writer, 1, b"1" * 32)

    with pytest.raises(IntegrityError):
        write()
    with index.reading() as view:
        assert (view.heads(), view.head_at(1), view.versions(DEVICE.did.id)) == (None, None, ())


def test_an_attempt_that_fails_leaves_what_was_before_it(index: Index) -> None:
    def twice(writer: Writer) -> None:
        with writer.attempt():
            append(writer, 2, b"2" * 32)
            append(writer, 2, b"2" * 32)

    with index.writing() as writer:
        append(writer, 1, b"1" * 32)
        with pytest.raises(IntegrityError):
            twice(writer)
        with writer.attempt():
            append(writer, 2, b"3" * 32)
    with index.reading() as view:
        assert (view.head_at(1), view.head_at(2)) == (b"1" * 32, b"3" * 32)


def test_a_reader_sees_one_moment_while_another_writes(index: Index) -> None:
    with index.reading() as view:
        assert view.head_at(1) is None
        with index.writing() as writer:
            append(writer, 1, b"1" * 32)
        assert view.head_at(1) is None
    with index.reading() as view:
        assert view.head_at(1) == b"1" * 32


def test_a_finding_is_kept_once_and_an_alarm_stands(index: Index) -> None:
    rollback = Finding("ledger_rollback", head(2), head(1), alarm=False)
    later = Finding("ledger_rollback", head(2), head(1, time=6), alarm=False)
    fork = Finding("ledger_fork", head(2), head(3), alarm=True)
    with index.writing() as writer:
        for finding in (rollback, later, fork, fork):
            writer.record(finding)
    with index.reading() as view:
        assert view.findings() == (rollback, fork)
        assert view.alarm() == fork


def test_it_is_private_and_durable(index: Index, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with index.reading() as view:
        pragma = view._connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2


def test_what_a_big_replay_leaves_beside_the_file_is_cut(index: Index, path: Path) -> None:
    """Or the write-ahead log would stay as big as the index, for as long as a server runs."""
    wal = path.with_name(f"{path.name}-wal")
    with index.writing() as writer:
        for sequence in range(1, 31):
            creates = [Create(Genesis(bytes([sequence]) * 32, n.to_bytes(32))) for n in range(2000)]
            append(writer, sequence, bytes([sequence]) * 32, *creates)
    assert wal.stat().st_size > 8_000_000
    with index.writing() as writer:
        writer.set_heads(heads(30, 1))
    assert wal.stat().st_size <= 4_194_304
    with index.reading() as view:
        assert len(view.states([create.id for create in creates])) == 2000


@pytest.mark.usefixtures("index")
def test_an_index_is_of_one_log(path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        Index.open(path, OTHER_LOG_ID)
    assert caught.value.code == "index_of_another_log"
    assert LOG_ID.hex() in caught.value.message
    assert caught.value.hint


def refusal(path: Path) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        Index.open(path, LOG_ID)
    assert caught.value.hint
    return caught.value


def test_a_damaged_file_is_named_and_what_to_do_with_it(path: Path) -> None:
    path.write_bytes(b"this is not a database, but it is long enough to be one " * 100)
    path.chmod(0o600)
    error = refusal(path)
    assert (type(error), error.code) == (Unavailable, "store_corrupt")
    assert "made anew" in str(error.hint)
    path.unlink()
    Index.open(path, LOG_ID).close()


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE cats (name TEXT)")
    other.close()
    path.chmod(0o600)
    assert refusal(path).code == "store_of_another_kind"


def test_an_index_of_an_older_release_is_named_and_what_to_do_with_it(path: Path) -> None:
    Index.open(path, LOG_ID).close()
    with sqlite3.connect(path) as older:
        older.execute("UPDATE keyborn_schema SET version = 1")
    older.close()
    error = refusal(path)
    assert (type(error), error.code) == (Refused, "store_of_another_version")
    assert "made anew" in str(error.hint)
    path.unlink()
    Index.open(path, LOG_ID).close()


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    Index.open(path, LOG_ID).close()
    path.chmod(0o644)
    assert isinstance(refusal(path), Refused)
    path.chmod(0o600)
    Index.open(path, LOG_ID).close()


def test_a_temporary_index_goes_when_it_is_closed() -> None:
    index = Index.temporary(LOG_ID)
    folder = Path(str(index._engine.url.database)).parent
    with index, index.writing() as writer:
        append(writer, 1, b"1" * 32)
        assert folder.is_dir()
    assert not folder.exists()


WRITE = """
from pathlib import Path
from actors import LOG_ID
from ledger.index import Index
from tests.ledger import test_index as this
index = Index.open(Path(sys.argv[1]), LOG_ID)
with index.writing() as writer:
    this.append(writer, 1, b"1" * 32, *this.a_life()[0])
    writer.set_heads(this.heads(1, 1))
    if sys.argv[2] == "inside":
        die()
die()
"""


@pytest.mark.parametrize("place", ["inside", "after"])
def test_a_kill_leaves_all_of_a_transaction_or_nothing(path: Path, place: str) -> None:
    run_until_killed(WRITE, path, place)
    with Index.open(path, LOG_ID) as index, index.reading() as view:
        found = (view.heads(), view.head_at(1), len(view.versions(DEVICE.did.id)))
        assert found == ((heads(1, 1), b"1" * 32, 3) if place == "after" else (None, None, 0))
    with Index.open(path, LOG_ID) as index, index.writing() as writer:
        writer.roll_back(0)
        append(writer, 1, b"2" * 32)
