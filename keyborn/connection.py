"""A connection to a service: what is read of it, how much at a time, and until when."""

import asyncio
import logging
import re
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol

from did.jcs import JsonObject
from keyborn import problem
from keyborn.bodies import WHOLE
from keyborn.chaos import Chaos
from keyborn.door import Connections
from keyborn.rim import HEAD_BYTES, HEADERS_SENT, head_too_large
from keyborn.traffic import NOT_HTTP, Traffic
from keyborn.usual_requests import UsualExchange, UsualRequest, read_usual

HEAD_SECONDS: Final = 10.0  # for a request's line and headers to arrive
ANSWER_SECONDS: Final = 30.0  # for a client to fetch what is ready for it
GOODBYE_SECONDS: Final = 0.5  # for an idle client to close its side of TLS, then
FRAMING_BYTES: Final = 4_096  # around the chunks of a body, or as many as the body has

_READ_BYTES: Final = 32_768  # of each connection, before it is another's turn
_SLICE: Final = 8_192  # of these, before they are looked at
# A line feed or carriage return alone, and a line that goes on in the next (RFC 9112, 2.2 and 5.2).
_LOOSE: Final = re.compile(rb"(?<!\r)\n|\r[^\n]|\n[ \t]")
_UNANSWERED: Final = (h11.IDLE, h11.SEND_RESPONSE)  # of ours: states in which we may answer


def is_to_be_logged(record: logging.LogRecord) -> bool:
    """Whether a record of uvicorn's is; not its warnings of what anybody may send.

    Those are counted, and a flood of them would be one of the log too (docs/adr/0027).
    """
    return record.module != H11Protocol.__module__.rpartition(".")[2] or (
        record.levelno != logging.WARNING
    )


class AtTheDoor(H11Protocol):
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
        """Begin to wait for a head."""
        super().connection_made(transport)
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined] # as asyncio calls it
        self._connections.enter(transport, self.client[0] if self.client else "")
        self._due = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """Read what came, the shorter way where it is a request of the usual form."""
        if self.transport.is_closing():
            return  # nobody would get an answer
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
            head, end, _ = self.conn.trailing_data[0].partition(b"\r\n\r\n")
            if _LOOSE.search(head):
                self._refuse()
                return
            if not end and len(head) > HEAD_BYTES:  # h11 would call it no HTTP
                self._refuse_large()
                return
        super().handle_events()

    def _refuse(self) -> None:
        if self.conn.our_state in _UNANSWERED:
            self.send_400_response("")
        else:
            self.transport.abort()

    def _refuse_large(self) -> None:
        error = head_too_large()
        self._traffic.refuse(error.code)
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self._end_with(status, problem.details(error, status))

    def on_response_complete(self) -> None:
        """Go on with what came meanwhile."""
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
        """Wait for the client to fetch what is ready for it, and not for ever."""
        super().pause_writing()
        self._connections.stall(self.transport)
        self._unfetched = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Be at ease: it fetches."""
        super().resume_writing()
        self._fetched()
        self._connections.go_on(self.transport)
        if self.cycle is not None and not self.cycle.response_complete:
            self._connections.attend(self.transport)

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
        """Give the place back."""
        self._on_time()
        self._fetched()
        self._connections.leave(self.transport)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer what is no HTTP as everything else is answered: with problem details."""
        self._traffic.refuse(NOT_HTTP)
        status = HTTPStatus.BAD_REQUEST
        hint = "send HTTP/1.1, with one Host header and one length"
        self._end_with(status, problem.plain_details(status, "this is no HTTP request", hint))

    def _end_with(self, status: HTTPStatus, said: JsonObject) -> None:
        """Answer what h11 has not read, and close."""
        body = orjson.dumps(said)
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


class InTrouble(AtTheDoor):
    """A connection whose answers come late, or not at all."""

    def __init__(self, chaos: Chaos, *rim: Any, **given: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(*rim, **given)
        self._chaos = chaos

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Put the trouble around the application."""
        super().connection_made(transport)
        self.app = self._chaos.around(self.app, transport.abort)
