"""A slow status service takes no more than its share of the service's threads."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from verifier.status_fetches import FROM_ONE_PLACE, IN_ALL, StatusFetches
from verifier.status_standing import StatusPendingError

PLACE, OTHER = "https://a.example/", "https://b.example/"


def refused(fetches: StatusFetches, place: str) -> bool:
    try:
        with fetches.turn(place, f"{place}1"):
            return False
    except StatusPendingError as pending:
        return (pending.error.code, pending.error.retry_after) == ("status_unavailable", 5)


@contextmanager
def occupied(fetches: StatusFetches, *places: str) -> Iterator[None]:
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(fetches.turn(place, f"{place}1"))
        yield


def test_one_slow_place_leaves_the_others_their_turn() -> None:
    fetches = StatusFetches(patience=0.05)
    with occupied(fetches, *[PLACE] * FROM_ONE_PLACE):
        assert refused(fetches, PLACE)
        assert not refused(fetches, OTHER)


def test_many_slow_places_do_not_take_all() -> None:
    fetches = StatusFetches(patience=0.05)
    places = [f"https://{number}.example/" for number in range(IN_ALL)]
    with occupied(fetches, *places):
        assert refused(fetches, OTHER)
    assert not refused(fetches, OTHER)


def test_who_waits_is_let_in_when_another_is_done() -> None:
    fetches = StatusFetches(patience=60)
    waiting = threading.Thread(target=lambda: outcome.append(refused(fetches, PLACE)))
    outcome: list[bool] = []
    with occupied(fetches, *[PLACE] * FROM_ONE_PLACE):
        waiting.start()
    waiting.join(timeout=30)
    assert outcome == [False]


def test_a_place_that_was_slow_is_asked_by_one_at_a_time_until_it_is_quick() -> None:
    fetches = StatusFetches(patience=0.01)
    with occupied(fetches, PLACE):
        threading.Event().wait(0.02)
    with occupied(fetches, PLACE):
        assert refused(fetches, PLACE)  # at once
    with occupied(fetches, PLACE, PLACE):
        assert not refused(fetches, PLACE)


def test_a_fetch_that_fails_gives_its_turn_back() -> None:
    fetches = StatusFetches(patience=0.05)
    for _ in range(FROM_ONE_PLACE + 1):
        with pytest.raises(ValueError, match="no list"), fetches.turn(PLACE, PLACE):
            raise ValueError("no list")
    assert not refused(fetches, PLACE)
