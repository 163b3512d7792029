"""The state rebuilt in memory is the one that a reader has, and rests on the same proof."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER
from operations import Life, batch, create

from did.errors import Invalid
from ledger.chain import LogEntry
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.reader import LogReader
from ledger.replay import rebuild


class Altered:
    """The entries of a ledger, the last of them with another batch."""

    def __init__(self, ledger: EmbeddedLedger) -> None:
        self._ledger = ledger

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        yield from self._ledger.entries(start, stop - 1)
        for last in self._ledger.entries(stop, stop):
            yield replace(last, batch=batch(create(STRANGER)))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    """A creation, a repeat, a void batch, a rotation with a replay of it, and an end."""
    with EmbeddedLedger(tmp_path / "ledger") as made:
        life = Life(DEVICE, made.log_id)
        creation, rotation = life.create(), life.rotate()
        for entry in (
            batch(creation),
            batch(creation),
            batch(rotation, rotation),
            b"void",
            batch(life.deactivate()),
        ):
            made.submit(made.prepare(entry))
        yield made


def test_it_is_what_a_reader_has(ledger: EmbeddedLedger) -> None:
    states = rebuild(ledger, ledger.log_id, ledger.heads().latest)
    assert len(states) == 1
    with LogReader(ledger, Index.temporary(ledger.log_id)) as reader:
        reader.sync()
        assert states.states([DEVICE.did.id, STRANGER.did.id]) == {
            DEVICE.did.id: reader.state(DEVICE.did.id)
        }
    assert states.states([DEVICE.did.id])[DEVICE.did.id].number == 2


def test_entries_that_do_not_lead_to_the_head_are_no_state(ledger: EmbeddedLedger) -> None:
    with pytest.raises(Invalid) as caught:
        rebuild(Altered(ledger), ledger.log_id, ledger.heads().latest)
    assert caught.value.code == "ledger_entry_altered"
    rebuild(ledger, ledger.log_id, ledger.heads().latest)
