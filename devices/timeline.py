"""When a log became final up to where: measured beside the devices, not by them.

A fleet's devices do other things while their creates settle, so the moment at which one of them
looks says little. Here the log is looked at all the time, once for all of them.
"""

import threading
import time
from bisect import bisect_left
from contextlib import suppress
from typing import Final, Self

from did.errors import KeybornError
from ledger.reader import LogReader

_INTERVAL: Final = 0.1  # seconds between two looks


class Timeline:
    """Watches a log for the time of a ``with`` block. Times are of ``time.perf_counter``."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._sequences: list[int] = []
        self._times: list[float] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="timeline")

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more; what was seen can still be asked for."""
        self._stopping.set()
        self._thread.join()

    def final_at(self, sequence: int) -> float:
        """When entry ``sequence``, which is final, was first seen to be; at the latest, now."""
        found = bisect_left(self._sequences, sequence)
        return self._times[found] if found < len(self._sequences) else time.perf_counter()

    def _watch(self) -> None:
        while True:
            # Whoever waits for the log meets the same error, and says so.
            with suppress(KeybornError):
                final = self._reader.sync().finalized.sequence
                if not self._sequences or final > self._sequences[-1]:
                    self._times.append(time.perf_counter())
                    self._sequences.append(final)
            if self._stopping.wait(_INTERVAL):
                return
