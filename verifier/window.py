"""Spans of time in which the answer to a question stays the same."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


class Window(Struct, frozen=True):
    """From ``begins`` on, until before ``ends``; by default, always."""

    begins: datetime = _BEGINNING
    ends: datetime = _END

    def both(self, other: "Window") -> "Window":
        """What is in this one and in ``other``."""
        return Window(max(self.begins, other.begins), min(self.ends, other.ends))


def around(time: datetime, *, before: timedelta, after: timedelta) -> Window:
    """From ``before`` ahead of ``time`` until ``after`` it, as far as the calendar goes."""
    return Window(_shifted(time, -before, _BEGINNING), _shifted(time, after, _END))


def since(time: datetime | None, *, before: timedelta = timedelta(0)) -> Window:
    """From ``before`` ahead of ``time`` on; None: always."""
    return Window() if time is None else Window(begins=_shifted(time, -before, _BEGINNING))


def until(time: datetime | None, *, after: timedelta = timedelta(0)) -> Window:
    """Until ``after`` ``time``; None: without end."""
    return Window() if time is None else Window(ends=_shifted(time, after, _END))


def _shifted(time: datetime, by: timedelta, otherwise: datetime) -> datetime:
    try:
        return time + by
    except OverflowError:
        return otherwise
