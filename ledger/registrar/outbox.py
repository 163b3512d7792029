"""What the registrar acknowledged and what it prepared, so that neither is ever lost or doubled.

::

    operation   queued --> sent --> on_log --> finalized
                  ^  |       |        |
                  |  |       |        v
                  +--|-------+<-------+ (reorganised, or its submission died)
                     +--> void <--+ (sent: another operation was first, and that is final)

    submission  open --> landed --> settled
                 ^  |      |
                 |  v      v
                 | dead    open (reorganised)

A submission's bytes are stored, with the operations that are in it, before it is sent for the
first time. Every transition is one transaction.

Threat model: who can modify the file can drop operations and say wrong things of them; forge one
they cannot. It holds no secrets.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)

from keyborn.storage import open_database, reading
from ledger.log import Receipt
from ledger.operations import Batch, Create, Operation, decode_batch, encode_batch
from ledger.registrar.messages import State

VERSION: Final = 1

States = Mapping[int, State]  # by id of the operation

_metadata: Final = MetaData()

_submissions: Final = Table(
    "submissions",
    _metadata,
    Column("id", Integer, primary_key=True),  # in the order in which they were prepared
    Column("payload", LargeBinary, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("sequence", Integer),
    Column("block_number", Integer),
    Column("block_time", Integer),
    Column("transaction", String),
    Column("gas", Integer),
    sqlite_autoincrement=True,
)

_operations: Final = Table(
    "operations",
    _metadata,
    Column("id", Integer, primary_key=True),  # in the order in which they were accepted
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("did", LargeBinary, nullable=False),
    Column("prev", LargeBinary),  # of an update: the operation that it follows
    Column("content", LargeBinary, nullable=False),  # a batch of this operation alone
    Column("accepted", Integer, nullable=False),  # microseconds since 1970
    Column("state", String, nullable=False),
    Column("submission", ForeignKey("submissions.id")),
    Index("operations_by_did", "did", "state"),
    Index("operations_by_state", "state", "id"),
    Index("operations_by_submission", "submission"),
    sqlite_autoincrement=True,
)


_STANDING: Final = [column for column in _submissions.c if column.name != "payload"]


class Passage(StrEnum):
    """How far a submission has come."""

    OPEN = "open"  # may be on its way; to be repeated until it lands
    LANDED = "landed"  # in a block
    SETTLED = "settled"  # in a block that is final
    DEAD = "dead"  # can never land, or did nothing


@dataclass(frozen=True, slots=True)
class Accepted:
    """One operation of the outbox; ``id`` gives its place in the queue."""

    id: int
    hash: bytes
    prev: bytes | None
    operation: Operation
    accepted: datetime
    state: State
    submission: int | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """From a row of the table."""
        (operation,) = decode_batch(row.content).operations
        accepted = datetime.fromtimestamp(row.accepted / 1_000_000, UTC)
        state = State(row.state)
        return cls(row.id, row.hash, row.prev, operation, accepted, state, row.submission)


@dataclass(frozen=True, slots=True)
class Submission:
    """Where what ``Ledger.prepare`` made stood when last looked at; ``payload`` has its bytes."""

    id: int
    passage: Passage
    receipt: Receipt | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """From a row of the table."""
        receipt = None
        if row.sequence is not None:
            receipt = Receipt(
                row.sequence, row.block_number, row.block_time, row.transaction, row.gas
            )
        return cls(row.id, Passage(row.state), receipt)


class Outbox:
    """The registrar's database; safe for use by several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()

    @classmethod
    def open(cls, location: str | Path) -> Self:
        """The outbox at ``location``, a path or database URL; as ``keyborn.storage``."""
        return cls(open_database(location, _metadata, name="registrar", version=VERSION))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def find(self, hash_: bytes) -> Accepted | None:
        """The operation with this hash, if it was ever accepted."""
        with reading(self._engine) as connection:
            return _find(connection, hash_)

    def queued(self, limit: int) -> list[Accepted]:
        """The oldest operations that wait for a submission."""
        return self._operations(_operations.c.state == State.QUEUED, limit)

    def strays(self, limit: int) -> list[Accepted]:
        """Operations in effect by somebody else's submission, and not final yet."""
        return self._operations(
            (_operations.c.state == State.ON_LOG) & _operations.c.submission.is_(None), limit
        )

    def contents(self, submission: int) -> list[Accepted]:
        """The operations of a submission that are still to be settled."""
        return self._operations(
            (_operations.c.submission == submission)
            & _operations.c.state.in_((State.SENT, State.ON_LOG)),
            None,
        )

    def unsettled(self) -> list[Submission]:
        """The submissions that are open or landed, in the order in which they were prepared."""
        query = (
            select(*_STANDING)
            .where(_submissions.c.state.in_((Passage.OPEN, Passage.LANDED)))
            .order_by(_submissions.c.id)
        )
        with reading(self._engine) as connection:
            return [Submission.of(row) for row in connection.execute(query)]

    def submission(self, id_: int) -> Submission:
        """The submission ``id_``, which exists."""
        query = select(*_STANDING).where(_submissions.c.id == id_)
        with reading(self._engine) as connection:
            return Submission.of(connection.execute(query).one())

    def payload(self, submission: Submission) -> bytes:
        """The bytes of a submission, as they are submitted, again and again."""
        query = select(_submissions.c.payload).where(_submissions.c.id == submission.id)
        with reading(self._engine) as connection:
            payload = connection.execute(query).scalar_one()
        assert isinstance(payload, bytes)
        return payload

    @contextmanager
    def accepting(self) -> Iterator["Acceptance"]:
        """A transaction in which operations are judged and taken."""
        with self._writing() as connection:
            yield Acceptance(connection)

    def send(self, payload: bytes, contents: Sequence[Accepted]) -> Submission:
        """Keep a submission, and note that these operations are in it."""
        with self._writing() as connection:
            added = connection.execute(
                insert(_submissions).values(payload=payload, state=Passage.OPEN)
            )
            id_ = _new_id(added)
            _mark(connection, dict.fromkeys((each.id for each in contents), State.SENT), id_)
        return Submission(id_, Passage.OPEN, None)

    def follow(
        self, submission: Submission, passage: Passage, receipt: Receipt | None, states: States
    ) -> None:
        """Note where a submission stands, and what became of its operations."""
        with self._writing() as connection:
            connection.execute(
                update(_submissions)
                .where(_submissions.c.id == submission.id)
                .values(
                    state=passage,
                    sequence=receipt and receipt.sequence,
                    block_number=receipt and receipt.block_number,
                    block_time=receipt and receipt.block_time,
                    transaction=receipt and receipt.transaction,
                    gas=receipt and receipt.gas,
                )
            )
            _mark(connection, states, submission.id)

    def bury(self, submission: Submission, states: States) -> None:
        """Note that a submission can never land, and let go of its operations."""
        with self._writing() as connection:
            connection.execute(
                update(_submissions)
                .where(_submissions.c.id == submission.id)
                .values(state=Passage.DEAD)
            )
            _mark(connection, states, None)

    def mark(self, states: States) -> None:
        """Note what became of operations that are in no submission."""
        with self._writing() as connection:
            _mark(connection, states, None)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        # SQLite lets in one writer, and who comes in vain sleeps; threads here queue instead.
        with self._turn, self._engine.begin() as connection:
            yield connection

    def _operations(self, condition: ColumnElement[bool], limit: int | None) -> list[Accepted]:
        query = select(_operations).where(condition).order_by(_operations.c.id).limit(limit)
        with reading(self._engine) as connection:
            return [Accepted.of(row) for row in connection.execute(query)]


