"""Entries of the log from a node's event logs (``eth_getLogs``); nobody believes them.

A reader recomputes the head from them and compares. What is checked here is their form. What the
node refuses to answer, or does not finish, is asked for in smaller parts
(``ledger.ethereum.reach``).
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from did.errors import Unavailable
from ledger.chain import KIND_CALL_DATA, LogEntry
from ledger.ethereum.contract import APPENDED, read_batch
from ledger.ethereum.encoding import COUNTED, count, data, fields, items, malformed
from ledger.ethereum.header import read_header
from ledger.ethereum.node import AnswerTooLong, Node, NodeDeclined, NodeError, NodeLate
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.reach import Reach

BLOCKS_PER_QUERY: Final = 10_000  # what the more generous public providers still answer

# A batch is up to 131,072 bytes and its answer twice that, so this bounds an answer to some 4 MB.
_ENTRIES_PER_QUERY: Final = 16
_WORD: Final = 32
_MOVED: Final = 256  # blocks by which a reorganisation may put off an entry, and then some
_LATE: Final = 2  # queries in a row that may end without an answer; each takes its full time


class NodeEntries:
    """The entries that one node gives. Implements ``ledger.log.EntrySource``.

    Args:
        node: The node to ask.
        pin: Whose contract's events are asked for.
        first_block: Where the search for entries starts: the block of the deployment. Lower is
            never wrong, but slow on a long chain.
        blocks_per_query: How many blocks one ``eth_getLogs`` may cover, if the node answers that.
    """

    def __init__(
        self,
        node: Node,
        pin: EthereumPin,
        *,
        first_block: int = 0,
        blocks_per_query: int = BLOCKS_PER_QUERY,
    ) -> None:
        self._node = node
        self._pin = pin
        self._reach = Reach(blocks_per_query, _ENTRIES_PER_QUERY)
        # (sequence, block number): so many entries stood in the blocks up to this one. Proven, and
        # finalised, so that no reorganisation moves them. Rising in both members.
        self._milestones = [(0, first_block - 1)]
        # (sequence, block number): so many entries stood in the blocks up to this one, not for
        # good. No further is searched for them, whatever the node says how long its chain is.
        self._newest: tuple[int, int] | None = None

    def learn(self, sequence: int, block_number: int) -> None:
        """Note that ``sequence`` entries stand in the blocks up to ``block_number``, for good."""
        if sequence > self._milestones[-1][0]:
            self._milestones.append((sequence, block_number))

    def expect(self, sequence: int, block_number: int) -> None:
        """Note that ``sequence`` entries stand in the blocks up to ``block_number``, as of now."""
        self._newest = (sequence, block_number)

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the node gives them.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``; ``ledger_entry_missing``
                where the node does not give one of them: it withholds it, or the chain was
                reorganised meanwhile.
            Invalid: ``ledger_malformed_answer``.
        """
        newest = count(self._node.call("eth_blockNumber"), "the block number")
        if self._newest is not None and stop <= self._newest[0]:
            newest = min(newest, self._newest[1] + _MOVED)
        known = bisect_left(self._milestones, (start, 0)) - 1
        block = self._milestones[known][1] + 1
        times: dict[int, int] = {}
        expected = start
        while expected <= stop:
            if block > newest:
                raise self._missing(expected)
            found, last, whole = self._search(block, newest, range(expected, stop + 1), times)
            for entry in found:
                if entry.sequence != expected:
                    raise self._missing(expected)
                yield entry
                expected += 1
            # The next ones may stand in the same block as the last of a full answer.
            block = last + 1 if whole else found[-1].block_number

    def _search(
        self, first: int, newest: int, due: range, times: dict[int, int]
    ) -> tuple[list[LogEntry], int, bool]:
        """The next of the ``due`` entries, from block ``first`` on, as far as one answer goes.

        Returns:
            They, the last block that was searched, and whether it holds no more that are due.
        """
        late = 0
        while True:
            last = min(first + self._reach.blocks - 1, newest)
            wanted = due[: self._reach.entries]
            try:
                found = self._query(first, last, wanted, times)
            except (NodeError, NodeDeclined, NodeLate, AnswerTooLong) as error:
                late += isinstance(error, NodeLate)
                if late > _LATE or not self._reach.refused(last - first + 1):
                    raise
            else:
                self._reach.answered()
                return found, last, len(found) < len(wanted)

    def _query(self, first: int, last: int, wanted: range, times: dict[int, int]) -> list[LogEntry]:
        """Those of the ``wanted`` entries that the node finds in these blocks, in order."""
        topics = ["0x" + APPENDED.hex(), [f"0x{sequence:064x}" for sequence in wanted]]
        criteria = {
            "address": self._pin.contract,
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "topics": topics,
        }
        logs = items(self._node.call("eth_getLogs", criteria), "the logs", at_most=len(wanted))
        entries = (self._entry(fields(log, "a log"), times) for log in logs)
        return sorted(entries, key=lambda entry: entry.sequence)

    def _entry(self, log: dict[str, object], times: dict[int, int]) -> LogEntry:
        sequence, batch = read_event(log)
        block = count(log.get("blockNumber"), "a log's block number")
        return LogEntry(
            sequence=sequence,
            kind=KIND_CALL_DATA,
            batch=batch,
            block_number=block,
            block_time=self._block_time(block, log, times),
        )

    def _block_time(self, block: int, log: dict[str, object], times: dict[int, int]) -> int:
        if "blockTimestamp" in log:  # newer nodes give it with each log
            return count(log["blockTimestamp"], "a log's block time")
        if block not in times:
            block_hash = data(log.get("blockHash"), "a log's block", _WORD)
            answer = self._node.call("eth_getBlockByHash", "0x" + block_hash.hex(), False)
            times[block] = read_header(answer).time
        return times[block]

    def _missing(self, sequence: int) -> Unavailable:
        return Unavailable(
            "ledger_entry_missing",
            f"the node does not give entry {sequence} of the log",
            step="read the log's entries",
            hint="Repeat it; if it stays, the node withholds the entry, so ask another one.",
            retry_after=1,
        )


def read_event(log: dict[str, object]) -> tuple[int, bytes]:
    """Sequence and batch of one ``Appended`` event, a JSON-RPC log object.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    topics = items(log.get("topics"), "a log's topics", at_most=4)
    if len(topics) != 2 or data(topics[0], "a log's first topic") != APPENDED:  # noqa: PLR2004 - signature, sequence
        raise malformed("a log", "is not an Appended event")
    sequence = int.from_bytes(data(topics[1], "a log's sequence", _WORD), "big")
    if sequence > COUNTED:
        raise malformed("a log's sequence", "is beyond all reason", sequence)
    return sequence, read_batch(data(log.get("data"), "a log's data"))
