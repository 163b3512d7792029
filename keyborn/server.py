"""Run an application as a service on a socket."""

import asyncio
import errno
import re
import resource
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import click
import h11
import orjson
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from did.errors import Invalid, Unavailable
from keyborn import problem
from keyborn.access import AccessLog
from keyborn.bodies import WHOLE
from keyborn.chaos import Chaos
from keyborn.door import CONNECTIONS, Clients, Connections
from keyborn.files import refuse_special, write_public
from keyborn.pace import settle
from keyborn.rim import HEAD_BYTES, HEADERS_SENT, Envelope
from keyborn.traffic import NOT_HTTP, Traffic
from keyborn.usual_requests import UsualExchange, UsualRequest, read_usual

HEAD_SECONDS: Final = 10.0  # for a request's line and headers to arrive
ANSWER_SECONDS: Final = 30.0  # for a client to fetch what is ready for it
FILES: Final = 2 * CONNECTIONS  # that may be open: connections, and what answers them
GOODBYE_SECONDS: Final = 0.5  # for an idle client to close its side of TLS, then
SHUTDOWN_SECONDS: Final = 10  # for requests under way, after SIGTERM or SIGINT

FRAMING_BYTES: Final = 4_096  # around the chunks of a body, or as many as the body has

_READ_BYTES: Final = 32_768  # of each connection, before it is another's turn
_SLICE: Final = 8_192  # of these, before they are looked at
_ACCEPTED: Final = 32  # connections at a time: each is read before many newer ones are there
# A line feed or carriage return alone, and a line that goes on in the next (RFC 9112, 2.2 and 5.2).
_LOOSE: Final = re.compile(rb"(?<!\r)\n|\r[^\n]|\n[ \t]")
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
        connection = _AtTheDoor if chaos is None else partial(_InTrouble, chaos)
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


class _AtTheDoor(H11Protocol):
    """A connection that is closed when a request's head takes too long to arrive.

    So it is when its client does not fetch an answer, or when it waits and others need its place.
    """

    _due: asyncio.TimerHandle | None = None
    _unfetched: asyncio.TimerHandle | None = None
    _bytes = _framing = 0  # of the body that arrives
    _early = b""  # what came before a request of the usual form was answered

    def __init__(
        self,
        connections: Connections,
        traffic: Traffic,
        **given: Any,  # noqa: ANN401 - uvicorn's
    ) -> None:
        super().__init__(**given)
        self._connections = connections
        self._traffic = traffic

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined] # as asyncio calls it
        self._connections.enter(transport, self.client[0] if self.client else "")
        self._due = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        if self._answers_usual():
            self._early += data
            self.flow.pause_reading()
            return
        usual = read_usual(data) if self._is_at_rest() else None
        if usual is not None:
            self._begin(usual, data)
            return
        for start in range(0, len(data), _SLICE):
            self._take(data[start : start + _SLICE])
            if self.transport.is_closing():
                return
        if self.conn.their_state is not h11.IDLE:
            self._on_time()
        elif self._due is None:
            self._due = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        self._take_place()

    def _answers_usual(self) -> bool:
        cycle = self.cycle
        return isinstance(cycle, UsualExchange) and cycle.usual and not cycle.response_complete

    def _is_at_rest(self) -> bool:
        """Whether what comes now is the beginning of a request."""
        conn = self.conn
        return (
            conn.their_state is h11.IDLE
            and conn.our_state is h11.IDLE
            and not conn.trailing_data[0]
        )

    def _begin(self, request: UsualRequest, data: bytes) -> None:
        """Have a request of the usual form answered, as uvicorn has all others."""
        self._unset_keepalive_if_required()
        self._on_time()
        self._connections.attend(self.transport)
        path, _, query = request.target.partition(b"?")
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item] # set by now
            "method": request.method,
            "root_path": self.root_path,
            "path": self.root_path + unquote(path.decode("ascii")),
            "raw_path": self.root_path.encode("ascii") + path,
            "query_string": query,
            "headers": request.headers,
            "state": self.app_state.copy(),
            WHOLE: True,
        }
        self.cycle = UsualExchange(
            data,
            request.body,
            scope=self.scope,
            conn=self.conn,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            on_response=self.on_response_complete,
        )
        task = self.loop.create_task(self.cycle.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _take(self, data: bytes) -> None:
        """Give some to uvicorn; end what is nearly nothing but the frames of chunks.

        A chunk costs as much time as a kilobyte, however small it is.
        """
        before = len(self.cycle.body) if self.conn.their_state is h11.SEND_BODY else None
        super().data_received(data)
        if before is None or self.conn.their_state is not h11.SEND_BODY:
            self._bytes = self._framing = 0
            return
        size = len(self.cycle.body) - before
        self._bytes += size
        self._framing += len(data) - size
        if self._framing > max(FRAMING_BYTES, self._bytes):
            self._refuse()

    def handle_events(self) -> None:
        """Have h11 read; but not a head with lines that others may end or join elsewhere."""
        if self.conn.their_state is h11.IDLE:
            head = self.conn.trailing_data[0].partition(b"\r\n\r\n")[0]
            if _LOOSE.search(head):
                self._refuse()
                return
        super().handle_events()

    def _refuse(self) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.send_400_response("")
        else:
            self.transport.abort()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._take_place()
        if self._early and not self.transport.is_closing():
            early, self._early = self._early, b""
            self.data_received(early)

    def _take_place(self) -> None:
        whole = self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
        if whole and self.cycle is not None and not self.cycle.response_complete:
            self._connections.attend(self.transport)
        else:
            self._connections.wait(self.transport)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unfetched = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._fetched()

    def _fetched(self) -> None:
        if self._unfetched is not None:
            self._unfetched.cancel()
            self._unfetched = None

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for too long."""
        super().timeout_keep_alive_handler()
        self._part()

    def shutdown(self) -> None:
        """Close the connection, once it is idle."""
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            self._part()

    def _part(self) -> None:
        """Do not wait for a client that never closes its side of TLS."""
        if self.scheme == "https":
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_time()
        self._fetched()
        self._connections.leave(self.transport)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer what is no HTTP as everything else is answered: with problem details."""
        self._traffic.refuse(NOT_HTTP)
        status = HTTPStatus.BAD_REQUEST
        hint = "send HTTP/1.1, with one Host header and one length"
        body = orjson.dumps(problem.plain_details(status, "this is no HTTP request", hint))
        headers = [
            (b"content-type", problem.MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *((name.encode(), value.encode()) for name, value in HEADERS_SENT.items()),
        ]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
        self.transport.close()

    def _on_time(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class _InTrouble(_AtTheDoor):
    """A connection whose answers come late, or not at all."""

    def __init__(self, chaos: Chaos, *rim: Any, **given: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(*rim, **given)
        self._chaos = chaos

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self.app = self._chaos.around(self.app, transport.abort)


def _url(listening: socket.socket, tls: ssl.SSLContext | None) -> str:
    host, port = listening.getsockname()[:2]
    host = _WILDCARDS.get(host, host)
    scheme = "http" if tls is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
