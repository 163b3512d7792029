"""How our services read and answer HTTP: strictly, and errors as problem details (RFC 9457)."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, get_args, get_origin

import orjson
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from did.errors import Invalid, KeybornError, shorten
from did.jcs import Json, JsonObject
from did.strict_json import parse
from keyborn import problem
from keyborn.bodies import STEP

_HINTS: Final = {
    HTTPStatus.NOT_FOUND: "check the path; docs/reference/http-apis.md has every route",
    HTTPStatus.UNAUTHORIZED: "ask for it who runs the service",
}


def install(app: FastAPI) -> None:
    """Make ``app`` read JSON strictly and answer every error as problem details.

    Call it before routes are declared; an ``APIRouter`` takes ``route_class=StrictRoute`` itself.
    What nobody expected is left to the rim (``keyborn.rim``), which answers with status 500.
    """
    app.router.route_class = StrictRoute
    app.router.redirect_slashes = False  # to where the request's own Host header says
    app.add_exception_handler(KeybornError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _leave_to_rim)


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


async def _leave_to_rim(_request: Request, _error: Exception) -> Response:
    """Starlette would answer, and then raise the error again; we want it raised alone."""
    return _Silence()


class _Silence(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing."""


def answer_internal_error(request: str) -> Response:
    """The answer to the request of that id, of which nobody knows what is wrong."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    body = problem.plain_details(
        status, "the service failed", f"report it with the request id {request}"
    )
    return _response({**body, "code": "internal_error"}, status)


def _response(body: JsonObject, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type=problem.MEDIA_TYPE)
