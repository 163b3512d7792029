"""Databases that keep what they acknowledged: SQLAlchemy Core over SQLite or PostgreSQL.

``open_store`` opens a store at a path or URL; ``open_database`` a SQLite file that can be made
anew from elsewhere, and so has no migrations. ``engine.begin()`` is a transaction that writes,
``reading(engine)`` one that reads, and a ``Writer`` has several requests share one commit.

Threat model: who can modify the database can forge everything in it. A file is private (0600), and
its content is not signed.
"""

from keyborn.storage.databases import open_database
from keyborn.storage.eras import KEPT_AFTER_EXPIRY, Era, Eras, begin_era, settle
from keyborn.storage.locks import Locks, Sole, hold, locks_of
from keyborn.storage.statements import Integer64, insert_once, put
from keyborn.storage.stores import StoreKind, open_store
from keyborn.storage.transactions import ContendedError, locking, perform, reading
from keyborn.storage.writer import Writer

__all__ = [
    "KEPT_AFTER_EXPIRY",
    "ContendedError",
    "Era",
    "Eras",
    "Integer64",
    "Locks",
    "Sole",
    "StoreKind",
    "Writer",
    "begin_era",
    "hold",
    "insert_once",
    "locking",
    "locks_of",
    "open_database",
    "open_store",
    "perform",
    "put",
    "reading",
    "settle",
]
