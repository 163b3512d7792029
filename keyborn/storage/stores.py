"""Stores: databases whose tables change from release to release, by migrations.

A store is a SQLite file, or a schema of a PostgreSQL database, which may hold others beside it. It
is made, at its first use, by its migrations alone, and of two first uses at once one makes it. An
older one is brought up to date when somebody says so (``keyborn store upgrade``), not at a start:
another process may be at work on it, and there may be no backup yet. A newer one is refused.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, MetaData, insert, inspect, select, text, update

from did.errors import KeybornError, Refused, Unavailable
from keyborn.files import refuse_shared, staged
from keyborn.storage import migrations
from keyborn.storage.databases import KINDS, MADE, another_version, kind_of
from keyborn.storage.locations import is_file, locate, path_of, shown
from keyborn.storage.locks import hold
from keyborn.storage.postgresql import server_engine
from keyborn.storage.sqlite import file_engine
from keyborn.storage.transactions import reading

BACKUP: Final = 0x6B62  # as SQLite's user_version: of a back-up that nobody has renewed

_MIGRATED: Final = 0  # as version in ``KINDS``: its migrations tell


@dataclass(frozen=True, slots=True)
class StoreKind:
    """What a store is made of.

    Attributes:
        name: What it is for, such as ``issuer``; it is refused for anything else.
        metadata: All its tables, as they are at the newest revision.
        migrations: The package that has its migrations.
        former: The version of the files from before there were migrations that are as the first of
            them makes one; None if there are none.
        renew: Makes void, in one that was restored as of this time, what may have been used since
            it was backed up, and says what it did; None if there is nothing.
    """

    name: str
    metadata: MetaData
    migrations: str
    former: int | None = None
    renew: Callable[[Connection, datetime], Mapping[str, object]] | None = None

    @property
    def schema(self) -> str:
        """The name of its schema in PostgreSQL."""
        return self.name.replace(" ", "_")

    @property
    def newest(self) -> str:
        """The revision that this release works with."""
        return migrations.revisions(self.migrations)[-1]


def open_store(location: str | Path, kind: StoreKind) -> Engine:
    """The store at ``location``, made if it is missing.

    Args:
        location: As ``keyborn.storage.locations.locate``.
        kind: What it is made of.

    Raises:
        Invalid: ``invalid_database_url`` or ``database_unsupported``.
        Refused: ``store_needs_upgrade``, ``store_of_another_version``, ``store_of_another_kind``,
            ``store_is_a_backup``;
            ``store_readable_by_others``, ``store_not_durable``, ``store_not_unicode``.
        Unavailable: As the database's kind has it; also from any later use.
    """
    engine = engine_of(location, kind)
    try:
        with reading(engine) as connection:
            missing = not is_made(connection)
        if missing:
            _make_if_missing(engine, kind)
        with reading(engine) as connection:
            refuse_older(connection, kind, shown(engine.url))
            refuse_backup(connection, shown(engine.url))
    except KeybornError:
        engine.dispose()
        raise
    return engine


def engine_of(location: str | Path, kind: StoreKind, *, make: bool = True) -> Engine:
    """The database that has the store, whatever revision it is at.

    Args:
        location: As ``open_store``.
        kind: What it is made of.
        make: Whether a file that is missing is made.

    Raises:
        Unavailable: ``store_missing``.
        KeybornError: As ``open_store``.
    """
    url = locate(location)
    if not is_file(url):
        return server_engine(url, schema=kind.schema)
    path = path_of(url)
    if not path.exists():
        if not make:
            raise missing_at(str(path))
        _make_file(path, kind)
    refuse_shared(path, path.stat())
    return file_engine(path)


def is_made(connection: Connection) -> bool:
    """Whether there is a store, of whatever kind, or anything else.

    A file that is there is no new database, even if it is empty.
    """
    return connection.dialect.name == "sqlite" or inspect(connection).has_table(KINDS.name)


def upgrade_store(location: str | Path, kind: StoreKind) -> tuple[str, str]:
    """Bring a store to the newest revision, in one transaction.

    Returns:
        The revisions before and after; they are the same where there was nothing to do.

    Raises:
        Unavailable: ``store_missing``; ``store_corrupt``: its rows contradict each other.
        KeybornError: As ``open_store``, but for ``store_needs_upgrade``.
    """
    url = locate(location)
    if is_file(url):
        if not path_of(url).exists():
            raise missing_at(shown(url))
        # Migrations make tables anew, and what refers to one is without it meanwhile.
        engine = file_engine(path_of(url), foreign_keys=False)
    else:
        engine = server_engine(url, schema=kind.schema)
    try:
        with engine.begin() as connection:
            hold(connection, "migrations")
            if not is_made(connection):
                raise missing_at(shown(url))
            before = _revision(connection, kind, shown(url))
            if before is None:
                before = migrations.revisions(kind.migrations)[0]
                migrations.adopt(connection, kind.migrations, before)
                connection.execute(update(KINDS).values(version=_MIGRATED))
            migrations.migrate(connection, kind.migrations)
            _check_references(connection, shown(url))
    finally:
        engine.dispose()
    return before, kind.newest


def missing_at(where: str) -> Unavailable:
    """That there is no store."""
    return Unavailable(
        "store_missing",
        "there is no store",
        value=where,
        hint="check the name; the service makes it at its first start",
    )


def make(connection: Connection, kind: StoreKind) -> None:
    """Make the store in the database behind ``connection``, which has nothing of it."""
    KINDS.create(connection)
    connection.execute(insert(KINDS).values(name=kind.name, version=_MIGRATED))
    migrations.migrate(connection, kind.migrations)


def make_schema(connection: Connection, kind: StoreKind) -> None:
    """As ``make``, in a PostgreSQL database, which may have the schema already."""
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{kind.schema}"'))
    make(connection, kind)


def kind_in(connection: Connection) -> str | None:
    """The name of the store in a database; None if it is something else."""
    if not inspect(connection).has_table(KINDS.name):
        return None
    return connection.execute(select(KINDS.c.name)).scalar_one_or_none()


def _make_file(path: Path, kind: StoreKind) -> None:
    """Make the database aside and link it in place: of two first starts, one makes it, whole.

    So a file that is empty or half made is a damaged one. The write-ahead log takes its mode, 0600.
    """
    with staged(path) as fresh:
        engine = file_engine(fresh)
        with engine.begin() as connection:
            make(connection, kind)
        engine.dispose()
        MADE.reached()
        with suppress(FileExistsError):
            path.hardlink_to(fresh)


def _make_if_missing(engine: Engine, kind: StoreKind) -> None:
    with engine.begin() as connection:
        hold(connection, "migrations")
        if is_made(connection):  # by now
            return
        make_schema(connection, kind)
        MADE.reached()


def refuse_older(connection: Connection, kind: StoreKind, where: str) -> None:
    """Return if the store is at the newest revision; raises as ``open_store``."""
    found = _revision(connection, kind, where)
    if found != kind.newest:
        raise Refused(
            "store_needs_upgrade",
            "the store was made by an older release"
            + ("" if found is None else f": it is at revision {found}, not {kind.newest}"),
            value=where,
            hint=f"stop what uses it, copy it, then: keyborn store upgrade {where}",
        )


def refuse_backup(connection: Connection, where: str) -> None:
    """Return if the store is no back-up, or was renewed (``keyborn.storage.backups``).

    Of PostgreSQL nobody can tell.

    Raises:
        Refused: ``store_is_a_backup``.
    """
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("PRAGMA user_version").scalar() == BACKUP:
        raise Refused(
            "store_is_a_backup",
            "the store is a back-up: what was used since it was made would be used again",
            value=where,
            hint=f"read docs/how-to/back-up-and-restore.md, then: keyborn store restored {where}",
        )


def _revision(connection: Connection, kind: StoreKind, where: str) -> str | None:
    """The revision, one that is known; None if the store is from before there were any.

    Raises:
        Refused: ``store_of_another_kind``, ``store_of_another_version``.
    """
    version = kind_of(connection, kind.name, where)
    if version != _MIGRATED:
        if version != kind.former:
            raise another_version(version, kind.newest, where)
        return None
    found = migrations.revision(connection)
    if found not in migrations.revisions(kind.migrations):
        raise another_version(found, kind.newest, where)
    return found


def _check_references(connection: Connection, where: str) -> None:
    if connection.dialect.name != "sqlite":
        return
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
        raise Unavailable(
            "store_corrupt",
            f"{len(broken)} rows refer to what is not there",
            value=where,
            hint="restore it from a backup, then upgrade that",
        )
