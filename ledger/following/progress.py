"""How far a long reading of the log is, on stderr; and that it can be interrupted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ledger.chain import LogEntry
from ledger.following.follower import Interrupted, News
from ledger.log import Heads, LogSource

if TYPE_CHECKING:
    from rich.progress import Progress

MUCH: Final = 50  # entries, from which on a bar is shown


class Bars:
    """A bar for each long reading that is under way."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._under_way = 0

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[], None]]:
        """For the time of a ``with`` block, what to call for each of so many entries."""
        if total < MUCH:
            yield lambda: None
            return
        progress = self._progress = self._progress or _new_progress()
        task = progress.add_task(label, total=total)
        self._under_way += 1
        progress.start()
        try:
            yield lambda: progress.advance(task)
        finally:
            self._under_way -= 1
            if not self._under_way:
                progress.stop()
                self._progress = None


class WatchedLog:
    """A log whose reading shows. Implements ``ledger.log.LogSource``.

    Args:
        log: What is read.
        label: How its bar is called.
        bars: Where that is shown.
        news: Whether to stop.
    """

    def __init__(self, log: LogSource, label: str, bars: Bars, news: News) -> None:
        self._log = log
        self._label = label
        self._bars = bars
        self._news = news

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log."""
        return self._log.log_id

    def heads(self) -> Heads:
        """As the log's own."""
        return self._log.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """As the log's own.

        Raises:
            Interrupted: Told to stop.
        """
        with self._bars.bar(self._label, stop - start + 1) as advance:
            for entry in self._log.entries(start, stop):
                if self._news.stopping:
                    raise Interrupted
                advance()
                yield entry


def _new_progress() -> "Progress":
    from rich.console import Console  # noqa: PLC0415 - not before it is needed: it is slow
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
