"""A mirror that is kept in step: interrupted, reorganised, damaged, and lied to."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from actors import actor
from mirrors import fill, sequences
from operations import batch, create

from did.errors import Conflict, Invalid, KeybornError, Unavailable
from ledger.chain import LogEntry
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.log import Heads
from ledger.mirror.folder import FolderEntries, read_entry, read_extent, write_entry, write_extent
from ledger.mirror.form import Extent, path_of
from ledger.mirror.keeping import MirroredLog
from ledger.reader import LogReader

DEPTH = 2


@dataclass
class Source:
    """An embedded ledger, which tells what it was asked for, and may lie about its entries."""

    ledger: EmbeddedLedger
    lie: Callable[[LogEntry], LogEntry | None] = lambda entry: entry
    stop_after: int | None = None
    asked: list[int] = field(default_factory=list)

    @property
    def log_id(self) -> bytes:
        return self.ledger.log_id

    def heads(self) -> Heads:
        return self.ledger.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        for entry in self.ledger.entries(start, stop):
            if entry.sequence == self.stop_after:
                raise Unavailable("ledger_unreachable", "it is gone")
            self.asked.append(entry.sequence)
            told = self.lie(entry)
            if told is not None:
                yield told


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "ledger", final_depth=DEPTH, safe_depth=1) as made:
        yield made


@pytest.fixture
def source(ledger: EmbeddedLedger) -> Source:
    return Source(ledger)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def append(ledger: EmbeddedLedger, *names: str) -> None:
    for name in names:
        ledger.submit(ledger.prepare(batch(create(actor(name)))))


def read(log: MirroredLog) -> list[LogEntry]:
    return list(log.entries(1, log.heads().latest.sequence))


def folder_is_the_log(folder: Path, ledger: EmbeddedLedger) -> None:
    latest = ledger.heads().latest.sequence
    assert sequences(folder) == list(range(1, latest + 1))
    kept = FolderEntries(folder, ledger.log_id).entries(1, latest)
    assert list(kept) == list(ledger.entries(1, latest))


def test_each_entry_is_asked_for_once(source: Source, folder: Path) -> None:
    append(source.ledger, "a", "b", "c", "d")
    with MirroredLog(source, folder) as log:
        assert log.log_id == source.log_id
        assert read(log) == list(source.ledger.entries(1, 4)) == read(log)
        append(source.ledger, "e")
        log.heads()
        assert [entry.sequence for entry in log.entries(5, 5)] == [5]
    assert source.asked == [1, 2, 3, 4, 5]
    with MirroredLog(source, folder) as log:
        assert len(read(log)) == 5
    assert source.asked == [1, 2, 3, 4, 5]
    folder_is_the_log(folder, source.ledger)


def test_it_says_up_to_where_it_is_final(source: Source, folder: Path) -> None:
    with MirroredLog(source, folder) as log:
        assert read(log) == []
        append(source.ledger, "a", "b", "c", "d")
        read(log)
        finalized = source.heads().finalized
        extent = read_extent(folder)
        assert extent is not None
        assert (extent.sequence, extent.head) == (finalized.sequence, finalized.head) != (0, b"")
        assert extent.sequence == 4 - DEPTH
        assert all(path.stat().st_mode & 0o777 == 0o644 for path in folder.rglob("*.cbor"))


def test_an_interrupted_reading_is_taken_up(source: Source, folder: Path) -> None:
    append(source.ledger, "a", "b", "c", "d")
    source.stop_after = 4
    with MirroredLog(source, folder) as log, pytest.raises(Unavailable):
        read(log)
    source.stop_after = None
    with MirroredLog(source, folder) as log:
        assert len(read(log)) == 4
    assert source.asked == [1, 2, 3, 4]


@pytest.mark.parametrize(("depth", "again"), [(1, 0), (1, 1), (2, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("meanwhile", ["running", "away"])
def test_what_a_reorganisation_took_away_is_had_anew(
    source: Source, folder: Path, depth: int, again: int, meanwhile: str
) -> None:
    append(source.ledger, "a", "b", "c", "d")
    with MirroredLog(source, folder) as log:
        read(log)
        source.ledger.reorg(depth)
        append(source.ledger, *"xyz"[:again])
        if meanwhile == "running":
            assert read(log) == list(source.ledger.entries(1, 4 - depth + again))
    with MirroredLog(source, folder) as log:
        assert read(log) == list(source.ledger.entries(1, 4 - depth + again))
        append(source.ledger, "later")
        assert len(read(log)) == 5 - depth + again
    assert 1 not in source.asked[4:]  # what was final is not asked for again
    folder_is_the_log(folder, source.ledger)


def test_a_lie_is_not_kept(source: Source, folder: Path) -> None:
    """Its reader is told of it, and an honest answer afterwards is all that there is."""
    append(source.ledger, "a", "b", "c", "d")

    def altered(entry: LogEntry) -> LogEntry:
        return replace(entry, batch=b"") if entry.sequence == 2 else entry

    with (
        MirroredLog(source, folder) as log,
        Index.temporary(log.log_id) as index,
        LogReader(log, index) as reader,
    ):
        source.lie = altered
        with pytest.raises(Invalid) as caught:
            reader.sync()
        assert caught.value.code == "ledger_entry_altered"
        assert sequences(folder) == []
        assert not log.mend()  # it was not the folder
        source.lie = lambda entry: None if entry.sequence == 3 else entry
        with pytest.raises(Invalid) as caught:
            reader.sync()
        assert caught.value.code == "ledger_entry_missing"
        source.lie = lambda entry: entry
        assert reader.sync().latest.sequence == 4
    folder_is_the_log(folder, source.ledger)


def test_a_lie_from_an_interrupted_reading_is_dropped(source: Source, folder: Path) -> None:
    append(source.ledger, "a", "b", "c", "d")
    source.stop_after = 4
    source.lie = lambda entry: replace(entry, block_time=1)
    with MirroredLog(source, folder) as log, pytest.raises(Unavailable):
        read(log)
    assert sequences(folder) == [1, 2, 3]
    source.stop_after = None
    source.lie = lambda entry: entry
    with MirroredLog(source, folder) as log:
        read(log)
    folder_is_the_log(folder, source.ledger)


def damage(folder: Path, how: str) -> None:
    path = folder / path_of(1)
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        entry = read_entry(folder, 1)
        assert entry is not None
        write_entry(folder, replace(entry, block_number=entry.block_number + 1))


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("missing", "mirror_entry_missing"),
        ("cut", "mirror_malformed"),
        ("altered", "ledger_entry_altered"),
    ],
)
def test_damage_to_what_was_final_is_named_and_mended(
    source: Source, folder: Path, how: str, code: str
) -> None:
    append(source.ledger, "a", "b", "c", "d")
    fill(folder, source)
    damage(folder, how)
    with (
        MirroredLog(source, folder) as log,
        Index.temporary(log.log_id) as index,
        LogReader(log, index) as reader,
    ):
        with pytest.raises(KeybornError) as caught:
            reader.sync()
        assert caught.value.code == code
        assert log.mend()
        assert not log.mend()
        assert reader.sync().latest.sequence == 4
    folder_is_the_log(folder, source.ledger)
    extent = read_extent(folder)
    assert extent is not None
    assert extent.sequence == 4 - DEPTH


def test_a_fork_of_what_was_final_is_seen_through_the_mirror(
    source: Source, folder: Path, tmp_path: Path
) -> None:
    """The mirror has the old past, and must not stand between the reader and the new one."""
    append(source.ledger, "a", "b", "c", "d")
    with (
        MirroredLog(source, folder) as log,
        Index.open(tmp_path / "index", log.log_id) as index,
        LogReader(log, index) as reader,
    ):
        reader.sync()
        source.ledger.unsafe_reorg(4)
        append(source.ledger, *"stuvwxyz")
        with pytest.raises(Invalid) as caught:
            reader.sync()
        assert caught.value.code == "ledger_fork"


def test_a_log_that_is_behind_the_mirror_speaks_for_itself(source: Source, folder: Path) -> None:
    append(source.ledger, "a", "b", "c", "d")
    before = source.heads()
    fill(folder, source)
    append(source.ledger, "e", "f", "g", "h")
    fill(folder, source)
    source.asked.clear()
    with MirroredLog(source, folder) as log:
        source.heads = lambda: before  # type: ignore[method-assign]
        assert len(read(log)) == 4
    assert source.asked == [1, 2, 3, 4]
    assert sequences(folder) == list(range(1, 9))


def test_a_folder_that_is_wrong_about_what_is_final_is_begun_anew(
    source: Source, folder: Path
) -> None:
    """Not at once: a reorganisation in the wrong moment looks the same."""
    append(source.ledger, "a", "b", "c", "d")
    fill(folder, source)
    write_extent(folder, Extent(source.log_id, 2, b"\x07" * 32))
    with MirroredLog(source, folder) as log:
        log.keep()  # nothing was asked for yet
        for _ in range(5):
            assert len(read(log)) == 4  # the log's own
            log.keep()
            extent = read_extent(folder)
            assert extent is not None
        assert extent.sequence == 0
        log.keep()
    folder_is_the_log(folder, source.ledger)
    assert read_extent(folder) == Extent(source.log_id, 2, source.heads().finalized.head)


def test_one_keeper_at_a_time(source: Source, folder: Path) -> None:
    with (
        MirroredLog(source, folder),
        pytest.raises(Conflict) as caught,
        MirroredLog(source, folder),
    ):
        pass
    assert caught.value.code == "store_in_use"
    with MirroredLog(source, folder):
        pass


def test_a_folder_of_another_log_is_refused(source: Source, folder: Path, tmp_path: Path) -> None:
    with EmbeddedLedger(tmp_path / "other") as other:
        fill(folder, other)
    with pytest.raises(Invalid) as caught, MirroredLog(source, folder):
        pass
    assert caught.value.code == "mirror_of_another_log"


@pytest.mark.parametrize("how", ["cleared", "without its head", "with a head that is none"])
def test_a_folder_that_somebody_cleared_meanwhile_is_filled_again(
    source: Source, folder: Path, how: str
) -> None:
    """Guards against a mirror that lacks its beginning for ever, and says that it is whole."""
    append(source.ledger, "a", "b", "c", "d")
    with MirroredLog(source, folder) as log:
        log.heads()
        log.keep()
        folder_is_the_log(folder, source.ledger)
        if how == "cleared":
            shutil.rmtree(folder)
        elif how == "without its head":
            (folder / "head.cbor").unlink()
        else:
            (folder / "head.cbor").write_bytes(b"no head")
        append(source.ledger, "e")
        log.heads()
        log.keep()
        folder_is_the_log(folder, source.ledger)
        assert read_extent(folder) == Extent(
            source.log_id, (final := source.heads().finalized).sequence, final.head
        )


def test_a_mirror_of_another_log_that_was_put_there_is_left_alone(
    source: Source, folder: Path
) -> None:
    append(source.ledger, "a", "b", "c")
    with MirroredLog(source, folder) as log:
        log.heads()
        log.keep()
        own = Extent(source.log_id, 1, b"\1" * 32)
        other = replace(own, log_id=b"\2" * 32)
        write_extent(folder, other)
        with pytest.raises(Invalid) as caught:
            log.keep()
        assert caught.value.code == "mirror_of_another_log"
        assert read_extent(folder) == other
        write_extent(folder, own)
        log.keep()
        folder_is_the_log(folder, source.ledger)
