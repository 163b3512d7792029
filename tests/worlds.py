"""Ledgers whose blocks a test makes and drops, each with a reader beside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account
from operations import batch

from did.identifier import Did
from did.resolution import Resolution
from ledger.embedded.store import EmbeddedLedger
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode
from ledger.ethereum.deploy import deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.index import Index
from ledger.log import Ledger, Receipt
from ledger.operations import Operation
from ledger.reader import LogReader


@dataclass(frozen=True)
class World:
    """A ledger whose blocks the test makes and drops.

    Final is what has ``FINALITY_DEPTH`` blocks on top, safe what has one. After ``reorg`` others
    stand in the place of the newest blocks, empty, and later than these.
    """

    ledger: Ledger
    mine: Callable[[int], None]
    reorg: Callable[[int], None]
    include: Callable[[], None]
    reader: LogReader
    index: Index

    def append(self, *operations: Operation) -> Receipt:
        """Put a batch into the next block."""
        return self.append_bytes(batch(*operations))

    def append_bytes(self, data: bytes) -> Receipt:
        submission = self.ledger.prepare(data)
        self.ledger.submit(submission)
        self.include()
        receipt = self.ledger.receipt(submission)
        assert receipt is not None
        return receipt

    def settle(self) -> None:
        """Make all that is there final."""
        self.mine(FINALITY_DEPTH)

    def resolve(self, did: Did, at: str | None = None) -> Resolution:
        return self.reader.resolve(did, at=at)


@contextmanager
def embedded_world(folder: Path) -> Iterator[World]:
    directory = folder / "ledger"
    with (
        EmbeddedLedger(directory, final_depth=FINALITY_DEPTH, safe_depth=1) as ledger,
        Index.open(folder / "index.sqlite", ledger.log_id) as index,
        LogReader(ledger, index) as reader,
    ):

        def reorg(depth: int) -> None:
            ledger.reorg(depth)
            ledger.mine(1)

        yield World(ledger, ledger.mine, reorg, lambda: None, reader, index)


@contextmanager
def ethereum_world(anvil: AnvilNode, folder: Path) -> Iterator[World]:
    sender = Account.create()
    anvil.fund(sender.address)
    deployed = deploy(anvil.node, sender, pause=anvil.mine)
    anvil.mine(FINALITY_DEPTH)
    ledger = EthereumLedger(
        anvil.node, deployed.pin, sender=sender, first_block=deployed.block_number
    )
    with (
        Index.open(folder / "index.sqlite", ledger.log_id) as index,
        LogReader(ledger, index) as reader,
    ):

        def reorg(depth: int) -> None:
            # anvil sets its clock back to the block that it goes on from; a chain's goes on.
            time = ledger.heads().latest.time
            anvil.reorg(depth)
            anvil.node.call("evm_setNextBlockTimestamp", time + 1)
            anvil.mine()

        yield World(ledger, anvil.mine, reorg, anvil.mine, reader, index)
