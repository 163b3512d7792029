"""A time in the plain form is read as any other is: no more is taken for one, and no less."""

import re
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from did.errors import Invalid
from did.timestamps import parse_time

PLAIN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)
letters = st.one_of(st.sampled_from("0123456789-:.,+WTZtz "), st.characters())
times = st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0"))


@st.composite
def nearly(draw: st.DrawFn) -> str:
    """A time in the plain form, a few of whose characters are others."""
    text = list(draw(times))
    for place in draw(st.lists(st.integers(0, len(text) - 1), max_size=4)):
        text[place] = draw(letters)
    return "".join(text)


@given(st.one_of(times, nearly()))
@example("2026-W05-6T12:00:00Z")
@example("2026-01-31T12:00:0\uff11Z")
@example("2026-01-31T12:00:0\ud800Z")
@example("0000-01-01T00:00:00Z")
@example("2026-01-31T24:00:00Z")
def test_what_is_of_the_plain_form(text: str) -> None:
    try:
        time = parse_time(text)
    except Invalid:
        if PLAIN.fullmatch(text):  # then it is the calendar that has no such time
            numbers = [int(part) for part in re.findall(r"\d+", text)]
            try:
                datetime(*numbers)  # type: ignore[arg-type] # noqa: DTZ001 - six numbers
            except ValueError:
                return
            raise
    else:
        assert PLAIN.fullmatch(text)
        assert time.tzinfo is UTC
        assert f"{time:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0") == text
