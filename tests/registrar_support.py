"""A registrar over an embedded ledger, that can be cut off and opened again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from actors import NOW, Actor

from did.errors import Invalid
from did.keys import PublicKey, SigningKey
from ledger.chain import LogEntry
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.log import Heads, Ledger, Receipt
from ledger.operations import (
    Batch,
    Create,
    Operation,
    Update,
    decode_batch,
    encode_batch,
    sign_update,
)
from ledger.reader import LogReader
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import OperationStatus, State
from ledger.registrar.outbox import Outbox
from ledger.registrar.registrar import Registrar

if TYPE_CHECKING:
    from did.errors import KeybornError

FINAL_DEPTH = 2
PATIENT = Batching(count=4, delay=10.0, poll=0.01)
EAGER = Batching(count=2_000, delay=0.0, poll=0.01)


@dataclass
class Clock:
    """A time that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> int:
        return int(self.now.timestamp())

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Moody:
    """A ledger that fails as it is told to. Implements ``ledger.log.Ledger``."""

    def __init__(self, ledger: EmbeddedLedger) -> None:
        self._ledger = ledger
        self.fails: dict[str, KeybornError] = {}
        self.submitted: list[bytes] = []
        self.lost: set[bytes] = set()  # never gets into a block
        self.asked = 0  # how often for a receipt
        self.claimed: Receipt | None = None  # told instead of any receipt
        self.room = 2_000  # operations in a batch
        self.too_much = "ledger_gas_limit"
        self.unclear: dict[bytes, KeybornError] = {}  # by submission, told instead of its receipt
        self.after: bytes | None = None  # what was prepared last goes behind this
        self.replacement: Callable[[bytes], bytes | None] | None = None

    @property
    def log_id(self) -> bytes:
        return self._ledger.log_id

    def heads(self) -> Heads:
        self._may("heads")
        return self._ledger.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        return self._ledger.entries(start, stop)

    def prepare(self, batch: bytes, *, after: bytes | None = None) -> bytes:
        self._may("prepare")
        if len(decode_batch(batch).operations) > self.room:
            raise Invalid(self.too_much, "too much")
        self.after = after
        return self._ledger.prepare(batch, after=after)

    def replace(self, submission: bytes) -> bytes | None:
        self._may("replace")
        return self.replacement and self.replacement(submission)

    def submit(self, submission: bytes) -> None:
        self._may("submit")
        self.submitted.append(submission)
        if submission not in self.lost:
            self._ledger.submit(submission)

    def receipt(self, submission: bytes) -> Receipt | None:
        self._may("receipt")
        self.asked += 1
        if submission in self.unclear:
            raise self.unclear[submission]
        return self.claimed or self._ledger.receipt(submission)

    def _may(self, what: str) -> None:
        if what in self.fails:
            raise self.fails[what]


class Site:
    """A directory with an embedded ledger and a registrar."""

    def __init__(self, directory: Path, batching: Batching = EAGER) -> None:
        self.directory = directory
        self.clock = Clock()
        self.batching = batching
        self._open = ExitStack()
        self.start()

    def start(self) -> None:
        """Open everything, as after a restart."""
        self.ledger = self._open.enter_context(
            EmbeddedLedger(
                self.directory / "log",
                final_depth=FINAL_DEPTH,
                safe_depth=1,
                clock=self.clock.seconds,
            )
        )
        self.moody = Moody(self.ledger)
        self.index = Index.open(self.directory / "index.sqlite", self.ledger.log_id)
        self.reader = self._open.enter_context(LogReader(self.moody, self.index))
        self.outbox = Outbox.open(self.directory / "outbox.sqlite")
        self._open.callback(self.outbox.close)
        self.registrar = self.make(self.moody)

    def make(self, ledger: Ledger) -> Registrar:
        return Registrar(
            ledger=ledger,
            reader=self.reader,
            index=self.index,
            outbox=self.outbox,
            batching=self.batching,
            clock=self.clock,
        )

    def stop(self) -> None:
        self._open.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def settle(self) -> None:
        """Rounds until nothing is to do, with blocks to make things final."""
        for _ in range(8):
            if self.registrar.round() is None:
                return
            self.ledger.mine()
        raise AssertionError("it does not come to rest")

    def append(self, *operations: Operation) -> None:
        """Put a batch on the log behind the registrar's back."""
        self.ledger.submit(self.ledger.prepare(encode_batch(batch(*operations))))

    def on_log(self) -> list[Operation]:
        """Every operation on the log, with or without effect."""
        entries = self.ledger.entries(1, self.ledger.heads().latest.sequence)
        return [o for entry in entries for o in decode_batch(entry.batch).operations]

    def receipt(self, operation: bytes) -> Receipt:
        """Where the index has the effect of an operation."""
        with self.index.reading() as view:
            (found,) = [
                version
                for entry in self.on_log()
                for version in view.versions(entry.id)
                if version.state.operation == operation
            ][:1]
        return Receipt(found.sequence, found.block_number, found.time)

    def state(self, status: OperationStatus) -> State:
        return self.registrar.status(status.operation).state


def batch(*operations: Operation) -> Batch:
    return Batch(
        tuple(o for o in operations if isinstance(o, Create)),
        tuple(o for o in operations if isinstance(o, Update)),
    )


def create(who: Actor) -> Create:
    genesis = who.did.genesis
    assert genesis is not None
    return Create(genesis)


def rotation(
    who: Actor,
    log_id: bytes,
    *,
    by: SigningKey | None = None,
    prev: bytes | None = None,
    to: PublicKey | None = None,
) -> Update:
    """The first rotation of ``who`` (to None: its deactivation)."""
    return sign_update(
        by or who.next_key, log_id=log_id, id_=who.did.id, prev=prev or who.did.id, next_key=to
    )


class Inline:
    """A registrar whose rounds happen when it is spoken to. Implements ``Relay``."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar
        self.stalled = False
        self.submitted: list[Operation] = []

    def submit(self, operation: Operation) -> OperationStatus:
        status = self._registrar.submit(operation)
        self.submitted.append(operation)
        if not self.stalled:
            self._registrar.round()
        return status

    def status(self, operation: bytes) -> OperationStatus:
        return self._registrar.status(operation)
