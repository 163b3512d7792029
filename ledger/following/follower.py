"""Keep a local index in step with a log, and tell what becomes of its heads.

One step is a sync of the reader (``ledger.reader``), and then a comparison of the index with what
it was: the latest, the safe and the finalized head, and whether entries that were there are gone.
Between two steps it waits for news, from whoever has some, and for no longer than it polls.
"""

import queue
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from did.errors import KeybornError, Unavailable, Undecided
from ledger.contradiction import Contradiction, same_content
from ledger.index import Index, View
from ledger.log import Head, Heads
from ledger.mirror.keeping import MirroredLog
from ledger.reader import LogReader

_FIRST_PAUSE: Final = 1.0  # seconds until what failed is tried again, at first and at the most
_LONGEST_PAUSE: Final = 60.0

# What a mirror that was damaged looks like to its reader.
_DAMAGE: Final = frozenset(
    {
        "ledger_entry_missing",
        "ledger_entry_altered",
        "ledger_entries_reordered",
        "mirror_entry_missing",
        "mirror_malformed",
    }
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The heads are others than before."""

    heads: Heads


@dataclass(frozen=True, slots=True)
class Reorganised:
    """Entries that were on the log are gone.

    Attributes:
        left: The latest head before.
        common: The newest entry that both chains have.
        found: The latest head now.
    """

    left: Head
    common: int
    found: Head


@dataclass(frozen=True, slots=True)
class Failing:
    """The log cannot be read, or does not hold; it is tried again."""

    error: KeybornError


@dataclass(frozen=True, slots=True)
class Recovered:
    """It could be read again."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was final is different now: reading has stopped."""

    error: Contradiction


Event = Moved | Reorganised | Failing | Recovered | Alarm


class News:
    """What a follower waits for. Safe in signal handlers, and between threads."""

    def __init__(self) -> None:
        self.stopping = False
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()

    def announce(self) -> None:
        """There is something to look at."""
        if self._queue.empty():
            self._queue.put(None)

    def stop(self) -> None:
        """Have the follower end."""
        self.stopping = True
        self._queue.put(None)

    def wait(self, seconds: float) -> None:
        """Return at the next news, or after so many seconds."""
        try:
            self._queue.get(timeout=seconds)
            while True:
                self._queue.get_nowait()
        except queue.Empty:
            pass


class Interrupted(Exception):  # noqa: N818 - no error
    """Told to stop in the middle of a sync; the index is what it was before."""


class Follower:
    """One index, in step with its log.

    Args:
        reader: Reads the log into the index.
        index: The same index.
        mirror: What the reader reads, where that is a mirror of its own, to be mended if damaged.
    """

    def __init__(
        self, reader: LogReader, index: Index, *, mirror: MirroredLog | None = None
    ) -> None:
        self._reader = reader
        self._index = index
        self._mirror = mirror
        self._tail: dict[int, bytes] = {}  # by sequence, the heads from the finalized one on
        with index.reading() as view:
            self._seen = view.heads()
            if self._seen is not None:
                self._remember(view, self._seen)

    def step(self) -> list[Event]:
        """Bring the index to where the log is now; what has changed by that.

        Raises:
            KeybornError: As ``LogReader.sync``.
        """
        try:
            self._reader.sync()
        except KeybornError as error:
            if error.code not in _DAMAGE or self._mirror is None or not self._mirror.mend():
                raise
            self._reader.sync()
        with self._index.reading() as view:
            heads = view.heads()
            assert heads is not None
            events = self._changes(view, heads)
            self._remember(view, heads)
        self._seen = heads
        if self._mirror is not None:
            try:
                self._mirror.keep()
            except KeybornError:
                if not events:  # or they would not be told; it fails again the next time
                    raise
        return events

    def standing(self) -> list[Event]:
        """Where the log stood at the last step, as if it had moved."""
        return [] if self._seen is None else [Moved(self._seen)]

    def _changes(self, view: View, heads: Heads) -> list[Event]:
        seen = self._seen
        if seen is None:
            return [Moved(heads)]
        events: list[Event] = []
        known = sorted(self._tail)
        differs = bisect_left(known, True, key=lambda at: view.head_at(at) != self._tail[at])
        if differs < len(known):
            events.append(Reorganised(seen.latest, known[differs] - 1, heads.latest))
            for gone in known[differs:]:
                del self._tail[gone]
        if not same_content(seen, heads):
            events.append(Moved(heads))
        return events

    def _remember(self, view: View, heads: Heads) -> None:
        first, last = heads.finalized.sequence, heads.latest.sequence
        for sequence in range(first, last + 1):
            if sequence not in self._tail:
                head = view.head_at(sequence)
                assert head is not None
                self._tail[sequence] = head
        self._tail = {at: head for at, head in self._tail.items() if at >= first}


def follow_once(follower: Follower, tell: Callable[[Event], None]) -> None:
    """Take one step, and tell where the log stands.

    Raises:
        KeybornError: As ``Follower.step``.
        KeyboardInterrupt: Told to stop meanwhile.
    """
    try:
        events = follower.step()
    except Interrupted:
        raise KeyboardInterrupt from None
    except Contradiction as error:
        if error.finding.alarm:
            tell(Alarm(error))
        raise
    for event in events or follower.standing():
        tell(event)


def follow(
    step: Callable[[], list[Event]],
    news: News,
    tell: Callable[[Event], None],
    *,
    patience: Callable[[], float],
) -> None:
    """Take steps until told to stop.

    What fails is tried again, ever less often, and told once; but what is wrong with the log before
    it was ever read is not waited for.

    Args:
        step: As ``Follower.step``.
        news: What to wait for between two steps.
        tell: Is given what happens, as it happens.
        patience: Seconds to wait, if there is no news.

    Raises:
        Contradiction: The alarm.
        KeybornError: As ``step``, where that decided something at the first time.
    """
    told: set[str] = set()
    read = False
    pause = _FIRST_PAUSE
    while not news.stopping:
        try:
            events = step()
        except Interrupted:
            return
        except KeybornError as error:
            if isinstance(error, Contradiction) and error.finding.alarm:
                tell(Alarm(error))
                raise
            if not read and not isinstance(error, Undecided | Unavailable):
                raise
            if error.code not in told:
                tell(Failing(error))
                told.add(error.code)
            news.wait(max(pause, error.retry_after or 0))
            pause = min(2 * pause, _LONGEST_PAUSE)
            continue
        if told:
            tell(Recovered())
        for event in events:
            tell(event)
        told, read, pause = set(), True, _FIRST_PAUSE
        news.wait(patience())
