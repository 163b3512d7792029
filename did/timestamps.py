"""Times as text and as numbers.

Text is XML Schema's dateTimeStamp (VC Data Model 2.0, section 4.9; RFC 3339); a number is a
NumericDate, seconds since 1970, whole or not (RFC 7519, section 2).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from did.errors import Invalid

_STAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?"
    r"(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)",  # XML Schema 1.1, part 2, timezoneFrag
    re.ASCII,
)
MAX_CLOCK_SKEW: Final = timedelta(minutes=10)
"""By how much the clocks of those who deal with each other may be let differ, at the most."""

_PLAIN_LENGTH: Final = len("2026-01-31T12:00:00Z")


def format_time(time: datetime) -> str:
    """An aware ``time`` as ``2026-01-31T12:00:00Z``; microseconds only where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: object) -> datetime:
    """The aware UTC time that ``text`` states; an offset is required.

    Raises:
        Invalid: ``invalid_time``.
    """
    if type(text) is str and len(text) == _PLAIN_LENGTH and text[4::3] == "--T::Z":
        # The form of nearly all. With these six in their places, the library takes digits alone in
        # the others; where it takes what there is for no time, it is told below why.
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    if not isinstance(text, str) or not _STAMP.fullmatch(text):
        raise Invalid("invalid_time", "a time is not of the form 2026-01-31T12:00:00Z", value=text)
    try:
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is UTC else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            "invalid_time", "a time does not exist in the calendar", value=text
        ) from error


def time_of_number(value: object) -> datetime:
    """The aware UTC time that the NumericDate ``value`` states.

    Raises:
        Invalid: ``invalid_time``.
    """
    if type(value) not in (int, float):
        raise Invalid("invalid_time", "a time is not a number of seconds", value=value)
    try:
        return datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type] # as was just checked
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid("invalid_time", "a number is no time of the calendar", value=value) from error
