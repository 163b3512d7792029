"""Run an application as a service on a socket."""

import asyncio
import errno
import logging
import resource
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import click
import uvicorn
from starlette.types import ASGIApp

from did.errors import Invalid, Unavailable
from keyborn.access import AccessLog
from keyborn.chaos import Chaos
from keyborn.connection import HEAD_SECONDS, AtTheDoor, InTrouble, is_to_be_logged
from keyborn.door import CONNECTIONS, Clients, Connections
from keyborn.files import refuse_special, write_public
from keyborn.pace import settle
from keyborn.rim import HEAD_BYTES, Envelope
from keyborn.traffic import Traffic

FILES: Final = 2 * CONNECTIONS  # that may be open: connections, and what answers them
SHUTDOWN_SECONDS: Final = 10  # for requests under way, after SIGTERM or SIGINT

_ACCEPTED: Final = 32  # connections at a time: each is read before many newer ones are there
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def serve(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    ready_file: Path | None = None,
    tls: ssl.SSLContext | None = None,
    clients: Clients | None = None,
    access: AccessLog = AccessLog.PROBLEMS,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT, then finish what is under way and return.

    The socket is listening before anything is announced. Once the application has started, the
    line ``listening on <URL>`` is on stderr, and the URL alone in ``ready_file``, which is absent
    at any other time (save after a kill).

    Args:
        app: Any ASGI application; ``keyborn.rim.Envelope`` is put around it here.
        host: Name or address to bind.
        port: 0 for one that is free.
        ready_file: Written atomically, for scripts that wait.
        tls: For HTTPS, as ``keyborn.tls.server_context`` makes it; None for plain HTTP.
        clients: Who they are and how often each may ask; None for ``Clients()``.
        access: Of which requests the access log tells.

    Raises:
        Unavailable: ``port_taken`` or ``address_unavailable``.
        Invalid: ``invalid_host``.
        Refused: ``store_not_a_file``: ``ready_file`` is a directory, a device or a link.
    """
    serve_named(
        lambda _url: app,
        host=host,
        port=port,
        ready_file=ready_file,
        tls=tls,
        clients=clients,
        access=access,
    )


def serve_named(
    make_app: Callable[[str], ASGIApp],
    *,
    host: str,
    port: int,
    ready_file: Path | None = None,
    tls: ssl.SSLContext | None = None,
    clients: Clients | None = None,
    access: AccessLog = AccessLog.PROBLEMS,
    chaos: Chaos | None = None,
) -> None:
    """As ``serve``, for an application that must know its own URL.

    Args:
        make_app: Called with the URL once the socket is bound, also where ``port`` is 0.
        host: As for ``serve``.
        port: As for ``serve``.
        ready_file: As for ``serve``.
        tls: As for ``serve``.
        clients: As for ``serve``.
        access: As for ``serve``.
        chaos: What goes wrong on purpose; None for nothing.
    """
    _allow_files()
    if ready_file is not None:
        refuse_special(ready_file)
        ready_file.unlink(missing_ok=True)

    def announce(url: str) -> None:
        if ready_file is not None:
            write_public(ready_file, f"{url}\n".encode())
        click.echo(f"listening on {url}", err=True)

    try:
        with listen(host, port) as listening:
            app = make_app(_url(listening, tls))
            settle()
            Server(
                app,
                listening,
                announce=announce,
                tls=tls,
                clients=clients,
                access=access,
                chaos=chaos,
            ).run_here()
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _allow_files() -> None:
    """Let this process have ``FILES`` open, or as many as it may; the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket at ``host`` and ``port``.

    Raises:
        Unavailable: ``port_taken`` or ``address_unavailable``.
        Invalid: ``invalid_host``.
    """
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise Invalid(
            "invalid_host",
            f"the host to listen on is unknown: {error}",
            value=host,
            hint="name an address of this machine with --host",
        ) from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(CONNECTIONS)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise Unavailable(
                "port_taken",
                "another process listens on this port",
                value=where,
                hint="stop it, or choose another with --port (0 takes one that is free)",
            ) from error
        raise Unavailable(
            "address_unavailable",
            f"this address cannot be listened on: {error.strerror}",
            value=where,
            hint="choose an address of this machine, and a port of 1024 or more",
        ) from error
    return listening


class Server(uvicorn.Server):
    """One service on one listening socket.

    ``run_here`` blocks; from another thread, ``should_exit = True`` ends it.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: socket.socket,
        *,
        announce: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
        clients: Clients | None = None,
        access: AccessLog = AccessLog.PROBLEMS,
        chaos: Chaos | None = None,
    ) -> None:
        self._clients = clients = clients or Clients()
        traffic = Traffic()
        connection = AtTheDoor if chaos is None else partial(InTrouble, chaos)
        super().__init__(
            uvicorn.Config(
                Envelope(app, clients=clients, traffic=traffic, access=access),
                http=partial(connection, Connections(clients, traffic), traffic),  # type: ignore[arg-type] # it makes them
                loop="asyncio",
                backlog=_ACCEPTED,
                ws="none",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=HEAD_BYTES,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self.config.load()
        logging.getLogger("uvicorn.error").addFilter(is_to_be_logged)
        self.config.ssl = tls
        self._listening = listening
        self._announce = announce

    def run_here(self) -> None:
        """Serve until told to stop."""
        with self._listening:
            self.run([self._listening])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then say where it is."""
        if self.config.ssl is not None:
            # uvicorn has no option for it, and asyncio would wait a minute for each.
            loop = asyncio.get_running_loop()
            loop.create_server = partial(  # type: ignore[method-assign]
                loop.create_server, ssl_handshake_timeout=HEAD_SECONDS
            )
        await super().startup(sockets)
        self._listening.listen(CONNECTIONS)  # that wait to be accepted; asyncio asked for _ACCEPTED
        self._announce(_url(self._listening, self.config.ssl))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the application, then close what its clients were counted with."""
        await super().shutdown(sockets)
        await self._clients.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as a wish to stop.

        uvicorn raises them once more after the shutdown, which would end the process by the signal
        and leave its exits unrun. Stopped when asked to is done: exit code 0.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        stops = (signal.SIGTERM, signal.SIGINT)
        before = {stop: signal.signal(stop, self.handle_exit) for stop in stops}
        try:
            yield
        finally:
            for stop, handler in before.items():
                signal.signal(stop, handler)


def _url(listening: socket.socket, tls: ssl.SSLContext | None) -> str:
    host, port = listening.getsockname()[:2]
    host = _WILDCARDS.get(host, host)
    scheme = "http" if tls is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
