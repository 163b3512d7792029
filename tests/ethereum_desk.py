"""A registrar on a log on a real node, whose rounds, and blocks, happen when a test wants them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount
from registrar_support import Clock

from did.errors import KeybornError
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.ledger import EthereumLedger
from ledger.index import Index
from ledger.operations import Create, Operation, decode_batch, operation_hash
from ledger.reader import LogReader
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import State
from ledger.registrar.outbox import Outbox
from ledger.registrar.registrar import Registrar

PATIENCE = 60.0
EAGER = Batching(count=10_000, delay=0.0, poll=0.01, patience=PATIENCE)


@dataclass
class Desk:
    """A registrar on a log of its own, whose process can be ended and begun again."""

    anvil: AnvilNode
    ledger: EthereumLedger
    sender: LocalAccount
    folder: Path
    batching: Batching = EAGER
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.index = Index.open(self.folder / "index.sqlite", self.ledger.log_id)
        self.reader = LogReader(self.ledger, self.index)
        self.outbox = Outbox.open(self.folder / "outbox.sqlite")
        self.registrar = Registrar(
            ledger=self.ledger,
            reader=self.reader,
            index=self.index,
            outbox=self.outbox,
            batching=self.batching,
            clock=self.clock,
        )

    def stop(self) -> None:
        self.outbox.close()
        self.index.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def state(self, operation: Operation) -> State:
        return self.registrar.status(operation.id).state

    def trouble(self) -> str:
        """The code of what a round fails with."""
        with pytest.raises(KeybornError) as raised:
            self.registrar.round()
        return raised.value.code

    def settle(self, blocks: int = 1) -> None:
        """Rounds until nothing is to do, with so many blocks after each."""
        for _ in range(8):
            if self.registrar.round() is None:
                return
            self.anvil.mine(blocks)
        raise AssertionError("it does not come to rest")

    def attempts(self) -> list[bytes]:
        return [
            attempt
            for submission in self.outbox.unsettled()
            for attempt in self.outbox.attempts(submission)
        ]

    def pool(self) -> set[str]:
        """Hashes of what waits of this sender."""
        content = self.anvil.node.call("txpool_content")
        assert isinstance(content, dict)
        return {
            each["hash"]
            for part in content.values()
            for address, waiting in part.items()
            if address.lower() == self.sender.address.lower()
            for each in waiting.values()
        }

    def on_log(self) -> list[Operation]:
        entries = self.ledger.entries(1, self.ledger.heads().latest.sequence)
        return [o for entry in entries for o in decode_batch(entry.batch).operations]

    def reorg(self, depth: int) -> None:
        """Drop the newest blocks; others stand in their place, and later, as on any chain."""
        time = self.ledger.heads().latest.time
        self.anvil.reorg(depth)
        self.anvil.node.call("evm_setNextBlockTimestamp", time + 1)
        self.anvil.mine()

    def price(self, base: int) -> None:
        """Have the next block cost so much, and mine it."""
        self.anvil.node.call("anvil_setNextBlockBaseFeePerGas", hex(base))
        self.anvil.mine()

    def accept(self, operations: Sequence[Operation]) -> None:
        """Put them into the queue, in one transaction."""
        with self.outbox.accepting() as acceptance:
            for each in operations:
                prev = None if isinstance(each, Create) else each.id
                hash_ = operation_hash(each, log_id=self.ledger.log_id, prev=prev)
                acceptance.take(each, hash_=hash_, prev=prev, at=self.clock())
