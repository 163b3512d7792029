"""Reading the log: heads that are proven, and entries that the reader replays against them.

What is *not* checked here is that a header is the chain's: that is the header source's word
(``ledger.ethereum.headers``). Proofs and entries are asked of one node, and of the next one where
that fails or what it gives does not hold.
"""

from collections.abc import Iterator

from did.errors import Unavailable
from did.resolution import Finality
from ledger.chain import LogEntry
from ledger.ethereum.entries import BLOCKS_PER_QUERY, NodeEntries
from ledger.ethereum.entries_in_turn import EntriesInTurn
from ledger.ethereum.headers import HeaderSource, NodeHeaders
from ledger.ethereum.heads import ProvenHeads
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.pin import EthereumPin
from ledger.log import Heads, SourceWarning


class EthereumLog:
    """The log behind a pin. Implements ``ledger.log.LogSource``.

    Args:
        node: The node to ask for proofs and entries, or several; not believed.
        pin: What must hold.
        headers: Whose headers are believed; None: those of ``node``, which then is one.
        first_block: As for ``NodeEntries``.
        blocks_per_query: As for ``NodeEntries``.
    """

    def __init__(
        self,
        node: Node | Nodes,
        pin: EthereumPin,
        *,
        headers: HeaderSource | None = None,
        first_block: int = 0,
        blocks_per_query: int = BLOCKS_PER_QUERY,
    ) -> None:
        self._nodes = node if isinstance(node, Nodes) else Nodes([node])
        self._pin = pin
        if headers is None:
            (only,) = self._nodes.in_turn()
            headers = NodeHeaders(only)
        self._heads = ProvenHeads(self._nodes, pin, headers)
        sources = {
            each: NodeEntries(each, pin, first_block=first_block, blocks_per_query=blocks_per_query)
            for each in self._nodes.in_turn()
        }
        self._entries = EntriesInTurn(self._nodes, sources, pin.log_id)

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
            KeybornError: As the header source.
        """
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
        heads = Heads(latest=latest.head, safe=safe.head, finalized=finalized.head)
        self._entries.learn(heads, finalized.header.number, latest.header.number)
        return heads

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the node gives them.

        Raises:
            KeybornError: As ``NodeEntries.entries``.
        """
        return self._entries.entries(start, stop)

    def warnings(self) -> tuple[SourceWarning, ...]:
        """What was wrong with a node when it was asked last, though the others served."""
        return self._nodes.warnings()
