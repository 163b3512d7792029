"""Named fault points: places at which a test kills the process, to show that a restart heals it.

A package declares a point as a constant and passes it where a crash would hurt most::

    GRANT_COMMITTED = FaultPoint("issuer.credential.after_commit")
    ...
    GRANT_COMMITTED.reached()

It does nothing unless armed, by ``KEYBORN_FAULTS="name[:n],..."`` in the environment of the
``keyborn`` command, which then kills itself (SIGKILL: no clean-up runs) at the n-th passage.
``KEYBORN_FAULTS=@FILE`` has the list in a file that is looked at in each passage, so that a service
can be armed while it runs.
"""

import atexit
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from did.errors import Invalid

_ENTRY: Final = re.compile(r"([a-z0-9_]+(?:\.[a-z0-9_]+)+)(?::([1-9][0-9]{0,5}))?", re.ASCII)

_declared: Final[set[str]] = set()
_armed: Final[dict[str, int]] = {}  # passages left, by name
_file: Final[dict[Path, str]] = {}  # where the list stands, if in a file: what it said last
_lock: Final = threading.Lock()


class FaultPoint:
    """A place before or after a commit; ``name`` is dotted: package, procedure, place."""

    def __init__(self, name: str) -> None:
        self._name = name
        _declared.add(name)

    def reached(self) -> None:
        """Pass this point; the process ends here if it is armed and this is the n-th passage."""
        if not _armed and not _file:
            return
        with _lock:
            _look()
            left = _armed.get(self._name)
            if left is None:
                return
            _armed[self._name] = left - 1
        if left == 1:
            _shout(f"killing this process at {self._name}")
            os.kill(os.getpid(), signal.SIGKILL)


def arm(faults: str) -> None:
    """Arm the points that ``faults`` lists, as ``name[:n],...``; the empty text arms none.

    ``@FILE`` arms those that the file lists, now and whenever its text has become another.

    Packages are imported late, so a name cannot be checked here. One that was not reached when
    the process ends is named on stderr, with the names that are known by then if it is not one.

    Raises:
        Invalid: ``invalid_faults``.
        OSError: The file cannot be read.
    """
    if not faults:
        return
    if faults.startswith("@"):
        path = Path(faults.removeprefix("@"))
        _file[path] = ""
        _look()
    else:
        _armed.update(_parse(faults))
        _shout(f"armed, this process will kill itself: {', '.join(_armed)}")
    atexit.register(_report_unreached)


def _look() -> None:
    """Arm what the file lists by now."""
    for path, before in _file.items():
        text = path.read_text()
        if text != before:
            _armed.clear()
            _armed.update(_parse(text) if text else {})
            _file[path] = text
            _shout(f"armed by {path}: {', '.join(_armed) or 'nothing'}")


def _parse(faults: str) -> dict[str, int]:
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
    return points


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
