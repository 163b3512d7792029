"""How our services answer over HTTP: limits, headers, and errors as problem details (RFC 9457)."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, get_args, get_origin

import orjson
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from did.errors import Busy, Invalid, KeybornError, Unavailable, shorten
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.strict_json import parse
from keyborn import problem
from keyborn.door import Clients
from keyborn.logs import request_id

HEAD_BYTES: Final = 16_384  # target and headers
HEADERS: Final = 100
BODY_SECONDS: Final = 20.0  # for a request's body to arrive
CONCURRENT_REQUESTS: Final = 256
ARRIVING_BYTES: Final = 33_554_432  # of all bodies that are not whole yet

_LOGGER: Final = logging.getLogger(__name__)
_DRAINED: Final = 16_777_216  # bytes of an oversized body that are thrown away before the answer
STEP: Final = "read the request"
# Of two of these, some read the first and some the last; a proxy before us may differ from us.
_ONCE: Final = (b"authorization", b"content-type")
_FRAMES: Final = frozenset({b"content-length", b"transfer-encoding"})
_HINTS: Final = {
    HTTPStatus.NOT_FOUND: "check the path; docs/reference/http-apis.md has every route",
    HTTPStatus.UNAUTHORIZED: "ask for it who runs the service",
}
HEADERS_SENT: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_TLS_ONLY: Final = "max-age=31536000"  # a year


def install(app: FastAPI) -> None:
    """Make ``app`` read JSON strictly and answer every error as problem details.

    Call it before routes are declared; an ``APIRouter`` takes ``route_class=StrictRoute`` itself.
    What nobody expected is left to the ``Envelope``, which answers with status 500.
    """
    app.router.route_class = StrictRoute
    app.router.redirect_slashes = False  # to where the request's own Host header says
    app.add_exception_handler(KeybornError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _leave_to_envelope)


def answer(
    error: KeybornError,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Json,
) -> Response:
    """The answer that states ``error``: of its own status if none is given.

    Args:
        error: What failed.
        status: Where HTTP has a more telling status, such as 413.
        headers: More headers.
        members: More members of the problem details (RFC 9457, section 3.2).
    """
    status = status or problem.status_of(error)
    after = problem.retry_after(error, status)
    return _response(
        {**problem.details(error, status), **members},
        status,
        {**(headers or {}), **({} if after is None else {"retry-after": str(after)})},
    )


class StrictRoute(APIRoute):
    """A route that reads strictly.

    Its JSON body is parsed by ``did.strict_json``: no duplicate keys, no floats. It has no query
    parameter that it does not know, and none twice unless it is a list.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given a request that parses strictly."""
        handler = super().get_route_handler()
        known = {
            field.alias: _is_list(field.field_info.annotation)
            for field in self.dependant.query_params
        }

        async def handle(request: Request) -> Response:
            _check_query(request, known)
            strict = _StrictRequest(request.scope, request.receive)
            if (
                self.body_field is not None
                and await strict.body()
                and not is_json(request.headers.get("content-type", ""))
            ):
                return answer_not_json()
            return await handler(strict)

        return handle


def _check_query(request: Request, known: Mapping[str, bool]) -> None:
    """Refuse query parameters that are not ``known``, and several of one that is no list."""
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = [(name, "extra_forbidden") for name in dict.fromkeys(given) if name not in known]
    wrong += [
        (name, "given_twice")
        for name, is_list in known.items()
        if not is_list and given.count(name) > 1
    ]
    if wrong:
        raise RequestValidationError([{"loc": ("query", name), "type": t} for name, t in wrong])


class NotJsonError(Exception):
    """A body that is not said to be JSON, where JSON is due."""


def answer_not_json() -> Response:
    """The answer to that."""
    return answer(_no_json(), HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def _no_json() -> Invalid:
    return Invalid(
        "unsupported_media_type",
        "the body is not said to be JSON",
        step=STEP,
        hint="send it as Content-Type: application/json",
    )


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


def is_json(content_type: str) -> bool:
    """Whether a ``Content-Type`` says JSON."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


