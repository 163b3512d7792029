"""A store copied to another database, whichever kind either is of, and compared before it counts.

The source is locked against writers meanwhile; the target is new, and written in one transaction.
Each table is read back from the target and compared with the source, by the number of its rows and
by a digest of their content, before anything is committed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Table, func, insert, select, text

from did.errors import Conflict, Unavailable
from keyborn.faults import FaultPoint
from keyborn.files import staged
from keyborn.storage.databases import MADE
from keyborn.storage.locations import is_file, locate, path_of, shown
from keyborn.storage.locks import hold
from keyborn.storage.postgresql import server_engine
from keyborn.storage.sqlite import file_engine
from keyborn.storage.stores import (
    StoreKind,
    engine_of,
    is_made,
    make,
    make_schema,
    missing_at,
    refuse_backup,
    refuse_older,
)

_CHUNK: Final = 1_000  # rows
_DIGEST: Final = 32  # bytes

_COPIED: Final = FaultPoint("keyborn.copy.before_commit")


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied of one table: how many rows, and a digest of their content, in hex."""

    table: str
    rows: int
    digest: str


def copy_store(source: str | Path, target: str | Path, kind: StoreKind) -> list[Copied]:
    """Copy a store, verified, into a database that has none of its kind.

    Args:
        source: Where it is.
        target: Where to; a file that is not there, or a PostgreSQL database.
        kind: What it is made of.

    Returns:
        What was copied, by table.

    Raises:
        Conflict: ``store_exists``: there is one at the target.
        Unavailable: ``copy_differs``: what was read back is not what was written; nothing is kept.
        KeybornError: As ``keyborn.storage.stores.open_store``.
    """
    url = locate(target)
    reader = engine_of(source, kind, make=False)
    try:
        with reader.begin() as origin:
            if not is_made(origin):
                raise missing_at(shown(reader.url))
            refuse_older(origin, kind, shown(reader.url))
            refuse_backup(origin, shown(reader.url))
            _freeze(origin, kind)
            if is_file(url):
                return _to_file(origin, path_of(url), kind)
            writer = server_engine(url, schema=kind.schema)
            try:
                with writer.begin() as connection:
                    hold(connection, "migrations")
                    if is_made(connection):
                        raise _exists(shown(url))
                    make_schema(connection, kind)
                    copied = _copy(origin, connection, kind)
                    _COPIED.reached()
                return copied
            finally:
                writer.dispose()
    finally:
        reader.dispose()


def _to_file(origin: Connection, path: Path, kind: StoreKind) -> list[Copied]:
    if path.exists():
        raise _exists(str(path))
    with staged(path) as fresh:
        writer = file_engine(fresh)
        with writer.begin() as connection:
            make(connection, kind)
            copied = _copy(origin, connection, kind)
            _COPIED.reached()
        writer.dispose()
        MADE.reached()
        try:
            path.hardlink_to(fresh)
        except FileExistsError as error:
            raise _exists(str(path)) from error
    return copied


def _freeze(connection: Connection, kind: StoreKind) -> None:
    """Let nobody write to the source until it is copied; of SQLite, who writes is alone already."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(f'"{table.name}"' for table in kind.metadata.sorted_tables)
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))


def _copy(origin: Connection, target: Connection, kind: StoreKind) -> list[Copied]:
    copied = []
    for table in kind.metadata.sorted_tables:
        columns = tuple(table.columns.keys())
        given = _Digest(columns)
        found = origin.execute(select(table), execution_options={"yield_per": _CHUNK})
        for chunk in found.mappings().partitions(_CHUNK):
            rows = [dict(row) for row in chunk]
            given.add(rows)
            target.execute(insert(table), rows)
        kept = _Digest(columns)
        written = target.execute(select(table), execution_options={"yield_per": _CHUNK})
        for chunk in written.mappings().partitions(_CHUNK):
            kept.add([dict(row) for row in chunk])
        if given.told() != kept.told():
            raise Unavailable(
                "copy_differs",
                f"the table {table.name} is not the same in the copy",
                value=f"{given.told()}, {kept.told()}",
                hint="nothing was kept; report this, with both databases' versions",
            )
        _set_sequence(target, table)
        copied.append(Copied(table.name, *given.told()))
    return copied


class _Digest:
    """Of rows in whatever order: the sum of their SHA-256, modulo 2**256, and how many they are."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            values = [_plain(row[name]) for name in self._columns]
            digest = hashlib.sha256(orjson.dumps(values)).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % 2 ** (8 * _DIGEST)
            self._rows += 1

    def told(self) -> tuple[int, str]:
        return self._rows, self._sum.to_bytes(_DIGEST).hex()


def _plain(value: object) -> object:
    """A value as JSON has it, the same from either kind of database; bytes marked as such."""
    if isinstance(value, bytes | memoryview):
        return {"bytes": bytes(value).hex()}
    return value


def _set_sequence(connection: Connection, table: Table) -> None:
    """Have PostgreSQL number the next row after those that came with numbers; SQLite does so."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    newest = connection.execute(select(func.max(column))).scalar()
    if newest is not None:
        named = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(named, newest)))


def _exists(where: str) -> Conflict:
    return Conflict(
        "store_exists",
        "there is a store already, and it is not written over",
        value=where,
        hint="name a file that is not there, or a database without it",
    )
