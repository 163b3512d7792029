"""The clock of a process, put ahead or back by a file while it runs.

``keyborn.clock`` is the one place that reads the clock, so moving what it reads moves the time for
all that Keyborn decides. The machine's own clock stays as it is, and so does the monotonic one, by
which a process waits: as with a real clock that is set.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from keyborn import clock


def set_shift(file: Path, shift: timedelta) -> None:
    """Have every clock that reads ``file`` be off by so much, from now on."""
    written = file.with_suffix(".new")
    written.write_text(str(int(shift.total_seconds())))
    written.replace(file)


@contextmanager
def moved_clock(file: Path) -> Iterator[None]:
    """Within the block this process's clock is off by what ``file`` says, whenever it is read."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=int(file.read_text()))

    vars(clock)["datetime"] = Moved
    try:
        yield
    finally:
        vars(clock)["datetime"] = datetime
