"""Statements that SQLite and PostgreSQL both know, and SQLAlchemy has for each of them apart."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, Table
from sqlalchemy.dialects import postgresql, sqlite

# Whole numbers of 64 bits. SQLite's are so always, and number rows under the name INTEGER alone.
Integer64: Final = BigInteger().with_variant(Integer(), "sqlite")

_COUNTED: Final = {"preserve_rowcount": True}  # of an INSERT, which is not counted else


def insert_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert ``row``, unless a row stands there already that has its key or what must be unique.

    The transaction goes on either way. Of two transactions at once, the second one waits here for
    the first to end.

    Returns:
        Whether it was inserted.
    """
    statement = _insert(connection, table).values(**row).inline().on_conflict_do_nothing()
    return connection.execute(statement, execution_options=_COUNTED).rowcount == 1


def put(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    key: Sequence[str],
    not_before: str | None = None,
) -> bool:
    """Insert ``row``, or have it replace the row with the same ``key``.

    Args:
        connection: Of a transaction that writes.
        table: Where to.
        row: Columns and values.
        key: The columns of the table's primary key, or of another unique one.
        not_before: A column by which rows are older and newer: a newer one is not replaced.

    Returns:
        Whether the row now stands there; False only with ``not_before``.
    """
    statement = _insert(connection, table).values(**row).inline()
    given = statement.excluded
    newer = None if not_before is None else given[not_before] >= table.c[not_before]
    statement = statement.on_conflict_do_update(
        index_elements=list(key),
        set_={name: given[name] for name in row if name not in key},
        where=newer,
    )
    return connection.execute(statement, execution_options=_COUNTED).rowcount == 1


def _insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
