"""HTTP clients, one per service, kept open for as long as they are of use.

A client keeps its connections alive and is safe to share between threads, so a fleet's devices
share them; a single device has its own.
"""

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import httpx


class Connections:
    """A context manager; what it handed out is closed when it ends."""

    def __init__(self) -> None:
        self._open: dict[str, httpx.Client] = {}
        self._lock = threading.Lock()
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every client."""
        self._cleanup.close()

    def to(self, url: str) -> "httpx.Client":
        """The client for the service at ``url``; raises ``Invalid`` (``invalid_url``)."""
        from keyborn.client import connect  # noqa: PLC0415 - slow to import

        with self._lock:
            if url not in self._open:
                self._open[url] = self._cleanup.enter_context(connect(url))
            return self._open[url]
