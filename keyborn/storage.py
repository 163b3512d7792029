"""Databases that keep what they acknowledged: SQLAlchemy Core over SQLite.

``engine.begin()`` is a write transaction: it takes the write lock at once (``BEGIN IMMEDIATE``), so
that it fails, if at all, before anything was done and not in the middle. ``reading(engine)`` is a
read transaction: a consistent snapshot that waits for nobody.

Threat model: who can modify the file can forge everything in it. It is private (0600) and its
content is not signed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    ExceptionContext,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError

from did.errors import Invalid, KeybornError, Refused, Unavailable
from keyborn.faults import FaultPoint
from keyborn.files import refuse_shared, staged

BUSY_SECONDS: Final = 10  # for another writer to finish

_READING: Final = "keyborn_reading"  # execution option of a connection
_MADE: Final = FaultPoint("keyborn.database.before_link")
_SYNCHRONOUS_FULL: Final = 2
_PRIMARY: Final = 0xFF  # SQLite's extended result codes hold the primary one in the low byte

_schema: Final = Table(
    "keyborn_schema",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
)


def open_database(location: str | Path, metadata: MetaData, *, name: str, version: int) -> Engine:
    """The database at ``location``, created with the tables of ``metadata`` if it is new.

    Args:
        location: Path of a SQLite file, or a URL (``sqlite:///relative``, ``sqlite:////absolute``).
        metadata: All tables.
        name: What the database is for, such as ``issuer``; it is refused for anything else.
        version: Of the tables, counting from 1.

    Raises:
        Invalid: ``invalid_database_url`` or ``database_unsupported``.
        Refused: ``store_readable_by_others``, ``store_of_another_kind``,
            ``store_of_another_version`` or ``store_not_durable``.
        Unavailable: ``store_corrupt``, ``store_busy`` or ``store_failed``; also from any later use.
    """
    path = _sqlite_path(location)
    if not path.exists():
        _create(path, metadata, name=name, version=version)
    refuse_shared(path, path.stat())
    engine = _engine(path)
    try:
        with reading(engine) as connection:
            _check(connection, name=name, version=version, path=path)
    except KeybornError:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose statements all see the database at one moment; nothing is written."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_READING: True})


def _sqlite_path(location: str | Path) -> Path:
    if isinstance(location, Path) or "://" not in location:
        return Path(location).absolute()
    try:
        url = make_url(location)
    except ArgumentError as error:
        raise Invalid(
            "invalid_database_url",
            "this is no database URL",
            value=location,
            hint="sqlite:///file.db, or sqlite:////absolute/file.db",
        ) from error
    if url.get_backend_name() != "sqlite":
        raise Invalid(
            "database_unsupported",
            "databases other than SQLite are not supported",
            value=url.render_as_string(hide_password=True),
            hint="sqlite:///file.db, or sqlite:////absolute/file.db",
        )
    if url.database in (None, "", ":memory:") or url.query:
        raise Invalid(
            "invalid_database_url",
            "a SQLite database is named by its path alone",
            value=location,
            hint="sqlite:///file.db, or sqlite:////absolute/file.db",
        )
    return Path(str(url.database)).absolute()


def _create(path: Path, metadata: MetaData, *, name: str, version: int) -> None:
    """Make the database aside and link it in place: of two first starts, one makes it, whole.

    So a file that is empty or half made is a damaged one. The write-ahead log takes its mode, 0600.
    """
    with staged(path) as fresh:
        engine = _engine(fresh)
        with engine.begin() as connection:
            _schema.create(connection)
            metadata.create_all(connection)
            connection.execute(insert(_schema).values(name=name, version=version))
        engine.dispose()
        _MADE.reached()
        with suppress(FileExistsError):
            path.hardlink_to(fresh)


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS},
        max_overflow=-1,  # the threads that serve requests are the limit
        hide_parameters=True,  # an error is logged; what was stored may be a secret
    )
    event.listen(engine, "connect", _harden)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _explain)
    return engine


def _harden(connection: sqlite3.Connection, _record: object) -> None:
    """Set what durability rests on, and see that it holds."""
    connection.isolation_level = None  # transactions are begun by ``_begin``, not by the driver
    connection.execute("PRAGMA foreign_keys=ON")
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


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READING)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _explain(context: ExceptionContext) -> KeybornError | None:
    """Turn what is wrong with the file, not with the statement, into an error of our tree."""
    cause = context.original_exception
    path = None if context.engine is None else context.engine.url.database
    match getattr(cause, "sqlite_errorcode", 0) & _PRIMARY:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(
                "store_busy",
                "another process keeps the database locked",
                value=path,
                retry_after=1,
                hint="repeat it, once the other has ended",
            )
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


def _check(connection: Connection, *, name: str, version: int, path: Path) -> None:
    found: Any = None
    if inspect(connection).has_table(_schema.name):
        found = connection.execute(select(_schema.c.name, _schema.c.version)).one_or_none()
    if found is None or found.name != name:
        raise Refused(
            "store_of_another_kind",
            f"this is no database of kind {name!r}"
            + ("" if found is None else f", but of kind {found.name!r}"),
            value=str(path),
            hint="name another file",
        )
    if found.version != version:
        raise Refused(
            "store_of_another_version",
            f"the database has version {found.version}; this program works with {version}",
            value=str(path),
            hint="use the release of the program that wrote it, or a newer one",
        )
