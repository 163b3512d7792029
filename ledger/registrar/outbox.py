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
first time; so are those of each later attempt, which is to take the place of the one before it. Any
of a submission's attempts may land, so all are kept. Every transition is one transaction.

Threat model: who can modify the file can drop operations and say wrong things of them; forge one
they cannot. It holds no secrets.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    bindparam,
    func,
    insert,
    select,
    update,
)

from did.errors import KeybornError
from keyborn.storage import Sole, open_store, reading
from keyborn.storage.trials import trial
from ledger.log import Receipt
from ledger.operations import Batch, Create, Operation, encode_batch
from ledger.registrar.messages import State
from ledger.registrar.outbox_tables import (
    ATTEMPTS,
    KIND,
    OPERATIONS,
    SUBMISSIONS,
    Accepted,
    Passage,
    States,
    Submission,
    microseconds,
)
from ledger.registrar.tally import Tally, read_tally

_UNSETTLED: Final = (Passage.OPEN, Passage.LANDED)


class Outbox:
    """The registrar's database; safe for use by several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._trial = trial(engine, KIND)
        self._sole = Sole(engine, "registrar")
        self._turn = threading.Lock()

    @classmethod
    def open(cls, location: str | Path) -> Self:
        """The outbox at ``location``, a path or database URL; as ``keyborn.storage``.

        Raises:
            Conflict: ``store_in_use``: a registrar on PostgreSQL is one process.
        """
        outbox = cls(open_store(location, KIND))
        try:
            outbox._sole.ensure()
        except KeybornError:
            outbox.close()
            raise
        return outbox

    def check(self) -> None:
        """Return if it can be read and written; raises as ``keyborn.storage.trials``."""
        self._trial()

    def close(self) -> None:
        """Let go of the database."""
        self._sole.close()
        self._engine.dispose()

    def find(self, hash_: bytes) -> Accepted | None:
        """The operation with this hash, if it was ever accepted."""
        with reading(self._engine) as connection:
            return _find(connection, hash_)

    def queued(self, limit: int, *, after: int = 0) -> list[Accepted]:
        """The oldest operations that wait for a submission, of those behind the one ``after``."""
        waiting = (OPERATIONS.c.state == State.QUEUED) & (OPERATIONS.c.id > after)
        return self._operations(waiting, limit)

    def strays(self, limit: int) -> list[Accepted]:
        """Operations in effect by somebody else's submission, and not final yet."""
        return self._operations(
            (OPERATIONS.c.state == State.ON_LOG) & OPERATIONS.c.submission.is_(None), limit
        )

    def contents(self, submission: int) -> list[Accepted]:
        """The operations of a submission that are still to be settled."""
        return self._operations(
            (OPERATIONS.c.submission == submission)
            & OPERATIONS.c.state.in_((State.SENT, State.ON_LOG)),
            None,
        )

    def unsettled(self) -> list[Submission]:
        """The submissions that are open or landed, in the order in which they were prepared."""
        query = (
            select(SUBMISSIONS)
            .where(SUBMISSIONS.c.state.in_(_UNSETTLED))
            .order_by(SUBMISSIONS.c.id)
        )
        with reading(self._engine) as connection:
            return [Submission.of(row) for row in connection.execute(query)]

    def submission(self, id_: int) -> Submission:
        """The submission ``id_``, which exists."""
        query = select(SUBMISSIONS).where(SUBMISSIONS.c.id == id_)
        with reading(self._engine) as connection:
            return Submission.of(connection.execute(query).one())

    def attempts(self, submission: Submission) -> list[bytes]:
        """What was made for a submission, oldest first; the newest is submitted, over and over."""
        query = (
            select(ATTEMPTS.c.payload)
            .where(ATTEMPTS.c.submission == submission.id)
            .order_by(ATTEMPTS.c.id)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def tally(self) -> Tally:
        """How much there is of everything, at one moment."""
        with reading(self._engine) as connection:
            return read_tally(connection)

    @contextmanager
    def accepting(self) -> Iterator["Acceptance"]:
        """A transaction in which operations are judged and taken."""
        with self._writing() as connection:
            yield Acceptance(connection)

    def send(self, payload: bytes, contents: Sequence[Accepted], at: datetime) -> None:
        """Keep a submission with its first attempt, and note that these operations are in it."""
        with self._writing() as connection:
            added = connection.execute(
                insert(SUBMISSIONS).values(state=Passage.OPEN, since=microseconds(at))
            )
            id_ = _new_id(added)
            connection.execute(insert(ATTEMPTS).values(submission=id_, payload=payload))
            _mark(connection, dict.fromkeys((each.id for each in contents), State.SENT), id_)

    def replace(self, submission: Submission, payload: bytes, at: datetime) -> None:
        """Keep one more attempt of a submission."""
        with self._writing() as connection:
            connection.execute(insert(ATTEMPTS).values(submission=submission.id, payload=payload))
            connection.execute(
                update(SUBMISSIONS)
                .where(SUBMISSIONS.c.id == submission.id)
                .values(since=microseconds(at))
            )

    def follow(
        self,
        submission: Submission,
        passage: Passage,
        receipt: Receipt | None,
        states: States,
        at: datetime,
    ) -> None:
        """Note where a submission stands, and what became of its operations."""
        lost = passage is Passage.OPEN and submission.passage is not Passage.OPEN
        since = at if lost else submission.since
        with self._writing() as connection:
            connection.execute(
                update(SUBMISSIONS)
                .where(SUBMISSIONS.c.id == submission.id)
                .values(
                    state=passage,
                    since=microseconds(since),
                    sequence=receipt and receipt.sequence,
                    block_number=receipt and receipt.block_number,
                    block_time=receipt and receipt.block_time,
                    transaction=receipt and receipt.transaction,
                    gas=receipt and receipt.gas,
                    gas_price=receipt and receipt.gas_price,
                )
            )
            _mark(connection, states, submission.id)

    def bury(self, submission: Submission, states: States) -> None:
        """Note that a submission can never land, and let go of its operations."""
        with self._writing() as connection:
            connection.execute(
                update(SUBMISSIONS)
                .where(SUBMISSIONS.c.id == submission.id)
                .values(
                    state=Passage.DEAD,
                    **dict.fromkeys(
                        (
                            "sequence",
                            "block_number",
                            "block_time",
                            "transaction",
                            "gas",
                            "gas_price",
                        )
                    ),
                )
            )
            _mark(connection, states, None)

    def mark(self, states: States) -> None:
        """Note what became of operations that are in no submission."""
        with self._writing() as connection:
            _mark(connection, states, None)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn:  # of a connection, that of ``Sole``
            self._sole.ensure()
        with self._engine.begin() as connection:
            yield connection

    def _operations(self, condition: ColumnElement[bool], limit: int | None) -> list[Accepted]:
        query = select(OPERATIONS).where(condition).order_by(OPERATIONS.c.id).limit(limit)
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
            select(OPERATIONS)
            .where(OPERATIONS.c.did == did)
            .where(OPERATIONS.c.state.in_((State.QUEUED, State.SENT, State.ON_LOG)))
            .order_by(OPERATIONS.c.id)
        )
        return [Accepted.of(row) for row in self._connection.execute(query)]

    def queue_length(self) -> int:
        """How many operations wait for a submission."""
        query = select(func.count()).where(OPERATIONS.c.state == State.QUEUED)
        return self._connection.execute(query).scalar_one()

    def take(
        self, operation: Operation, *, hash_: bytes, prev: bytes | None, at: datetime
    ) -> Accepted:
        """Put an operation at the end of the queue."""
        added = self._connection.execute(
            insert(OPERATIONS).values(
                hash=hash_,
                did=operation.id,
                prev=prev,
                content=encode_batch(_alone(operation)),
                accepted=microseconds(at),
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
    row = connection.execute(select(OPERATIONS).where(OPERATIONS.c.hash == hash_)).one_or_none()
    return None if row is None else Accepted.of(row)


def _mark(connection: Connection, states: States, submission: int | None) -> None:
    if states:
        connection.execute(
            update(OPERATIONS)
            .where(OPERATIONS.c.id == bindparam("which"))
            .values(state=bindparam("now"), submission=submission),
            [{"which": id_, "now": state} for id_, state in states.items()],
        )


def _alone(operation: Operation) -> Batch:
    if isinstance(operation, Create):
        return Batch(creates=(operation,))
    return Batch(updates=(operation,))
