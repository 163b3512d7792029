"""Where block headers come from: whose word it is that a block is the chain's.

Everything else that a node answers is checked under a header, so the header is the one thing that
is believed of Ethereum. From whom, is decided by the ``HeaderSource``:

* ``NodeHeaders``: from one node. It can show a chain of its own making, or an old block; an old one
  shows in its age.
* ``ledger.ethereum.quorum_headers.QuorumHeaders``: what a quorum of several nodes has.
* ``PinnedHeader``: one block hash that somebody chose. Nobody else is believed.

Another one, such as a light client, is a class with the one method.
"""

from typing import Final, Protocol

from did.errors import Invalid, Unavailable
from did.resolution import Finality
from ledger.ethereum.encoding import malformed
from ledger.ethereum.header import Header, read_header
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes, blame

_STEP: Final = "read the block header"


class HeaderSource(Protocol):
    """Brings the headers under which heads are proven. A light client goes here."""

    def header(self, finality: Finality) -> Header:
        """The newest block of this finality. Asked for the most settled one first.

        Raises:
            Unavailable: ``ledger_unreachable``, ``ledger_node_error``, ``ledger_block_unknown``.
            Invalid: ``ledger_malformed_answer``, ``ledger_forged_header``,
                ``ledger_block_off_chain``.
            Undecided: ``ledger_no_quorum``, ``ledger_nodes_disagree``, ``ledger_node_behind``.
        """
        ...


class NodeHeaders:
    """The headers that one node gives, believed; each has the hash that is given for it.

    Args:
        node: The node to ask.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def header(self, finality: Finality) -> Header:
        """The newest block of this finality, as the node has it."""
        return block_by_number(self._node, finality)


class PinnedHeader:
    """One block, by its hash: heads are as of then, and as settled as whoever chose it says.

    The hash is all that is believed. So that nobody is left with a block which a reorganisation has
    dropped since, the node that gives the header must have it in its own chain.

    Args:
        nodes: Whom to ask.
        block_hash: 32 bytes.
    """

    def __init__(self, nodes: Nodes, block_hash: bytes) -> None:
        self._nodes = nodes
        self._hash = block_hash
        self._found: Header | None = None

    def header(self, finality: Finality) -> Header:
        """The block, whatever the finality."""
        del finality
        if self._found is None:
            self._found = self._nodes.first("the pinned block", self._ask)
        return self._found

    def _ask(self, node: Node) -> Header:
        shown = "0x" + self._hash.hex()
        block = node.call("eth_getBlockByHash", shown, False)
        if block is None:
            raise Unavailable(
                "ledger_block_unknown",
                "the node does not know the pinned block",
                step=_STEP,
                hint="Check the hash, and that the node is of the log's chain and in step with it.",
                value=shown,
            )
        header = read_header(block)
        if header.hash != self._hash:
            raise Invalid(
                "ledger_forged_header",
                "the node gives another block than the pinned one",
                step=_STEP,
                hint="Ask another node; this one is faulty, or lies.",
                value="0x" + header.hash.hex(),
            )
        there = block_by_number(node, header.number)
        if there.hash != self._hash:
            raise Invalid(
                "ledger_block_off_chain",
                f"the node's chain has another block at height {header.number} than the pinned one",
                step=_STEP,
                hint="The pinned block was dropped by a reorganisation, or the node lies: pin one "
                "that is final, or ask another node.",
                value="0x" + there.hash.hex(),
            )
        return header


def block_by_number(node: Node, block: Finality | int) -> Header:
    """The header of a block in the node's own chain, by its height or as the newest of a finality.

    Raises:
        Unavailable: ``ledger_unreachable``, also where the node does not have it;
            ``ledger_node_error``.
        Invalid: ``ledger_malformed_answer``, ``ledger_forged_header``. Both name the node.
    """
    try:
        return _block_by_number(node, block)
    except (Invalid, Unavailable) as error:
        raise blame(error, node) from error.__cause__


def _block_by_number(node: Node, block: Finality | int) -> Header:
    by_height = isinstance(block, int)
    asked = hex(block) if isinstance(block, int) else block.value
    answer = node.call("eth_getBlockByNumber", asked, False)
    if answer is None:
        raise Unavailable(
            "ledger_unreachable",
            f"the node has no block {block}" if by_height else f"the node has no {block} block yet",
            step=_STEP,
            hint="Wait until the node is in step with its chain.",
        )
    header = read_header(answer)
    if by_height and header.number != block:
        raise malformed("the block", "is not the one of the height asked for", header.number)
    return header
