"""The states of a log's DIDs, which a replay brings forward batch by batch.

They are kept in memory (``MemoryStates``) or on disk (``ledger.index.Writer``); the rules are the
same, and are those of ``ledger.state``. The one rule of a create, that its DID does not exist yet,
is left to where the states are kept: a log has millions of creates, and to look each of them up
before it is written would cost more than all the rest.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from did.identifier import Genesis
from ledger.operations import PackedBatch
from ledger.state import DidState, apply_in_order


class States(Protocol):
    """Where states are kept. An operation's *place* is its number in its entry, from 0."""

    def create(self, sequence: int, ids: Sequence[bytes], born: Sequence[bytes]) -> None:
        """Add those DIDs that do not exist yet; of several with one id, the first.

        Args:
            sequence: The entry that holds the creates, whose places begin with 0.
            ids: The id of each, 32 bytes; one at least.
            born: The genesis of each, 64 bytes.
        """
        ...

    def update(self, sequence: int, effects: Iterable[tuple[int, DidState]]) -> None:
        """Add new states of DIDs that exist, each with the place of its update in the entry."""
        ...

    def states(self, ids: Collection[bytes]) -> dict[bytes, DidState]:
        """The newest state of each of ``ids`` that exists."""
        ...


def bring_forward(states: States, sequence: int, batch: PackedBatch, log_id: bytes) -> None:
    """Bring ``states`` forward by what the batch of entry ``sequence`` effects.

    Args:
        states: As of the entry before.
        sequence: The entry's.
        batch: What it carries.
        log_id: The log that it stands on, 32 bytes.
    """
    born = batch.born()
    if born:
        sha256 = hashlib.sha256
        states.create(sequence, [sha256(genesis).digest() for genesis in born], born)
    if batch.updates:
        known = states.states({update.id for update in batch.updates})
        effects = apply_in_order(known, batch.updates, log_id)
        states.update(sequence, [(len(born) + place, state) for place, state in effects])


class MemoryStates:
    """The newest state of each DID, in memory. Implements ``States``; knows no history.

    A DID that was never updated takes its 64 bytes, and becomes a ``DidState`` when it is asked
    for.
    """

    def __init__(self) -> None:
        self._born: dict[bytes, bytes] = {}
        self._updated: dict[bytes, DidState] = {}

    def __len__(self) -> int:
        """How many DIDs there are."""
        return len(self._born)

    def create(self, sequence: int, ids: Sequence[bytes], born: Sequence[bytes]) -> None:  # noqa: ARG002 - no history
        """As ``States.create``. A repeat has the same 64 bytes, so that nothing changes by it."""
        self._born.update(zip(ids, born, strict=True))

    def update(self, sequence: int, effects: Iterable[tuple[int, DidState]]) -> None:  # noqa: ARG002 - no history
        """As ``States.update``."""
        self._updated.update((state.id, state) for _, state in effects)

    def states(self, ids: Collection[bytes]) -> dict[bytes, DidState]:
        """As ``States.states``."""
        return {id_: self._state(id_) for id_ in ids if id_ in self._born}

    def _state(self, id_: bytes) -> DidState:
        updated = self._updated.get(id_)
        if updated is not None:
            return updated
        genesis = Genesis.from_bytes(self._born[id_])
        return DidState(id_, 0, id_, genesis.key, genesis.next)