class _StrictRequest(Request):
    async def json(self) -> Json:
        return parse(await self.body())


async def _body(request: Request) -> bytes:
    return await request.body()


async def _json_body(request: Request) -> bytes:
    require_json(request)
    return await request.body()


def require_json(request: Request) -> None:
    """Return if the body is said to be JSON; raises ``Invalid`` (``unsupported_media_type``)."""
    if not is_json(request.headers.get("content-type", "")):
        raise _no_json()


JsonBytes = Annotated[bytes, Depends(_json_body)]
"""As ``RawBody``, for a body that must be said to be JSON: ``body: JsonBytes``."""

RawBody = Annotated[bytes, Depends(_body)]
"""A request's body as it arrived, for an endpoint that parses it itself: ``body: RawBody``."""


class Envelope:
    """The rim around an application: limits of size, time and number, a request id, headers.

    A request's body is read whole before the application is called, so that a slow sender occupies
    nothing but its connection. All bodies that are not whole together have ``ARRIVING_BYTES``: the
    one that arrives longest is given up for another. Every answer carries ``X-Request-Id``, which
    log lines repeat, and ``HEADERS_SENT`` where the application has not set these headers itself;
    under TLS, also that the service is to be asked with TLS alone. Whatever
    the application raises is logged here, and answered with 500 without giving anything away. To
    the application, HEAD is GET; the answer's body is left out (RFC 9110, section 9.3.2).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        clients: Clients | None = None,
        max_body: int = LIMITS.json_bytes,
        body_seconds: float = BODY_SECONDS,
        concurrent_requests: int = CONCURRENT_REQUESTS,
    ) -> None:
        self._app = app
        self._clients = clients or Clients()
        self._max_body = max_body
        self._body_seconds = body_seconds
        self._free = concurrent_requests
        self._arriving: dict[asyncio.Timeout, int] = {}  # bytes of a body by its time, oldest first
        self._arriving_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3.0)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        this = secrets.token_hex(8)
        request_id.set(this)  # not reset: the server may still log something of this very task
        started = False
        head_only = scope["method"] == "HEAD"
        if head_only:
            scope = {**scope, "method": "GET"}

        async def send_enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = this
                for name, value in HEADERS_SENT.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("strict-transport-security", _TLS_ONLY)
            elif head_only:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._admit(scope, receive, send_enveloped)
        except Exception:
            # The outermost rim: a fault of one request must not be told to the client, nor end in
            # silence. A half-sent answer is left to the server, which breaks the connection.
            if started:
                raise
            _LOGGER.exception("a request failed")
            await _internal_error(this)(scope, receive, send_enveloped)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if seconds := await self._clients.seconds_to_wait(scope):
            too_often = Busy(
                "rate_limited",
                "this client asks too often",
                step=STEP,
                hint="wait as long as Retry-After says; the operator sets the rate with --rate",
                retry_after=seconds,
            )
            # Its body may be unread: nothing is to be read after it.
            await answer(too_often, headers={"connection": "close"})(scope, receive, send)
            return
        headers = scope["headers"]
        size = len(scope["path"]) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in headers)
        if len(headers) > HEADERS or size > HEAD_BYTES:
            too_large = Invalid(
                "head_too_large",
                f"a request has at most {HEADERS} headers and {HEAD_BYTES} bytes before its body",
                step=STEP,
                hint="send fewer and shorter headers, and a shorter URL",
            )
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            await answer(too_large, status, {"connection": "close"})(scope, receive, send)
            return
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in _ONCE) or {*names} >= _FRAMES:
            ambiguous = Invalid(
                "ambiguous_head",
                "a header that counts once is there twice, or the body has two lengths",
                step=STEP,
                hint="send one Authorization and one Content-Type; and a Content-Length only where"
                " there is no Transfer-Encoding",
            )
            await answer(ambiguous, headers={"connection": "close"})(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._body_seconds) as due:
                body = await self._read(scope, receive, due)
        except TimeoutError:
            late = Unavailable(
                "body_timeout",
                "the request's body did not arrive in time",
                step=STEP,
                hint="repeat it; nothing was done",
            )
            refusal = answer(late, HTTPStatus.REQUEST_TIMEOUT, {"connection": "close"})
            await refusal(scope, receive, send)
            return
        except Invalid as error:
            refusal = answer(error, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"connection": "close"})
            await refusal(scope, receive, send)
            return
        except _DisconnectedError:
            return
        await self._call(body, scope, receive, send)

    async def _call(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._free:
            busy = Unavailable(
                "busy",
                "too many requests at once",
                step=STEP,
                hint="repeat it a little later",
                retry_after=1,
            )
            await answer(busy)(scope, receive, send)
            return
        unread = True

        async def replay() -> Message:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        self._free -= 1
        try:
            await self._app(scope, replay, send)
        finally:
            self._free += 1

    async def _read(self, scope: Scope, receive: Receive, due: asyncio.Timeout) -> bytes:
        headers = Headers(scope=scope)
        if "expect" in headers and self._exceeds(headers.get("content-length", "")):
            raise self._too_large()  # before the client has sent any of it
        body = bytearray()
        size = 0
        more = True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _DisconnectedError
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size <= self._max_body:
                    body += chunk
                elif size > _DRAINED:
                    raise self._too_large()
                else:
                    body.clear()
                more = message.get("more_body", False)
                if more:
                    self._keep(due, len(body))
        finally:
            self._let_go(due)
        if size > self._max_body:
            # Read to the end first: who is still sending would see a broken pipe, not the answer.
            raise self._too_large()
        return bytes(body)

    def _keep(self, due: asyncio.Timeout, size: int) -> None:
        """Note that the body that is ``due`` has ``size`` bytes; make room where it takes that."""
        self._arriving_bytes += size - self._arriving.get(due, 0)
        self._arriving[due] = size
        while self._arriving_bytes > ARRIVING_BYTES:
            oldest = next(iter(self._arriving))
            self._let_go(oldest)
            if not oldest.expired():
                oldest.reschedule(asyncio.get_running_loop().time())

    def _let_go(self, due: asyncio.Timeout) -> None:
        self._arriving_bytes -= self._arriving.pop(due, 0)

    def _exceeds(self, length: str) -> bool:
        return length.isdecimal() and int(length) > self._max_body

    def _too_large(self) -> Invalid:
        return Invalid(
            "body_too_large",
            f"a request's body is at most {self._max_body} bytes",
            step=STEP,
            hint="send less; what is a list, in parts",
        )


class _DisconnectedError(Exception):
    """The client left while it sent the body."""


async def _answer_ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KeybornError)
    return answer(error)


async def _answer_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer_invalid(error)


def answer_invalid(error: RequestValidationError) -> Response:
    """The answer that names the fields that offend, by place and kind, never by value."""
    fields: list[Json] = [
        {
            "field": shorten(".".join(str(part) for part in found["loc"]))[1:-1],
            "problem": str(found["type"]).replace("_", " "),
        }
        for found in error.errors()
    ]
    named = "; ".join(f"{field['field']}: {field['problem']}" for field in fields)  # type: ignore[call-overload, index] # built above
    return answer(
        Invalid(
            "invalid_request",
            f"the request is not as described: {named}",
            step=STEP,
            hint="correct these fields; docs/reference/http-apis.md has all of them",
        ),
        fields=fields,
    )


async def _answer_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, KeybornError):  # FastAPI's wrapping of what reading JSON raised
        return answer(error.__cause__.at(STEP))
    status = HTTPStatus(error.status_code)
    hint = _HINTS.get(status)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        hint = f"use {Headers(error.headers).get('allow')}"
    return _response(problem.plain_details(status, error.detail, hint), status, error.headers)


async def _leave_to_envelope(_request: Request, _error: Exception) -> Response:
    """Starlette would answer, and then raise the error again; we want it raised alone."""
    return _Silence()


class _Silence(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing."""


def _internal_error(request: str) -> Response:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = problem.plain_details(
        status, "the service failed", f"report it with the request id {request}"
    )
    return _response({**body, "code": "internal_error"}, status)


def _response(body: JsonObject, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type=problem.MEDIA_TYPE)
