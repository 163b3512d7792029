"""The tables of the outbox, and what a row of them is.

A submission has attempts: the bytes that were prepared, and those that were to take their place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
)

from keyborn.storage import Integer64, StoreKind
from ledger.log import Receipt
from ledger.operations import Operation, decode_batch
from ledger.registrar.messages import State

States = Mapping[int, State]  # by id of the operation

METADATA: Final = MetaData()

SUBMISSIONS: Final = Table(
    "submissions",
    METADATA,
    Column("id", Integer64, primary_key=True),  # in the order in which they were prepared
    Column("state", String, nullable=False, index=True),
    Column("since", Integer64, nullable=False),  # microseconds since 1970
    Column("sequence", Integer64),
    Column("block_number", Integer64),
    Column("block_time", Integer64),
    Column("transaction", String),
    Column("gas", Integer64),
    Column("gas_price", Integer64),  # wei
    sqlite_autoincrement=True,
)

ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    Column("id", Integer64, primary_key=True),  # in the order in which they were made
    Column("submission", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("payload", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

OPERATIONS: Final = Table(
    "operations",
    METADATA,
    Column("id", Integer64, primary_key=True),  # in the order in which they were accepted
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("did", LargeBinary, nullable=False),
    Column("prev", LargeBinary),  # of an update: the operation that it follows
    Column("content", LargeBinary, nullable=False),  # a batch of this operation alone
    Column("accepted", Integer64, nullable=False),  # microseconds since 1970
    Column("state", String, nullable=False),
    Column("submission", ForeignKey("submissions.id")),
    Index("operations_by_did", "did", "state"),
    Index("operations_by_state", "state", "id"),
    Index("operations_by_submission", "submission"),
    sqlite_autoincrement=True,
)

KIND: Final = StoreKind("registrar", METADATA, "ledger.registrar.migrations", former=2)


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
        accepted = moment(row.accepted)
        state = State(row.state)
        return cls(row.id, row.hash, row.prev, operation, accepted, state, row.submission)


@dataclass(frozen=True, slots=True)
class Submission:
    """Where what ``Ledger.prepare`` made stood when last looked at.

    Attributes:
        id: Its place among the submissions.
        passage: How far it has come.
        since: When its newest attempt was made, or when it came to be in no block any more.
        receipt: Where it stands, if it is in a block.
    """

    id: int
    passage: Passage
    since: datetime
    receipt: Receipt | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """From a row of the table."""
        receipt = None
        if row.sequence is not None:
            receipt = Receipt(
                row.sequence,
                row.block_number,
                row.block_time,
                row.transaction,
                row.gas,
                row.gas_price,
            )
        return cls(row.id, Passage(row.state), moment(row.since), receipt)


def microseconds(at: datetime) -> int:
    """``at`` as it is kept: microseconds since 1970."""
    return int(at.timestamp() * 1_000_000)


def moment(kept: int) -> datetime:
    """What was kept by ``microseconds``."""
    return datetime.fromtimestamp(kept / 1_000_000, UTC)
