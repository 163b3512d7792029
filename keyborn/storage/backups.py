"""Copies of what a service keeps, made while it runs; and what has to be done to one that goes on.

A SQLite file is copied by SQLite's own back-up, in one read transaction: as of one moment, with
whatever the write-ahead log holds, while others write. It is checked whole and synced before it
counts. In a directory, databases come first and other files after them: keys may be newer than what
a database says of them, and are never missing.

Left out is what is of no use elsewhere: locks, and what a running database has beside it.

A back-up is the past, and somebody remembers the present: codes and nonces were used since, entries
of status lists were given out. So a store in a back-up is marked, and refused, until
``renew_store`` has made void what might be used a second time.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from did.errors import Conflict, Invalid, Unavailable
from keyborn.files import private_directory, refuse_special, staged, sync
from keyborn.storage.databases import KINDS
from keyborn.storage.locations import shown
from keyborn.storage.locks import hold
from keyborn.storage.stores import BACKUP, StoreKind, engine_of, is_made, missing_at, refuse_older

_SERVERS: Final = ("postgresql:/", "postgres:/")  # of a URL, as a path has it
_MAGIC: Final = b"SQLite format 3\0"
_LEFT_OUT: Final = re.compile(r"lock|url|.*-(?:wal|shm|journal)|\..*\.[a-z0-9_]{8}", re.DOTALL)
_MIGRATED: Final = 0  # as version of a store in ``KINDS``; other databases have one of their own
_CHUNK: Final = 1_048_576  # bytes


@dataclass(frozen=True, slots=True)
class Saved:
    """A file in a back-up: its path there, its size in bytes, its SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


def back_up(source: Path, target: Path) -> list[Saved]:
    """Copy a database, or a service's directory, to ``target``, which is not there.

    Args:
        source: A SQLite file or a directory; services may be at work on it.
        target: Whole when this returns, and private; nothing of it is there if this fails.

    Raises:
        Conflict: ``backup_exists``.
        Invalid: ``not_a_database``: a file, and not of SQLite.
        Unavailable: ``store_missing``; ``store_corrupt``: what was copied is damaged.
        Refused: ``store_not_a_file``: a link or device is in the directory.
        OSError: It cannot be read or written.
    """
    if str(source).startswith(_SERVERS):
        raise _no_file("this is the URL of a server", "postgresql://...", "use pg_dump for that")
    if not source.exists():
        raise missing_at(str(source))
    if os.path.lexists(target):
        raise _exists(target)
    if source.is_dir():
        return _back_up_directory(source, target)
    refuse_other_files(source)
    with staged(target) as fresh:
        _copy_database(source, fresh)
        try:
            target.hardlink_to(fresh)
        except FileExistsError as error:
            raise _exists(target) from error
    return [_saved(target, target.parent)]


def refuse_other_files(path: Path) -> None:
    """Return if what is at ``path`` is a SQLite file.

    Raises:
        Invalid: ``not_a_database``; nothing was changed, nor is to be: it may be anybody's.
        OSError: It cannot be read.
    """
    if path.is_dir():
        stores = sorted(each.name for each in path.iterdir() if each.is_file() and _is_sqlite(each))
        hint = f"name a store's file in it: {', '.join(stores) or 'there is none'}"
        raise _no_file("this is a directory", str(path), hint)
    if not _is_sqlite(path):
        hint = "name a store's file, such as issuer.sqlite or verifier.db"
        raise _no_file("this is no SQLite file", str(path), hint)


def _no_file(message: str, value: str, hint: str) -> Invalid:
    return Invalid("not_a_database", message, value=value, hint=hint)


def renew_store(
    location: str | Path, kind: StoreKind, *, at: datetime, unmarked: bool = False
) -> Mapping[str, object]:
    """Make void, in a store that was restored, what may have been used since its back-up was made.

    Args:
        location: As ``keyborn.storage.stores.open_store``; nobody else uses it.
        kind: What it is made of.
        at: Now.
        unmarked: Whether a SQLite file will do that has no mark, since something else copied it.

    Returns:
        What was done, by name.

    Raises:
        Conflict: ``store_not_a_backup``.
        KeybornError: As ``keyborn.storage.stores.open_store``; ``store_missing``.
    """
    engine = engine_of(location, kind, make=False)
    try:
        with engine.begin() as connection:
            hold(connection, "migrations")
            if not is_made(connection):
                raise missing_at(shown(engine.url))
            refuse_older(connection, kind, shown(engine.url))
            if not unmarked:
                _check_mark(connection, shown(engine.url))
            done = {} if kind.renew is None else kind.renew(connection, at)
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA user_version=0")
    finally:
        engine.dispose()
    return done


def _check_mark(connection: Connection, where: str) -> None:
    """Return if the store is marked as a back-up, or is where nothing is marked."""
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("PRAGMA user_version").scalar() != BACKUP:
        raise Conflict(
            "store_not_a_backup",
            "this store is at work, or was restored already: nothing was changed",
            value=where,
            hint="name what 'keyborn store backup' has made; of a copy that was made otherwise,"
            " such as a snapshot of the disk, say so with --unmarked",
        )


def _back_up_directory(source: Path, target: Path) -> list[Saved]:
    files = sorted(_files(source))
    databases = [path for path in files if _is_sqlite(path)]
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for path in [*databases, *(each for each in files if each not in databases)]:
            copied = fresh / path.relative_to(source)
            for parent in reversed(copied.relative_to(fresh).parents):
                private_directory(fresh / parent)
            if path in databases:
                copied.touch(0o600)
                _copy_database(path, copied)
            else:
                _copy_file(path, copied)
        saved = [_saved(path, fresh) for path in sorted(_files(fresh))]
        for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            sync(folder)
        try:
            fresh.rename(target)
        except OSError as error:
            if os.path.lexists(target):
                raise _exists(target) from error
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    sync(target.parent)
    return saved


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        if _LEFT_OUT.fullmatch(path.name) or (path.is_dir() and not path.is_symlink()):
            continue
        refuse_special(path)
        yield path


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _copy_database(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as origin,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        try:
            origin.backup(copy)
            (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            raise Unavailable(
                "store_corrupt",
                f"the database file is damaged: {found}",
                value=str(source),
                hint="restore it from a backup; do not delete what may still be recovered",
            )
        if _is_store(copy):
            copy.execute(f"PRAGMA user_version={BACKUP}")
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    sync(target)


def _is_store(copy: sqlite3.Connection) -> bool:
    """Whether it has migrations, and so a service's memory: not a log, which anybody may read."""
    known = copy.execute("SELECT 1 FROM sqlite_master WHERE name=?", (KINDS.name,)).fetchone()
    if known is None:
        return False
    row = copy.execute(f"SELECT version FROM {KINDS.name}").fetchone()  # noqa: S608 - ours
    return row is not None and row[0] == _MIGRATED


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as origin, target.open("xb") as copy:
        os.fchmod(copy.fileno(), 0o600)
        shutil.copyfileobj(origin, copy, _CHUNK)
        copy.flush()
        os.fsync(copy.fileno())


def _saved(path: Path, base: Path) -> Saved:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Saved(str(path.relative_to(base)), path.stat().st_size, digest)


def _exists(target: Path) -> Conflict:
    return Conflict(
        "backup_exists",
        "there is something already, and it is not written over",
        value=str(target),
        hint="name what is not there, such as a folder with the date",
    )
