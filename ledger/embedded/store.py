"""The embedded ledger: the log, in blocks, in one SQLite file (WAL, ``synchronous=FULL``).

Each batch is in a block of its own; empty blocks are made on demand. What is deep enough below the
newest block is safe, and then final: with the depths at 0, the default, at once.

Several threads and processes may write to one ledger. Each append is one transaction that reads
the newest block and adds the next, and SQLite admits one writer at a time, so they queue; whoever
waits too long is told ``store_busy`` and may repeat, since a submission has one effect however
often it is made. What must not be is a *copy* of the directory that is written to beside the first:
that makes two logs with one key, and their readers refuse the second one as a fork.

Threat model: who can read the directory can sign heads, and so show each reader another log. Who
can modify the file alone can rewrite the log for new readers; one that has read it before refuses
what was final and has changed.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from nacl.utils import random as random_bytes
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from did.errors import Conflict, Invalid, Refused, Unavailable
from did.keys import KEY_BYTES, SigningKey
from did.resolution import Finality
from keyborn.clock import now
from keyborn.faults import FaultPoint
from keyborn.files import create_private, private_directory, read_private
from keyborn.storage import open_database, reading
from ledger.chain import KIND_CALL_DATA, LogEntry, next_head
from ledger.embedded.heads import HASH_BYTES, EmbeddedPin, Statement
from ledger.embedded.wire import ENTRY_BYTES, PAGE_BYTES, PAGE_ENTRIES
from ledger.log import Head, Heads, Receipt

BEFORE_APPEND: Final = FaultPoint("ledger.embedded.before_append")
AFTER_APPEND: Final = FaultPoint("ledger.embedded.after_append")

_VERSION: Final = 1
_TOKEN_BYTES: Final = 32
_FILE: Final = "log.sqlite"
_KEY_FILE: Final = "head.key"

_metadata: Final = MetaData()
_log: Final = Table(
    "log",
    _metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("head_key", LargeBinary, nullable=False),
    Column("final_block", Integer, nullable=False),
)
_blocks: Final = Table(
    "blocks",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", Integer, nullable=False),
)
_entries: Final = Table(
    "entries",
    _metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("batch", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("block", Integer, ForeignKey("blocks.number"), nullable=False, unique=True),
)


def _seconds() -> int:
    return int(now().timestamp())


class EmbeddedLedger:
    """The ledger in a directory. Implements ``ledger.log.Ledger``; safe between threads.

    It is made if it is missing. Close it, or use it as a context manager.

    Args:
        directory: Its own, private (0700): ``log.sqlite``, and ``head.key``, the seed of the key
            that signs heads.
        final_depth: How many blocks must stand on one for it to be final. What was final once
            stays so, also under another depth.
        safe_depth: The same for safe; at most ``final_depth``.
        clock: The time, in seconds since 1970.

    Raises:
        Invalid: ``invalid_depth``, or the key file is no key.
        Unavailable: ``ledger_key_missing``.
        Conflict: ``ledger_wrong_key``: the key is not the one that the ledger was made with.
        KeybornError: As ``keyborn.files`` and ``keyborn.storage`` where what is there cannot be
            used: damaged, of another kind, readable by others.
    """

    def __init__(
        self,
        directory: Path,
        *,
        final_depth: int = 0,
        safe_depth: int = 0,
        clock: Callable[[], int] = _seconds,
    ) -> None:
        if not 0 <= safe_depth <= final_depth:
            raise Invalid(
                "invalid_depth",
                "depths are counts of blocks, and what is final is safe",
                value=(safe_depth, final_depth),
            )
        self.directory = private_directory(directory)
        self._final_depth = final_depth
        self._safe_depth = safe_depth
        self._clock = clock
        self._key = _read_key(directory)
        self._engine = open_database(
            directory / _FILE, _metadata, name="ledger-embedded", version=_VERSION
        )
        with self._engine.begin() as connection:
            self._log_id = self._settle(connection)

    def __enter__(self) -> Self:
        """The ledger itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @property
    def log_id(self) -> bytes:
        """The 32 random bytes that name the log."""
        return self._log_id

    @property
    def pin(self) -> EmbeddedPin:
        """What its readers hold fixed."""
        return EmbeddedPin(self._log_id, self._key.public_key())

    def heads(self) -> Heads:
        """The newest heads, signed now.

        Their time is the clock's, or the newest block's where the clock is behind that.
        """
        with reading(self._engine) as connection:
            final = connection.execute(select(_log.c.final_block)).scalar_one()
            latest, block_time = _newest_block(connection)
            time = max(self._clock(), block_time)
            safe = max(final, latest - self._safe_depth)
            return Heads(
                latest=self._sign(connection, Finality.LATEST, latest, time),
                safe=self._sign(connection, Finality.SAFE, safe, time),
                finalized=self._sign(connection, Finality.FINALIZED, final, time),
            )

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included; fewer if the log has no more."""
        while start <= stop and (page := self.page(start, stop)):
            yield from page
            start += len(page)

    def page(self, start: int, stop: int) -> list[LogEntry]:
        """As many of the entries ``start`` to ``stop`` as one answer holds."""
        wanted = _entries.c.sequence.between(start, min(stop, start + PAGE_ENTRIES - 1))
        with reading(self._engine) as connection:
            sizes = connection.execute(
                select(_entries.c.sequence, func.length(_entries.c.batch))
                .where(wanted)
                .order_by(_entries.c.sequence)
            ).all()
            last, total = start, 0
            for sequence, size in sizes:
                total += size
                if total > PAGE_BYTES and sequence > start:
                    break
                last = sequence
            rows = connection.execute(
                select(_entries.c.sequence, _entries.c.batch, _entries.c.block, _blocks.c.time)
                .join(_blocks, _blocks.c.number == _entries.c.block)
                .where(_entries.c.sequence.between(start, last))
                .order_by(_entries.c.sequence)
            ).all()
        return [
            LogEntry(row.sequence, KIND_CALL_DATA, row.batch, row.block, row.time) for row in rows
        ]

    def prepare(self, batch: bytes) -> bytes:
        """A submission of ``batch``: a random token that makes it one of its kind, and the batch.

        Raises:
            Invalid: ``batch_too_large``, over 1,048,576 bytes. Whether it is a batch at all is
                its readers' business.
        """
        if len(batch) > ENTRY_BYTES:
            raise Invalid("batch_too_large", f"an entry has at most {ENTRY_BYTES} bytes")
        return random_bytes(_TOKEN_BYTES) + batch

    def submit(self, submission: bytes) -> None:
        """Append it in a block of its own, unless the log has it already.

        Raises:
            Invalid: ``ledger_bad_submission``.
            Unavailable: ``store_busy``, ``store_failed``.
        """
        token, batch = _read_submission(submission)
        BEFORE_APPEND.reached()
        with self._engine.begin() as connection:
            if self._find(connection, submission) is not None:
                return
            number, time = self._add_block(connection)
            sequence, head = self._head_at(connection, number)
            entry = LogEntry(sequence + 1, KIND_CALL_DATA, batch, number, time)
            connection.execute(
                insert(_entries).values(
                    sequence=entry.sequence,
                    token=token,
                    batch=batch,
                    head=next_head(head, entry),
                    block=number,
                )
            )
        AFTER_APPEND.reached()

    def receipt(self, submission: bytes) -> Receipt | None:
        """Where it stands, or None if it is in no block, or no longer.

        Raises:
            Invalid: ``ledger_bad_submission``.
        """
        with reading(self._engine) as connection:
            return self._find(connection, submission)

    def mine(self, blocks: int = 1) -> None:
        """Add empty blocks, under which what is there becomes final."""
        with self._engine.begin() as connection:
            for _ in range(blocks):
                self._add_block(connection)

    def reorg(self, depth: int) -> None:
        """Drop the newest ``depth`` blocks, with what they carry. It may be submitted again.

        Raises:
            Refused: ``reorg_below_final``.
        """
        self._drop(depth, above_final=True)

    def unsafe_reorg(self, depth: int) -> None:
        """As ``reorg``, but below what was final too, which no ledger may do: to test its readers.

        What is final is counted anew from there.
        """
        self._drop(depth, above_final=False)

    def _drop(self, depth: int, *, above_final: bool) -> None:
        with self._engine.begin() as connection:
            latest, _ = _newest_block(connection)
            final = connection.execute(select(_log.c.final_block)).scalar_one()
            keep = latest - depth
            if depth < 0 or keep < (final if above_final else 0):
                raise Refused(
                    "reorg_below_final",
                    f"the newest block is {latest}, and {final} is final",
                    value=depth,
                )
            connection.execute(delete(_entries).where(_entries.c.block > keep))
            connection.execute(delete(_blocks).where(_blocks.c.number > keep))
            if keep < final:
                connection.execute(
                    update(_log).values(final_block=max(0, keep - self._final_depth))
                )

    def _settle(self, connection: Connection) -> bytes:
        """The log id, drawn if the ledger is new; what is deep enough becomes final."""
        row = connection.execute(select(_log)).one_or_none()
        if row is None:
            log_id = random_bytes(HASH_BYTES)
            key = self._key.public_key().raw
            connection.execute(insert(_log).values(id=log_id, head_key=key, final_block=0))
            connection.execute(insert(_blocks).values(number=0, time=self._clock()))
            return log_id
        if row.head_key != self._key.public_key().raw:
            raise Conflict(
                "ledger_wrong_key",
                "the key is not the one that this ledger was made with",
                value=self._key.public_key().multibase,
                hint=f"restore {_KEY_FILE} from the backup of this ledger",
            )
        self._finalise(connection, _newest_block(connection)[0])
        log_id = row.id
        assert isinstance(log_id, bytes)
        return log_id

    def _add_block(self, connection: Connection) -> tuple[int, int]:
        """Number and time of a new block. Time never runs backwards."""
        latest, before = _newest_block(connection)
        number, time = latest + 1, max(self._clock(), before)
        connection.execute(insert(_blocks).values(number=number, time=time))
        self._finalise(connection, number)
        return number, time

    def _finalise(self, connection: Connection, latest: int) -> None:
        final = latest - self._final_depth
        connection.execute(update(_log).where(_log.c.final_block < final).values(final_block=final))

    def _head_at(self, connection: Connection, block: int) -> tuple[int, bytes]:
        """Sequence and head as of a block."""
        row = connection.execute(
            select(_entries.c.sequence, _entries.c.head)
            .where(_entries.c.block <= block)
            .order_by(_entries.c.block.desc())
            .limit(1)
        ).one_or_none()
        return (0, self._log_id) if row is None else (row.sequence, row.head)

    def _sign(self, connection: Connection, finality: Finality, block: int, time: int) -> Head:
        sequence, head = self._head_at(connection, block)
        statement = Statement(self._log_id, finality, sequence, head, time)
        return Head(sequence, head, time, finality, statement.sign(self._key))

    def _find(self, connection: Connection, submission: bytes) -> Receipt | None:
        """The receipt of a submission, which is known by its token.

        Raises:
            Invalid: ``ledger_bad_submission``.
        """
        token, batch = _read_submission(submission)
        row = connection.execute(
            select(_entries.c.sequence, _entries.c.batch, _entries.c.block, _blocks.c.time)
            .join(_blocks, _blocks.c.number == _entries.c.block)
            .where(_entries.c.token == token)
        ).one_or_none()
        if row is None:
            return None
        if row.batch != batch:
            raise _bad_submission("its token is another submission's")
        return Receipt(row.sequence, row.block, row.time)


def _newest_block(connection: Connection) -> tuple[int, int]:
    """Number and time."""
    query = select(_blocks).order_by(_blocks.c.number.desc()).limit(1)
    number, time = connection.execute(query).one()
    return number, time


def _read_submission(submission: bytes) -> tuple[bytes, bytes]:
    if not _TOKEN_BYTES <= len(submission) <= _TOKEN_BYTES + ENTRY_BYTES:
        raise _bad_submission("it is not 32 bytes and a batch")
    return submission[:_TOKEN_BYTES], submission[_TOKEN_BYTES:]


def _bad_submission(reason: str) -> Invalid:
    return Invalid("ledger_bad_submission", f"this is no submission to this ledger: {reason}")


def _read_key(directory: Path) -> SigningKey:
    """The key that signs heads, made if the ledger is new."""
    path = directory / _KEY_FILE
    made = (directory / _FILE).exists()  # which is after its key
    try:
        return SigningKey(read_private(path, KEY_BYTES))
    except Unavailable as error:
        if error.code != "store_missing":
            raise
    if made:
        raise Unavailable(
            "ledger_key_missing",
            "the key that signs the ledger's heads is missing",
            value=str(path),
            hint="restore it from a backup; no other key will do",
        )
    with suppress(Conflict):  # another process makes the ledger at this moment; its key is as good
        create_private(path, SigningKey.generate().seed)
    return SigningKey(read_private(path, KEY_BYTES))
