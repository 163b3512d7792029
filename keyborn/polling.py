"""Waiting for what happens elsewhere and does not call back: another service, the log, its blocks.

Where there is something to wait on (an event, a condition, a process), wait on that.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

_PAUSES: Final = (0.05, 1.0)  # seconds between two looks: at first, and at the most
_Found = TypeVar("_Found")


def poll(look: Callable[[], _Found | None], seconds: float) -> _Found | None:
    """What ``look`` finds within so many seconds, looking once at least; None if it finds nothing.

    The pauses between two looks double, from a twentieth of a second to one second.
    """
    deadline = time.monotonic() + seconds
    pause, longest = _PAUSES
    while True:
        found = look()
        left = deadline - time.monotonic()
        if found is not None or left <= 0:
            return found
        time.sleep(min(pause, left))
        pause = min(2 * pause, longest)
