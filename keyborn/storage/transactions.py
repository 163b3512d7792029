"""Transactions that read, and transactions that write.

``engine.begin()`` is a transaction that writes, ``reading(engine)`` one that reads: it sees the
database at one moment, waits for nobody and writes nothing. What is begun, and what comes of an
error, is each database's own (``keyborn.storage.sqlite``, ``keyborn.storage.postgresql``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import IntegrityError

from did.errors import Unavailable

TRIES: Final = 5  # of what others get in the way of

_READING: Final = "keyborn_reading"  # execution option of a connection

_T = TypeVar("_T")
_Rows = TypeVar("_Rows", bound=Select[Any])


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose statements all see the database at one moment; nothing is written."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READING: True})


def only_reads(connection: Connection) -> bool:
    """Whether it is one of ``reading``."""
    return bool(connection.get_execution_options().get(_READING))


def locking(connection: Connection, query: _Rows) -> _Rows:
    """``query``, so that what it finds stays as it is until the transaction ends, if that writes.

    On PostgreSQL other processes write at the same time; who wants the same rows waits. Rows are
    to be ordered by their key, so that no two wait for each other. On SQLite writers are alone.
    """
    return query if only_reads(connection) else query.with_for_update()


def perform(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    """What ``work`` returns, in a transaction that writes, durable on return.

    Where somebody else was quicker with what happens once (``IntegrityError``), or got in the way,
    nothing is written, and it is called again, to go by what there is then.

    Raises:
        Unavailable: ``store_busy``: others were quicker time and again; or as the database has it.
        Exception: What ``work`` raises.
    """
    for _ in range(TRIES):
        try:
            with engine.begin() as connection:
                return work(connection)
        except (IntegrityError, ContendedError):
            continue
    raise ContendedError("others keep changing what this request is about")


class ContendedError(Unavailable):
    """Two transactions waited for each other, and this one was given up; done again, it may be."""

    def __init__(self, message: str) -> None:
        super().__init__("store_busy", message, retry_after=1, hint="repeat it")
