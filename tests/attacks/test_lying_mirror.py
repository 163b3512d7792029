"""Whoever serves a mirror can withhold, and nothing else: each lie is named, and none believed.

The positive twin of each is the same mirror, put right.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from actors import actor
from mirrors import fill, served
from operations import Life, batch

from did.errors import KeybornError
from did.resolution import Registration
from ledger.chain import LogEntry
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.mirror.folder import read_entry, write_entry, write_extent
from ledger.mirror.form import Extent, path_of
from ledger.mirror.source import MirrorSource, open_mirror
from ledger.reader import LogReader

VICTIM = actor("victim")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path_factory.mktemp("ledger")) as made:
        life = Life(VICTIM, made.log_id)
        for operation in (life.create(), life.rotate(), Life(actor("b"), made.log_id).create()):
            made.submit(made.prepare(batch(operation)))
        yield made


def at(folder: Path, sequence: int) -> LogEntry:
    entry = read_entry(folder, sequence)
    assert entry is not None
    return entry


def withhold(folder: Path) -> None:
    (folder / path_of(2)).unlink()


def withhold_the_newest(folder: Path) -> None:
    (folder / path_of(3)).unlink()


def flip_a_byte(folder: Path) -> None:
    entry = at(folder, 2)
    changed = bytearray(entry.batch)
    changed[-1] ^= 1
    write_entry(folder, replace(entry, batch=bytes(changed)))


def back_date(folder: Path) -> None:
    entry = at(folder, 2)
    write_entry(folder, replace(entry, block_time=entry.block_time - 3_600))


def reorder(folder: Path) -> None:
    one, two = at(folder, 1), at(folder, 2)
    write_entry(folder, replace(one, sequence=2))
    write_entry(folder, replace(two, sequence=1))


def number_another_way(folder: Path) -> None:
    shutil.copy(folder / path_of(1), folder / path_of(2))


def call_it_a_blob(folder: Path) -> None:
    write_entry(folder, replace(at(folder, 2), kind=1))


def say_it_is_final(folder: Path) -> None:
    back_date(folder)
    write_extent(folder, Extent(at_log_id(folder), 3, b"\x07" * 32))


def at_log_id(folder: Path) -> bytes:
    return (folder / "head.cbor").read_bytes()[4:36]


@pytest.mark.parametrize(
    ("lie", "code", "by"),
    [
        (withhold, "mirror_entry_missing", "folder"),
        (withhold_the_newest, "mirror_entry_missing", "folder"),
        (flip_a_byte, "ledger_entry_altered", "folder"),
        (back_date, "ledger_entry", "folder"),
        (reorder, "ledger_entr", "folder"),
        (number_another_way, "mirror_malformed", "folder"),
        (call_it_a_blob, "ledger_entry_altered", "folder"),
        (say_it_is_final, "ledger_entr", "folder"),
        (withhold, "mirror_entry_missing", "url"),
        (flip_a_byte, "ledger_entry_altered", "url"),
    ],
)
def test_a_lie_is_named_and_nothing_is_believed(
    ledger: EmbeddedLedger, tmp_path: Path, lie: Callable[[Path], None], code: str, by: str
) -> None:
    folder = tmp_path / "mirror"
    fill(folder, ledger)
    lie(folder)
    with (
        ExitStack() as opened,
        Index.temporary(ledger.log_id) as index,
    ):
        place = opened.enter_context(served(folder)) if by == "url" else str(folder)
        source = MirrorSource(ledger, open_mirror(place, ledger.log_id, opened))
        reader = LogReader(source, index)
        with pytest.raises(KeybornError) as caught:
            reader.resolve(VICTIM.short)
        assert caught.value.code.startswith(code)
        with index.reading() as view:
            assert view.heads() is None
            assert view.versions(VICTIM.short.id) == ()
        shutil.rmtree(folder)
        fill(folder, ledger)
        resolution = reader.resolve(VICTIM.short)
        assert resolution.registration is Registration.YES
        assert len(resolution.versions) == 2
