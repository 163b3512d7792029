from datetime import timedelta

from did.timestamps import format_time, parse_time
from keyborn.clock import now


def test_now_is_aware_utc_and_survives_the_wire() -> None:
    time = now()
    assert time.utcoffset() == timedelta(0)
    assert parse_time(format_time(time)) == time
