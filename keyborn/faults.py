"""Named fault points: places at which a test kills the process, to show that a restart heals it.

A package declares a point as a constant and passes it where a crash would hurt most::

    GRANT_COMMITTED = FaultPoint("issuer.credential.after_commit")
    ...
    GRANT_COMMITTED.reached()

It does nothing unless armed, by ``KEYBORN_FAULTS="name[:n],..."`` in the environment of the
``keyborn`` command, which then kills itself (SIGKILL: no clean-up runs) at the n-th passage.
"""

import atexit
import os
import re
import signal
import sys
import threading
from typing import Final

from did.errors import Invalid

_ENTRY: Final = re.compile(r"([a-z0-9_]+(?:\.[a-z0-9_]+)+)(?::([1-9][0-9]{0,5}))?", re.ASCII)

_declared: Final[set[str]] = set()
_armed: Final[dict[str, int]] = {}  # passages left, by name
_lock: Final = threading.Lock()


class FaultPoint:
    """A place before or after a commit; ``name`` is dotted: package, procedure, place."""

    def __init__(self, name: str) -> None:
        self._name = name
        _declared.add(name)

    def reached(self) -> None:
        """Pass this point; the process ends here if it is armed and this is the n-th passage."""
        if not _armed:
            return
        with _lock:
            left = _armed.get(self._name)
            if left is None:
                return
            _armed[self._name] = left - 1
        if left == 1:
            _shout(f"killing this process at {self._name}")
            os.kill(os.getpid(), signal.SIGKILL)


def arm(faults: str) -> None:
    """Arm the points that ``faults`` lists, as ``name[:n],...``; the empty text arms none.

    Packages are imported late, so a name cannot be checked here. One that was not reached when
    the process ends is named on stderr, with the names that are known by then if it is not one.

    Raises:
        Invalid: ``invalid_faults``.
    """
    if not faults:
        return
    points: dict[str, int] = {}
    for entry in faults.split(","):
        match = _ENTRY.fullmatch(entry.strip())
        if match is None:
            raise Invalid(
                "invalid_faults",
                "KEYBORN_FAULTS is not a list of fault points",
                value=entry,
                hint="write name[:n],... as in issuer.credential.after_commit:2",
            )
        points[match[1]] = int(match[2] or 1)
    _armed.update(points)
    _shout(f"armed, this process will kill itself: {', '.join(_armed)}")
    atexit.register(_report_unreached)


def _report_unreached() -> None:
    for name, left in _armed.items():
        if name not in _declared:
            known = ", ".join(sorted(_declared)) or "none"
            _shout(f"{name} is no fault point of what ran; known: {known}")
        elif left > 0:
            _shout(f"{name} was not reached; {left} to go")


def _shout(text: str) -> None:
    sys.stderr.write(f"FAULT INJECTION: {text}\n")
    sys.stderr.flush()
