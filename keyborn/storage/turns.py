"""Turns: whoever comes first goes first, one at a time.

A lock of ``threading`` may let the same thread in again and again. Who groups commits takes the
next group as soon as it is done with the last one, and an operator's request beside it would wait
for ever.
"""

import threading
from collections import deque
from typing import Final


class Turns:
    """Turns that threads take in the order in which they ask. Any thread may end one."""

    def __init__(self) -> None:
        self._guard: Final = threading.Lock()
        self._line: Final[deque[threading.Event]] = deque()
        self._taken = False

    def take(self, patience: float) -> bool:
        """Wait up to ``patience`` seconds for a turn; False if it did not come."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._line.append(mine)
        if mine.wait(patience):
            return True
        with self._guard:
            if mine.is_set():  # it came just now
                return True
            self._line.remove(mine)
            return False

    def end(self) -> None:
        """Give the turn to who waits longest, if anybody does."""
        with self._guard:
            if self._line:
                self._line.popleft().set()
            else:
                self._taken = False
