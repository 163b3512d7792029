"""Logs written to a real Ethereum node, and read again by who trusts one block hash."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from eth_account import Account

from bench.local import LocalLog, keep
from ledger.chain import LogEntry
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment, deploy
from ledger.ethereum.header import read_header
from ledger.ethereum.headers import PinnedHeader
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.source import EthereumLog

_ETHER: Final = 10**21  # wei; a thousand
_APPENDS_PER_BLOCK: Final = 4  # of 2,000 creates each: two thirds of a block's gas


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
        headers=PinnedHeader(Nodes([anvil.node]), block_hash),
        first_block=deployed.block_number,
    )
    heads = source.heads()

    def entries() -> Iterator[LogEntry]:
        for entry in source.entries(1, heads.latest.sequence):
            progress(1)
            yield entry

    keep(path, entries())
    return LocalLog(path, source.log_id, heads)
