"""SQLite files that are of one version: what is in them can be had again, or never changes."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
)

from did.errors import KeybornError, Refused
from keyborn.faults import FaultPoint
from keyborn.files import refuse_shared, staged
from keyborn.storage.sqlite import file_engine
from keyborn.storage.transactions import reading

MADE: Final = FaultPoint("keyborn.database.before_link")

# Of which kind a database is, and in a file of one version, of which.
KINDS: Final = Table(
    "keyborn_schema",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
)


def open_database(path: Path, metadata: MetaData, *, name: str, version: int) -> Engine:
    """The database in the file ``path``, made with the tables of ``metadata`` if it is missing.

    Args:
        path: Of the file.
        metadata: All tables.
        name: What the database is for, such as ``ledger-index``; it is refused for anything else.
        version: Of the tables, counting from 1.

    Raises:
        Refused: ``store_readable_by_others``, ``store_of_another_kind``,
            ``store_of_another_version`` or ``store_not_durable``.
        Unavailable: ``store_corrupt``, ``store_busy`` or ``store_failed``; also from any later use.
    """
    if not path.exists():
        _create(path, metadata, name=name, version=version)
    refuse_shared(path, path.stat())
    engine = file_engine(path)
    try:
        with reading(engine) as connection:
            found = kind_of(connection, name, path)
            if found != version:
                raise another_version(found, version, path)
    except KeybornError:
        engine.dispose()
        raise
    return engine


def kind_of(connection: Connection, name: str, shown: object) -> int:
    """The version that is noted in a database of kind ``name``, which is ``shown`` in errors.

    Raises:
        Refused: ``store_of_another_kind``.
    """
    found: Any = None
    if inspect(connection).has_table(KINDS.name):
        found = connection.execute(select(KINDS.c.name, KINDS.c.version)).one_or_none()
    if found is None or found.name != name:
        raise Refused(
            "store_of_another_kind",
            f"this is no database of kind {name!r}"
            + ("" if found is None else f", but of kind {found.name!r}"),
            value=str(shown),
            hint="name another file",
        )
    version: int = found.version
    return version


def another_version(found: object, known: object, shown: object) -> Refused:
    """The refusal of a database that this release does not know how to use."""
    return Refused(
        "store_of_another_version",
        f"the database has version {found}; this program works with {known}",
        value=str(shown),
        hint="use the release of the program that wrote it, or a newer one",
    )


def _create(path: Path, metadata: MetaData, *, name: str, version: int) -> None:
    """Make the database aside and link it in place: of two first starts, one makes it, whole.

    So a file that is empty or half made is a damaged one. The write-ahead log takes its mode, 0600.
    """
    with staged(path) as fresh:
        engine = file_engine(fresh)
        with engine.begin() as connection:
            KINDS.create(connection)
            metadata.create_all(connection)
            connection.execute(insert(KINDS).values(name=name, version=version))
        engine.dispose()
        MADE.reached()
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
