from itertools import count

from keyborn.polling import poll


def test_what_is_there_is_found_at_once_also_with_no_time_left() -> None:
    assert poll(lambda: "there", 0) == "there"


def test_it_looks_again_until_something_is_found() -> None:
    looks = count(1)
    assert poll(lambda: seen if (seen := next(looks)) == 3 else None, 60) == 3


def test_it_looks_once_at_least_and_gives_up_in_time() -> None:
    looks = count(1)
    assert poll(lambda: None if next(looks) else "never", 0) is None
    assert next(looks) == 2
