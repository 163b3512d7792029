"""Where block headers come from: whose word it is that a block is the chain's."""

from typing import Protocol

from did.errors import Unavailable
from did.resolution import Finality
from ledger.ethereum.header import Header, read_header
from ledger.ethereum.node import Node


class HeaderSource(Protocol):
    """Brings the headers under which heads are proven. A light client goes here."""

    def header(self, finality: Finality) -> Header:
        """The newest block of this finality.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``.
            Invalid: ``ledger_malformed_answer``, ``ledger_forged_header``.
        """
        ...


class NodeHeaders:
    """The headers that one node gives, believed; each has the hash that is given for it.

    Args:
        node: The node to ask. It can show a chain of its own making, or an old block.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def header(self, finality: Finality) -> Header:
        """The newest block of this finality, as the node has it."""
        block = self._node.call("eth_getBlockByNumber", finality.value, False)
        if block is None:
            raise Unavailable(
                "ledger_unreachable",
                f"the node has no {finality} block yet",
                step="read the log's heads",
                hint="Wait until the node is in step with its chain.",
            )
        return read_header(block)
