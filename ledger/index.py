"""What a reader has replayed of one log: a SQLite file (WAL, ``synchronous=FULL``).

It holds the head after each entry, one row for each effective operation, the newest verified
heads, and what was found to contradict them. To roll back is to delete the rows after an entry.
A reader's sync is one transaction, so a crash leaves the state before it or after it. Several
threads and processes may use one file; one writes at a time, and whoever reads sees one moment.

All but the findings can be had again from the log: an index that is damaged, or stopped by an
alarm that has been dealt with, is moved away, and the next start makes a new one.

Threat model: who can modify the file decides what its reader believes. It is private (0600).
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, delete, insert, select

from did.errors import Invalid, KeybornError
from did.resolution import Finality
from keyborn.faults import FaultPoint
from keyborn.storage import open_database, reading
from ledger.chain import LogEntry
from ledger.index_statements import (
    CLEAR_CREATES,
    CREATE_ASIDE,
    INSERT_CREATES,
    INSERT_UPDATES,
    SELECT_ALARM,
    SELECT_HEAD_AT,
    SELECT_HEADS,
    SELECT_HISTORIES,
    SELECT_NEWEST,
    UNPACK_CREATES,
)
from ledger.index_tables import (
    ENTRIES,
    FINDINGS,
    HEADS,
    LOG,
    METADATA,
    PLACES,
    VERSIONS,
    Finding,
    finding_of,
    head_of,
    row_of,
)
from ledger.log import Heads
from ledger.state import DidState

_VERSION: Final = 2
_IDS_PER_QUERY: Final = 500

# Ids are random, so a replay of many writes all over what finds them: 64 MB are kept in memory.
_CACHE: Final = "PRAGMA cache_size = -65536"

_BEFORE_BEGIN: Final = FaultPoint("ledger.index.before_begin")
_AFTER_BEGIN: Final = FaultPoint("ledger.index.after_begin")

# What a big replay leaves of the write-ahead log is cut to this, 4 MB, when it is used next.
_JOURNAL: Final = "PRAGMA journal_size_limit = 4194304"


@dataclass(frozen=True, slots=True)
class IndexedVersion:
    """One effective operation, with the entry that holds it, and that one's block."""

    state: DidState
    sequence: int
    block_number: int
    time: int


class View:
    """The index at one moment."""

    def __init__(self, connection: Connection, log_id: bytes) -> None:
        self._connection = connection
        self._log_id = log_id

    def heads(self) -> Heads | None:
        """The newest verified heads; None before the first sync."""
        rows = self._connection.exec_driver_sql(SELECT_HEADS).all()
        found = {row.finality: head_of(row) for row in rows}
        return Heads(**{name: found[name] for name in Finality}) if found else None

    def head_at(self, sequence: int) -> bytes | None:
        """The head after entry ``sequence``, 32 bytes; the log id at 0, None beyond the last."""
        if sequence == 0:
            return self._log_id
        return self._connection.exec_driver_sql(SELECT_HEAD_AT, (sequence,)).scalar_one_or_none()

    def versions(self, id_: bytes) -> tuple[IndexedVersion, ...]:
        """Every version of a DID, oldest first; empty if the log does not have it."""
        return self.histories([id_])[id_]

    def histories(self, ids: Collection[bytes]) -> dict[bytes, tuple[IndexedVersion, ...]]:
        """Every version of each of ``ids``, oldest first; empty if the log does not have it."""
        found: dict[bytes, list[IndexedVersion]] = {id_: [] for id_ in ids}
        for row in self._for_each(SELECT_HISTORIES, list(found), PLACES):
            found[row[0]].append(IndexedVersion(DidState(*row[:5]), *row[5:]))
        return {id_: tuple(versions) for id_, versions in found.items()}

    def states(self, ids: Collection[bytes]) -> dict[bytes, DidState]:
        """The newest state of each of ``ids`` that the log has."""
        rows = self._for_each(SELECT_NEWEST, list(ids))
        return {row[0]: DidState(*row) for row in rows}

    def _for_each(
        self, statement: str, ids: Sequence[bytes], *more: object
    ) -> Iterator[Sequence[Any]]:
        """The rows that ``statement`` finds for ``ids``; after them it is given ``more``."""
        for start in range(0, len(ids), _IDS_PER_QUERY):
            some = ids[start : start + _IDS_PER_QUERY]
            text = statement.format(places=", ".join(["(?)"] * len(some)))
            yield from self._connection.exec_driver_sql(text, (*some, *more))

    def alarm(self) -> Finding | None:
        """The finding that stopped this reader, if one did."""
        number = self._connection.exec_driver_sql(SELECT_ALARM).scalar()
        if number is None:
            return None
        query = select(FINDINGS).where(FINDINGS.c.number == number)
        return finding_of(self._connection.execute(query).one())

    def findings(self) -> tuple[Finding, ...]:
        """All that was found, oldest first."""
        query = select(FINDINGS).order_by(FINDINGS.c.number)
        return tuple(finding_of(row) for row in self._connection.execute(query))


