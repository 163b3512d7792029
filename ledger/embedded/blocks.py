"""The blocks and entries of an embedded ledger, as rows of its database."""

from typing import Final

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

from ledger.chain import KIND_CALL_DATA, LogEntry, next_head
from ledger.embedded.wire import PAGE_BYTES, PAGE_ENTRIES
from ledger.log import Receipt

METADATA: Final = MetaData()
_log: Final = Table(
    "log",
    METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("head_key", LargeBinary, nullable=False),
    Column("final_block", Integer, nullable=False),
)
_blocks: Final = Table(
    "blocks",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", Integer, nullable=False),
)
_entries: Final = Table(
    "entries",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("token", LargeBinary, nullable=False, unique=True),
    Column("batch", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("block", Integer, ForeignKey("blocks.number"), nullable=False, unique=True),
)


class Blocks:
    """The ledger's rows inside one transaction, which makes and holds its limits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def identity(self) -> tuple[bytes, bytes] | None:
        """The log id and the public key that signs its heads; None before ``begin``."""
        row = self._connection.execute(select(_log.c.id, _log.c.head_key)).one_or_none()
        return None if row is None else (row.id, row.head_key)

    def begin(self, log_id: bytes, head_key: bytes, time: int) -> None:
        """Name the log, and make block 0, which is final."""
        self._connection.execute(insert(_log).values(id=log_id, head_key=head_key, final_block=0))
        self._connection.execute(insert(_blocks).values(number=0, time=time))

    def newest(self) -> tuple[int, int]:
        """Number and time of the newest block."""
        query = select(_blocks).order_by(_blocks.c.number.desc()).limit(1)
        number, time = self._connection.execute(query).one()
        return number, time

    def final(self) -> int:
        """The number of the newest final block."""
        return int(self._connection.execute(select(_log.c.final_block)).scalar_one())

    def finalise(self, block: int) -> None:
        """Make ``block`` final, if that is further than what is."""
        self._connection.execute(
            update(_log).where(_log.c.final_block < block).values(final_block=block)
        )

    def add(self, time: int) -> int:
        """A new block, at ``time`` or at the newest one's if that is later; its number."""
        latest, before = self.newest()
        self._connection.execute(insert(_blocks).values(number=latest + 1, time=max(time, before)))
        return latest + 1

    def append(self, token: bytes, batch: bytes) -> None:
        """Put an entry into the newest block."""
        number, time = self.newest()
        sequence, head = self.head_at(number)
        entry = LogEntry(sequence + 1, KIND_CALL_DATA, batch, number, time)
        self._connection.execute(
            insert(_entries).values(
                sequence=entry.sequence,
                token=token,
                batch=batch,
                head=next_head(head, entry),
                block=number,
            )
        )

    def drop(self, keep: int) -> None:
        """Forget the blocks after ``keep``, with what they carry."""
        self._connection.execute(delete(_entries).where(_entries.c.block > keep))
        self._connection.execute(delete(_blocks).where(_blocks.c.number > keep))

    def unsettle(self, final: int) -> None:
        """Count ``final`` as the newest final block, even if that takes back what was final."""
        self._connection.execute(update(_log).values(final_block=final))

    def head_at(self, block: int) -> tuple[int, bytes]:
        """Sequence and head (32 bytes) as of a block."""
        row = self._connection.execute(
            select(_entries.c.sequence, _entries.c.head)
            .where(_entries.c.block <= block)
            .order_by(_entries.c.block.desc())
            .limit(1)
        ).one_or_none()
        if row is None:
            return 0, self._connection.execute(select(_log.c.id)).scalar_one()
        return row.sequence, row.head

    def find(self, token: bytes) -> tuple[bytes, Receipt] | None:
        """The batch that was appended under a token, and where it stands."""
        row = self._connection.execute(
            select(_entries.c.sequence, _entries.c.batch, _entries.c.block, _blocks.c.time)
            .join(_blocks, _blocks.c.number == _entries.c.block)
            .where(_entries.c.token == token)
        ).one_or_none()
        return None if row is None else (row.batch, Receipt(row.sequence, row.block, row.time))

    def page(self, start: int, stop: int) -> list[LogEntry]:
        """As many of the entries ``start`` to ``stop``, both included, as one answer holds."""
        stop = min(stop, start + PAGE_ENTRIES - 1)
        sizes = self._connection.execute(
            select(_entries.c.sequence, func.length(_entries.c.batch))
            .where(_entries.c.sequence.between(start, stop))
            .order_by(_entries.c.sequence)
        ).all()
        last, total = start - 1, 0
        for sequence, size in sizes:
            total += size
            if total > PAGE_BYTES:
                break
            last = sequence
        rows = self._connection.execute(
            select(_entries.c.sequence, _entries.c.batch, _entries.c.block, _blocks.c.time)
            .join(_blocks, _blocks.c.number == _entries.c.block)
            .where(_entries.c.sequence.between(start, last))
            .order_by(_entries.c.sequence)
        )
        return [
            LogEntry(row.sequence, KIND_CALL_DATA, row.batch, row.block, row.time) for row in rows
        ]
