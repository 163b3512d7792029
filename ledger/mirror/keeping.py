"""Keeping a mirror: whatever is read of a log is put into a folder, and read from there again.

What the folder has up to ``head.cbor`` led to a finalised head and stays. What it has beyond that
may be of an interrupted reading, or of a branch that a reorganisation took away. So it is held
against the newest proven head before anybody reads it; where it does not lead there, it is dropped
and had anew.

Threat model: who can modify the folder can keep its reader from going on until that is mended,
and can make it believe nothing.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

from did.errors import Invalid, KeybornError, Unavailable
from keyborn.files import locked
from ledger.chain import LogEntry, next_head
from ledger.log import Head, Heads, LogSource
from ledger.mirror.folder import (
    FolderEntries,
    read_entry,
    read_extent,
    remove_entries,
    write_entry,
    write_extent,
)
from ledger.mirror.form import Extent, refuse_other_log

_STEP: Final = "keep the mirror"
_FAILURES: Final = 5

# What shows that entries are not those of the proven head; the rest is said by who gives them.
_ASTRAY: Final = frozenset(
    {"ledger_entry_missing", "ledger_entry_altered", "mirror_entry_missing", "mirror_malformed"}
)


class MirroredLog:
    """A log whose entries are kept in a folder. Implements ``ledger.log.LogSource``.

    Close it, or use it as a context manager; meanwhile the folder is its own to write.

    Args:
        log: What gives heads, and the entries that the folder does not have.
        folder: Made if it is missing. May be copied and served while it is written.

    Raises:
        Conflict: ``store_in_use``: somebody else keeps this mirror.
        Invalid: ``mirror_of_another_log``, ``mirror_malformed``.
    """

    def __init__(self, log: LogSource, folder: Path) -> None:
        self._log = log
        self._folder = folder
        self._kept = FolderEntries(folder, log.log_id)
        self._shown: Heads | None = None
        self._failures = 0  # in a row, to keep it
        self._led = False  # the folder to the newest head, when it was last read
        with ExitStack() as opened:
            folder.mkdir(parents=True, exist_ok=True)
            opened.enter_context(locked(folder / ".lock"))
            extent = read_extent(folder)
            if extent is None:
                extent = self._begin()
            refuse_other_log(extent, log.log_id)
            # By sequence, heads of what the folder has, each led to from what is final.
            self._heads = {extent.sequence: extent.head}
            self._final = extent
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the folder."""
        self._opened.close()

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log."""
        return self._log.log_id

    def heads(self) -> Heads:
        """As the log's own."""
        self._shown = self._log.heads()
        return self._shown

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, from the folder, once that is up to date.

        Where it cannot be brought to the newest head that was asked for, they are the log's own,
        unkept: the reader is to judge what that says.

        Raises:
            Unavailable: ``mirror_entry_missing``: the folder was damaged.
            Invalid: ``mirror_malformed``: as above; ``mirror_of_another_log``: it was replaced.
            KeybornError: As the log's own.
        """
        shown = self._shown or self.heads()
        self._led = self._lead_to(shown)
        if self._led:
            yield from self._kept.entries(start, stop)
        else:
            yield from self._log.entries(start, stop)

    def keep(self) -> None:
        """Bring the folder to the heads that were asked for last, whether or not anybody reads it.

        For whose reader believes them. A chain that is reorganised in this very moment is a reason
        to fail, and to try again later; a folder that never gets there is damaged.

        Raises:
            KeybornError: As the log's own.
        """
        shown = self._shown
        if shown is None or shown.latest.sequence < self._final.sequence or self._lead_to(shown):
            self._failures = 0
            return
        self._failures += 1
        if self._failures == _FAILURES:
            self._forget()

    def mend(self) -> bool:
        """Have all of the folder held against the next head, if it was what led a reader astray.

        For whose reader a proven head has shown the entries to be wrong. The folder's newest part
        was held against that head already, so the damage is in what was final of it.

        Returns:
            Whether it was the folder that gave the entries; if not, nothing is done.
        """
        if self._led:
            self._led = False
            self._forget()
            return True
        return False

    def _forget(self) -> None:
        """Take nothing of the folder as final."""
        self._final = self._begin()
        self._heads = {0: self.log_id}

    def _begin(self) -> Extent:
        extent = Extent(self.log_id, 0, self.log_id)
        write_extent(self._folder, extent)
        return extent

    def _lead_to(self, shown: Heads) -> bool:
        """Bring the folder to the latest head; whether it has that now.

        1. Where somebody else was at the folder, nothing of it counts as final. What led to a
           head that the log has taken back goes.
        2. After the newest entry that led to a proven head: what the folder has, then what the
           log gives.
        3. Where that leads elsewhere, all goes that was not final, and the log gives it anew.
        """
        if not self._as_left():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._forget()
        final, target = self._final.sequence, shown.latest.sequence
        if target < final:
            return False
        if target < max(self._heads):
            self._cut(target)
        for base in (max(self._heads), final):
            try:
                self._heads |= self._walk(base, shown)
            except KeybornError as error:
                if error.code not in _ASTRAY:
                    raise
                self._cut(final)
            else:
                self._settle(shown.finalized)
                return True
        return False

    def _as_left(self) -> bool:
        """Whether the folder still says of itself what was written; else it was cleared, say."""
        try:
            extent = read_extent(self._folder)
        except Invalid:
            return False
        if extent is not None:
            refuse_other_log(extent, self.log_id)
        return extent == self._final

    def _walk(self, base: int, shown: Heads) -> dict[int, bytes]:
        """The heads from the finalised one on, by the entries after ``base``."""
        target = shown.latest
        head = self._heads[base]
        found = {}
        for entry in self._collect(base + 1, target.sequence):
            head = next_head(head, entry)
            if entry.sequence >= shown.finalized.sequence:
                found[entry.sequence] = head
        if head != target.head:
            raise Invalid(
                "ledger_entry_altered",
                f"the entries up to {target.sequence} do not lead to the log's head",
                step=_STEP,
                hint="what gives them is at fault or lies; they were not kept",
            )
        return found

    def _collect(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries from the folder as far as it has them, then from the log into the folder."""
        due = start
        with suppress(Invalid):  # what is damaged is had anew
            while due <= stop and (entry := read_entry(self._folder, due)) is not None:
                yield entry
                due += 1
        for entry in self._log.entries(due, stop) if due <= stop else ():
            if entry.sequence != due:
                break
            write_entry(self._folder, entry)
            yield entry
            due += 1
        if due <= stop:
            raise Unavailable(
                "ledger_entry_missing",
                f"the log does not give entry {due}",
                step=_STEP,
                hint="repeat it; if it stays, what gives the entries withholds it",
            )

    def _cut(self, sequence: int) -> None:
        """Forget what the folder has after ``sequence``."""
        remove_entries(self._folder, sequence + 1)
        self._heads = {at: head for at, head in self._heads.items() if at <= sequence}

    def _settle(self, finalized: Head) -> None:
        """Note that the folder is final up to there, if that is what it leads to."""
        at = finalized.sequence
        if at > self._final.sequence and self._heads.get(at) == finalized.head:
            self._final = Extent(self.log_id, at, finalized.head)
            write_extent(self._folder, self._final)
            self._heads = {later: head for later, head in self._heads.items() if later >= at}
