"""A mirror in a folder: read in order, and cheaply; written entry by entry."""

import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from keyborn.files import write_public, write_replaceable
from ledger.chain import LogEntry
from ledger.mirror.form import (
    ENTRY_BYTES,
    HEAD_BYTES,
    HEAD_PATH,
    Extent,
    decode_entry,
    decode_extent,
    encode_entry,
    encode_extent,
    malformed,
    no_entry,
    no_mirror,
    path_of,
    refuse_other_log,
)


class FolderEntries:
    """The entries in a folder, which nobody believes. Implements ``ledger.log.EntrySource``.

    Args:
        path: The folder.
        log_id: The log that it ought to be of, 32 bytes.
    """

    def __init__(self, path: Path, log_id: bytes) -> None:
        self._path = path
        self._log_id = log_id

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, one file after the other.

        Raises:
            Unavailable: ``mirror_missing``; ``mirror_entry_missing``.
            Invalid: ``mirror_of_another_log``, ``mirror_malformed``.
        """
        extent = read_extent(self._path)
        if extent is None:
            raise no_mirror(str(self._path))
        refuse_other_log(extent, self._log_id)
        for sequence in range(start, stop + 1):
            entry = read_entry(self._path, sequence)
            if entry is None:
                raise no_entry(sequence)
            yield entry


def read_entry(folder: Path, sequence: int) -> LogEntry | None:
    """The entry ``sequence`` in the mirror ``folder``; None if it is not there.

    Raises:
        Invalid: ``mirror_malformed``.
    """
    data = _read(folder, path_of(sequence), ENTRY_BYTES)
    return None if data is None else decode_entry(data, sequence)


def write_entry(folder: Path, entry: LogEntry) -> None:
    """Put ``entry`` into the mirror ``folder``, replacing what is there.

    It is whole or absent for whoever reads, but not synced to the disk: what a power cut leaves of
    it is found by its form, or by the head, and had again.
    """
    path = folder / path_of(entry.sequence)
    data = encode_entry(entry)
    if len(data) > ENTRY_BYTES:
        raise malformed(path_of(entry.sequence), f"it is larger than {ENTRY_BYTES} bytes")
    try:
        write_replaceable(path, data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_replaceable(path, data)


def remove_entries(folder: Path, start: int) -> None:
    """Remove the entries from ``start`` on, as far as they follow each other."""
    for sequence in count(start):
        try:
            (folder / path_of(sequence)).unlink()
        except FileNotFoundError:
            return


def read_extent(folder: Path) -> Extent | None:
    """What the mirror ``folder`` says of itself; None where there is no mirror.

    Raises:
        Invalid: ``mirror_malformed``.
    """
    data = _read(folder, HEAD_PATH, HEAD_BYTES)
    return None if data is None else decode_extent(data)


def write_extent(folder: Path, extent: Extent) -> None:
    """Say what the mirror ``folder`` is of, and up to where it will not change."""
    write_public(folder / HEAD_PATH, encode_extent(extent))


def _open_at_once(path: str, flags: int) -> int:
    """Do not wait for the other end of a FIFO."""
    return os.open(path, flags | os.O_NONBLOCK)


def _read(folder: Path, name: str, most: int) -> bytes | None:
    """The content of a file of at most so many bytes; None if there is no such file."""
    try:
        with open(f"{folder}/{name}", "rb", buffering=0, opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > most:
                raise malformed(name, f"it is no file of at most {most} bytes")
            return file.read(status.st_size)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise malformed(name, "it is a folder") from None
