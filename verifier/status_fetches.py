"""How many status lists are fetched at once, so that a slow status service slows nobody else.

A decision occupies a thread of the service while it waits for a list. So:

1. Few lists are fetched at once from one place (a URL prefix of the trust root), and not many in
   all. A service that is well answers in milliseconds, and the others wait for their turn.
2. Who waits gives up when nothing has moved for a while: those who fetch are stuck.
3. From a place whose last answer, or failure, took longer than that, one list is fetched at a time,
   and nobody waits, until an answer is quick again.

Who gets no turn has not found out: the status is undecided, and they may come again.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from verifier.status_standing import StatusPendingError, undecided

FROM_ONE_PLACE: Final = 4
IN_ALL: Final = 16  # of the 40 threads that serve requests
PATIENCE: Final = 2.0  # seconds
LONGEST: Final = 5  # patiences: nobody waits longer for a turn, whatever moves


class StatusFetches:
    """Turns at fetching. Safe between threads.

    Args:
        patience: Seconds in which something has to move.
    """

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._under_way: Counter[str] = Counter()  # by place
        self._slow: set[str] = set()  # places
        self._moved: dict[str, float] = {}  # by place: when a fetch began or ended last

    @contextmanager
    def turn(self, place: str, url: str) -> Iterator[None]:
        """For the time of a fetch of ``url``, below ``place``.

        Raises:
            StatusPendingError: ``status_unavailable``: there was no turn.
        """
        with self._changed:
            if not self._may(place):
                self._wait(place, url)
            self._under_way[place] += 1
            began = self._moved[place] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                self._under_way[place] -= 1
                ended = self._moved[place] = time.monotonic()
                if ended - began > self._patience:
                    self._slow.add(place)
                else:
                    self._slow.discard(place)
                self._changed.notify_all()

    def _may(self, place: str) -> bool:
        return self._has_room(place) and self._under_way.total() < IN_ALL

    def _has_room(self, place: str) -> bool:
        return self._under_way[place] < (1 if place in self._slow else FROM_ONE_PLACE)

    def _wait(self, place: str, url: str) -> None:
        """Until it may; raises where nothing moves, or it is known that nothing will."""
        longest = time.monotonic() + LONGEST * self._patience
        while not self._may(place):
            moved = max(self._moved.values()) if self._has_room(place) else self._moved[place]
            left = min(longest, moved + self._patience) - time.monotonic()
            if place in self._slow or left <= 0:
                raise StatusPendingError(
                    undecided(
                        "status_unavailable",
                        "others are waiting for status lists already, and they are slow to come",
                        url,
                        hint="see that the issuer's status service can be reached from here",
                    )
                )
            self._changed.wait(left)
