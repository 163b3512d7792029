"""Transactions that read, and transactions that write.

``engine.begin()`` is a transaction that writes, ``reading(engine)`` one that reads: it sees the
database at one moment, waits for nobody and writes nothing. What is begun, and what comes of an
error, is each database's own (``keyborn.storage.sqlite``, ``keyborn.storage.postgresql``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine

from did.errors import Unavailable

_READING: Final = "keyborn_reading"  # execution option of a connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose statements all see the database at one moment; nothing is written."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READING: True})


def only_reads(connection: Connection) -> bool:
    """Whether it is one of ``reading``."""
    return bool(connection.get_execution_options().get(_READING))


class ContendedError(Unavailable):
    """Two transactions waited for each other, and this one was given up; done again, it may be."""

    def __init__(self, message: str) -> None:
        super().__init__("store_busy", message, retry_after=1, hint="repeat it")