class Writer(View):
    """The index inside one transaction, which alone writes. Implements ``ledger.states.States``."""

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the transaction that is undone where an error leaves the block."""
        with self._connection.begin_nested():
            yield

    def append(self, entry: LogEntry, head: bytes) -> None:
        """Add an entry, and the head after it (32 bytes)."""
        self._connection.execute(
            insert(ENTRIES).values(
                sequence=entry.sequence,
                head=head,
                block_number=entry.block_number,
                block_time=entry.block_time,
            )
        )

    def create(self, sequence: int, ids: Sequence[bytes], born: Sequence[bytes]) -> None:
        """As ``States.create``; which of the DIDs exist is for the table's unique index to say."""
        unpacked = (len(ids), sequence * PLACES, b"".join(ids), b"".join(born))
        self._connection.exec_driver_sql(UNPACK_CREATES, unpacked)
        self._connection.exec_driver_sql(INSERT_CREATES)
        self._connection.exec_driver_sql(CLEAR_CREATES)

    def update(self, sequence: int, effects: Iterable[tuple[int, DidState]]) -> None:
        """As ``States.update``."""
        rows = [
            (sequence * PLACES + place, s.id, s.number, s.operation, s.key, s.next)
            for place, s in effects
        ]
        if rows:
            self._connection.exec_driver_sql(INSERT_UPDATES, rows)

    def roll_back(self, sequence: int) -> None:
        """Forget every entry after ``sequence``, with its effects."""
        first = (sequence + 1) * PLACES
        self._connection.execute(delete(VERSIONS).where(VERSIONS.c.position >= first))
        self._connection.execute(delete(ENTRIES).where(ENTRIES.c.sequence > sequence))

    def set_heads(self, heads: Heads) -> None:
        """Keep ``heads`` as the newest ones."""
        self._connection.execute(delete(HEADS))
        self._connection.execute(
            insert(HEADS),
            [row_of(head) for head in (heads.latest, heads.safe, heads.finalized)],
        )

    def record(self, finding: Finding) -> None:
        """Keep a finding; the first of those that differ in nothing but times and signatures."""
        columns = {**row_of(finding.seen, "seen_"), **row_of(finding.shown, "shown_")}
        same = [FINDINGS.c.code == finding.code] + [
            FINDINGS.c[name] == value
            for name, value in columns.items()
            if not name.endswith(("_time", "_evidence"))
        ]
        if self._connection.execute(select(FINDINGS.c.number).where(*same)).first() is None:
            self._connection.execute(
                insert(FINDINGS).values(code=finding.code, alarm=finding.alarm, **columns)
            )


class Index:
    """The index of one log. Close it, or use it as a context manager."""

    def __init__(self, engine: Engine, log_id: bytes, cleanup: ExitStack) -> None:
        self._engine = engine
        self._log_id = log_id
        self._cleanup = cleanup
        cleanup.callback(engine.dispose)

    @classmethod
    def open(cls, path: Path, log_id: bytes) -> Self:
        """The index at ``path``, made if it is missing.

        Args:
            path: Of the SQLite file.
            log_id: The log that it is of, 32 bytes.

        Raises:
            Invalid: ``index_of_another_log``.
            KeybornError: As ``keyborn.storage.open_database``: the file is damaged, something
                else, or readable by others.
        """
        with ExitStack() as cleanup:
            return cls._open(path, log_id, cleanup)

    @classmethod
    def temporary(cls, log_id: bytes) -> Self:
        """An index that goes when it is closed; for a command that resolves once."""
        with ExitStack() as cleanup:
            folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="keyborn-index-"))
            return cls._open(Path(folder) / "index.sqlite", log_id, cleanup)

    @classmethod
    def _open(cls, path: Path, log_id: bytes, cleanup: ExitStack) -> Self:
        try:
            engine = open_database(path, METADATA, name="ledger-index", version=_VERSION)
        except KeybornError as error:
            if error.code in ("store_corrupt", "store_of_another_version"):
                error.hint = "move the file away; the index is made anew from the log"
            raise
        with engine.begin() as connection:
            known = connection.execute(select(LOG.c.id)).scalar_one_or_none()
            if known is None:
                connection.execute(insert(LOG).values(id=log_id))
                _BEFORE_BEGIN.reached()
        _AFTER_BEGIN.reached()
        index = cls(engine, known or log_id, cleanup)
        index.refuse_other_log(log_id)
        index._cleanup = cleanup.pop_all()
        return index

    def __enter__(self) -> Self:
        """The index itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._cleanup.close()

    def refuse_other_log(self, log_id: bytes) -> None:
        """Return if this is the index of the log ``log_id``, 32 bytes.

        Raises:
            Invalid: ``index_of_another_log``.
        """
        if log_id != self._log_id:
            raise Invalid(
                "index_of_another_log",
                f"the index is of the log {self._log_id.hex()}, not of {log_id.hex()}",
                value=str(self._engine.url.database),
                hint="keep one index for each log",
            )

    @contextmanager
    def reading(self) -> Iterator[View]:
        """The index at one moment. Waits for nobody."""
        with reading(self._engine) as connection:
            yield View(connection, self._log_id)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """A transaction: all of it happens, or, where an error leaves the block, nothing.

        Raises:
            Unavailable: ``store_busy`` where another writer does not finish.
        """
        with self._engine.begin() as connection:
            for setting in (_CACHE, _JOURNAL, CREATE_ASIDE):
                connection.exec_driver_sql(setting)
            yield Writer(connection, self._log_id)
