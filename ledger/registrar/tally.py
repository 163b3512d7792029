"""How much there is of everything in the outbox, for those who watch it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Float, cast, func, select

from ledger.registrar.messages import State
from ledger.registrar.outbox_tables import (
    ATTEMPTS,
    OPERATIONS,
    SUBMISSIONS,
    Passage,
    moment,
)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the outbox holds at one moment.

    Attributes:
        operations: How many there are in each state.
        submissions: How many there are in each passage.
        oldest: When the oldest operation that waits for a submission was accepted.
        replaced: How many attempts were made to take the place of another.
        gas: What all that is in blocks used.
        wei: What that cost.
    """

    operations: Mapping[State, int]
    submissions: Mapping[Passage, int]
    oldest: datetime | None
    replaced: int
    gas: int
    wei: float


def read_tally(connection: Connection) -> Tally:
    """The tally of the database behind ``connection``, which sees one moment of it."""
    states = connection.execute(
        select(OPERATIONS.c.state, func.count()).group_by(OPERATIONS.c.state)
    )
    passages = connection.execute(
        select(SUBMISSIONS.c.state, func.count()).group_by(SUBMISSIONS.c.state)
    )
    operations = dict.fromkeys(State, 0) | {State(name): n for name, n in states}
    submissions = dict.fromkeys(Passage, 0) | {Passage(name): n for name, n in passages}
    oldest = connection.execute(
        select(OPERATIONS.c.accepted)
        .where(OPERATIONS.c.state == State.QUEUED)
        .order_by(OPERATIONS.c.id)
        .limit(1)
    ).scalar_one_or_none()
    attempts = connection.execute(select(func.count()).select_from(ATTEMPTS)).scalar_one()
    # As floats: the wei of a long life are more than an integer of SQLite holds.
    paid = cast(SUBMISSIONS.c.gas, Float) * SUBMISSIONS.c.gas_price
    gas, wei = connection.execute(
        select(func.sum(SUBMISSIONS.c.gas), func.sum(paid)).where(SUBMISSIONS.c.gas.is_not(None))
    ).one()
    return Tally(
        operations=operations,
        submissions=submissions,
        oldest=None if oldest is None else moment(oldest),
        replaced=attempts - sum(submissions.values()),
        gas=int(gas or 0),
        wei=wei or 0.0,
    )
