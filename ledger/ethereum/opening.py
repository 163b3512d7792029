"""A log on Ethereum, put together from addresses and a pin."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ledger.ethereum.headers import HeaderSource, NodeHeaders, PinnedHeader
from ledger.ethereum.node import TIMEOUT, Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.quorum_headers import QuorumHeaders
from ledger.ethereum.source import EthereumLog
from ledger.log import SourceWarning


@dataclass(frozen=True, slots=True)
class OpenLog:
    """A log that can be read.

    Attributes:
        log: The log.
        headers: Whose word it is what the chain is.
    """

    log: EthereumLog
    headers: HeaderSource

    def warnings(self) -> tuple[SourceWarning, ...]:
        """What is wrong with a node, though the others serve. Waits for answers that are due."""
        if isinstance(self.headers, QuorumHeaders):
            self.headers.settle()
        return self.log.warnings()


def open_log(
    urls: Sequence[str],
    pin: EthereumPin,
    opened: ExitStack,
    *,
    quorum: int,
    first_block: int = 0,
    block_hash: bytes | None = None,
    timeout: float = TIMEOUT,
) -> OpenLog:
    """The log behind ``pin``.

    Args:
        urls: Of its nodes, each of another host or port.
        pin: What must hold.
        opened: Closes the connections.
        quorum: How many of the nodes must show a block before it is believed.
        first_block: As for ``EthereumLog``.
        block_hash: The one block, 32 bytes, that is believed instead; None: what a quorum has.
        timeout: Seconds in which a node must have answered.

    Raises:
        Invalid: ``ledger_bad_url``.
    """
    nodes = [opened.enter_context(Node(url, timeout=timeout)) for url in urls]
    several = Nodes(nodes)
    headers: HeaderSource
    if block_hash is not None:
        headers = PinnedHeader(several, block_hash)
    elif len(nodes) == 1:
        headers = NodeHeaders(nodes[0])
    else:
        agreeing = QuorumHeaders(several, quorum)
        opened.callback(agreeing.close)
        headers = agreeing
    return OpenLog(EthereumLog(several, pin, headers=headers, first_block=first_block), headers)
