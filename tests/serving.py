"""A real service on a real socket, for the time of a test."""

import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from keyborn.server import Server, listen


@contextmanager
def serving(app: ASGIApp, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve ``app`` from a thread and yield its URL."""
    urls: queue.Queue[str] = queue.Queue()
    server = Server(app, listen("127.0.0.1", 0), announce=urls.put, tls=tls)
    thread = threading.Thread(target=server.run_here)
    thread.start()
    try:
        yield urls.get(timeout=10)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
    assert not thread.is_alive()
