"""The rim around a service: who gets in, what each answer says, and what nobody expected."""

import logging
import secrets
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from did.errors import Busy, Invalid, KeybornError, Unavailable
from did.limits import LIMITS
from keyborn.access import AccessLog, code_of, tell
from keyborn.bodies import BODY_SECONDS, STEP, Bodies, DisconnectedError
from keyborn.door import Clients
from keyborn.http import answer, answer_internal_error
from keyborn.logs import request_id
from keyborn.traffic import Traffic, known_method, route_of
from keyborn.watching import introduce

HEAD_BYTES: Final = 16_384  # target and headers
HEADERS: Final = 100
CONCURRENT_REQUESTS: Final = 256
HEADERS_SENT: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_REQUEST_ID: Final = b"x-request-id"
_OURS: Final = [(name.encode(), value.encode()) for name, value in HEADERS_SENT.items()]
_OURS_BY_TLS: Final = [*_OURS, (b"strict-transport-security", b"max-age=31536000")]  # a year
# Of two of these, some read the first and some the last; a proxy before us may differ from us.
_ONCE: Final = (b"authorization", b"content-type")
_FRAMES: Final = frozenset({b"content-length", b"transfer-encoding"})
# What HTTP has a more telling status for than the error's branch.
_STATUS: Final = {
    "head_too_large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "body_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}

_log: Final = logging.getLogger(__name__)


class Envelope:
    """The rim around an application: limits of size, time and number, a request id, headers.

    A request's body is read whole before the application is called, so that a slow sender occupies
    nothing but its connection (``keyborn.bodies``); nor does who fetches an answer slowly. Every
    answer carries ``X-Request-Id``, which log lines repeat, and ``HEADERS_SENT`` where the
    application has not set these headers itself; under TLS, also that the service is to be asked
    with TLS alone. Whatever the application raises is logged here, and answered with 500 without
    giving anything away. To
    the application, HEAD is GET; the answer's body is left out (RFC 9110, section 9.3.2).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        clients: Clients | None = None,
        traffic: Traffic | None = None,
        access: AccessLog = AccessLog.PROBLEMS,
        max_body: int = LIMITS.json_bytes,
        body_seconds: float = BODY_SECONDS,
        concurrent_requests: int = CONCURRENT_REQUESTS,
    ) -> None:
        self._app = app
        self._clients = clients or Clients()
        self._traffic = traffic or Traffic()
        self._access = access
        self._bodies = Bodies(most=max_body, seconds=body_seconds)
        self._free = concurrent_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3.0)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        this = secrets.token_hex(8)
        request_id.set(this)  # not reset: the server may still log something of this very task
        status: int | None = None
        code: str | None = None
        method: str = scope["method"]
        head_only = method == "HEAD"
        scope = {**scope, "method": "GET"} if head_only else scope
        secure = scope.get("scheme") == "https"
        introduce(scope, self._traffic, self._clients)

        async def send_enveloped(message: Message) -> None:
            nonlocal status, code
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = _with_ours(message.get("headers", ()), this, secure)
                message = {**message, "headers": headers}
            else:
                if status is not None and status >= HTTPStatus.BAD_REQUEST and code is None:
                    code = code_of(message.get("body", b""))
                if head_only:
                    message = {**message, "body": b""}
            await send(message)

        self._traffic.begin()
        began = time.perf_counter()
        try:
            await self._admit(scope, receive, send_enveloped)
        except Exception:
            # The outermost rim: a fault of one request must not be told to the client, nor end in
            # silence. A half-sent answer is left to the server, which breaks the connection.
            if status is not None:
                raise
            _log.exception("a request failed")
            await answer_internal_error(this)(scope, receive, send_enveloped)
        finally:
            seconds = time.perf_counter() - began
            route = route_of(scope)
            method = known_method(method)
            self._traffic.end(method, route, status, seconds)
            tell(
                self._access,
                method=method,
                route=route,
                status=status,
                seconds=seconds,
                code=code,
            )

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._check_rate(scope)
            _check_head(scope)
            body = await self._bodies.read(scope, receive)
        except DisconnectedError:
            return
        except KeybornError as error:
            # Its body may be unread: nothing is to be read after it.
            self._traffic.refuse(error.code)
            status = _STATUS.get(error.code)
            await answer(error, status, {"connection": "close"})(scope, receive, send)
            return
        if not self._free:
            self._traffic.refuse("busy")
            await answer(_busy())(scope, receive, send)
            return
        unread = held = True

        async def replay() -> Message:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        def leave() -> None:
            nonlocal held
            self._free += held
            held = False

        async def send_answer(message: Message) -> None:
            leave()  # who does not fetch an answer occupies nothing but its connection
            await send(message)

        self._free -= 1
        try:
            await self._app(scope, replay, send_answer)
        finally:
            leave()

    async def _check_rate(self, scope: Scope) -> None:
        if seconds := await self._clients.seconds_to_wait(scope):
            raise Busy(
                "rate_limited",
                "this client asks too often",
                step=STEP,
                hint="wait as long as Retry-After says; the operator sets the rate with --rate",
                retry_after=seconds,
            )


def _with_ours(
    headers: Iterable[tuple[bytes, bytes]],
    request: str,
    secure: bool,  # noqa: FBT001 - whether it came by TLS
) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, and those of ours that it has not set itself."""
    sent = [(name, value) for name, value in headers if name != _REQUEST_ID]
    present = {name for name, _ in sent}
    sent.append((_REQUEST_ID, request.encode()))
    sent += [each for each in (_OURS_BY_TLS if secure else _OURS) if each[0] not in present]
    return sent


def _check_head(scope: Scope) -> None:
    """Return if a request's target and headers are of bounded size, and have one reading."""
    headers = scope["headers"]
    size = len(scope["path"]) + len(scope["query_string"])
    size += sum(len(name) + len(value) for name, value in headers)
    if len(headers) > HEADERS or size > HEAD_BYTES:
        raise head_too_large()
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in _ONCE) or _FRAMES.issubset(names):
        raise Invalid(
            "ambiguous_head",
            "a header that counts once is there twice, or the body has two lengths",
            step=STEP,
            hint="send one Authorization and one Content-Type; and a Content-Length only where"
            " there is no Transfer-Encoding",
        )


def head_too_large() -> Invalid:
    """The error of a request whose head has too many headers, or too long ones."""
    return Invalid(
        "head_too_large",
        f"a request has at most {HEADERS} headers and {HEAD_BYTES} bytes before its body",
        step=STEP,
        hint="send fewer and shorter headers, and a shorter URL",
    )


def _busy() -> Unavailable:
    return Unavailable(
        "busy",
        "too many requests at once",
        step=STEP,
        hint="repeat it a little later",
        retry_after=1,
    )
