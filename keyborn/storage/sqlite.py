"""A SQLite file: durable (write-ahead log, ``synchronous=FULL``), private, one writer at a time.

A transaction that writes takes the write lock at once (``BEGIN IMMEDIATE``), so that it fails, if
at all, before anything was done and not in the middle. SQLite lets who waits for the lock poll, and
the unlucky for seconds; so writers of one process queue here first, and are let in in their order.
"""

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from did.errors import KeybornError, Refused, Unavailable
from keyborn.storage.transactions import only_reads
from keyborn.storage.turns import Turns

BUSY_SECONDS: Final = 10  # for another writer to finish

_SYNCHRONOUS_FULL: Final = 2
_PRIMARY: Final = 0xFF  # SQLite's extended result codes hold the primary one in the low byte
_TURN: Final = "keyborn_turn"  # in a connection's ``info``: it has the turn


def file_engine(path: Path, *, foreign_keys: bool = True) -> Engine:
    """The database in the file ``path``, which is made, empty, if it is missing.

    Args:
        path: Of the file.
        foreign_keys: Whether each statement is checked for references to what is not there.

    Raises:
        Refused: ``store_not_durable``; this and the next from any use, not from here.
        Unavailable: ``store_busy``, ``store_corrupt`` or ``store_failed``.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS},
        max_overflow=-1,  # the threads that serve requests are the limit
        hide_parameters=True,  # an error is logged; what was stored may be a secret
    )
    turns = Turns()

    def begin(connection: Connection) -> None:
        if only_reads(connection):
            connection.exec_driver_sql("BEGIN")
            return
        if _TURN not in connection.info:
            if not turns.take(BUSY_SECONDS):
                raise _busy(str(path), "another request writes to the database, and does not end")
            connection.info[_TURN] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def end(_connection: object, record: ConnectionPoolEntry, *_error: object) -> None:
        if record.info.pop(_TURN, False):
            turns.end()

    def connect(connection: sqlite3.Connection, _record: object) -> None:
        _harden(connection)
        if foreign_keys:
            connection.execute("PRAGMA foreign_keys=ON")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", end)  # the transaction is over, and committed if it is to be
    event.listen(engine, "invalidate", end)
    event.listen(engine, "handle_error", _explain)
    return engine


def read_only_engine(path: Path) -> Engine:
    """The database in the file ``path`` as it stands, of which nothing is changed, also no mode.

    Where no write-ahead log is beside it nobody is at work on it, and none is made.

    Raises (from any use):
        Unavailable: As ``file_engine``.
    """
    idle = not path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if idle else ''}"
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS),
        poolclass=NullPool,
        hide_parameters=True,
    )
    event.listen(engine, "handle_error", _explain)
    return engine


def _harden(connection: sqlite3.Connection) -> None:
    """Set what durability rests on, and see that it holds."""
    connection.isolation_level = None  # transactions are begun above, not by the driver
    connection.execute("PRAGMA synchronous=FULL")
    (journal,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if journal != "wal" or synchronous != _SYNCHRONOUS_FULL:
        raise Refused(
            "store_not_durable",
            "what this database acknowledges might not survive a loss of power",
            value=f"journal_mode={journal} synchronous={synchronous}",
            hint="keep it on a local file system that supports SQLite's write-ahead log",
        )


def _explain(context: ExceptionContext) -> KeybornError | None:
    """Turn what is wrong with the file, not with the statement, into an error of our tree."""
    cause = context.original_exception
    path = None if context.engine is None else context.engine.url.database
    match getattr(cause, "sqlite_errorcode", 0) & _PRIMARY:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return _busy(path, "another process keeps the database locked")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Unavailable(
                "store_corrupt",
                f"the database file is damaged: {cause}",
                value=path,
                hint="restore it from a backup; do not delete what may still be recovered",
            )
        case (
            sqlite3.SQLITE_FULL
            | sqlite3.SQLITE_IOERR
            | sqlite3.SQLITE_READONLY
            | sqlite3.SQLITE_CANTOPEN
            | sqlite3.SQLITE_PERM
        ):
            return Unavailable(
                "store_failed",
                f"the database cannot be used: {cause}",
                value=path,
                hint="check the space left, and who may write to the file and its directory",
            )
        case _:
            return None


def _busy(path: str | None, message: str) -> Unavailable:
    return Unavailable(
        "store_busy",
        message,
        value=path,
        retry_after=1,
        hint="repeat it, once the other has ended",
    )
