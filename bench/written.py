"""Logs written to a real Ethereum node, and read again by who trusts one block hash."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account

from bench.local import LocalLog, keep
from did.errors import Invalid
from did.resolution import Finality
from ledger.chain import LogEntry
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment, deploy
from ledger.ethereum.header import Header, read_header
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node
from ledger.ethereum.source import EthereumLog

_ETHER: Final = 10**21  # wei; a thousand
_APPENDS_PER_BLOCK: Final = 4  # of 2,000 creates each: two thirds of a block's gas


@dataclass(frozen=True, slots=True)
class PinnedHeader:
    """The header of one block, whose hash is all that is trusted. Implements ``HeaderSource``.

    Attributes:
        node: Gives the header; not believed.
        block_hash: What the header must hash to, 32 bytes.
    """

    node: Node
    block_hash: bytes

    def header(self, finality: Finality) -> Header:  # noqa: ARG002 - a block that is pinned is final
        """The header, whatever the finality."""
        answer = self.node.call("eth_getBlockByHash", "0x" + self.block_hash.hex(), False)
        header = read_header(answer)
        if header.hash != self.block_hash:
            raise Invalid("bench_wrong_block", "the node gives another block than the pinned one")
        return header


def start_log(anvil: AnvilNode) -> tuple[Deployment, EthereumLedger]:
    """A new log, and who writes it."""
    sender = Account.create()
    anvil.fund(sender.address, _ETHER)
    deployed = deploy(anvil.node, sender, pause=anvil.mine)
    return deployed, EthereumLedger(
        anvil.node, deployed.pin, sender=sender, first_block=deployed.block_number
    )


def write_log(
    anvil: AnvilNode,
    ledger: EthereumLedger,
    batches: Iterable[bytes],
    progress: Callable[[int], object],
) -> bytes:
    """Append each batch in a transaction of its own; the hash of the newest block, 32 bytes."""
    waiting = 0
    for batch in batches:
        ledger.submit(ledger.prepare(batch))
        waiting += 1
        if waiting == _APPENDS_PER_BLOCK:
            anvil.mine()
            waiting = 0
        progress(1)
    anvil.mine()
    newest = read_header(anvil.node.call("eth_getBlockByNumber", "latest", False))
    return newest.hash


def fetch_log(
    anvil: AnvilNode,
    deployed: Deployment,
    block_hash: bytes,
    path: Path,
    progress: Callable[[int], object],
) -> LocalLog:
    """The log as it stood at the block with this hash: its heads proven, its entries in a file.

    The entries are not checked here: who replays them does that.
    """
    source = EthereumLog(
        anvil.node,
        deployed.pin,
        headers=PinnedHeader(anvil.node, block_hash),
        first_block=deployed.block_number,
    )
    heads = source.heads()

    def entries() -> Iterator[LogEntry]:
        for entry in source.entries(1, heads.latest.sequence):
            progress(1)
            yield entry

    keep(path, entries())
    return LocalLog(path, source.log_id, heads)
