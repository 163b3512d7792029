"""Ports for services that must be told theirs before they start, or keep it while they are down."""

import fcntl
import random
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Final

# Below those that systems give to outgoing connections, so that none of these takes it meanwhile.
_RANGE: Final = range(20_000, 32_000)

_told: Final[set[int]] = set()


def free_port() -> int:
    """A port that nobody has, and that no other test is told of until this process ends.

    Tests run in several processes at once; that a port can be bound says nothing of who was told of
    it a moment ago and has not started yet.
    """
    while True:
        port = random.choice(_RANGE)
        if port in _told:  # what this process has locked, it could lock again
            continue
        try:
            fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _told.add(port)
        return port


@cache
def _locks() -> IO[bytes]:
    """The file whose byte number N is locked by who was told of port N."""
    return (Path(tempfile.gettempdir()) / "keyborn-test-ports").open("ab")
