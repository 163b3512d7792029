"""Locks that all processes on one store share, and that end with the process that holds them.

Of PostgreSQL they are its advisory locks, named by text: who waits for one is let in in turn.
SQLite has one writer at a time, so there is nothing to be locked in a transaction; what is held for
longer is held by files beside it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, text

from did.errors import Conflict, KeybornError
from keyborn.files import locked, private_directory, shared
from keyborn.storage.locations import shown
from keyborn.storage.postgresql import SCHEMA
from keyborn.storage.transactions import reading

_FILES: Final = 64  # that names share, so that none has to be removed


def hold(connection: Connection, name: str, *, shared: bool = False) -> None:
    """Hold the lock ``name`` of this store until the transaction ends; wait for it if need be.

    Args:
        connection: Of a transaction that writes.
        name: Of the lock.
        shared: Whether others may hold it too who ask for it so.

    Raises:
        Unavailable: ``store_busy``: others did not end.
    """
    if connection.dialect.name == "sqlite":
        return
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    connection.execute(text(f"SELECT {function}(:key)"), {"key": lock_key(connection, name)})


def lock_key(connection: Connection, name: str) -> int:
    """The number by which PostgreSQL knows the lock ``name`` of this store: 64 bits, signed."""
    full = f"keyborn/{connection.get_execution_options()[SCHEMA]}/{name}"
    return int.from_bytes(hashlib.sha256(full.encode()).digest()[:8], "big", signed=True)


class Locks(Protocol):
    """Locks that are held while something is under way which may take a while."""

    def holding(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock ``name``, along with whoever else does."""
        ...

    def is_held(self, name: str) -> bool:
        """Whether somebody holds it. May be so for the sake of another name, for a while."""
        ...


def locks_of(engine: Engine, folder: Path) -> Locks:
    """The locks of a store; of a SQLite file, in ``folder``, which is made."""
    if engine.dialect.name == "postgresql":
        return _ServerLocks(engine)
    return _FileLocks(private_directory(folder))


class _FileLocks:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        with shared(self._file(name)):
            yield

    def is_held(self, name: str) -> bool:
        try:
            with locked(self._file(name)):
                return False
        except Conflict:
            return True

    def _file(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).digest()[0] % _FILES:02}"


class _ServerLocks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        with reading(self._engine) as connection:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(
                text("SELECT pg_advisory_xact_lock_shared(:key)"),
                {"key": lock_key(connection, name)},
            )
            yield

    def is_held(self, name: str) -> bool:
        with reading(self._engine) as connection:
            query = text("SELECT pg_try_advisory_xact_lock(:key)")
            return not connection.execute(query, {"key": lock_key(connection, name)}).scalar_one()


class Sole:
    """That one process alone is at work on a store, for as long as it holds a connection to it.

    A connection that is lost lets go of it; it is taken again when it is asked for next, unless
    another process was quicker. A SQLite file needs none: its directory is locked.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._connection: Connection | None = None

    def ensure(self) -> None:
        """Return while this process is the one.

        Raises:
            Conflict: ``store_in_use``.
            Unavailable: As the database has it.
        """
        if self._engine.dialect.name == "sqlite":
            return
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return
        except KeybornError:
            self.close()
        connection = self._engine.connect()
        query = text("SELECT pg_try_advisory_xact_lock(:key)")
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        if not connection.execute(query, {"key": lock_key(connection, self._name)}).scalar_one():
            connection.close()
            raise Conflict(
                "store_in_use",
                "another process is at work on this store, and there can be one",
                value=shown(self._engine.url),
                hint="wait until it has ended, then try again",
            )
        self._connection = connection

    def close(self) -> None:
        """Let another process be the one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
