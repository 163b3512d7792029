"""What appending to ``DidLog`` takes: real operations in real transactions, and replayed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from eth_account import Account

from did.errors import Invalid
from did.identifier import Genesis
from did.keys import SigningKey
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode
from ledger.ethereum.deploy import Deployment, deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.source import EthereumLog
from ledger.index import Index
from ledger.operations import Batch, Create, Operation, encode_batch, operation_hash, sign_update
from ledger.reader import LogReader

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

CREATES: Final = 2_000
UPDATES: Final = 700


@dataclass(frozen=True, slots=True)
class Appends:
    """Gas of whole transactions, and how many operations the larger ones hold.

    All of those took effect: a reader found them so, at a finalised head.

    Attributes:
        creates: How many creates the transaction behind ``many_creates`` holds.
        updates: How many updates those behind ``rotations`` and ``deactivations`` hold, each.
        deployment: The contract.
        first: One create, the first append to the log.
        alone: One create, later.
        many_creates: ``creates`` of them.
        rotations: ``updates`` of them, of as many of these DIDs.
        deactivations: As many of the same DIDs, by the key that the rotation committed to.
    """

    creates: int
    updates: int
    deployment: int
    first: int
    alone: int
    many_creates: int
    rotations: int
    deactivations: int


@dataclass(slots=True)
class Device:
    """A DID with the three keys that it needs here, and the hash of its newest operation."""

    keys: tuple[SigningKey, SigningKey, SigningKey]
    genesis: Genesis
    newest: bytes

    @classmethod
    def born(cls) -> Self:
        """A new one, on no log yet."""
        keys = (SigningKey.generate(), SigningKey.generate(), SigningKey.generate())
        genesis = Genesis.of(keys[0].public_key(), keys[1].public_key())
        return cls(keys, genesis, genesis.id)

    def rotated(self, log_id: bytes) -> Operation:
        """Its rotation, the first update."""
        return self._update(self.keys[1], self.keys[2], log_id)

    def deactivated(self, log_id: bytes) -> Operation:
        """Its deactivation, the second."""
        return self._update(self.keys[2], None, log_id)

    def _update(self, signer: SigningKey, following: SigningKey | None, log_id: bytes) -> Operation:
        update = sign_update(
            signer,
            log_id=log_id,
            id_=self.genesis.id,
            prev=self.newest,
            next_key=None if following is None else following.public_key(),
        )
        self.newest = operation_hash(update, log_id=log_id, prev=self.newest)
        return update


def measure_appends(chain: AnvilNode, *, creates: int = CREATES, updates: int = UPDATES) -> Appends:
    """Deploy a log, append to it, and replay it.

    Args:
        chain: Where; a devnet that mines when it is told to.
        creates: How many creates go into one transaction.
        updates: How many rotations, and deactivations, do; at most ``creates``.

    Raises:
        Invalid: ``bench_without_effect`` where the reader does not find all operations effective.
        KeybornError: As the ledger and the reader raise.
    """
    writer = Writer(chain)
    first, alone = Device.born(), Device.born()
    devices = [Device.born() for _ in range(creates)]
    some = devices[:updates]
    log_id = writer.ledger.log_id
    measured = Appends(
        creates=creates,
        updates=updates,
        deployment=writer.deployment.gas,
        first=writer.append([Create(first.genesis)]),
        alone=writer.append([Create(alone.genesis)]),
        many_creates=writer.append(Create(device.genesis) for device in devices),
        rotations=writer.append(device.rotated(log_id) for device in some),
        deactivations=writer.append(device.deactivated(log_id) for device in some),
    )
    chain.mine(FINALITY_DEPTH + 1)
    check([first, alone, *devices[updates:]], some, chain, writer.deployment)
    return measured


class Writer:
    """A new log, and who pays for what is appended to it."""

    def __init__(self, chain: AnvilNode) -> None:
        sender: LocalAccount = Account.create()
        chain.fund(sender.address)
        self._chain = chain
        self.deployment = deploy(chain.node, sender, pause=chain.mine)
        self.ledger = EthereumLedger(
            chain.node,
            self.deployment.pin,
            sender=sender,
            first_block=self.deployment.block_number,
        )

    def append(self, operations: Iterable[Operation]) -> int:
        """Gas of one transaction with these operations, all creates or all updates."""
        every = tuple(operations)
        batch = Batch(
            creates=tuple(each for each in every if isinstance(each, Create)),
            updates=tuple(each for each in every if not isinstance(each, Create)),
        )
        submission = self.ledger.prepare(encode_batch(batch))
        self.ledger.submit(submission)
        self._chain.mine()
        receipt = self.ledger.receipt(submission)
        if receipt is None or receipt.gas is None:
            raise _without_effect("an append stands in no block")
        return receipt.gas


def check(
    created: list[Device], ended: list[Device], chain: AnvilNode, deployment: Deployment
) -> None:
    """Replay the log from nothing but the pin: each DID stands where its operations lead.

    Args:
        created: DIDs that were created, and no more.
        ended: DIDs that were created, rotated and deactivated.
        chain: Where they are.
        deployment: Of their log.

    Raises:
        Invalid: ``bench_without_effect``.
        KeybornError: As the reader raises.
    """
    source = EthereumLog(chain.node, deployment.pin, first_block=deployment.block_number)
    with LogReader(source, Index.temporary(source.log_id)) as reader:
        heads = reader.sync()
        if heads.finalized.head != heads.latest.head:
            raise _without_effect("not all of it is final")
        for devices, number in ((created, 0), (ended, 2)):
            for device in devices:
                state = reader.state(device.genesis.id)
                if state is None or (state.number, state.operation) != (number, device.newest):
                    raise _without_effect("an operation had no effect")
                if (state.key is None) != (number > 0):
                    raise _without_effect("a deactivation had no effect")


def _without_effect(what: str) -> Invalid:
    return Invalid("bench_without_effect", what, step="check what was measured")
