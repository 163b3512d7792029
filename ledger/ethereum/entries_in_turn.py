"""Entries of the log from several nodes, one after the other; nobody believes any of them.

A node that breaks off is followed by the next one from there on. That entries do not lead to the
head, only the reader finds out, at their end, and asks for them anew: whoever asks again was not
content with what it was given, so another node is asked then. Where the heads at both ends are
known, it is found out here as well, to name the node.
"""

from collections.abc import Iterator
from typing import Final

from did.errors import Invalid, KeybornError, Unavailable
from ledger.chain import LogEntry, next_head
from ledger.ethereum.entries import NodeEntries
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes, worst
from ledger.log import Heads

_TOPIC: Final = "entries"
_HEADS: Final = 32  # so many proven heads are kept in mind


class EntriesInTurn:
    """The entries that several nodes give. Implements ``ledger.log.EntrySource``.

    Args:
        nodes: Whom to ask.
        entries: What each of them gives.
        log_id: Of the log, 32 bytes: its head before the first entry.
    """

    def __init__(self, nodes: Nodes, entries: dict[Node, NodeEntries], log_id: bytes) -> None:
        self._nodes = nodes
        self._entries = entries
        self._log_id = log_id
        self._proven: dict[int, bytes] = {}
        self._given: tuple[int, Node] | None = None

    def learn(self, heads: Heads, finalized: int, latest: int) -> None:
        """Note the proven heads, and the numbers of the blocks that two were proven under."""
        for head in (heads.finalized, heads.safe, heads.latest):
            self._proven.pop(head.sequence, None)
            self._proven[head.sequence] = head.head
        while len(self._proven) > _HEADS:
            self._proven.pop(next(iter(self._proven)))
        for entries in self._entries.values():
            entries.learn(heads.finalized.sequence, finalized)
            entries.expect(heads.latest.sequence, latest)

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the nodes give them.

        Raises:
            KeybornError: As ``NodeEntries.entries``, of a node, where none gives them all.
        """
        if self._given is not None and start <= self._given[0]:
            self._nodes.pass_over(self._given[1])
        self._given = None
        failures: list[KeybornError] = []
        due = start
        for node in self._nodes.in_turn():
            # Where another node gave the beginning, it cannot be told which of the two is wrong.
            head = self._head(start - 1) if due == start else None
            try:
                for entry in self._entries[node].entries(due, stop):
                    head = None if head is None else next_head(head, entry)
                    due = entry.sequence + 1
                    self._given = (entry.sequence, node)
                    yield entry
            except (Invalid, Unavailable) as error:
                failures.append(self._nodes.failed(node, _TOPIC, error))
                continue
            if head is None or self._proven.get(stop) in (None, head):
                self._nodes.served(node, _TOPIC)
            else:
                self._nodes.warn(
                    node.name,
                    _TOPIC,
                    "ledger_entry_altered",
                    f"{node.name} gives entries {start} to {stop}, which do not lead to the head",
                )
            return
        raise worst(failures)

    def _head(self, sequence: int) -> bytes | None:
        """The head after entry ``sequence``, where it is known."""
        return self._proven.get(sequence) if sequence else self._log_id
