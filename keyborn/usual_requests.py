"""Requests as nearly all clients send them, read and answered without a general parser of HTTP.

A general parser (``h11``) has a state for each way in which requests and answers can be framed, and
takes more time for it than most of our answers take to be found. Nearly every request is of one
form: a GET or POST that came whole, its body as long as ``Content-Length`` says. It is read here,
and answered here where the answer is of the usual form as well: its length known, sent at once.

Nothing is refused here. What is not of this form goes to ``h11`` as it came, which alone says what
is wrong with it; what is of this form, ``h11`` reads as the same
(``tests/properties/test_usual_requests.py``). The form is narrow on purpose (docs/adr/0030): no
header that says how a body is framed but one ``Content-Length``, nothing that is switched on or off
for the connection, no bytes that another reader might take otherwise.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import h11
from starlette.types import Message
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, RequestResponseCycle

MOST: Final = 8_192  # bytes of a request of this form, its body included

_END: Final = b"\r\n\r\n"
_FIRST: Final = re.compile(rb"(GET|POST) (/[!-~]*) HTTP/1\.1")
# RFC 9110, sections 5.1 and 5.5, but for what is not ASCII: one space, then the value as it is.
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)")
_LENGTH: Final = b"content-length"
_DIGITS: Final = re.compile(rb"[0-9]{1,6}")
_KEPT: Final = (b"connection", b"keep-alive")  # what HTTP/1.1 does anyway
# What frames a body, or is about the connection. An answer that has one of these is h11's too.
_PECULIAR: Final = frozenset(
    {
        b"connection",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NO_BODY: Final = frozenset({204, 304})
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class UsualRequest:
    """A whole request of the usual form.

    Attributes:
        method: GET or POST.
        target: As it came: a path, with its query if it has one.
        headers: In their order, names in lower case.
        body: All of it.
    """

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


def read_usual(data: bytes) -> UsualRequest | None:
    """The request that ``data`` is, and nothing but that; None if it is not of the usual form."""
    if len(data) > MOST:
        return None
    head, end, body = data.partition(_END)
    first, *lines = head.split(b"\r\n")
    line = _FIRST.fullmatch(first)
    if line is None or not end:
        return None
    headers = _fields(lines)
    if headers is None or len(body) != _length(headers):
        return None
    return UsualRequest(line[1].decode(), line[2], headers, body)


def _fields(lines: Iterable[bytes]) -> list[tuple[bytes, bytes]] | None:
    headers: list[tuple[bytes, bytes]] = []
    for each in lines:
        field = _FIELD.fullmatch(each)
        if field is None:
            return None
        headers.append((field[1].lower(), field[2]))
    return headers


def _length(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """How long these headers say that the body is; None where they are not of the usual form."""
    names = [name for name, value in headers if (name, value) != _KEPT]
    if names.count(b"host") != 1 or not _PECULIAR.isdisjoint(names):
        return None
    if _LENGTH not in names:
        return 0
    value = dict(headers)[_LENGTH]
    return int(value) if names.count(_LENGTH) == 1 and _DIGITS.fullmatch(value) else None


class UsualExchange(RequestResponseCycle):
    """A request of the usual form while it is answered; to uvicorn as any other.

    Args:
        request: The bytes of it: where the answer is not of the usual form, ``h11`` is given them
            after all, and sends the answer.
        body: The request's.
        given: As ``RequestResponseCycle``.
    """

    def __init__(self, request: bytes, body: bytes, **given: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**given)
        self._request = request
        self._whole: bytes | None = body
        self._start: Message | None = None
        self.usual = True  # so far: h11 knows nothing of it

    async def receive(self) -> Message:  # type: ignore[override] # uvicorn types each message
        """The body, at once and whole; then, when it comes to that, the end."""
        body, self._whole = self._whole, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self.message_event.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:  # type: ignore[override] # as above
        """Send the answer, once its body is there."""
        if not self.usual:
            await super().send(message)  # type: ignore[arg-type] # as above
        elif self._start is None and message["type"] == "http.response.start":
            self._start = message
            self.response_started = True
        else:
            await self._send(message)

    async def _send(self, message: Message) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        answer = self._answer(message)
        if answer is None:
            await self._leave_to_h11(message)
            return
        self.usual = False  # there is nothing more to be sent: uvicorn says so
        self.response_complete = True
        self.transport.write(answer)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _answer(self, message: Message) -> bytes | None:
        """The answer as it is sent; None where it is not of the usual form."""
        start = self._start
        if start is None or message["type"] != "http.response.body" or message.get("more_body"):
            return None
        status: int = start["status"]
        body: bytes = message.get("body", b"")
        headers: list[tuple[bytes, bytes]] = [*self.default_headers, *start.get("headers", ())]
        lines = [b"%b: %b" % each for each in headers]
        names = [name for name, _ in headers]
        if (
            status < _OK
            or status in _NO_BODY
            or not _PECULIAR.isdisjoint(names)
            or names.count(_LENGTH) != 1
            or dict(headers)[_LENGTH] != b"%d" % len(body)
            or not all(map(_FIELD.fullmatch, lines))  # or a value could make a line of its own
        ):
            return None
        first = b"HTTP/1.1 %d %b" % (status, STATUS_PHRASES[status])
        return b"\r\n".join((first, *lines, b"", body))

    async def _leave_to_h11(self, message: Message) -> None:
        """Have h11 read the request after all, so that it knows what it answers."""
        self.usual = False
        self.response_started = False
        self.conn.receive_data(self._request)
        while type(self.conn.next_event()) is not h11.EndOfMessage:
            pass  # it reads the same request
        if self._start is not None:
            await super().send(self._start)  # type: ignore[arg-type] # as above
        await super().send(message)  # type: ignore[arg-type] # as above
