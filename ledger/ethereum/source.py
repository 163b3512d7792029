"""Reading the log: heads that are proven, and entries that the reader replays against them.

``EthereumLog.heads`` makes one block for each finality, and for each:

1. asks for the block's header and recomputes its hash (``ledger.ethereum.header``);
2. asks for the contract's account and its two storage slots as of that block's hash
   (``eth_getProof``), and checks both proofs against the header's state root;
3. compares the account's code hash with the pin;
4. takes head and sequence from the slots. Under an older block the contract may not exist yet,
   which the proof proves: the log is empty there.

Before the first of them it compares the chain id and the contract's log id with the pin. These two
are the node's word, to name a wrong address early; what proves the log id is the replay, which
starts from the pinned one.

What it does *not* check: that the header is the chain's. The header is believed from the one node
that is asked, so this node can show a chain of its own making, or an old head. An old head shows in
its age; against an invented chain one needs a second opinion on the header.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid, Unavailable
from did.resolution import Finality
from ledger.chain import KIND_CALL_DATA, LogEntry
from ledger.ethereum.contract import (
    APPENDED,
    LOG_ID_CALL,
    SLOT_HEAD,
    SLOT_SEQUENCE,
    read_batch,
)
from ledger.ethereum.encoding import COUNTED, count, data, fields, items, malformed, quantity
from ledger.ethereum.header import Header, read_header
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.proof import prove_account, prove_slot, read_proof
from ledger.log import Head, Heads

BLOCKS_PER_QUERY: Final = 2_000  # what the stricter public providers still answer

# A batch is up to 131,072 bytes and its answer twice that, so this bounds an answer to some 4 MB.
_ENTRIES_PER_QUERY: Final = 16
_WORD: Final = 32
_PROOF_PAUSES: Final = (0.02, 0.2)  # seconds before a proof is asked for anew


@dataclass(frozen=True, slots=True)
class _Proven:
    """A head, and the header that it was proven under."""

    header: Header
    head: Head


class EthereumLog:
    """The log behind a pin, as one node shows it. Implements ``ledger.log.LogSource``.

    Args:
        node: The node to ask.
        pin: What must hold.
        first_block: Where the search for entries starts: the block of the deployment. Lower is
            never wrong, but slow on a long chain.
        blocks_per_query: How many blocks one ``eth_getLogs`` may cover.
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
        self._blocks_per_query = blocks_per_query
        self._matches_pin = False
        # (sequence, block number): so many entries stood in the blocks up to this one. Proven, and
        # finalised, so that no reorganisation moves them. Rising in both members.
        self._milestones = [(0, first_block - 1)]

    @property
    def log_id(self) -> bytes:
        """The pinned log id, 32 bytes."""
        return self._pin.log_id

    def heads(self) -> Heads:
        """The newest heads, each proven under a block header as the module describes.

        Each head's ``time`` is the time of its own block, and its ``evidence`` the block's hash.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``; ``ledger_inconsistent``
                where the node's answers contradict each other, as those of several behind one
                address may while one of them lags.
            Invalid: ``ledger_wrong_chain``, ``ledger_wrong_log``, ``ledger_wrong_code``,
                ``ledger_forged_header``, ``ledger_forged_proof``, ``ledger_malformed_answer``.
        """
        self._check_pin()
        # Oldest first: the chain only grows meanwhile, so a later answer never falls behind.
        finalized = self._prove(Finality.FINALIZED)
        safe = self._prove(Finality.SAFE)
        latest = self._prove(Finality.LATEST)
        for older, newer in ((finalized, safe), (safe, latest)):
            if (
                older.header.number > newer.header.number
                or older.head.sequence > newer.head.sequence
            ):
                raise Unavailable(
                    "ledger_inconsistent",
                    f"the node's {newer.head.finality} block is behind its "
                    f"{older.head.finality} block",
                    step="read the log's heads",
                    hint="Repeat it; if it stays, ask another node.",
                    retry_after=1,
                )
        if finalized.head.sequence > self._milestones[-1][0]:
            self._milestones.append((finalized.head.sequence, finalized.header.number))
        return Heads(latest=latest.head, safe=safe.head, finalized=finalized.head)

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the node gives them.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``; ``ledger_entry_missing``
                where the node does not give one of them: it withholds it, or the chain was
                reorganised meanwhile.
            Invalid: ``ledger_malformed_answer``.
        """
        newest = count(self._node.call("eth_blockNumber"), "the block number")
        known = bisect_left(self._milestones, (start, 0)) - 1
        block = self._milestones[known][1] + 1
        times: dict[int, int] = {}
        expected = start
        while expected <= stop:
            if block > newest:
                raise self._missing(expected)
            last = min(block + self._blocks_per_query - 1, newest)
            wanted = range(expected, min(expected + _ENTRIES_PER_QUERY, stop + 1))
            found = self._query(block, last, wanted, times)
            for entry in found:
                if entry.sequence != expected:
                    raise self._missing(expected)
                yield entry
                expected += 1
            # The next ones may stand in the same block as the last of a full answer.
            block = found[-1].block_number if len(found) == len(wanted) else last + 1

    def _check_pin(self) -> None:
        """Once, before anything is believed or signed."""
        if self._matches_pin:
            return
        chain_id = quantity(self._node.call("eth_chainId"), "the chain id")
        if chain_id != self._pin.chain_id:
            raise Invalid(
                "ledger_wrong_chain",
                f"the node is on chain {chain_id}, the log on chain {self._pin.chain_id}",
                step="compare the node with the pin",
                hint="Give the address of a node of the log's own chain.",
            )
        call = {"to": self._pin.contract, "data": "0x" + LOG_ID_CALL.hex()}
        answer = data(self._node.call("eth_call", call, "latest"), "the log id")
        # Where no code is, a call returns nothing; the proof names that better.
        if answer and answer != self._pin.log_id:
            raise Invalid(
                "ledger_wrong_log",
                "the contract is another log than the one that is pinned",
                step="compare the node with the pin",
                hint="Take the pin from who runs the log; this one is of another deployment.",
                value=answer.hex(),
            )
        self._matches_pin = True

    def _prove(self, finality: Finality) -> _Proven:
        """The head under the newest block of this finality.

        A node that mines between its two answers, as anvil does, may prove a state that its header
        does not have yet; so a proof that does not hold is asked for anew before it counts.
        """
        for pause in _PROOF_PAUSES:
            try:
                return self._prove_once(finality)
            except Invalid as error:
                if error.code != "ledger_forged_proof":
                    raise
            time.sleep(pause)  # a node says nothing when it has mined
        return self._prove_once(finality)

    def _prove_once(self, finality: Finality) -> _Proven:
        block = self._node.call("eth_getBlockByNumber", finality.value, False)
        if block is None:
            raise Unavailable(
                "ledger_unreachable",
                f"the node has no {finality} block yet",
                step="read the log's heads",
                hint="Wait until the node is in step with its chain.",
            )
        header = read_header(block)
        # By hash, not by number: a reorganisation between the two calls would look like a forgery.
        slots = (SLOT_HEAD, SLOT_SEQUENCE)
        answer = self._node.call(
            "eth_getProof",
            self._pin.contract,
            [f"0x{slot:064x}" for slot in slots],
            {"blockHash": "0x" + header.hash.hex()},
        )
        account_proof, (head_proof, sequence_proof) = read_proof(answer, len(slots))
        account = prove_account(header.state_root, self._pin.address, account_proof)
        if account is None:
            if finality is Finality.LATEST:
                raise self._wrong_code("there is no contract at the pinned address")
            sequence, head = 0, self._pin.log_id
        else:
            if account.code_hash != self._pin.code_hash:
                raise self._wrong_code("the contract's code is not the one that is pinned")
            sequence = prove_slot(account.storage_root, SLOT_SEQUENCE, sequence_proof)
            head = prove_slot(account.storage_root, SLOT_HEAD, head_proof).to_bytes(_WORD, "big")
        if sequence > COUNTED:
            raise malformed("the sequence", "is beyond all reason", sequence)
        if sequence == 0 and head != self._pin.log_id:
            raise Invalid(
                "ledger_wrong_log",
                "the log is empty, and its head is not the log id that is pinned",
                step="compare the head with the pin",
                hint="Take the pin from who runs the log; this one is of another deployment.",
                value=head.hex(),
            )
        return _Proven(
            header=header,
            head=Head(
                sequence=sequence,
                head=head,
                time=header.time,
                finality=finality,
                evidence=header.hash,
            ),
        )

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

    def _wrong_code(self, message: str) -> Invalid:
        return Invalid(
            "ledger_wrong_code",
            message,
            step="compare the contract with the pin",
            hint="Compare the pin's contract and code hash with those that the log's operator "
            "hands out.",
            value=self._pin.contract,
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
