"""Reading the log: heads that are proven, and entries that the reader replays against them.

What is *not* checked here is that a header is the chain's: that is the header source's word
(``ledger.ethereum.headers``). Believed from one node, that node can show a chain of its own making,
or an old head. An old head shows in its age; against an invented chain one needs a second opinion
on the header.
"""

from collections.abc import Iterator

from did.errors import Unavailable
from did.resolution import Finality
from ledger.chain import LogEntry
from ledger.ethereum.entries import BLOCKS_PER_QUERY, NodeEntries
from ledger.ethereum.headers import HeaderSource, NodeHeaders
from ledger.ethereum.heads import ProvenHeads
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.log import Heads


class EthereumLog:
    """The log behind a pin. Implements ``ledger.log.LogSource``.

    Args:
        node: The node to ask for proofs and entries; not believed.
        pin: What must hold.
        headers: Whose headers are believed; None: those of ``node``.
        first_block: As for ``NodeEntries``.
        blocks_per_query: As for ``NodeEntries``.
    """

    def __init__(
        self,
        node: Node,
        pin: EthereumPin,
        *,
        headers: HeaderSource | None = None,
        first_block: int = 0,
        blocks_per_query: int = BLOCKS_PER_QUERY,
    ) -> None:
        self._node = node
        self._pin = pin
        self._heads = ProvenHeads(node, pin, headers or NodeHeaders(node))
        self._entries = NodeEntries(
            node, pin, first_block=first_block, blocks_per_query=blocks_per_query
        )

    @property
    def log_id(self) -> bytes:
        """The pinned log id, 32 bytes."""
        return self._pin.log_id

    def heads(self) -> Heads:
        """The newest heads, each proven under a block header (``ledger.ethereum.heads``).

        Each head's ``time`` is the time of its own block, and its ``evidence`` the block's hash.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``; ``ledger_inconsistent``
                where the node's answers contradict each other, as those of several behind one
                address may while one of them lags.
            Invalid: ``ledger_wrong_chain``, ``ledger_wrong_log``, ``ledger_wrong_code``,
                ``ledger_forged_header``, ``ledger_forged_proof``, ``ledger_malformed_answer``.
        """
        self._heads.check_pin()
        # Oldest first: the chain only grows meanwhile, so a later answer never falls behind.
        finalized = self._heads.at(Finality.FINALIZED)
        safe = self._heads.at(Finality.SAFE)
        latest = self._heads.at(Finality.LATEST)
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
        self._entries.learn(finalized.head.sequence, finalized.header.number)
        return Heads(latest=latest.head, safe=safe.head, finalized=finalized.head)

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the node gives them.

        Raises:
            KeybornError: As ``NodeEntries.entries``.
        """
        return self._entries.entries(start, stop)
