"""Reading a log whose heads come from the ledger, and whose entries come from a mirror."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from did.errors import Invalid
from ledger.chain import LogEntry
from ledger.log import EntrySource, Heads, LogSource
from ledger.mirror.folder import FolderEntries


class MirrorSource:
    """Heads from one side, entries from the other. Implements ``ledger.log.LogSource``.

    Args:
        log: Gives the heads; it is asked for nothing else.
        mirror: Gives the entries.
    """

    def __init__(self, log: LogSource, mirror: EntrySource) -> None:
        self._log = log
        self._mirror = mirror

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log."""
        return self._log.log_id

    def heads(self) -> Heads:
        """As the log's own."""
        return self._log.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """As the mirror's own."""
        return self._mirror.entries(start, stop)


def open_mirror(place: str, log_id: bytes, opened: ExitStack) -> EntrySource:
    """The mirror at ``place``; ``opened`` closes it.

    Args:
        place: A URL of HTTP or HTTPS, or the absolute path of a folder.
        log_id: The log that it ought to be of, 32 bytes.
        opened: Gets what is to be closed.

    Raises:
        Invalid: ``invalid_url``, ``mirror_bad_place``.
    """
    place = parse_place(place)
    if place.startswith("/"):
        return FolderEntries(Path(place), log_id)
    from ledger.mirror.http import HttpEntries  # noqa: PLC0415 - only where it is used

    return opened.enter_context(HttpEntries(place, log_id))


def parse_place(text: str) -> str:
    """``text``, if it says where a mirror can be.

    Raises:
        Invalid: ``mirror_bad_place``.
    """
    if not text.startswith(("http://", "https://", "/")) or "\0" in text:
        raise Invalid(
            "mirror_bad_place",
            "a mirror is named by a URL of http or https, or by the absolute path of a folder",
            step="read the network",
            value=text,
            hint="such as https://mirror.example/log, or /var/lib/keyborn/mirror",
        )
    return text
