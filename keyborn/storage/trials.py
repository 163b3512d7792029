"""Whether a store that is open can still be used: for ``keyborn.readiness``."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from did.errors import Unavailable
from keyborn.storage.locations import is_file, path_of, shown
from keyborn.storage.stores import StoreKind, refuse_older

ROOM: Final = 16_777_216  # bytes that the file system of a store should have free


def trial(engine: Engine, kind: StoreKind) -> Callable[[], None]:
    """What returns if the store can be read and written, and is what this release works with.

    A file that was replaced, or removed, is told from the one that was open when this was called:
    what is written to that one goes nowhere. A transaction is begun that could write; nothing is
    written.

    Raises (from what is returned):
        Unavailable: ``store_replaced``, ``store_full``, or as the database has it.
        Refused: ``store_needs_upgrade`` and the like, as ``open_store``.
    """
    where = shown(engine.url)
    path = path_of(engine.url) if is_file(engine.url) else None
    opened = None if path is None else _identity(path)

    def try_it() -> None:
        if path is not None:
            if _identity(path) != opened:
                raise Unavailable(
                    "store_replaced",
                    "the file of the store is not the one that the service has open",
                    value=where,
                    hint="restart the service; what it wrote since may be lost",
                )
            _check_room(path, where)
        with engine.begin() as connection:
            _check_writable(connection, where)
            refuse_older(connection, kind, where)

    return try_it


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file this is; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_room(path: Path, where: str) -> None:
    found = os.statvfs(path)
    if found.f_bavail * found.f_frsize < ROOM:
        raise Unavailable(
            "store_full",
            f"the file system of the store has less than {ROOM} bytes free",
            value=where,
            hint="make room",
        )


def _check_writable(connection: Connection, where: str) -> None:
    if connection.dialect.name == "sqlite":
        return  # BEGIN IMMEDIATE has taken the lock of who writes
    query = text("SELECT current_setting('transaction_read_only')")
    if connection.execute(query).scalar_one() == "on":
        raise Unavailable(
            "store_failed",
            "the database is one that can only be read, such as a standby",
            value=where,
            hint="name the server that takes writes",
        )
