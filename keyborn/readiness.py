"""Whether a service can do its work now: each part that it needs is tried, within a limit of time.

A look costs what it costs once a second, however often it is asked for, and a part that hangs has
one thread that waits for it and no more.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from did.errors import KeybornError, Unavailable

LOOK_SECONDS: Final = 3.0  # for all parts together, which are tried at the same time
KEPT_SECONDS: Final = 1.0  # for which a look counts

_log: Final = logging.getLogger(__name__)

Trial = Callable[[], object]
"""Returns if a part can be used; raises ``KeybornError`` if not."""


@dataclass(slots=True)
class _Part:
    name: str
    try_it: Trial
    thread: threading.Thread | None = None
    outcome: KeybornError | None = None
    known: KeybornError | None = None  # as it was told last

    def begin(self) -> threading.Thread:
        """Try it, unless an earlier trial has not come back yet."""
        if self.thread is None or not self.thread.is_alive():
            # A daemon: one that hangs does not keep the process from its end.
            self.thread = threading.Thread(target=self._run, name=f"ready {self.name}", daemon=True)
            self.thread.start()
        return self.thread

    def _run(self) -> None:
        try:
            self.try_it()
        except KeybornError as error:
            self.outcome = error
        except Exception:  # noqa: BLE001 - whatever it is, the part cannot be used
            _log.exception("the part %s could not be looked at", self.name)
            self.outcome = Unavailable(
                "part_failed",
                "looking at the part failed",
                hint="the service's log has the reason; report it",
            )
        else:
            self.outcome = None


@dataclass(frozen=True, slots=True)
class Look:
    """What there was to see at one moment: by part, None where it can be used."""

    at: float
    parts: Mapping[str, KeybornError | None]

    @property
    def failing(self) -> Sequence[tuple[str, KeybornError]]:
        """The parts that cannot be used, and why."""
        return [(name, error) for name, error in self.parts.items() if error is not None]


@dataclass(slots=True)
class Readiness:
    """The parts of one service.

    ``look`` may be called by any thread; it blocks for ``seconds`` at the most.

    Args:
        parts: What tries each, by its name.
        seconds: For a look; what is not through by then is not ready.
    """

    parts: Mapping[str, Trial]
    seconds: float = LOOK_SECONDS
    _parts: list[_Part] = field(init=False, default_factory=list)
    _turn: threading.Lock = field(init=False, default_factory=threading.Lock)
    _last: Look | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("a service needs something")
        for name, try_it in self.parts.items():
            self.add(name, try_it)

    def add(self, name: str, try_it: Trial) -> None:
        """Look at one more part from now on."""
        self._parts.append(_Part(name, try_it))

    def look(self) -> Look:
        """How the parts are, as of the last second."""
        with self._turn:
            if self._last is None or time.monotonic() - self._last.at > KEPT_SECONDS:
                self._last = self._look()
            return self._last

    def _look(self) -> Look:
        until = time.monotonic() + self.seconds
        threads = [(part, part.begin()) for part in self._parts]
        found: dict[str, KeybornError | None] = {}
        for part, thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
            found[part.name] = _late() if thread.is_alive() else part.outcome
            _tell(part, found[part.name])
        return Look(time.monotonic(), found)


def _late() -> Unavailable:
    return Unavailable(
        "part_timeout",
        "the part did not answer in time",
        hint="see whether it is overloaded, or cut off",
    )


def _tell(part: _Part, error: KeybornError | None) -> None:
    """Log what has changed, once, with all that there is to know; who asks is told less."""
    before, part.known = part.known, error
    if error is not None and (before is None or before.code != error.code):
        _log.warning("not ready: %s: %s [%s]", part.name, error, error.code)
    elif error is None and before is not None:
        _log.info("ready again: %s", part.name)