class Acceptance:
    """The outbox inside the transaction that takes operations; what it sees stays so."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, hash_: bytes) -> Accepted | None:
        """The operation with this hash, if it was ever accepted."""
        return _find(self._connection, hash_)

    def waiting(self, did: bytes) -> list[Accepted]:
        """The operations on this DID (32-byte id) that may still take effect, oldest first."""
        query = (
            select(_operations)
            .where(_operations.c.did == did)
            .where(_operations.c.state.in_((State.QUEUED, State.SENT, State.ON_LOG)))
            .order_by(_operations.c.id)
        )
        return [Accepted.of(row) for row in self._connection.execute(query)]

    def queue_length(self) -> int:
        """How many operations wait for a submission."""
        query = select(func.count()).where(_operations.c.state == State.QUEUED)
        return self._connection.execute(query).scalar_one()

    def take(
        self, operation: Operation, *, hash_: bytes, prev: bytes | None, at: datetime
    ) -> Accepted:
        """Put an operation at the end of the queue."""
        added = self._connection.execute(
            insert(_operations).values(
                hash=hash_,
                did=operation.id,
                prev=prev,
                content=encode_batch(_alone(operation)),
                accepted=int(at.timestamp() * 1_000_000),
                state=State.QUEUED,
            )
        )
        return Accepted(_new_id(added), hash_, prev, operation, at, State.QUEUED, None)


def _new_id(added: CursorResult[Any]) -> int:
    assert added.inserted_primary_key is not None
    (id_,) = added.inserted_primary_key
    assert isinstance(id_, int)
    return id_


def _find(connection: Connection, hash_: bytes) -> Accepted | None:
    row = connection.execute(select(_operations).where(_operations.c.hash == hash_)).one_or_none()
    return None if row is None else Accepted.of(row)


def _mark(connection: Connection, states: States, submission: int | None) -> None:
    if states:
        connection.execute(
            update(_operations)
            .where(_operations.c.id == bindparam("which"))
            .values(state=bindparam("now"), submission=submission),
            [{"which": id_, "now": state} for id_, state in states.items()],
        )


def _alone(operation: Operation) -> Batch:
    if isinstance(operation, Create):
        return Batch(creates=(operation,))
    return Batch(updates=(operation,))
