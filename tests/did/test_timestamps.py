from datetime import UTC, datetime, timedelta, timezone

import pytest
from actors import NOW

from did.errors import Invalid
from did.timestamps import format_time, parse_time, time_of_number


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T12:00:00Z", NOW),
        ("2026-01-31T12:00:00+00:00", NOW),
        ("2026-01-31T12:00:00-00:00", NOW),
        ("2026-01-31T14:30:00+02:30", NOW),
        ("2026-02-01T02:00:00+14:00", NOW),
        ("2026-01-30T22:01:00-13:59", NOW),
        ("2026-01-31T12:00:00.5Z", NOW + timedelta(milliseconds=500)),
        ("2026-01-31T12:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_parse(text: str, time: datetime) -> None:
    assert parse_time(text) == time
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31T12:00:00Z\n",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00+0000",
        "2026-01-31T12:00:00+14:01",
        "2026-01-31T12:00:00+13:60",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-02-30T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "-2026-01-31T12:00:00Z",
        "\uff12\uff1026-01-31T12:00:00Z",
        "",
        None,
        1_769_860_800,
        ["2026-01-31T12:00:00Z"],
    ],
)
def test_what_is_no_time(text: object) -> None:
    with pytest.raises(Invalid) as raised:
        parse_time(text)
    assert (raised.value.code, raised.value.value) == ("invalid_time", text)


def test_format() -> None:
    assert format_time(NOW) == "2026-01-31T12:00:00Z"
    assert format_time(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-01-31T12:00:00Z"
    assert format_time(NOW + timedelta(microseconds=1)) == "2026-01-31T12:00:00.000001Z"


@pytest.mark.parametrize(
    ("number", "time"),
    [
        (int(NOW.timestamp()), NOW),
        (NOW.timestamp() + 0.5, NOW + timedelta(seconds=0.5)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1.5, datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)),
    ],
)
def test_times_as_numbers(number: float, time: datetime) -> None:
    assert time_of_number(number) == time


@pytest.mark.parametrize("value", [None, "1769860800", True, [], 1e300, -1e300, float("inf")])
def test_what_is_no_time_as_a_number(value: object) -> None:
    with pytest.raises(Invalid) as raised:
        time_of_number(value)
    assert raised.value.code == "invalid_time"
