"""A log as a local file: its entries as a node gave them, and the head that they must lead to."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ledger.chain import LogEntry
from ledger.log import Heads

_ENTRY: Final = struct.Struct(">QQQQI")  # sequence, kind, block number, block time, bytes


@dataclass(frozen=True, slots=True)
class LocalLog:
    """Entries in a file, and verified heads. Implements ``ledger.log.LogSource``, with no network.

    Attributes:
        path: Of the file.
        log_id: The log's, 32 bytes.
        newest: The heads, verified by whoever made this.
    """

    path: Path
    log_id: bytes
    newest: Heads

    def heads(self) -> Heads:
        """The same heads each time."""
        return self.newest

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included."""
        with self.path.open("rb") as file:
            for entry in _read(file):
                if start <= entry.sequence <= stop:
                    yield entry


def keep(path: Path, entries: Iterable[LogEntry]) -> None:
    """Write the entries to a file at ``path``."""
    with path.open("wb") as file:
        for entry in entries:
            file.write(
                _ENTRY.pack(
                    entry.sequence,
                    entry.kind,
                    entry.block_number,
                    entry.block_time,
                    len(entry.batch),
                )
            )
            file.write(entry.batch)


def _read(file: BinaryIO) -> Iterator[LogEntry]:
    while fields := file.read(_ENTRY.size):
        sequence, kind, number, time, size = _ENTRY.unpack(fields)
        yield LogEntry(sequence, kind, file.read(size), number, time)
