"""Locks that all processes on one PostgreSQL share, and that end with what they were taken for.

They are PostgreSQL's advisory locks, named by text: who waits for one is let in in turn. SQLite has
one writer at a time, so there is nothing to be locked in a transaction.
"""

import hashlib

from sqlalchemy import Connection, text

from keyborn.storage.postgresql import SCHEMA


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
