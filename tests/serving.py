"""A real service on a real socket, for the time of a test."""

import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp

from keyborn.access import AccessLog
from keyborn.chaos import Chaos
from keyborn.door import Clients
from keyborn.server import Server, listen


@contextmanager
def serving(
    app: ASGIApp,
    *,
    tls: ssl.SSLContext | None = None,
    clients: Clients | None = None,
    access: AccessLog = AccessLog.PROBLEMS,
    chaos: Chaos | None = None,
) -> Iterator[str]:
    """Serve ``app`` from a thread and yield its URL."""
    with serving_named(
        lambda _url: app, tls=tls, clients=clients, access=access, chaos=chaos
    ) as url:
        yield url


@contextmanager
def serving_named(
    make_app: Callable[[str], ASGIApp],
    *,
    tls: ssl.SSLContext | None = None,
    clients: Clients | None = None,
    access: AccessLog = AccessLog.PROBLEMS,
    chaos: Chaos | None = None,
) -> Iterator[str]:
    """As ``serving``, for an application that must know its own URL."""
    urls: queue.Queue[str] = queue.Queue()
    listening = listen("127.0.0.1", 0)
    scheme = "http" if tls is None else "https"
    app = make_app(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}")
    server = Server(
        app,
        listening,
        announce=urls.put,
        tls=tls,
        clients=clients,
        access=access,
        chaos=chaos,
    )
    thread = threading.Thread(target=server.run_here)
    thread.start()
    try:
        yield urls.get(timeout=10)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
    assert not thread.is_alive()
