"""Progress bars on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bars:
    """One bar for each step. Implements ``devices.fleet.Observer``."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def begin(self, step: str, total: int) -> None:
        """Show a bar for ``step``."""
        self._tasks[step] = self._progress.add_task(step, total=total)

    def advance(self, step: str) -> None:
        """Move it on by one device."""
        self._progress.advance(self._tasks[step])


@contextmanager
def bars() -> Iterator[Bars]:
    """Bars for the time of a ``with`` block."""
    progress = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with progress:
        yield Bars(progress)
