"""One genesis on two ledgers, rotated on one: on the other the stolen birth key is alive.

A DID names no ledger, so nothing on a log can prevent it. What must hold is that a reader of one
log never takes anything from another, and that what it says carries the log's name, which the
verifier compares with the credential's.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from actors import DEVICE
from operations import Life, batch

from did.errors import Invalid, Refused
from did.keys import SigningKey
from did.resolution import Finality, Registration, authenticating_version
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.operations import Operation
from ledger.reader import LogReader


class Site:
    """A ledger and a reader of it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.ledger = stack.enter_context(EmbeddedLedger(folder))
        self.index = folder / "index.sqlite"
        opened = Index.open(self.index, self.ledger.log_id)
        self.reader = stack.enter_context(LogReader(self.ledger, opened))

    def append(self, *operations: Operation) -> None:
        self.ledger.submit(self.ledger.prepare(batch(*operations)))

    def version_of(self, key: SigningKey) -> int:
        return authenticating_version(
            self.reader.resolve(DEVICE.short),
            key.public_key(),
            finality=Finality.FINALIZED,
            step="test",
        ).number


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    with ExitStack() as stack:
        yield Site(tmp_path / "a", stack), Site(tmp_path / "b", stack)


def refusal(site: Site, key: SigningKey) -> str:
    with pytest.raises(Refused) as caught:
        site.version_of(key)
    return caught.value.code


def test_a_birth_key_that_was_rotated_away_lives_on_the_other_log_alone(
    sites: tuple[Site, Site],
) -> None:
    home, elsewhere = sites
    device = Life(DEVICE, home.ledger.log_id)
    creation, rotation = device.create(), device.rotate()
    home.append(creation, rotation)
    assert refusal(elsewhere, DEVICE.key) == "not_registered"

    elsewhere.append(creation)  # by the thief of the birth key; a genesis needs no signature
    assert refusal(home, DEVICE.key) == "key_superseded"
    assert home.version_of(device.key) == 1
    assert elsewhere.version_of(DEVICE.key) == 0
    # What tells them apart is in each resolution.
    assert home.reader.resolve(DEVICE.short).log_id == home.ledger.log_id
    assert elsewhere.reader.resolve(DEVICE.short).log_id == elsewhere.ledger.log_id

    elsewhere.append(rotation)  # a rotation is signed for one log
    assert elsewhere.version_of(DEVICE.key) == 0
    assert len(elsewhere.reader.resolve(DEVICE.short).versions) == 1
    there = Life(DEVICE, elsewhere.ledger.log_id)
    there.create()
    elsewhere.append(there.rotate())  # by the holder, for that log
    assert refusal(elsewhere, DEVICE.key) == "key_superseded"


def test_a_did_that_was_deactivated_lives_on_the_other_log_alone(
    sites: tuple[Site, Site],
) -> None:
    home, elsewhere = sites
    device = Life(DEVICE, home.ledger.log_id)
    creation, deactivation = device.create(), device.deactivate()
    home.append(creation, deactivation)
    elsewhere.append(creation, deactivation)
    assert refusal(home, DEVICE.key) == "deactivated"
    assert elsewhere.version_of(DEVICE.key) == 0
    assert elsewhere.reader.resolve(DEVICE.did).registration is Registration.YES


def test_an_index_of_one_log_serves_no_other(sites: tuple[Site, Site]) -> None:
    home, elsewhere = sites
    home.append(Life(DEVICE).create())
    assert home.version_of(DEVICE.key) == 0
    with pytest.raises(Invalid) as caught:
        Index.open(home.index, elsewhere.ledger.log_id)
    assert caught.value.code == "index_of_another_log"
    with (
        Index.open(home.index, home.ledger.log_id) as mine,
        pytest.raises(Invalid) as caught,
    ):
        LogReader(elsewhere.ledger, mine)
    assert caught.value.code == "index_of_another_log"
